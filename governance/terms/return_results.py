"""Give back: the model or the paper comes home, in words that the community can use.

Reads nothing. Yields the ongoing duty ``return-results``. It corresponds to DUO:0000029 (return to database or
resource).
"""

from governance.kernel.words import _
from governance.odrl.policy import Constraint, Duty

TITLE = _("Give us the model or the paper, in words we can use")
ASKS: str | None = None
LOWEST, HIGHEST = 0, 0
DEFAULT: str | int | None = None


def constraints(value: str | int | None) -> tuple[Constraint, ...]:
    """Narrow nothing."""
    return ()


def duties(value: str | int | None, uid: str) -> tuple[Duty, ...]:
    """Ask for what was made with the data."""
    return (Duty(uid, "urn:wellhouse:duty:return-results"),)


def prohibited(value: str | int | None) -> tuple[str, ...]:
    """Forbid nothing."""
    return ()


def is_tighter(old: str | int | None, new: str | int | None) -> bool | None:
    """It is there or it is not."""
    return None
