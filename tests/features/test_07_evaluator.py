"""Feature 7: the evaluator held to public suites, strict by default, and 10,000 random edits that never widen."""

import inspect
import os
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from governance.odrl import conformance, profile
from governance.odrl.conformance import FAILED, PASSED
from governance.odrl.decide import decide
from governance.odrl.evaluate import STRICT, Question, evaluate
from governance.odrl.facts import (
    AGREED,
    COMMUNITY,
    DATASET,
    IN_FORCE,
    AgreementFact,
    ConsentFact,
    Facts,
    HoldFact,
    LayerFact,
    PartyFact,
    Request,
    TargetFact,
    ViolationFact,
)
from governance.odrl.form import Compound, Constraint, Policy, Rule
from governance.odrl.policy import Body, Term, term, term_codes
from governance.odrl.purposes import STANDARD

EDITS = 10_000
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
TARGET = "urn:wellhouse:dataset:d"
PURPOSES = tuple(STANDARD.terms)
KINDS = tuple(profile.ORGANISATIONS)


@pytest.mark.parametrize(
    ("run", "part"),
    [(conformance.odrl, "odrl"), (conformance.recommendation, "odrl"), (conformance.duos, "duo")],
    ids=["odrl", "rec-examples", "duo"],
)
def test_every_case_of_the_public_suites_passes(run, part, shared):
    folder = Path(os.environ.get("WELLHOUSE_SUITES") or shared / "suites")
    suite = run(folder / part)
    if suite.absent:
        pytest.skip(f"SUITE ABSENT: {suite.absent}; WELLHOUSE_SUITES names the folder of suites")

    assert [case.id for case in suite.cases if case.status == FAILED] == []
    assert suite.count(PASSED) > 0


def test_the_evaluator_is_strict_unless_it_is_asked_not_to_be():
    anything = Policy("urn:p", (Rule("urn:p#1", None, None),), (Rule("urn:p#2", None, None),))

    verdict = evaluate(anything, Question(profile.PULL, (TARGET,), {}))

    assert inspect.signature(evaluate).parameters["mode"].default == STRICT
    assert (verdict.active_permissions, len(verdict.active_prohibitions)) == ((), 1)


def test_ten_thousand_random_edits_of_rules_never_widen():
    """On the evaluator: conditions, prohibitions, doubt added; permissions, and conditions of prohibitions, taken away."""
    chance = random.Random(7)
    turned_to_no, judged = 0, 0

    while judged < EDITS:
        policy, question = _policy(chance), _question(chance)
        before = evaluate(policy, question).is_permitted
        for _ in range(5):
            policy = chance.choice(TIGHTER)(policy, chance)
            after = evaluate(policy, question).is_permitted
            judged += 1
            assert before or not after, policy
            turned_to_no += before and not after
            before = after

    assert turned_to_no > EDITS / 100, "edits that never changed an answer would prove nothing"


def test_ten_thousand_random_edits_of_facts_never_widen():
    """On the whole decision: layers, prohibitions, terms, refusals, holds, violations added; answers taken away."""
    chance = random.Random(11)
    turned_to_no, judged = 0, 0

    while judged < EDITS:
        facts, request = _facts(chance), _request(chance)
        before = decide(request, facts).is_permitted
        for _ in range(10):
            facts = chance.choice(WORSE)(facts, chance)
            after = decide(request, facts).is_permitted
            judged += 1
            assert before or not after, facts
            turned_to_no += before and not after
            before = after
            if not after and chance.random() < 0.9:
                break

    assert turned_to_no > EDITS / 100


# -- rules, and edits that tighten them --------------------------------------------------------------------------------


def _condition(chance: random.Random) -> Constraint | Compound:
    if chance.random() < 0.15:
        parts = (_condition(chance), _condition(chance))
        return Compound(chance.choice(("and", "or", "xone", "andSequence", "odd")), parts)
    return chance.choice(
        (
            Constraint(profile.PURPOSE, chance.choice(("isA", "eq", "neq", "isPartOf")), chance.choice(PURPOSES)),
            Constraint(
                profile.PURPOSE, chance.choice(("isAnyOf", "isNoneOf", "isAllOf")), tuple(chance.sample(PURPOSES, 3))
            ),
            Constraint(profile.ORGANISATION, chance.choice(("isAnyOf", "isNoneOf")), tuple(chance.sample(KINDS, 2))),
            Constraint(profile.COMMERCIAL, chance.choice(("eq", "neq")), chance.random() < 0.5),
            Constraint(
                profile.WHEN, chance.choice(("lt", "lteq", "gt", "gteq")), NOW + timedelta(days=chance.randint(-2, 2))
            ),
            Constraint(profile.AGREED_MONTHS, chance.choice(("lt", "lteq", "gt")), chance.randint(1, 24)),
            Constraint("urn:nobody:knows", "eq", "this"),
            Constraint("", "eq", "that"),
        )
    )


def _rule(chance: random.Random, uid: str, *, most: int) -> Rule:
    action = chance.choice((profile.PULL, profile.PULL, profile.USE, profile.DISTRIBUTE, "odrl:read", None))
    target = chance.choice((TARGET, TARGET, TARGET, "urn:other", None))
    return Rule(uid, action, target, tuple(_condition(chance) for _ in range(chance.randint(0, most))))


def _policy(chance: random.Random) -> Policy:
    permissions = tuple(_rule(chance, f"urn:p#{i}", most=2) for i in range(chance.randint(1, 3)))
    prohibitions = tuple(_rule(chance, f"urn:p#no{i}", most=3) for i in range(chance.randint(0, 1)))
    return Policy("urn:p", permissions, prohibitions)


def _question(chance: random.Random) -> Question:
    known = {
        profile.PURPOSE: chance.choice(PURPOSES),
        profile.ORGANISATION: chance.choice(KINDS),
        profile.COMMERCIAL: chance.random() < 0.5,
        profile.WHEN: NOW,
        profile.AGREED_MONTHS: chance.randint(1, 24),
    }
    return Question(profile.PULL, (TARGET,), {k: v for k, v in known.items() if chance.random() < 0.95})


def _one_more_condition(policy: Policy, chance: random.Random) -> Policy:
    at = chance.randrange(len(policy.permissions)) if policy.permissions else -1
    rules = [
        replace(rule, constraints=(*rule.constraints, _condition(chance))) if i == at else rule
        for i, rule in enumerate(policy.permissions)
    ]
    return replace(policy, permissions=tuple(rules))


def _one_permission_less(policy: Policy, chance: random.Random) -> Policy:
    return replace(policy, permissions=policy.permissions[:-1])


def _one_more_prohibition(policy: Policy, chance: random.Random) -> Policy:
    return replace(policy, prohibitions=(*policy.prohibitions, _rule(chance, "urn:p#more", most=4)))


def _prohibition_without_condition(policy: Policy, chance: random.Random) -> Policy:
    return replace(policy, prohibitions=tuple(replace(r, constraints=r.constraints[:-1]) for r in policy.prohibitions))


def _narrowed(policy: Policy, chance: random.Random) -> Policy:
    name = chance.choice(("refinements", "target_refinements", "assignee_refinements"))
    return replace(policy, permissions=tuple(replace(r, **{name: (_condition(chance),)}) for r in policy.permissions))


def _for_one_party(policy: Policy, chance: random.Random) -> Policy:
    return replace(policy, permissions=tuple(replace(r, assignee="urn:alice") for r in policy.permissions))


def _builds_on_nothing(policy: Policy, chance: random.Random) -> Policy:
    return replace(policy, inherits=("urn:nowhere",))


TIGHTER: tuple[Callable[[Policy, random.Random], Policy], ...] = (
    _one_more_condition,
    _one_more_condition,
    _one_permission_less,
    _one_more_prohibition,
    _prohibition_without_condition,
    _narrowed,
    _for_one_party,
    _builds_on_nothing,
)


# -- facts, and edits that make them worse -----------------------------------------------------------------------------


def _body(chance: random.Random) -> Body:
    return Body(
        tuple(chance.sample(PURPOSES, chance.randint(3, 8))) + (("use",) if chance.random() < 0.7 else ()),
        tuple(chance.sample(KINDS, chance.randint(2, 4))),
        chance.random() < 0.7,
        tuple(chance.sample(("advertising", "identification"), chance.randint(0, 2))),
        date(2027, 1, 1) if chance.random() < 0.3 else None,
    )


def _facts(chance: random.Random) -> Facts:
    body = _body(chance)
    layers = (LayerFact(DATASET, AGREED, "urn:a", 1, body), LayerFact(DATASET, IN_FORCE, "urn:b", 2, body))
    agreement = AgreementFact(
        "A-1",
        "urn:party",
        TARGET,
        chance.choice(("use", "use", *PURPOSES)),
        True,
        1,
        NOW - timedelta(days=9),
        NOW + timedelta(days=99),
    )
    return Facts(
        party=PartyFact("urn:party", chance.choice(body.organisations)),
        target=TargetFact("urn:version", TARGET, 1, "published"),
        consents=ConsentFact(valid=3),
        layers=layers,
        agreement=agreement,
    )


def _request(chance: random.Random) -> Request:
    purpose = chance.choice(STANDARD.leaves)
    return Request("urn:party", profile.PULL, "urn:version", purpose, chance.random() < 0.3, NOW)


def _each_body(facts: Facts, change: Callable[[Body], Body]) -> Facts:
    return replace(facts, layers=tuple(replace(layer, body=change(layer.body)) for layer in facts.layers))


def _value(code: str) -> str | int | None:
    return {None: None, "number": 2, "words": "nowhere"}.get(term(code).ASKS)


def _one_more_term(facts: Facts, chance: random.Random) -> Facts:
    one = Term(code := chance.choice(term_codes()), _value(code))
    return _each_body(facts, lambda b: replace(b, terms=(one, *(t for t in b.terms if t.code != code))))


WORSE: tuple[Callable[[Facts, random.Random], Facts], ...] = (
    lambda f, c: replace(f, layers=(*f.layers, LayerFact(COMMUNITY, IN_FORCE, "urn:c", 1, _body(c)))),
    lambda f, c: _each_body(f, lambda b: replace(b, purposes=b.purposes[:-1])),
    lambda f, c: _each_body(f, lambda b: replace(b, organisations=b.organisations[:-1])),
    lambda f, c: _each_body(f, lambda b: replace(b, commercial=False)),
    lambda f, c: _each_body(f, lambda b: replace(b, prohibited=(*b.prohibited, c.choice(PURPOSES)))),
    lambda f, c: _each_body(f, lambda b: replace(b, expires_on=date(2026, 11, c.randint(1, 30)))),
    _one_more_term,
    lambda f, c: replace(f, holds=(*f.holds, HoldFact(c.choice(("on-hold", "takedown-open", "unheard-of")), 1))),
    lambda f, c: replace(f, consents=replace(f.consents, **{c.choice(("refused", "withdrawn", "expired", "unknown")): 1})),
    lambda f, c: replace(f, violations=(*f.violations, ViolationFact("duty-violated", NOW))),
    lambda f, c: replace(f, agreement=replace(f.agreement, suspended_because="keeper")),
    lambda f, c: replace(f, agreement=replace(f.agreement, ended_at=NOW)),
)  # fmt: skip
