"""Name us: whoever uses the data names the community, in the words that the community chose.

Reads nothing. Yields the ongoing duty ``odrl:attribute`` with those words; other words are neither wider nor tighter.
No DUO term. Source: ODRL Vocabulary 2.2, section 4.4 (attribute).
"""

from governance.kernel.words import _
from governance.odrl.policy import Duty

TITLE = _("Name us")
ASKS, LOWEST, HIGHEST = "words", 1, 200


def duties(value: str | int | None, uid: str) -> tuple[Duty, ...]:
    """Ask for the community's name beside everything made with the data."""
    return (Duty(uid, "odrl:attribute", words=str(value)),)
