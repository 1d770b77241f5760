"""Work with us: whoever uses the data does so together with somebody of the community, agreed before.

Reads nothing. Yields the duty ``collaboration``, which must be fulfilled before. It is DUO:0000020 (collaboration
required).
"""

from governance.kernel.words import _
from governance.odrl.policy import Duty

TITLE = _("They must work together with one of us")
DUO = "DUO:0000020"


def duties(value: str | int | None, uid: str) -> tuple[Duty, ...]:
    """Ask for an agreed collaboration before anything is given."""
    return (Duty(uid, "urn:wellhouse:duty:collaboration", phase="before"),)
