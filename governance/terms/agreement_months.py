"""For so many months: no agreement may last longer than this; then they ask again.

Reads the operand ``agreed-months``, the length of the agreement under which somebody pulls. Yields one condition on
every permission. It has no DUO term of its own: ``time-limit`` is DUO:0000025. The default of 12 months is the one drawn
on the rules page.
"""

from governance.kernel.words import _
from governance.odrl import profile
from governance.odrl.policy import Constraint

TITLE = _("Agreements end after so many months")
ASKS, LOWEST, HIGHEST, DEFAULT = "number", 1, 120, 12


def constraints(value: str | int | None) -> tuple[Constraint, ...]:
    """Hold every permission to agreements of at most ``value`` months."""
    return (Constraint(profile.AGREED_MONTHS, "lteq", int(value or 0)),)


def is_tighter(old: str | int | None, new: str | int | None) -> bool | None:
    """Fewer months are tighter."""
    return None if old == new else int(new or 0) < int(old or 0)
