"""Give back: the model or the paper comes home, in words that the community can use.

Reads nothing. Yields the ongoing duty ``return-results``. It is DUO:0000029 (return to database or resource).
"""

from governance.kernel.words import _
from governance.odrl.policy import Duty

TITLE = _("Give us the model or the paper, in words we can use")
DUO = "DUO:0000029"


def duties(value: str | int | None, uid: str) -> tuple[Duty, ...]:
    """Ask for what was made with the data."""
    return (Duty(uid, "urn:wellhouse:duty:return-results"),)
