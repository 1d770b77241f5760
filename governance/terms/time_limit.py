"""For so many months only: what was agreed may be used so long after the agreement began; then copies go.

Reads the operand ``months-since-agreement``. Yields one condition on every permission, and the ongoing duty
``odrl:delete`` when the time is over, counted as 30 days a month. It is DUO:0000025 (time limit on use). The default of 24
months is twice the length of an agreement on the rules page.
"""

from governance.kernel.words import _
from governance.odrl import profile
from governance.odrl.policy import Constraint, Duty

TITLE = _("They may use it for so many months, then they delete it")
ASKS, LOWEST, HIGHEST, DEFAULT = "number", 1, 240, 24
DUO = "DUO:0000025"


def constraints(value: str | int | None) -> tuple[Constraint, ...]:
    """Hold every permission to the first ``value`` months of an agreement."""
    return (Constraint(profile.MONTHS_SINCE, "lteq", int(value or 0)),)


def duties(value: str | int | None, uid: str) -> tuple[Duty, ...]:
    """Ask for copies to be deleted when the time is over."""
    return (Duty(uid, "odrl:delete", days=30 * int(value or 0)),)


def is_tighter(old: str | int | None, new: str | int | None) -> bool | None:
    """Fewer months are tighter."""
    return None if old == new else int(new or 0) < int(old or 0)
