"""The one form in which every policy is judged, whether it came from the rules page or from a document.

A policy has permissions, prohibitions and obligations. A rule names an action, a target and parties, under conditions
that must all hold; a condition is one comparison, or several put together (and, or, one of). Follows the ODRL
Information Model 2.2 (W3C Recommendation, 15 February 2018). Names of ODRL's own terms are written ``odrl:use``;
every other name in full.
"""

from dataclasses import dataclass

from governance.odrl.values import Scalar as Scalar
from governance.odrl.values import Value as Value


@dataclass(frozen=True)
class Constraint:
    """One condition of a rule. ``left`` empty: the document named no operand, which no question can answer."""

    left: str
    operator: str
    right: Value
    uid: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Compound:
    """Several conditions put together; ``how`` is and, andSequence, or, xone."""

    how: str
    parts: tuple["Condition", ...]
    uid: str = ""


Condition = Constraint | Compound


@dataclass(frozen=True)
class Duty:
    """Something that whoever uses the permission takes on; ``phase`` says when: ``ongoing``, or ``before`` the use.

    What follows ``phase`` is filled by documents only: to whom and about what, under which conditions, and what comes
    due when the duty is not done.
    """

    uid: str
    action: str
    days: int | None = None
    words: str = ""
    phase: str = "ongoing"
    target: str | None = None
    assignee: str | None = None
    assigner: str | None = None
    constraints: tuple[Condition, ...] = ()
    refinements: tuple[Condition, ...] = ()
    consequences: tuple["Duty", ...] = ()


@dataclass(frozen=True)
class Rule:
    """A permission, a prohibition or an obligation about one action, one target and one assignee.

    ``target`` or ``action`` None is refused at save and never a yes. A document may name several of each: then
    several rules share one ``uid``. ``assignee`` None: the rule is for everybody.
    """

    uid: str
    action: str | None
    target: str | None
    constraints: tuple[Condition, ...] = ()
    duties: tuple[Duty, ...] = ()
    assignee: str | None = None
    assigner: str | None = None
    refinements: tuple[Condition, ...] = ()
    """Conditions on the action."""
    target_refinements: tuple[Condition, ...] = ()
    assignee_refinements: tuple[Condition, ...] = ()
    remedies: tuple[Duty, ...] = ()
    """What comes due when somebody does what a prohibition forbids."""
    consequences: tuple[Duty, ...] = ()
    """What comes due when an obligation is not met."""


@dataclass(frozen=True)
class Policy:
    """Rules with one conflict strategy. ODRL's own default voids a policy in conflict; ours says ``prohibit``.

    ``sources`` pairs a collection with what it stands for (odrl:source); ``narrower`` pairs of names of which the
    document itself says that the first lies within the second (includedIn, partOf, broader, subclass). ``inherits``
    are policies that it builds on and that nobody has given yet; ``collections`` are names of groups and collections.
    """

    uid: str
    permissions: tuple[Rule, ...] = ()
    prohibitions: tuple[Rule, ...] = ()
    conflict: str = "prohibit"
    obligations: tuple[Rule, ...] = ()
    kind: str = "Set"
    profiles: tuple[str, ...] = ()
    inherits: tuple[str, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()
    narrower: tuple[tuple[str, str], ...] = ()
    note: str = ""
    collections: tuple[str, ...] = ()
    duo: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Terms of the Data Use Ontology beside the rules, by shorthand, with what they speak of."""


def leaves(conditions: tuple[Condition, ...]) -> tuple[Constraint, ...]:
    """Return every single comparison in ``conditions``, however deep."""
    found: list[Constraint] = []
    for condition in conditions:
        found.extend([condition] if isinstance(condition, Constraint) else leaves(condition.parts))
    return tuple(found)
