"""An agreement as an ODRL Agreement: written from an offer, read back strictly, and held to be no wider than it.

The offer is a policy revision. A deed takes over its permission with every condition, names both sides, and fixes what
was asked: one purpose, one kind of organisation, one place, a beginning and an end. What both sides sign is this
document and nothing beside it, so it is read back from its own bytes before anybody signs, and compared with the
offer condition by condition: each must be there, and must let through nothing that the offer does not.

Follows the ODRL Information Model 2.2 (W3C Recommendation, 15 February 2018) and the shape of governance.md, 3.1.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from governance.kernel.errors import Reason
from governance.kernel.words import _
from governance.odrl import profile, values
from governance.odrl.form import Constraint, Duty, Policy, Rule, Scalar, Value
from governance.odrl.purposes import STANDARD, Vocabulary
from governance.odrl.writing import duty_json, rule_json

FORMAT = "wellhouse/agreement/1"
EVENT = "odrl:event"
WITHDRAWN = "urn:wellhouse:event:consent-withdrawn"
ENDED = "urn:wellhouse:event:agreement-ended"
ACKNOWLEDGE = "urn:wellhouse:duty:acknowledge-withdrawal"
CHECK = "urn:wellhouse:duty:check-withdrawals"
DELETE = "odrl:delete"
RETURN = "urn:wellhouse:duty:return-data"
MORE = "urn:wellhouse:duty:as-agreed"
ACKNOWLEDGE_DAYS = 30
LIMITS = (
    "The community can refuse a pull and prove who was told of a withdrawal. It cannot make anybody delete a copy, and"
    " no software makes a model forget. What cannot be undone is to be said, and is shown to the people concerned."
)
"""What stands in every deed, so that nobody signs a promise that no machine can keep (governance.md, 5.11)."""

STANDING: tuple[tuple[str, str, int | None], ...] = (
    (ACKNOWLEDGE, WITHDRAWN, ACKNOWLEDGE_DAYS),
    (DELETE, WITHDRAWN, ACKNOWLEDGE_DAYS),
)
"""Duties of every deed, whatever the offer says: action, the event after which they fall due, days."""


@dataclass(frozen=True)
class Deed:
    """What was agreed; ``terms`` are the parts that no rule judges: GDPR article 28, people named, project."""

    uid: str
    offer: str
    assigner: str
    assignee: str
    target: str
    purpose: str
    commercial: bool
    kind: str
    place: str
    starts_at: datetime | None
    ends_at: datetime
    from_version: int = 1
    to_version: int | None = None
    at_end: str = "delete"
    more: str = ""
    terms: Mapping[str, object] = field(default_factory=dict)


def write(deed: Deed, offer: Policy) -> dict[str, object]:
    """Return the deed as an ODRL Agreement in JSON-LD; what the offer does not permit is not in it."""
    permissions = [_permission(deed, rule) for rule in offer.permissions]
    return {
        "@context": [
            profile.CONTEXT,
            {
                "xsd": "http://www.w3.org/2001/XMLSchema#",
                "dct": "http://purl.org/dc/terms/",
                "prov": "http://www.w3.org/ns/prov#",
                "wh": "urn:wellhouse:deed:",
            },
        ],
        "@type": "Agreement",
        "uid": deed.uid,
        "profile": profile.PROFILE,
        "conflict": "prohibit",
        "prov:wasDerivedFrom": {"@id": deed.offer},
        "permission": [_rule_json(rule, deed) for rule in permissions],
        "prohibition": [
            _rule_json(replace(rule, uid=f"{deed.uid}#{_tail(rule.uid)}"), deed) for rule in offer.prohibitions
        ],
        "wh:format": FORMAT,
        "wh:limits": LIMITS,
        "wh:fromVersion": deed.from_version,
        "wh:toVersion": deed.to_version,
        **{f"wh:{name}": value for name, value in sorted(deed.terms.items())},
    }


def read(document: Mapping[str, object]) -> Policy:
    """Read a deed back as rules; raises KeyError, TypeError or ValueError for anything that ``write`` never writes."""
    if document.get("@type") != "Agreement" or document.get("conflict") != "prohibit":
        raise ValueError("an Agreement with the conflict strategy prohibit is needed")
    if document.get("profile") != profile.PROFILE or document.get("wh:format") != FORMAT:
        raise ValueError("another profile or format")
    parties = {(str(rule["assigner"]), str(rule["assignee"])) for rule in _rules(document, "permission")}
    if len(parties) > 1:
        raise ValueError("one assigner and one assignee are needed")
    return Policy(
        uid=str(document["uid"]),
        permissions=tuple(_read_rule(rule) for rule in _rules(document, "permission")),
        prohibitions=tuple(_read_rule(rule) for rule in _rules(document, "prohibition")),
        conflict="prohibit",
    )


def widenings(deed: Policy, offer: Policy, vocabulary: Vocabulary = STANDARD) -> tuple[Reason, ...]:
    """Return every way in which ``deed`` lets through more than ``offer``, or asks less; empty when it is no wider."""
    return tuple(_widenings(deed, offer, vocabulary))


def is_within(inner: Constraint, outer: Constraint, vocabulary: Vocabulary = STANDARD) -> bool:
    """Say whether everything that ``inner`` lets through, ``outer`` lets through too; in doubt no."""
    if inner.left != outer.left:
        return False
    if inner == outer and type(inner.right) is type(outer.right):
        return True
    if outer.operator in _BOUNDS:
        return _is_bounded(inner, outer)
    let_in, let_out = _sets(inner, vocabulary), _sets(outer, vocabulary)
    if outer.operator in _ANY and inner.operator in _ANY:
        return let_in <= let_out
    if outer.operator in _NONE:
        if inner.operator in _ANY:
            return not let_in & let_out
        return inner.operator in _NONE and let_out <= let_in
    return False


def event_of(duty: Duty) -> str:
    """The event after which a duty falls due; empty when it waits for none."""
    found = (c.right for c in duty.constraints if isinstance(c, Constraint) and c.left == EVENT)
    return str(next(found, ""))


_BOUNDS = ("lt", "lteq", "gt", "gteq")
_ANY = ("eq", "isA", "isAnyOf")
_NONE = ("neq", "isNoneOf")


def _is_bounded(inner: Constraint, outer: Constraint) -> bool:
    """Whether the inner bound lies on the inner side of the outer one."""
    if isinstance(inner.right, tuple) or isinstance(outer.right, tuple):
        return False
    try:
        is_less = inner.right < outer.right  # type: ignore[operator]  # told by the except
    except TypeError:
        return False
    is_same = inner.right == outer.right
    is_upper = outer.operator in ("lt", "lteq")
    sides = ("lt", "lteq", "eq") if is_upper else ("gt", "gteq", "eq")
    if inner.operator not in sides:
        return False
    if is_same:
        return outer.operator in ("lteq", "gteq") or inner.operator == outer.operator
    return is_less if is_upper else not is_less


def _sets(constraint: Constraint, vocabulary: Vocabulary) -> frozenset[object]:
    """The values that a condition names; a purpose stands for everything narrower."""
    named = constraint.right if isinstance(constraint.right, tuple) else (constraint.right,)
    if constraint.left != profile.PURPOSE:
        return frozenset(_typed(value) for value in named)
    found: set[object] = set()
    for value in named:
        found |= vocabulary.narrower(str(value)) or {value}
    return frozenset(found)


def _typed(value: object) -> object:
    """True and 1 are not the same condition."""
    return ("truth", value) if isinstance(value, bool) else value


def _widenings(deed: Policy, offer: Policy, vocabulary: Vocabulary) -> Iterator[Reason]:
    if not deed.permissions:
        yield Reason("not-permitted", _("The rules allow nothing yet."), "permission")
    for number, rule in enumerate(deed.permissions):
        where = f"/permission/{number}"
        offered = [o for o in offer.permissions if _covers(o, rule)]
        if not offered:
            message = _("The rules permit nothing of this kind: another action, or another dataset.")
            yield Reason("permission-added", message, where)
            continue
        # Every condition of the nearest permission, so that each widening is named and not only the first.
        yield from min((list(_rule_widenings(rule, one, where, vocabulary)) for one in offered), key=len)
        yield from _standing_widenings(rule, where)
    for wanted in offer.prohibitions:
        if not any(_forbids(rule, wanted, vocabulary) for rule in deed.prohibitions):
            yield Reason(
                "prohibition-missing",
                _("The rules forbid “{rule}”, and the agreement does not."),
                "/prohibition",
                values={"rule": _tail(wanted.uid)},
            )


def _rule_widenings(rule: Rule, offered: Rule, where: str, vocabulary: Vocabulary) -> Iterator[Reason]:
    conditions = [c for c in rule.constraints if isinstance(c, Constraint)]
    for outer in offered.constraints:
        if not isinstance(outer, Constraint):
            if outer not in rule.constraints:
                yield Reason("constraint-missing", _("A condition of the rules is missing."), where)
            continue
        same = [c for c in conditions if c.left == outer.left]
        said: dict[str, object] = {"operand": _tail(outer.left)}
        if not same:
            message = _("The rules set a condition on “{operand}”, and the agreement does not.")
            yield Reason("constraint-missing", message, where, values=said)
        elif not any(is_within(c, outer, vocabulary) for c in same):
            message = _("The condition on “{operand}” lets through more than the rules do.")
            yield Reason("constraint-widened", message, where, values=said)
    for duty in offered.duties:
        yield from _duty_widenings(rule, duty.action, duty.days, where, before=duty.phase != "ongoing")


def _standing_widenings(rule: Rule, where: str) -> Iterator[Reason]:
    for action, event, days in STANDING:
        yield from _duty_widenings(rule, action, days, where, after=event)
    for left in (profile.PURPOSE, profile.WHEN):
        fixed = [c for c in rule.constraints if isinstance(c, Constraint) and c.left == left]
        if not fixed or (left == profile.PURPOSE and fixed[0].operator != "eq"):
            message = _("An agreement names one purpose and an end: “{operand}” is not fixed.")
            yield Reason("constraint-missing", message, where, values={"operand": _tail(left)})


def _duty_widenings(
    rule: Rule, action: str, days: int | None, where: str, *, before: bool = False, after: str = ""
) -> Iterator[Reason]:
    said: dict[str, object] = {"duty": _tail(action), "days": days}
    same = [duty for duty in rule.duties if duty.action == action and event_of(duty) == after]
    if not same:
        yield Reason("duty-missing", _("The duty “{duty}” is missing."), where, values=said)
    elif before and not any(duty.phase == "before" for duty in same):
        message = _("The duty “{duty}” comes before any use, and the agreement lets it come later.")
        yield Reason("duty-weakened", message, where, values=said)
    elif days is not None and not any(duty.days is not None and duty.days <= days for duty in same):
        message = _("The duty “{duty}” is due within {days} days, and the agreement gives more time.")
        yield Reason("duty-weakened", message, where, values=said)


def _covers(offered: Rule, rule: Rule) -> bool:
    """Whether an offered permission is about the same thing and the same action, or a wider one."""
    same_thing = rule.target == offered.target
    return same_thing and profile.includes(offered.action or "", rule.action or "")


def _forbids(rule: Rule, wanted: Rule, vocabulary: Vocabulary) -> bool:
    """Whether a prohibition stops everything that the wanted one stops."""
    if rule.target != wanted.target or not profile.includes(rule.action or "", wanted.action or ""):
        return False
    inner = [c for c in wanted.constraints if isinstance(c, Constraint)]
    return all(
        isinstance(c, Constraint) and any(is_within(one, c, vocabulary) for one in inner) for c in rule.constraints
    )


def _permission(deed: Deed, offered: Rule) -> Rule:
    """The offered permission, narrowed to what was asked."""
    fixed = [
        Constraint(profile.PURPOSE, "eq", deed.purpose),
        Constraint(profile.ORGANISATION, "eq", deed.kind),
        Constraint(profile.COMMERCIAL, "eq", deed.commercial),
        Constraint(profile.WHEN, "lteq", deed.ends_at),
    ]
    if deed.starts_at is not None:
        fixed.append(Constraint(profile.WHEN, "gteq", deed.starts_at))
    if deed.place:
        fixed.append(Constraint(profile.PLACE, "eq", deed.place))
    kept = [c for c in offered.constraints if not any(_replaces(one, c) for one in fixed)]
    duties = {duty.action: replace(duty, uid=f"{deed.uid}#{_tail(duty.action)}") for duty in offered.duties}
    for action, event, days in STANDING:
        duties[f"{action} {event}"] = Duty(f"{deed.uid}#{_tail(action)}", action, days, constraints=_after(event))
    last = DELETE if deed.at_end == "delete" else RETURN
    duties[f"{last} {ENDED}"] = Duty(f"{deed.uid}#at-end", last, ACKNOWLEDGE_DAYS, constraints=_after(ENDED))
    if deed.more:
        duties[MORE] = Duty(f"{deed.uid}#{_tail(MORE)}", MORE, None, deed.more)
    return replace(
        offered, uid=f"{deed.uid}#{_tail(offered.uid)}", constraints=(*fixed, *kept), duties=tuple(duties.values())
    )


def _replaces(fixed: Constraint, offered: object) -> bool:
    """Whether the fixed condition says everything that the offered one says."""
    return isinstance(offered, Constraint) and is_within(fixed, offered)


# -- the document ------------------------------------------------------------------------------------------------------


def _rule_json(rule: Rule, deed: Deed) -> dict[str, object]:
    named = replace(rule, assigner=deed.assigner, assignee=deed.assignee, duties=())
    written = rule_json(named)
    return {**written, "duty": [_duty_json(duty) for duty in rule.duties]} if rule.duties else written


def _duty_json(duty: Duty) -> dict[str, object]:
    out = duty_json(replace(duty, days=None, constraints=()))
    conditions: list[dict[str, object]] = []
    if duty.days is not None:
        operand = "timeInterval" if duty.action == CHECK else "elapsedTime"
        conditions.append(_span_json(operand, duty.days))
    if event := event_of(duty):
        conditions.append(
            {"@type": "Constraint", "leftOperand": "event", "operator": "gteq", "rightOperand": {"@id": event}}
        )
    if conditions:
        out["constraint"] = conditions
    if duty.phase != "ongoing":
        out["wh:phase"] = duty.phase
    return out


def _span_json(operand: str, days: int) -> dict[str, object]:
    span = {"@type": "xsd:duration", "@value": f"P{days}D"}
    return {"@type": "Constraint", "leftOperand": operand, "operator": "lteq", "rightOperand": span}


def _rules(document: Mapping[str, object], name: str) -> list[dict[str, object]]:
    rules = document.get(name, [])
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise TypeError(name)
    return rules


_RULE_KEYS = frozenset({"uid", "assigner", "assignee", "target", "action", "constraint", "duty"})


def _read_rule(rule: Mapping[str, object]) -> Rule:
    if set(rule) - _RULE_KEYS:
        raise ValueError(f"nobody knows {sorted(set(rule) - _RULE_KEYS)}")
    return Rule(
        uid=str(rule["uid"]),
        action=_long(str(rule["action"])),
        target=str(rule["target"]),
        constraints=tuple(_read_constraint(c) for c in _rules(rule, "constraint")),
        duties=tuple(_read_duty(d) for d in _rules(rule, "duty")),
    )


def _read_constraint(given: Mapping[str, object]) -> Constraint:
    left, operator = _long(str(given["leftOperand"])), str(given["operator"])
    if operator not in profile.OPERATORS or set(given) != {"@type", "leftOperand", "operator", "rightOperand"}:
        raise ValueError(operator)
    return Constraint(left, operator, _read_value(left, given["rightOperand"]))


def _read_value(left: str, value: object) -> Value:
    if isinstance(value, list):
        return tuple(_read_one(left, part) for part in value)
    return _read_one(left, value)


def _read_one(left: str, value: object) -> Scalar:
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        raise TypeError("a typed value is needed")
    if "@id" in value:
        return profile.code_of(left, str(value["@id"]))
    literal = values.read(str(value["@value"]), str(value["@type"]).replace("xsd:", values.XSD))
    if isinstance(literal, values.Unreadable):
        raise ValueError(literal.text)
    return literal


def _read_duty(given: Mapping[str, object]) -> Duty:
    days, after = None, ""
    for condition in _rules(given, "constraint"):
        if condition["leftOperand"] in ("timeInterval", "elapsedTime"):
            span = condition["rightOperand"]
            if condition["operator"] != "lteq" or not isinstance(span, dict):
                raise ValueError("a span of days is needed")
            days = int(str(span["@value"]).removeprefix("P").removesuffix("D"))
        elif condition["leftOperand"] == "event" and condition["operator"] == "gteq":
            after = str(_read_value(EVENT, condition["rightOperand"]))
        else:
            raise ValueError(str(condition["leftOperand"]))
    return Duty(
        uid=str(given["uid"]),
        action=_long(str(given["action"])),
        days=days,
        words=str(given.get("dct:description", "")),
        phase=str(given.get("wh:phase", "ongoing")),
        constraints=_after(after) if after else (),
    )


def _after(event: str) -> tuple[Constraint, ...]:
    return (Constraint(EVENT, "gteq", event),)


def _long(name: str) -> str:
    return name if ":" in name else f"odrl:{name}"


def _tail(name: str) -> str:
    return name.rsplit("#", 1)[-1].rsplit(":", 1)[-1]
