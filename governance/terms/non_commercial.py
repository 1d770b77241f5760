"""No money: nobody may earn money with it, whatever else the answers say.

Reads the operand ``commercial``. Yields one condition on every permission. It is DUO:0000046 (non-commercial use only);
with companies left out as well it is DUO:0000018.
"""

from governance.kernel.words import _
from governance.odrl import profile
from governance.odrl.policy import Constraint

TITLE = _("Nobody may earn money with it")
DUO = "DUO:0000046"


def constraints(value: str | int | None) -> tuple[Constraint, ...]:
    """Hold every permission to uses that earn nothing."""
    return (Constraint(profile.COMMERCIAL, "eq", False),)
