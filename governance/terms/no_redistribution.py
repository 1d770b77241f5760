"""No passing on: whoever pulls the data does not give it to others.

Reads nothing. Yields a prohibition of ``odrl:distribute``. Source: ODRL Vocabulary 2.2, section 4.4 (distribute).
"""

from governance.kernel.words import _
from governance.odrl import profile
from governance.odrl.policy import Constraint, Duty

TITLE = _("They may not pass it on")
ASKS: str | None = None
LOWEST, HIGHEST = 0, 0
DEFAULT: str | int | None = None


def constraints(value: str | int | None) -> tuple[Constraint, ...]:
    """Narrow nothing: to pull for oneself stays possible."""
    return ()


def duties(value: str | int | None, uid: str) -> tuple[Duty, ...]:
    """Ask for nothing."""
    return ()


def prohibited(value: str | int | None) -> tuple[str, ...]:
    """Forbid to hand the data to anyone else."""
    return (profile.DISTRIBUTE,)


def is_tighter(old: str | int | None, new: str | int | None) -> bool | None:
    """It is there or it is not."""
    return None
