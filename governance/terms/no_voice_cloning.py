"""No borrowed voices: no machine may learn to speak with the voices in the data.

Reads the purpose. Yields a prohibition of the purpose ``speech-synthesis``, which also stops a request for anything
broader. No DUO term fits.
"""

from governance.kernel.words import _

TITLE = _("No machine may speak with our voices")


def prohibited_purposes(value: str | int | None) -> tuple[str, ...]:
    """Forbid to make a machine that speaks with these voices."""
    return ("speech-synthesis",)
