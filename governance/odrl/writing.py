"""Write rules as ODRL 2.2 in JSON-LD, in the form that the working group's shapes accept.

``rightOperand`` has no type in the official context, so every value carries one; every constraint names its type and
its left operand (governance.md, section 3.1).
"""

from datetime import datetime

from governance.odrl import profile
from governance.odrl.form import Compound, Condition, Constraint, Duty, Rule, Value
from governance.odrl.values import typed


def rule_json(rule: Rule) -> dict[str, object]:
    """Return one rule as JSON-LD, in the official context of ODRL."""
    out: dict[str, object] = {"uid": rule.uid}
    for name, party in (("assigner", rule.assigner), ("assignee", rule.assignee)):
        if party:
            out[name] = party
    if rule.target:
        out["target"] = rule.target
    out["action"] = _action(rule.action or "", rule.refinements)
    if rule.constraints:
        out["constraint"] = [condition_json(c) for c in rule.constraints]
    if rule.duties:
        out["duty"] = [duty_json(d) for d in rule.duties]
    if rule.remedies:
        out["remedy"] = [duty_json(d) for d in rule.remedies]
    return out


def duty_json(duty: Duty) -> dict[str, object]:
    """Return one duty as JSON-LD; a number of days becomes a ``timeInterval``."""
    out: dict[str, object] = {"uid": duty.uid, "action": _action(duty.action, duty.refinements)}
    if duty.target:
        out["target"] = duty.target
    conditions = [condition_json(c) for c in duty.constraints]
    if duty.days is not None:
        conditions.append(
            {
                "@type": "Constraint",
                "leftOperand": "timeInterval",
                "operator": "lteq",
                "rightOperand": {"@type": "xsd:duration", "@value": f"P{duty.days}D"},
            }
        )
    if conditions:
        out["constraint"] = conditions
    if duty.phase != "ongoing":
        out[profile.PHASE] = {"@id": f"{profile.PHASE}:{duty.phase}"}
    if duty.words:
        out["dct:description"] = duty.words
    if duty.consequences:
        out["consequence"] = [duty_json(d) for d in duty.consequences]
    return out


def condition_json(condition: Condition) -> dict[str, object]:
    """Return one condition as JSON-LD, its node typed, so that shapes look at it."""
    if isinstance(condition, Compound):
        return {"@type": "LogicalConstraint", condition.how: {"@list": [condition_json(c) for c in condition.parts]}}
    return {
        "@type": "Constraint",
        "leftOperand": _short(condition.left),
        "operator": _short(condition.operator),
        "rightOperand": _right(condition, condition.right),
    }


def moment_json(at: datetime) -> dict[str, object]:
    """Return a moment as a typed value."""
    return _typed(at) or {}


def _action(action: str, refinements: tuple[Condition, ...]) -> object:
    if not refinements:
        return _short(action)
    named = action if ":" in action else f"odrl:{action}"
    return [{"rdf:value": {"@id": named}, "refinement": [condition_json(c) for c in refinements]}]


def _right(constraint: Constraint, right: Value) -> object:
    if isinstance(right, tuple):
        return [_right(constraint, part) for part in right]
    if isinstance(right, str) and constraint.left in profile.NAMES:
        return {"@id": profile.named(constraint.left, right)}
    return _typed(right) or right


def _typed(value: Value) -> dict[str, object] | None:
    found = None if isinstance(value, tuple) else typed(value)
    return {"@type": f"xsd:{found[1]}", "@value": found[0]} if found else None


def _short(name: str) -> str:
    return name.removeprefix("odrl:")
