"""The evaluator: doubt never opens a door."""

from datetime import UTC, datetime

import pytest

from governance.odrl import profile
from governance.odrl.evaluate import Question, evaluate, holds
from governance.odrl.policy import Constraint, Policy, Rule

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def ask(**known: object) -> Question:
    names = {"purpose": profile.PURPOSE, "at": profile.WHEN, "money": profile.COMMERCIAL, "kind": profile.ORGANISATION}
    return Question(profile.PULL, ("urn:d",), {names.get(key, key): value for key, value in known.items()})


def permission(*constraints: Constraint, action: str | None = profile.PULL, target: str | None = "urn:d") -> Policy:
    return Policy("urn:p", permissions=(Rule("urn:p#1", action, target, constraints),))


def prohibition(*constraints: Constraint, action: str | None = profile.USE, target: str | None = "urn:d") -> Policy:
    return Policy("urn:p", (Rule("urn:p#0", profile.PULL, "urn:d"),), (Rule("urn:p#1", action, target, constraints),))


def purpose(operator: str, *codes: str) -> Constraint:
    return Constraint(profile.PURPOSE, operator, codes)


def test_a_permission_covers_narrower_purposes_and_never_broader_ones() -> None:
    policy = permission(purpose("isAnyOf", "research"))

    assert evaluate(policy, ask(purpose="language-research")).is_permitted
    assert not evaluate(policy, ask(purpose="use")).is_permitted
    assert not evaluate(policy, ask(purpose="teaching")).is_permitted


def test_a_prohibition_stops_narrower_and_broader_purposes_and_leaves_the_others() -> None:
    policy = prohibition(purpose("isA", "language-tool"))

    assert not evaluate(policy, ask(purpose="speech-recognition")).is_permitted
    assert not evaluate(policy, ask(purpose="use")).is_permitted
    assert evaluate(policy, ask(purpose="teaching")).is_permitted


def test_prohibition_beats_permission() -> None:
    both = prohibition()

    verdict = evaluate(both, ask(purpose="teaching"))

    assert verdict.active_permissions
    assert not verdict.is_permitted


def test_nothing_said_is_a_no() -> None:
    assert not evaluate(Policy("urn:p"), ask(purpose="teaching")).is_permitted


@pytest.mark.parametrize(
    "doubtful",
    [
        Constraint("urn:elsewhere:operand", "eq", "x"),
        Constraint(profile.ORGANISATION, "eq", "public"),
        Constraint(profile.PURPOSE, "resembles", "teaching"),
        Constraint(profile.PURPOSE, "eq", "sorcery"),
        Constraint(profile.WHEN, "lt", "tomorrow"),
        Constraint(profile.WHEN, "lt", datetime(2030, 1, 1)),  # noqa: DTZ001  # a moment without a zone is what is tested
        Constraint(profile.COMMERCIAL, "eq", "false"),
    ],
)
def test_what_cannot_be_told_closes_a_permission_and_keeps_a_prohibition(doubtful: Constraint) -> None:
    question = ask(purpose="teaching", at=NOW, money=False)

    assert holds(doubtful, question.known) is None
    assert not evaluate(permission(doubtful), question).is_permitted
    assert not evaluate(prohibition(doubtful), question).is_permitted


def test_a_rule_without_action_or_target_permits_nothing_and_forbids_everything() -> None:
    question = ask(purpose="teaching")

    for gap in ({"action": None}, {"target": None}, {"action": "urn:elsewhere:action"}):
        assert not evaluate(permission(**gap), question).is_permitted
        assert not evaluate(prohibition(**gap), question).is_permitted


def test_a_rule_about_something_else_says_nothing() -> None:
    question = ask(purpose="teaching")

    assert not evaluate(permission(target="urn:other"), question).is_permitted
    assert evaluate(prohibition(target="urn:other"), question).is_permitted
    assert evaluate(prohibition(action=profile.DISTRIBUTE), question).is_permitted


@pytest.mark.parametrize(
    ("operator", "right", "expected"),
    [("lt", NOW, False), ("lteq", NOW, True), ("gt", NOW, False), ("gteq", NOW, True)],
)
def test_moments_are_compared(operator: str, right: datetime, expected: bool) -> None:
    assert holds(Constraint(profile.WHEN, operator, right), {profile.WHEN: NOW}) is expected


@pytest.mark.parametrize(
    ("operator", "asked", "expected"),
    [
        ("isNoneOf", "teaching", True),
        ("isNoneOf", "health-research", False),
        ("isNoneOf", "use", None),
        ("neq", "teaching", True),
        ("isAllOf", "health-research", True),
        ("isAllOf", "teaching", False),
    ],
)
def test_negated_purposes_know_narrower_and_broader(operator: str, asked: str, expected: bool | None) -> None:
    assert holds(purpose(operator, "research"), {profile.PURPOSE: asked}) is expected


@pytest.mark.parametrize(
    ("operator", "expected"), [("eq", True), ("isAnyOf", True), ("neq", False), ("isNoneOf", False)]
)
def test_words_are_members_or_not(operator: str, expected: bool) -> None:
    constraint = Constraint(profile.ORGANISATION, operator, ("public", "community"))

    assert holds(constraint, {profile.ORGANISATION: "public"}) is expected


def test_every_unmet_condition_is_named() -> None:
    policy = permission(
        purpose("isAnyOf", "teaching"),
        Constraint(profile.COMMERCIAL, "eq", False),
        Constraint(profile.WHEN, "lteq", NOW),
    )

    verdict = evaluate(policy, ask(purpose="advertising", money=True, at=NOW))

    assert [c.left for c in verdict.permissions[0].failed] == [profile.PURPOSE, profile.COMMERCIAL]


def test_another_conflict_strategy_is_refused() -> None:
    with pytest.raises(ValueError, match="conflict"):
        evaluate(Policy("urn:p", conflict="perm"), ask(purpose="teaching"))
