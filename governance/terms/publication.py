"""Publish what you find: results are made open to everybody within so many months.

Reads nothing. Yields the ongoing duty ``publish`` with a deadline in days, 30 a month. It is DUO:0000019 (publication
required).
"""

from governance.kernel.words import _
from governance.odrl.policy import Duty

TITLE = _("They publish what they find within so many months")
ASKS, LOWEST, HIGHEST, DEFAULT = "number", 1, 60, 24
DUO = "DUO:0000019"


def duties(value: str | int | None, uid: str) -> tuple[Duty, ...]:
    """Ask for results in the open within ``value`` months."""
    return (Duty(uid, "urn:wellhouse:duty:publish", days=30 * int(value or 0)),)


def is_tighter(old: str | int | None, new: str | int | None) -> bool | None:
    """Fewer months are tighter."""
    return None if old == new else int(new or 0) < int(old or 0)
