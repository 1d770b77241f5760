"""Only these houses: the party belongs to one of the named institutions.

Reads the operand ``institution``, which the party named. Yields one condition on every permission; what nobody named is
a no. It is DUO:0000028 (institution specific restriction). Case does not matter; commas stand between names.
"""

from governance.kernel.words import _
from governance.odrl import profile
from governance.odrl.lists import has_fewer, listed
from governance.odrl.policy import Constraint

TITLE = _("Only these institutions may use it")
ASKS, LOWEST, HIGHEST = "words", 1, 200
DUO = "DUO:0000028"


def constraints(value: str | int | None) -> tuple[Constraint, ...]:
    """Hold every permission to the institutions in ``value``."""
    return (Constraint(profile.INSTITUTION, "isAnyOf", listed(value)),)


is_tighter = has_fewer
