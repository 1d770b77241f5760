"""Say everything that is wrong with a policy, before it is put into force or taken over from elsewhere.

Three weights. *refused*: it is no sound ODRL 2.2, or a rule in it could mean anything. *closed*: it is sound, but our
profile does not know a part of it, so that part can never allow anything. *noted*: it is read, and somebody should
know. Follows the conditions that the Information Model 2.2 sets ("MUST") and the validation list of its working group;
where the model allows a rule about everything, we do not (governance.md, section 0).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from governance.kernel.errors import Reason
from governance.kernel.words import _
from governance.odrl import profile
from governance.odrl.actions import LAPSED, REPLACED, is_known
from governance.odrl.form import Compound, Condition, Constraint, Duty, Policy, Rule
from governance.odrl.values import Scalar, Unreadable

REFUSED, CLOSED, NOTED = "refused", "closed", "noted"
STRATEGIES = ("perm", "prohibit", "invalid")
OPERATORS = frozenset(
    ["eq", "neq", "gt", "gteq", "lt", "lteq", "isA", "isPartOf", "hasPart", "isAllOf", "isAnyOf", "isNoneOf"],
)
REFERENCE = "odrl:rightOperandReference"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, and how much it weighs."""

    weight: str
    reason: Reason


def faults_of_all(policies: Sequence[Policy], oddities: Iterable[Reason] = ()) -> tuple[Fault, ...]:
    """Return every fault of a document: its policies, one by one and beside each other, and how it is written."""
    found = [Fault(REFUSED, reason) for reason in oddities]
    if not policies:
        found.append(_refused("policy-none", _("There is no ODRL policy in this document.")))
    uids = [policy.uid for policy in policies if policy.uid]
    for uid in sorted({uid for uid in uids if uids.count(uid) > 1}):
        found.append(_refused("uid-doubled", _("Two things have the name “{name}”."), uid, name=uid))
    for policy in policies:
        found.extend(faults(policy, policies))
    return _once(found)


def faults(policy: Policy, others: Sequence[Policy] = ()) -> tuple[Fault, ...]:
    """Return every fault of one policy; ``others`` are those that it may build on."""
    return _once([*_policy(policy, others), *_rules(policy)])


def refused(found: Sequence[Fault]) -> tuple[Reason, ...]:
    """The reasons that stand in the way of the whole policy."""
    return tuple(fault.reason for fault in found if fault.weight == REFUSED)


def against_profile(found: Sequence[Fault]) -> list[str]:
    """The codes for which our profile does not accept a policy whole, each once, the gravest first."""
    grave = [fault.reason.code for weight in (REFUSED, CLOSED) for fault in found if fault.weight == weight]
    return list(dict.fromkeys(grave))


# -- the policy --------------------------------------------------------------------------------------------------------


def _policy(policy: Policy, others: Sequence[Policy]) -> Iterator[Fault]:
    if not policy.uid:
        yield _refused("policy-unnamed", _("The policy has no name (uid), so nobody could ever point at it."))
    if not (policy.permissions or policy.prohibitions or policy.obligations):
        yield _refused("policy-empty", _("The policy has no rule."), policy.uid)
    if policy.conflict not in STRATEGIES:
        message = _("The conflict strategy “{name}” does not exist. Write perm, prohibit or invalid.")
        yield _refused("conflict-unknown", message, policy.uid, name=policy.conflict)
    elif policy.conflict != "prohibit":
        message = _("The conflict strategy is “{name}”. Here a no always wins: write prohibit.")
        yield _closed("conflict-not-prohibit", message, policy.uid, name=policy.conflict)
    for name in policy.profiles:
        if name != profile.PROFILE:
            yield _closed("profile-unknown", _("The profile “{name}” is not known here."), policy.uid, name=name)
    known = {other.uid: other for other in others}
    for uid in policy.inherits:
        if uid not in known:
            message = _("It builds on the policy “{name}”, which is not here.")
            yield _closed("inherited-missing", message, policy.uid, name=uid)
        elif policy.uid in _ancestors(uid, known):
            message = _("It builds on itself, by way of “{name}”.")
            yield _refused("inherited-loop", message, policy.uid, name=uid)


def _ancestors(uid: str, known: dict[str, Policy]) -> set[str]:
    seen, waiting = {uid}, [uid]
    while waiting:
        policy = known.get(waiting.pop())
        for upper in policy.inherits if policy else ():
            if upper not in seen:
                seen.add(upper)
                waiting.append(upper)
    return seen


# -- its rules ---------------------------------------------------------------------------------------------------------


def _rules(policy: Policy) -> Iterator[Fault]:
    kinds = (
        ("permission", policy.permissions),
        ("prohibition", policy.prohibitions),
        ("obligation", policy.obligations),
    )
    homes: dict[str, str] = {}
    for kind, rules in kinds:
        for rule in rules:
            if homes.setdefault(rule.uid, kind) != kind or rule.uid == policy.uid:
                yield _refused("uid-doubled", _("Two things have the name “{name}”."), rule.uid, name=rule.uid)
            yield from _rule(kind, rule)
            yield from _parties(policy.kind, rule)


def _rule(kind: str, rule: Rule) -> Iterator[Fault]:
    if not rule.action:
        yield _refused("rule-without-action", _("A rule names no action, so it would be about everything."), rule.uid)
    else:
        yield from _action(rule.action, rule.uid)
    if not rule.target and kind != "obligation":
        yield _refused("rule-without-target", _("A rule names no target, so it would be about everything."), rule.uid)
    for condition in (
        *rule.constraints,
        *rule.refinements,
        *rule.target_refinements,
        *rule.assignee_refinements,
    ):
        yield from _condition(condition)
    if rule.refinements or rule.target_refinements or rule.assignee_refinements:
        message = _("A rule narrows its action, target or party. That cannot be judged here.")
        yield _closed("refinement-unknown", message, rule.uid)
    for duty in (*rule.duties, *rule.remedies, *rule.consequences):
        yield from _duty(duty)


def _parties(kind: str, rule: Rule) -> Iterator[Fault]:
    if kind in ("Offer", "Agreement") and not rule.assigner:
        message = _("A rule of an {kind} must name who grants it (assigner).")
        yield _refused("rule-without-assigner", message, rule.uid, kind=kind)
    if kind == "Agreement" and not rule.assignee:
        message = _("A rule of an {kind} must name to whom it is granted (assignee).")
        yield _refused("rule-without-assignee", message, rule.uid, kind=kind)


def _duty(duty: Duty) -> Iterator[Fault]:
    if not duty.action:
        yield _refused("duty-without-action", _("A duty does not say what is to be done."), duty.uid)
    elif duty.action not in profile.DUTIES:
        yield _closed("duty-unknown", _("The duty “{name}” is not known here."), duty.uid, name=duty.action)
    for condition in (*duty.constraints, *duty.refinements):
        yield from _condition(condition)
    for consequence in duty.consequences:
        yield from _duty(consequence)


def _action(action: str, where: str) -> Iterator[Fault]:
    if action in REPLACED:
        message = _("The action “{name}” is out of use; it is read as “{now}”.")
        yield Fault(
            NOTED, Reason("action-deprecated", message, where, values={"name": action, "now": REPLACED[action]})
        )
    elif action in LAPSED:
        message = _("The action “{name}” is out of use, and nothing stands in its place.")
        yield Fault(NOTED, Reason("action-deprecated", message, where, values={"name": action, "now": ""}))
    if action not in profile.ACTIONS:
        message = (
            _("The action “{name}” is no part of our profile.")
            if is_known(action)
            else _("Nobody knows the action “{name}”.")
        )
        yield _closed("action-not-ours", message, where, name=action)


def _condition(condition: Condition) -> Iterator[Fault]:
    if isinstance(condition, Compound):
        if len(condition.parts) < 2:
            message = _("A condition puts several together and has fewer than two.")
            yield _refused("compound-short", message, condition.uid)
        for part in condition.parts:
            yield from _condition(part)
        return
    yield from _constraint(condition)


def _constraint(constraint: Constraint) -> Iterator[Fault]:
    where = constraint.uid
    if not constraint.left:
        message = _("A condition does not say what it is about (leftOperand).")
        yield _refused("constraint-without-operand", message, where)
    elif constraint.left not in profile.OPERANDS:
        message = _("Nobody here can tell “{name}”, so a permission that asks for it stays closed.")
        yield _closed("operand-unknown", message, where, name=constraint.left)
    if not constraint.operator:
        yield _refused("constraint-without-operator", _("A condition does not say how to compare (operator)."), where)
    elif constraint.operator not in OPERATORS:
        message = _("Nobody knows the comparison “{name}”.")
        yield _refused("operator-unknown", message, where, name=constraint.operator)
    right = constraint.right if isinstance(constraint.right, tuple) else (constraint.right,)
    if not right:
        yield _refused("constraint-without-value", _("A condition has nothing to compare with (rightOperand)."), where)
    for value in right:
        yield from _value(value, where)


def _value(value: Scalar, where: str) -> Iterator[Fault]:
    if not isinstance(value, Unreadable):
        return
    if value.datatype == REFERENCE:
        message = _("The value lies at “{name}”, and nothing is fetched.")
        yield _closed("reference-not-followed", message, where, name=value.text)
    else:
        message = _("“{name}” is no {type}.")
        kind = value.datatype.rsplit("#", 1)[-1]
        yield _refused("value-unreadable", message, where, name=value.text, type=kind)


def _refused(code: str, message: str, where: str | None = None, **values: object) -> Fault:
    return Fault(REFUSED, Reason(code, message, where, values=values))


def _closed(code: str, message: str, where: str | None = None, **values: object) -> Fault:
    return Fault(CLOSED, Reason(code, message, where, values=values))


def _once(found: Sequence[Fault]) -> tuple[Fault, ...]:
    """Rules that were written once and read several times say the same thing several times."""
    seen: dict[tuple[str, str | None, str], Fault] = {}
    for fault in found:
        seen.setdefault((fault.reason.code, fault.reason.path, str(fault.reason)), fault)
    return tuple(seen.values())
