"""Judge one policy for one question: which permissions and prohibitions are active, and why.

The judgement is strict. Every condition has three answers: true, false, and *cannot be told* (None): an operand
nobody knows, a value that is missing, a purpose broader than the one named. What cannot be told makes a permission
inactive and a prohibition active, so doubt never opens a door. Pure: same policy, same question, same answer.

``mode=SUITE`` exists for the conformance suites alone. Their semantics are laxer: a rule without action, target or
assignee is about anything; a missing value is an empty set, so it satisfies ``isNoneOf``; what cannot be told is
false; a duty stands in the way only once it is violated. No code that serves anybody may ask for it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from governance.odrl import profile
from governance.odrl.actions import current, pairs
from governance.odrl.form import Condition, Constraint, Duty, Policy, Rule, leaves
from governance.odrl.hierarchy import Hierarchy
from governance.odrl.purposes import STANDARD, Vocabulary
from governance.odrl.values import Scalar, Unreadable, Value, ordered, read, same, typed

STRICT, SUITE = "strict", "suite"

PERMITTED, PROHIBITED, VOID, SILENT = "permitted", "prohibited", "void", "silent"
VIOLATED = "violated"


@dataclass(frozen=True)
class Question:
    """What somebody wants: an action on a target, with what is known about the circumstances.

    ``targets`` are the asked thing and everything that it is part of; ``parties`` likewise who asks. ``known`` maps
    left operands to values; what is absent is unknown. ``about`` maps ``action``, ``target`` and ``assignee`` to what
    is known of each, for refinements. ``duties`` maps duties to how they stand. ``within`` are pairs of names, the
    first within the second.
    """

    action: str
    targets: tuple[str, ...]
    known: Mapping[str, Value]
    parties: tuple[str, ...] = ()
    about: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    duties: Mapping[str, str] = field(default_factory=dict)
    within: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Judged:
    """One rule's outcome; ``failed`` are the constraints that were false or could not be told.

    ``premises`` says of target, party, action and constraints what was found: true, false or None.
    """

    rule: Rule
    is_active: bool
    failed: tuple[Constraint, ...] = ()
    premises: Mapping[str, bool | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What a policy says to a question."""

    permissions: tuple[Judged, ...]
    prohibitions: tuple[Judged, ...]
    obligations: tuple[Judged, ...] = ()
    conflict: str = "prohibit"

    @property
    def active_permissions(self) -> tuple[Rule, ...]:
        """The permissions whose every condition is true."""
        return tuple(j.rule for j in self.permissions if j.is_active)

    @property
    def active_prohibitions(self) -> tuple[Rule, ...]:
        """The prohibitions that no condition rules out."""
        return tuple(j.rule for j in self.prohibitions if j.is_active)

    @property
    def outcome(self) -> str:
        """What the rules together come to, by the policy's own conflict strategy.

        A policy whose strategy is ``invalid``, ODRL's default, is void as soon as a permission and a prohibition are
        active at once.
        """
        if self.active_permissions and self.active_prohibitions:
            return {"perm": PERMITTED, "prohibit": PROHIBITED}.get(self.conflict, VOID)
        if self.active_prohibitions:
            return PROHIBITED
        return PERMITTED if self.active_permissions else SILENT

    @property
    def is_permitted(self) -> bool:
        """Prohibition beats permission; nothing said is a no."""
        return bool(self.active_permissions) and not self.active_prohibitions

    @property
    def duties(self) -> tuple[Duty, ...]:
        """What goes with the active permissions."""
        return tuple(duty for rule in self.active_permissions for duty in rule.duties)

    @property
    def remedies(self) -> tuple[Duty, ...]:
        """What comes due when somebody does what is prohibited."""
        return tuple(duty for rule in self.active_prohibitions for duty in rule.remedies)


def evaluate(policy: Policy, question: Question, *, vocabulary: Vocabulary = STANDARD, mode: str = STRICT) -> Verdict:
    """Judge every rule of ``policy``; raises ValueError for a conflict strategy other than ``prohibit`` unless in
    suite mode.
    """
    if policy.conflict != "prohibit" and mode == STRICT:
        raise ValueError("only the conflict strategy “prohibit” is judged here")
    bench = _Bench(policy, question, vocabulary, mode)
    return Verdict(
        tuple(_permission(rule, bench) for rule in policy.permissions),
        tuple(_prohibition(rule, bench) for rule in policy.prohibitions),
        tuple(_permission(rule, bench) for rule in policy.obligations),
        policy.conflict,
    )


def holds(
    condition: Condition,
    known: Mapping[str, Value],
    vocabulary: Vocabulary = STANDARD,
    *,
    mode: str = STRICT,
    hierarchy: Hierarchy | None = None,
) -> bool | None:
    """Say whether a condition holds: True, False, or None when it cannot be told."""
    if not isinstance(condition, Constraint):
        parts = [holds(part, known, vocabulary, mode=mode, hierarchy=hierarchy) for part in condition.parts]
        return _TOGETHER[condition.how](parts) if condition.how in _TOGETHER and parts else None
    if mode == SUITE:
        return _loosely(condition, known.get(condition.left), hierarchy or Hierarchy.of())
    sort = profile.OPERANDS.get(condition.left)
    value = known.get(condition.left)
    if sort is None or value is None or condition.operator not in profile.OPERATORS:
        return None
    if sort == "purpose":
        return _compared(condition, value, lambda asked, wanted: _one_purpose(asked, wanted, vocabulary))
    return _compared(condition, value, same)


class _Bench:
    """Everything that the rules of one policy are judged against."""

    def __init__(self, policy: Policy, question: Question, vocabulary: Vocabulary, mode: str) -> None:
        self.question, self.vocabulary, self.mode = question, vocabulary, mode
        self.sources = dict(policy.sources)
        said = (*policy.narrower, *question.within)
        self.hierarchy = Hierarchy.of(pairs(), said) if mode == SUITE or said else _PLAIN
        # What a policy builds on and nobody gave, and a profile that nobody knows, could both say no.
        self.is_doubtful = bool(policy.inherits) or any(name != profile.PROFILE for name in policy.profiles)

    def action(self, rule: str | None) -> bool | None:
        """Whether the rule's action covers the asked one."""
        asked = self.question.action
        if rule is None:
            return True if self.mode == SUITE else None
        if self.mode == SUITE:
            return self.hierarchy.lies_within(current(asked), current(rule))
        if rule not in profile.ACTIONS or asked not in profile.ACTIONS:
            return None
        if profile.includes(rule, asked):
            return True
        return None if profile.includes(asked, rule) else False

    def names(self, rule: str | None, asked: Iterable[str]) -> bool | None:
        """Whether what the rule names is the asked thing, or a collection that it is in."""
        asked = tuple(asked)
        if rule is None:
            return True
        wanted = {rule, self.sources.get(rule, rule)}
        if any(wanted & self.hierarchy.above(name) for name in asked):
            return True
        return False if asked else None

    def all_of(self, conditions: tuple[Condition, ...], known: Mapping[str, Value]) -> bool | None:
        """Whether every condition holds."""
        return _and([self.holds(condition, known) for condition in conditions])

    def holds(self, condition: Condition, known: Mapping[str, Value]) -> bool | None:
        """Whether one condition holds."""
        return holds(condition, known, self.vocabulary, mode=self.mode, hierarchy=self.hierarchy)

    def about(self, what: str) -> Mapping[str, Value]:
        """What is known of the action, the target or the assignee."""
        return self.question.about.get(what, {})


def _premises(rule: Rule, bench: _Bench) -> dict[str, bool | None]:
    question = bench.question
    action = _and([bench.action(rule.action), bench.all_of(rule.refinements, bench.about("action"))])
    target = bench.names(rule.target, question.targets)
    party = bench.names(rule.assignee, question.parties)
    return {
        "action": action,
        "target": _and([target, bench.all_of(rule.target_refinements, bench.about("target"))]),
        "party": _and([party, bench.all_of(rule.assignee_refinements, bench.about("assignee"))]),
        "constraint": bench.all_of(rule.constraints, question.known),
    }


def _permission(rule: Rule, bench: _Bench) -> Judged:
    premises = _premises(rule, bench)
    if rule.target is None and bench.mode == STRICT:
        premises["target"] = None
    stands = not any(bench.question.duties.get(duty.uid) == VIOLATED for duty in rule.duties)
    doubtful = bench.is_doubtful and bench.mode == STRICT
    active = all(found is True for found in premises.values()) and stands and not doubtful
    return Judged(rule, active, _failed(rule, bench, lambda found: found is not True), premises)


def _prohibition(rule: Rule, bench: _Bench) -> Judged:
    premises = _premises(rule, bench)
    if bench.mode == SUITE:
        active = all(found is True for found in premises.values())
    else:
        active = all(found is not False for found in premises.values())
    return Judged(rule, active, _failed(rule, bench, lambda found: found is False), premises)


def _failed(rule: Rule, bench: _Bench, has_failed: Callable[[bool | None], bool]) -> tuple[Constraint, ...]:
    """The single comparisons behind every condition that failed."""
    known = bench.question.known
    found: list[Constraint] = []
    for condition in rule.constraints:
        if has_failed(bench.holds(condition, known)):
            inner = leaves((condition,))
            found.extend(c for c in inner if has_failed(bench.holds(c, known)))
    return tuple(found)


# -- one comparison ----------------------------------------------------------------------------------------------------


def _compared(constraint: Constraint, value: Value, matches: Callable[[Scalar, Scalar], bool | None]) -> bool | None:
    """Compare strictly: whatever cannot be told stays untold."""
    left, right = _many(value), _many(constraint.right)
    operator = constraint.operator
    if operator in _ORDERED:
        one = len(left) == 1 and len(right) == 1
        return ordered(operator, left[0], right[0]) if one and not isinstance(right[0], Unreadable) else None
    if not right:
        return None
    match operator:
        case "eq" | "isA" | "isAnyOf" | "isPartOf":
            return _or([matches(a, b) for a in left for b in right])
        case "neq" | "isNoneOf":
            return _not(_or([matches(a, b) for a in left for b in right]))
        case "isAllOf":
            return _and([_or([matches(a, b) for a in left]) for b in right])
        case "hasPart":
            return _and([_or([matches(b, a) for a in left]) for b in right])
    return None


def _loosely(constraint: Constraint, value: Value | None, hierarchy: Hierarchy) -> bool:
    """Compare as the suites do: a missing value is an empty set, and what cannot be told is false."""
    left = () if value is None else _many(value)
    right = _many(constraint.right)
    match constraint.operator:
        case "eq":
            return any(_alike(a, b) for a in left for b in right)
        case "neq":
            return not any(_alike(a, b) for a in left for b in right)
        case "isAnyOf":
            return any(_alike(a, b) for a in left for b in right)
        case "isNoneOf":
            return not any(_alike(a, b) for a in left for b in right)
        case "isAllOf":
            return bool(left) and all(any(_alike(a, b) for a in left) for b in right)
        case "isA" | "isPartOf":
            return any(_alike(a, b) or _inside(a, b, hierarchy) for a in left for b in right)
        case "hasPart":
            return bool(left) and all(any(_alike(a, b) or _inside(b, a, hierarchy) for a in left) for b in right)
    if constraint.operator in _ORDERED:
        return any(ordered(constraint.operator, *_of_one_kind(a, b)) is True for a in left for b in right)
    return False


def _alike(a: Scalar, b: Scalar) -> bool:
    return same(*_of_one_kind(a, b)) is True


def _inside(a: Scalar, b: Scalar, hierarchy: Hierarchy) -> bool:
    return isinstance(a, str) and isinstance(b, str) and hierarchy.lies_within(a, b)


def _of_one_kind(a: Scalar, b: Scalar) -> tuple[Scalar, Scalar]:
    """Read a plain word as what it is compared with."""
    if isinstance(a, str) and not isinstance(b, str):
        return _read_like(a, b), b
    if isinstance(b, str) and not isinstance(a, str):
        return a, _read_like(b, a)
    return a, b


def _read_like(text: str, other: Scalar) -> Scalar:
    found = typed(other)
    return read(text, f"http://www.w3.org/2001/XMLSchema#{found[1]}") if found else text


def _many(value: Value) -> tuple[Scalar, ...]:
    return value if isinstance(value, tuple) else (value,)


def _one_purpose(asked: object, wanted: object, vocabulary: Vocabulary) -> bool | None:
    """Match a purpose: narrower is a yes; broader cannot be told, since the asked use could include the named one."""
    if not isinstance(asked, str) or not isinstance(wanted, str) or asked not in vocabulary or wanted not in vocabulary:
        return None
    if asked in vocabulary.narrower(wanted):
        return True
    return None if wanted in vocabulary.narrower(asked) else False


# -- three-valued logic ------------------------------------------------------------------------------------------------


def _or(each: list[bool | None]) -> bool | None:
    if True in each:
        return True
    return None if None in each else False


def _and(each: list[bool | None]) -> bool | None:
    return _not(_or([_not(one) for one in each]))


def _xone(each: list[bool | None]) -> bool | None:
    if each.count(True) > 1:
        return False
    return None if None in each else each.count(True) == 1


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


_TOGETHER: Mapping[str, Callable[[list[bool | None]], bool | None]] = {
    "and": _and,
    "andSequence": _and,
    "or": _or,
    "xone": _xone,
}
"""How conditions are put together. A request happens at one moment, so a sequence holds when all of it holds."""

_ORDERED = ("lt", "lteq", "gt", "gteq")
_PLAIN = Hierarchy.of(pairs())
