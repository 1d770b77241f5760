"""Look at the withdrawal list every so many days, and stop using what is on it.

Reads nothing. Yields the ongoing duty ``check-withdrawals`` with an interval in days. No DUO term. The default of 7 days is
the interval of the revocation list (governance.md, section 3.5).
"""

from governance.kernel.words import _
from governance.odrl.policy import Duty

TITLE = _("Look at the withdrawal list every so many days")
ASKS, LOWEST, HIGHEST, DEFAULT = "number", 1, 90, 7


def duties(value: str | int | None, uid: str) -> tuple[Duty, ...]:
    """Ask for a look at the list at least every ``value`` days."""
    return (Duty(uid, "urn:wellhouse:duty:check-withdrawals", days=int(value or 0)),)


def is_tighter(old: str | int | None, new: str | int | None) -> bool | None:
    """Fewer days are tighter."""
    return None if old == new else int(new or 0) < int(old or 0)
