"""Among ourselves: only groups of the community's own may ask.

Reads the operand ``organisation-kind``. Yields one condition on every permission. No DUO term fits.
"""

from governance.kernel.words import _
from governance.odrl import profile
from governance.odrl.policy import Constraint

TITLE = _("Only groups of our own community may use it")


def constraints(value: str | int | None) -> tuple[Constraint, ...]:
    """Hold every permission to the community's own groups."""
    return (Constraint(profile.ORGANISATION, "eq", "community"),)
