"""Share what it brings: whoever gains by the data gives a part back, in the way that the community wrote down.

Reads nothing. Yields the ongoing duty ``share-benefit`` with those words; other words are neither wider nor tighter. No
DUO term. Source: the collective benefit of the CARE principles.
"""

from governance.kernel.words import _
from governance.odrl.policy import Duty

TITLE = _("They share with us what it brings them")
ASKS, LOWEST, HIGHEST = "words", 1, 200


def duties(value: str | int | None, uid: str) -> tuple[Duty, ...]:
    """Ask for the share that the community wrote down."""
    return (Duty(uid, "urn:wellhouse:duty:share-benefit", words=str(value)),)
