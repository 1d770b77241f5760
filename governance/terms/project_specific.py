"""Only for these projects: the agreement names one of them.

Reads the operand ``project``, the project of the agreement. Yields one condition on every permission; what nobody named is a
no. It is DUO:0000027 (project specific restriction). Case does not matter; commas stand between names.
"""

from governance.kernel.words import _
from governance.odrl import profile
from governance.odrl.lists import has_fewer, listed
from governance.odrl.policy import Constraint

TITLE = _("It is for these projects only")
ASKS, LOWEST, HIGHEST = "words", 1, 200
DUO = "DUO:0000027"


def constraints(value: str | int | None) -> tuple[Constraint, ...]:
    """Hold every permission to the projects in ``value``."""
    return (Constraint(profile.PROJECT, "isAnyOf", listed(value)),)


is_tighter = has_fewer
