"""Only these people: the party names who works with the data, and every one of them is on the list.

Reads the operand ``user``, the people that the party named. Yields one condition on every permission; what nobody named is a
no. It is DUO:0000026 (user specific restriction). Case does not matter; commas stand between names.
"""

from governance.kernel.words import _
from governance.odrl import profile
from governance.odrl.lists import has_fewer, listed
from governance.odrl.policy import Constraint

TITLE = _("Only these people may work with it")
ASKS, LOWEST, HIGHEST = "words", 1, 200
DUO = "DUO:0000026"


def constraints(value: str | int | None) -> tuple[Constraint, ...]:
    """Hold every permission to the people in ``value``."""
    return (Constraint(profile.USER, "isAnyOf", listed(value)),)


is_tighter = has_fewer
