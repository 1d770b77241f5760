"""Only there: the data is worked on in the named places and nowhere else.

Reads the operand ``odrl:spatial``, the place of processing that the party told the community. Yields one condition on
every permission; a place that nobody told is a no. It is DUO:0000022 (geographical restriction). Source: ODRL Vocabulary
2.2, section 4.5 (spatial). Case does not matter; commas stand between places.
"""

from governance.kernel.words import _
from governance.odrl import profile
from governance.odrl.lists import has_fewer, listed
from governance.odrl.policy import Constraint

TITLE = _("They work on it in these places only")
ASKS, LOWEST, HIGHEST = "words", 1, 200
DUO = "DUO:0000022"


def constraints(value: str | int | None) -> tuple[Constraint, ...]:
    """Hold every permission to the places in ``value``."""
    return (Constraint(profile.PLACE, "isAnyOf", listed(value)),)


is_tighter = has_fewer
