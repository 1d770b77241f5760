"""Name us: whoever uses the data names the community, in the words that the community chose.

Reads nothing. Yields the ongoing duty ``odrl:attribute`` with those words. Source: ODRL Vocabulary 2.2, section 4.4
(attribute).
"""

from governance.kernel.words import _
from governance.odrl.policy import Constraint, Duty

TITLE = _("Name us")
ASKS: str | None = "words"
LOWEST, HIGHEST = 1, 200
DEFAULT: str | int | None = None


def constraints(value: str | int | None) -> tuple[Constraint, ...]:
    """Narrow nothing."""
    return ()


def duties(value: str | int | None, uid: str) -> tuple[Duty, ...]:
    """Ask for the community's name beside everything made with the data."""
    return (Duty(uid, "odrl:attribute", words=str(value)),)


def prohibited(value: str | int | None) -> tuple[str, ...]:
    """Forbid nothing."""
    return ()


def is_tighter(old: str | int | None, new: str | int | None) -> bool | None:
    """Other words are neither wider nor tighter."""
    return None
