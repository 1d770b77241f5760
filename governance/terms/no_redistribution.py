"""No passing on: whoever pulls the data does not give it to others.

Reads nothing. Yields a prohibition of ``odrl:distribute``; to pull for oneself stays possible. No DUO term. Source: ODRL
Vocabulary 2.2, section 4.4 (distribute).
"""

from governance.kernel.words import _
from governance.odrl import profile

TITLE = _("They may not pass it on")


def prohibited(value: str | int | None) -> tuple[str, ...]:
    """Forbid to hand the data to anyone else."""
    return (profile.DISTRIBUTE,)
