"""An ethics board first: nothing is given before a board has approved the project and a steward has seen the paper.

Reads nothing. Yields the duty ``ethics-approval``, which must be fulfilled before. It is DUO:0000021 (ethics approval
required).
"""

from governance.kernel.words import _
from governance.odrl.policy import Duty

TITLE = _("An ethics board must have approved it first")
DUO = "DUO:0000021"


def duties(value: str | int | None, uid: str) -> tuple[Duty, ...]:
    """Ask for the approval before anything is given."""
    return (Duty(uid, "urn:wellhouse:duty:ethics-approval", phase="before"),)
