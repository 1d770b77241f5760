"""Find where policies clash: a permission and a prohibition that one and the same request would activate.

Three answers (rulings.md, 39): *Conflict*: some request activates both rules. *NonConflict*: none can. *Ambiguous*: it
depends on something that cannot be decided here: who is in a group, what an unknown term means, whether one place
lies in another. Two rules meet when their actions, targets and parties can be the same and all of their conditions
can be true at once, so every condition is solved: numbers and moments as stretches of a line, names as sets in their
hierarchies, "or" and "one of" by looking at each way of meeting them.

One request has one value for each operand; a condition over several values at once (``isAllOf``) is tried with those
values. Pure; the same policies give the same answer.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from governance.kernel.words import _
from governance.odrl import profile
from governance.odrl.actions import OPERANDS, current, is_known, pairs
from governance.odrl.form import Compound, Condition, Constraint, Policy, Rule
from governance.odrl.hierarchy import Hierarchy
from governance.odrl.purposes import STANDARD, Vocabulary
from governance.odrl.values import Period, Scalar, Span, Unreadable, read

CONFLICT, NONE, AMBIGUOUS = "Conflict", "NonConflict", "Ambiguous"
WAYS = 4096
"""Ways of meeting a rule's conditions that are tried before we say that it cannot be decided."""


@dataclass(frozen=True)
class Clash:
    """Two rules that meet, or may meet: ``permission`` may also be an obligation. ``because`` has gaps for values."""

    permission: str
    prohibition: str
    verdict: str
    because: str
    values: Mapping[str, object] = field(default_factory=dict)
    policies: tuple[str, str] = ("", "")

    @property
    def sentence(self) -> str:
        """Why, in English."""
        return self.because.format(**self.values)

    def to_json(self) -> dict[str, object]:
        """The form of commands.md."""
        return {
            "permission": self.permission,
            "prohibition": self.prohibition,
            "because": self.sentence,
            "verdict": self.verdict,
            "policies": list(self.policies),
        }


@dataclass(frozen=True)
class Findings:
    """The verdict over all policies, and every pair that made it."""

    verdict: str
    clashes: tuple[Clash, ...]

    def to_json(self) -> dict[str, object]:
        """The form of commands.md."""
        return {"verdict": self.verdict, "pairs": [clash.to_json() for clash in self.clashes]}


def conflicts(policies: Sequence[Policy], *, vocabulary: Vocabulary = STANDARD, across_only: bool = False) -> Findings:
    """Compare every permission and obligation with every prohibition; ``across_only`` leaves out a policy with itself."""
    room = _Room(policies, vocabulary)
    found: dict[tuple[str, str, str, str], Clash] = {}
    for first, second in itertools.product(policies, repeat=2):
        if across_only and first is second:
            continue
        for allowed in (*first.permissions, *first.obligations):
            for forbidden in second.prohibitions:
                clash = room.meet(allowed, forbidden, (first.uid, second.uid))
                key = (first.uid, allowed.uid, second.uid, forbidden.uid)
                if clash and (key not in found or found[key].verdict == AMBIGUOUS):
                    found[key] = clash
    verdicts = {clash.verdict for clash in found.values()}
    missing = sorted({uid for policy in policies for uid in policy.inherits if uid not in {p.uid for p in policies}})
    if CONFLICT not in verdicts and missing and not verdicts:
        message = _("A policy builds on “{name}”, which is not here and could forbid anything.")
        found[("", "", "", "")] = Clash("", "", AMBIGUOUS, message, {"name": missing[0]})
        verdicts.add(AMBIGUOUS)
    verdict = CONFLICT if CONFLICT in verdicts else AMBIGUOUS if AMBIGUOUS in verdicts else NONE
    kept = [clash for clash in found.values() if verdict != CONFLICT or clash.verdict == CONFLICT]
    return Findings(verdict, tuple(sorted(kept, key=lambda c: (c.permission, c.prohibition))))


_OPERANDS = OPERANDS | frozenset(profile.OPERANDS)
_DUO_WITHIN = tuple((code, "DUO:0000042") for code in ("DUO:0000006", "DUO:0000007", "DUO:0000011"))


class _Room:
    """What all of the policies say together about what lies within what."""

    def __init__(self, policies: Sequence[Policy], vocabulary: Vocabulary) -> None:
        said = [pair for policy in policies for pair in policy.narrower]
        uses = [(code, upper) for code, term in vocabulary.terms.items() for upper in term.broader]
        same = [
            pair for code, term in vocabulary.terms.items() if term.duo for pair in ((code, term.duo), (term.duo, code))
        ]
        self.hierarchy = Hierarchy.of(pairs(), said, uses, same, _DUO_WITHIN)
        self.closed = frozenset(vocabulary.terms)
        self.sources = dict(pair for policy in policies for pair in policy.sources)
        self.groups = frozenset(name for policy in policies for name in policy.collections)

    def meet(self, allowed: Rule, forbidden: Rule, policies: tuple[str, str]) -> Clash | None:
        """Say whether two rules meet; None when they never can."""
        doubts: list[tuple[str, dict[str, object]]] = []
        for what, a, b, compare in (
            ("action", allowed.action, forbidden.action, self._actions),
            ("target", allowed.target, forbidden.target, self._things),
            ("party", allowed.assignee, forbidden.assignee, self._things),
        ):
            answer = compare(a, b)
            if answer is False:
                return None
            if answer is None:
                doubts.append((_DOUBTS[what], {"first": a, "second": b}))
        solved = self._solve(allowed, forbidden)
        if solved is False:
            return None
        if solved is not True:
            doubts.append(solved)
        if doubts:
            message, values = doubts[0]
            return Clash(allowed.uid, forbidden.uid, AMBIGUOUS, message, values, policies)
        values = {"action": allowed.action or "*", "other": forbidden.action or "*", "target": allowed.target or "*"}
        conditional = allowed.constraints or forbidden.constraints
        message = (
            _("A request for “{action}” and “{other}” on “{target}” can meet the conditions of both at once.")
            if conditional
            else _("A request for “{action}” and “{other}” on “{target}” is allowed by one and forbidden by the other.")
        )
        return Clash(allowed.uid, forbidden.uid, CONFLICT, message, values, policies)

    def _actions(self, a: str | None, b: str | None) -> bool | None:
        if a is None or b is None:
            return True
        first, second = current(a), current(b)
        if self.hierarchy.overlaps(first, second):
            return True
        known = (is_known(first) or self.hierarchy.knows(first)) and (is_known(second) or self.hierarchy.knows(second))
        return False if known else None

    def _things(self, a: str | None, b: str | None) -> bool | None:
        if a is None or b is None:
            return True
        first, second = self.sources.get(a, a), self.sources.get(b, b)
        if any(self.hierarchy.overlaps(x, y) for x in {a, first} for y in {b, second}):
            return True
        return None if {a, b, first, second} & self.groups else False

    def _solve(self, allowed: Rule, forbidden: Rule) -> bool | tuple[str, dict[str, object]]:
        """Whether all conditions of both can be true at once: yes, no, or why it cannot be decided."""
        conditions: list[tuple[str, Condition]] = []
        for rule in (allowed, forbidden):
            conditions += [("", c) for c in rule.constraints]
            conditions += [("action", c) for c in rule.refinements]
            conditions += [("target", c) for c in rule.target_refinements]
            conditions += [("party", c) for c in rule.assignee_refinements]
        ways = _ways(conditions)
        if ways is None:
            return _("The conditions can be met in too many ways to look at each."), {}
        doubt: tuple[str, dict[str, object]] | None = None
        for way in ways:
            answer = self._way(way)
            if answer is True:
                return True
            if answer is not False and doubt is None:
                doubt = answer
        return doubt or False

    def _way(self, way: Sequence["_Said"]) -> bool | tuple[str, dict[str, object]]:
        by_operand: dict[tuple[str, str], list[_Said]] = {}
        for said in way:
            by_operand.setdefault((said.about, said.constraint.left), []).append(said)
        doubt: tuple[str, dict[str, object]] | None = None
        for (about, left), group in by_operand.items():
            answer = self._operand(left, group)
            if answer is False:
                return False
            if answer is None:
                doubt = doubt or (
                    _("Whether both conditions on “{name}” can be true cannot be decided."),
                    {"name": left},
                )
            elif left not in _OPERANDS and not about:
                doubt = doubt or (_("Nobody here knows what “{name}” is, so it cannot be decided."), {"name": left})
        return doubt or True

    def _operand(self, left: str, group: Sequence["_Said"]) -> bool | None:
        if not left or len({s.constraint.unit for s in group if s.constraint.unit}) > 1:
            return None
        values = [v for s in group for v in _many(s)]
        if not values or any(isinstance(v, Unreadable) for v in values):
            return None
        kinds = {_kind(v) for v in values}
        if kinds == {"word"}:
            return self._names(left, group)
        if kinds - {"word"} == {"truth"}:
            return _truths(group)
        if len(kinds - {"word"}) != 1:
            return None
        return _on_a_line(left, group, (kinds - {"word"}).pop())

    # -- names --

    def _names(self, left: str, group: Sequence["_Said"]) -> bool | None:
        """Try every value that could matter: those that are named, all below them, one of neither, and sets of them."""
        named = {str(v) for said in group for v in _many(said)}
        below = {name for name, _upper in self.hierarchy.pairs if self.hierarchy.above(name) & named}
        above = set().union(*(self.hierarchy.above(name) for name in named))
        fresh = {_INSIDE + name for name in named if name not in self.closed}
        tries = [frozenset({name}) for name in sorted(named | below | above | fresh)]
        tries += [frozenset(str(v) for v in _many(said)) for said in group if len(_many(said)) > 1]
        # A closed vocabulary has no other value; every other operand may be something that nobody named.
        if left != profile.PURPOSE or not named <= self.closed:
            tries.append(frozenset({_OTHER}))
        best: bool | None = False
        for candidate in tries:
            answers = [self._name(left, said, candidate) for said in group]
            if False not in answers:
                best = None if None in answers else True
                if best:
                    return True
        return best

    def _name(self, left: str, said: "_Said", candidate: frozenset[str]) -> bool | None:
        wanted = [str(v) for v in _many(said)]
        operator = said.constraint.operator
        loose = left == profile.PURPOSE
        match operator:
            case "eq" | "isAnyOf":
                answer = _any(self._is(c, w, loose) for c in candidate for w in wanted)
            case "neq" | "isNoneOf":
                answer = _not(_any(self._is(c, w, loose) for c in candidate for w in wanted))
            case "isAllOf":
                answer = _all(_any(self._is(c, w, loose) for c in candidate) for w in wanted)
            case "isA" | "isPartOf":
                answer = _any(self._is(c, w, True) for c in candidate for w in wanted)
            case "hasPart":
                answer = _all(_any(self._is(w, c, True) for c in candidate) for w in wanted)
            case _:
                answer = None
        return answer if said.holds else _not(answer)

    def _is(self, value: str, wanted: str, loose: bool) -> bool | None:
        """Whether a value is, or with ``loose`` lies within, what a condition names."""
        if value == wanted:
            return True
        if _OTHER in (value, wanted):
            return False
        if value.startswith(_INSIDE) or wanted.startswith(_INSIDE):
            return self._unnamed(value, wanted, loose)
        if not loose:
            return False
        if self.hierarchy.lies_within(value, wanted):
            return True
        if self.hierarchy.lies_within(wanted, value):
            return False
        described = {value, wanted} <= self.closed or (self.hierarchy.knows(value) and self.hierarchy.knows(wanted))
        return False if described else None

    def _unnamed(self, value: str, wanted: str, loose: bool) -> bool | None:
        """An unnamed value inside a named one."""
        if wanted.startswith(_INSIDE) or not loose:
            return False
        home = value.removeprefix(_INSIDE)
        return self._is(home, wanted, True) if home != wanted else True


_OTHER, _INSIDE = "\0other", "\0inside "

_DOUBTS = {
    "action": _("Whether “{first}” and “{second}” can be the same action cannot be decided."),
    "target": _("Whether “{first}” and “{second}” have anything in common cannot be decided."),
    "party": _("Whether anybody is both “{first}” and “{second}” cannot be decided."),
}


# -- ways of meeting conditions ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Said:
    """One comparison that must hold, or must not, about the request or its action, target or party."""

    about: str
    constraint: Constraint
    holds: bool = True


def _ways(conditions: Iterable[tuple[str, Condition]]) -> list[tuple[_Said, ...]] | None:
    """Every way of meeting all conditions, each a list of comparisons; None when there are too many."""
    ways: list[tuple[_Said, ...]] = [()]
    for about, condition in conditions:
        ways = _times(ways, _branch(about, condition, True))
        if len(ways) > WAYS:
            return None
    return ways


def _branch(about: str, condition: Condition, holds: bool) -> list[tuple[_Said, ...]]:
    if isinstance(condition, Constraint):
        return [(_Said(about, condition, holds),)]
    if condition.how == "xone":
        return _one_of(about, condition, holds)
    together = (condition.how in ("and", "andSequence")) == holds
    branches = [_branch(about, part, holds) for part in condition.parts]
    if not together:
        return [way for branch in branches for way in branch][: WAYS + 1]
    ways: list[tuple[_Said, ...]] = [()]
    for branch in branches:
        ways = _times(ways, branch)
    return ways


def _one_of(about: str, condition: Compound, holds: bool) -> list[tuple[_Said, ...]]:
    """Exactly one part holds; or, the other way round, none does or two do."""
    parts = condition.parts
    ways: list[tuple[_Said, ...]] = []
    if holds:
        for chosen in range(len(parts)):
            some: list[tuple[_Said, ...]] = [()]
            for index, part in enumerate(parts):
                some = _times(some, _branch(about, part, index == chosen))
            ways += some
        return ways
    none: list[tuple[_Said, ...]] = [()]
    for part in parts:
        none = _times(none, _branch(about, part, False))
    for first, second in itertools.combinations(parts, 2):
        ways += _times(_branch(about, first, True), _branch(about, second, True))
    return none + ways


def _times(ways: list[tuple[_Said, ...]], more: list[tuple[_Said, ...]]) -> list[tuple[_Said, ...]]:
    return list(itertools.islice(((*a, *b) for a in ways for b in more), WAYS + 1))


# -- numbers, moments, spans -------------------------------------------------------------------------------------------

_FLIPPED = {
    "eq": "neq",
    "neq": "eq",
    "lt": "gteq",
    "gteq": "lt",
    "gt": "lteq",
    "lteq": "gt",
    "isAnyOf": "isNoneOf",
    "isNoneOf": "isAnyOf",
}


@dataclass(frozen=True)
class _Stretch:
    """Part of a line: from ``low`` to ``high``; None is endless; the flags say whether an end belongs to it."""

    low: Fraction | None
    high: Fraction | None
    has_low: bool = True
    has_high: bool = True

    def is_empty(self, whole: bool) -> bool:
        """Whether nothing lies on it; with ``whole``, no whole number."""
        if self.low is None or self.high is None:
            return False
        if whole:
            first = -(-self.low.numerator // self.low.denominator)
            last = self.high.numerator // self.high.denominator
            first += 1 if not self.has_low and first == self.low else 0
            last -= 1 if not self.has_high and last == self.high else 0
            return first > last
        return self.low > self.high or (self.low == self.high and not (self.has_low and self.has_high))

    def within(self, other: "_Stretch") -> "_Stretch":
        """What two stretches share."""
        low, has_low = _tighter(self.low, self.has_low, other.low, other.has_low, max)
        high, has_high = _tighter(self.high, self.has_high, other.high, other.has_high, min)
        return _Stretch(low, high, has_low, has_high)


def _tighter(
    a: Fraction | None, has_a: bool, b: Fraction | None, has_b: bool, pick: Callable[[Fraction, Fraction], Fraction]
) -> tuple[Fraction | None, bool]:
    if a is None or b is None:
        return (b, has_b) if a is None else (a, has_a)
    if a == b:
        return a, has_a and has_b
    return (a, has_a) if pick(a, b) == a else (b, has_b)


def _on_a_line(left: str, group: Sequence[_Said], kind: str) -> bool | None:
    whole = left == "odrl:count"
    stretches = [_Stretch(None, None)]
    for said in group:
        allowed = _stretches(said, kind)
        if allowed is None:
            return None
        met = (one.within(other) for one in stretches for other in allowed)
        stretches = [one for one in met if not one.is_empty(whole)]
    return bool(stretches)


def _stretches(said: _Said, kind: str) -> list[_Stretch] | None:
    """The parts of the line on which a comparison holds; None when it cannot be drawn."""
    operator = said.constraint.operator if said.holds else _FLIPPED.get(said.constraint.operator, "")
    ends = [_ends(_like(v, kind)) for v in _many(said)]
    if any(end is None for end in ends):
        return None
    drawn = [end for end in ends if end is not None]
    match operator:
        case "eq" | "isAnyOf":
            return [_Stretch(low, high, True, low == high) for low, high in drawn]
        case "neq" | "isNoneOf":
            parts = [_Stretch(None, None)]
            for low, high in drawn:
                outside = (_Stretch(None, low, True, False), _Stretch(high, None, low != high, True))
                parts = [one.within(other) for one in parts for other in outside]
            return parts
    if len(drawn) != 1:
        return None
    low, high = drawn[0]
    match operator:
        case "lt":
            return [_Stretch(None, low, True, False)]
        case "lteq":
            return [_Stretch(None, high, True, low == high)]
        case "gt":
            return [_Stretch(high, None, low != high, True)]
        case "gteq":
            return [_Stretch(low, None)]
    return None


def _ends(value: Scalar) -> tuple[Fraction, Fraction] | None:
    match value:
        case bool() | str() | Unreadable():
            return None
        case Period():
            return Fraction(value.start.timestamp()), Fraction(value.end.timestamp())
        case Span():
            if value.months and value.seconds:
                return None
            # Months and days lie on lines of their own; mixed, they are caught as two kinds.
            at = Fraction(value.months) if value.months else Fraction(value.seconds)
            return at, at
        case int() | float():
            return Fraction(value), Fraction(value)
    at = Fraction(value) if not hasattr(value, "timestamp") else Fraction(value.timestamp())
    return at, at


def _truths(group: Sequence[_Said]) -> bool | None:
    fits = {True, False}
    for said in group:
        operator = said.constraint.operator if said.holds else _FLIPPED.get(said.constraint.operator, "")
        values = {v for v in (_like(v, "truth") for v in _many(said)) if isinstance(v, bool)}
        if operator in ("eq", "isAnyOf", "isA"):
            fits &= values
        elif operator in ("neq", "isNoneOf"):
            fits -= values
        else:
            return None
    return bool(fits)


def _kind(value: Scalar) -> str:
    match value:
        case bool():
            return "truth"
        case str():
            return "word"
        case Span():
            return "months" if value.months else "seconds"
        case Period():
            return "moment"
    return "moment" if hasattr(value, "timestamp") else "number"


_TYPES = {"truth": "boolean", "moment": "dateTime", "number": "decimal", "seconds": "duration", "months": "duration"}


def _like(value: Scalar, kind: str) -> Scalar:
    """Read a plain word as the kind of value that stands beside it."""
    if not isinstance(value, str):
        return value
    found = read(value, "http://www.w3.org/2001/XMLSchema#" + _TYPES[kind])
    if isinstance(found, Unreadable) and kind == "moment":
        found = read(value, "http://www.w3.org/2001/XMLSchema#date")
    return found


def _many(said: _Said) -> tuple[Scalar, ...]:
    right = said.constraint.right
    return right if isinstance(right, tuple) else (right,)


def _any(each: Iterable[bool | None]) -> bool | None:
    answers = list(each)
    return True if True in answers else None if None in answers else False


def _all(each: Iterable[bool | None]) -> bool | None:
    return _not(_any(_not(one) for one in each))


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value
