"""Judge one policy for one question: which permissions and prohibitions are active, and why.

The judgement is strict. Every condition has three answers: true, false, and *cannot be told* (None): an operand
nobody knows, a value that is missing, a purpose broader than the one named. What cannot be told makes a permission
inactive and a prohibition active, so doubt never opens a door. Pure: same policy, same question, same answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from governance.odrl import profile
from governance.odrl.policy import Constraint, Duty, Policy, Rule, Value
from governance.odrl.purposes import STANDARD, Vocabulary


@dataclass(frozen=True)
class Question:
    """What somebody wants: an action on a target, with what is known about the circumstances.

    ``targets`` are the asked thing and everything that it is part of. ``known`` maps left operands to values; what is
    absent is unknown.
    """

    action: str
    targets: tuple[str, ...]
    known: Mapping[str, Value]


@dataclass(frozen=True)
class Judged:
    """One rule's outcome; ``failed`` are the constraints that were false or could not be told."""

    rule: Rule
    is_active: bool
    failed: tuple[Constraint, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What a policy says to a question."""

    permissions: tuple[Judged, ...]
    prohibitions: tuple[Judged, ...]

    @property
    def active_permissions(self) -> tuple[Rule, ...]:
        """The permissions whose every condition is true."""
        return tuple(j.rule for j in self.permissions if j.is_active)

    @property
    def active_prohibitions(self) -> tuple[Rule, ...]:
        """The prohibitions that no condition rules out."""
        return tuple(j.rule for j in self.prohibitions if j.is_active)

    @property
    def is_permitted(self) -> bool:
        """Prohibition beats permission; nothing said is a no."""
        return bool(self.active_permissions) and not self.active_prohibitions

    @property
    def duties(self) -> tuple[Duty, ...]:
        """What goes with the active permissions."""
        return tuple(duty for rule in self.active_permissions for duty in rule.duties)


def evaluate(policy: Policy, question: Question, *, vocabulary: Vocabulary = STANDARD) -> Verdict:
    """Judge every rule of ``policy``; raises ValueError for a conflict strategy other than ``prohibit``."""
    if policy.conflict != "prohibit":
        raise ValueError("only the conflict strategy “prohibit” is judged here")
    return Verdict(
        tuple(_permission(rule, question, vocabulary) for rule in policy.permissions),
        tuple(_prohibition(rule, question, vocabulary) for rule in policy.prohibitions),
    )


def _permission(rule: Rule, question: Question, vocabulary: Vocabulary) -> Judged:
    applies = rule.target in question.targets and _covers(rule.action, question.action) is True
    failed = tuple(c for c in rule.constraints if holds(c, question.known, vocabulary) is not True)
    return Judged(rule, applies and not failed, failed)


def _prohibition(rule: Rule, question: Question, vocabulary: Vocabulary) -> Judged:
    applies = rule.target is None or rule.target in question.targets
    applies = applies and _covers(rule.action, question.action) is not False
    false = tuple(c for c in rule.constraints if holds(c, question.known, vocabulary) is False)
    return Judged(rule, applies and not false, false)


def _covers(rule: str | None, asked: str) -> bool | None:
    if rule is None or rule not in profile.ACTIONS or asked not in profile.ACTIONS:
        return None
    if profile.includes(rule, asked):
        return True
    return None if profile.includes(asked, rule) else False


def holds(constraint: Constraint, known: Mapping[str, Value], vocabulary: Vocabulary = STANDARD) -> bool | None:
    """Say whether a condition holds: True, False, or None when it cannot be told."""
    sort = profile.OPERANDS.get(constraint.left)
    value = known.get(constraint.left)
    if sort is None or value is None or constraint.operator not in profile.OPERATORS:
        return None
    if sort == "purpose":
        return _purposes(constraint, value, vocabulary)
    compare = _ORDER.get(constraint.operator)
    if compare is not None:
        return _ordered(compare, value, constraint.right)
    return _member(constraint.operator, value, constraint.right)


def _purposes(constraint: Constraint, value: Value, vocabulary: Vocabulary) -> bool | None:
    """Match a purpose: narrower is a yes; broader cannot be told, since the asked use could include the named one."""
    right = constraint.right if isinstance(constraint.right, tuple) else (constraint.right,)
    each = [_one_purpose(value, wanted, vocabulary) for wanted in right]
    match constraint.operator:
        case "eq" | "isA" | "isAnyOf":
            return _any(each)
        case "neq" | "isNoneOf":
            return _not(_any(each))
        case "isAllOf":
            return _not(_any([_not(e) for e in each]))
    return None


def _one_purpose(asked: Value, wanted: object, vocabulary: Vocabulary) -> bool | None:
    if not isinstance(asked, str) or not isinstance(wanted, str) or asked not in vocabulary or wanted not in vocabulary:
        return None
    if asked in vocabulary.narrower(wanted):
        return True
    return None if wanted in vocabulary.narrower(asked) else False


def _any(each: list[bool | None]) -> bool | None:
    if True in each:
        return True
    return None if None in each else False


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def _ordered(compare: Callable[[float, float], bool], value: Value, right: Value) -> bool | None:
    a, b = _number(value), _number(right)
    return None if a is None or b is None else compare(a, b)


def _number(value: Value) -> float | None:
    if isinstance(value, datetime):
        return value.timestamp() if value.tzinfo else None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    return None


def _member(operator: str, value: Value, right: Value) -> bool | None:
    wanted = right if isinstance(right, tuple) else (right,)
    if any(type(value) is not type(one) for one in wanted):
        return None
    match operator:
        case "eq" | "isA" | "isAnyOf":
            return value in wanted
        case "neq" | "isNoneOf":
            return value not in wanted
        case "isAllOf":
            return all(value == one for one in wanted)
    return None


_ORDER: Mapping[str, Callable[[float, float], bool]] = {
    "lt": lambda a, b: a < b,
    "lteq": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "gteq": lambda a, b: a >= b,
}
