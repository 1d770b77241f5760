"""Wait before you publish: for so many months after the agreement nothing is published.

Reads nothing. Yields the ongoing duty ``hold-publication`` with its length in days, 30 a month. It is DUO:0000024
(publication moratorium).
"""

from governance.kernel.words import _
from governance.odrl.policy import Duty

TITLE = _("They publish nothing for so many months")
ASKS, LOWEST, HIGHEST, DEFAULT = "number", 1, 60, 12
DUO = "DUO:0000024"


def duties(value: str | int | None, uid: str) -> tuple[Duty, ...]:
    """Ask for silence for ``value`` months."""
    return (Duty(uid, "urn:wellhouse:duty:hold-publication", days=30 * int(value or 0)),)


def is_tighter(old: str | int | None, new: str | int | None) -> bool | None:
    """More months are tighter."""
    return None if old == new else int(new or 0) > int(old or 0)
