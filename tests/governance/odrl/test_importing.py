"""Policies of others become answers that never allow more than they did."""

import itertools
import json
import random
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from governance.odrl import profile
from governance.odrl.duo import DuoTerm
from governance.odrl.evaluate import Question, evaluate
from governance.odrl.form import Compound, Constraint, Duty, Policy, Rule
from governance.odrl.importing import answers_of
from governance.odrl.policy import Body, Term, compile_policy, term, term_codes, to_odrl
from governance.odrl.purposes import CLOSED, STANDARD
from governance.odrl.reading import read_document

TARGET = "urn:wellhouse:dataset:d"


def through_rdf(body: Body) -> Body:
    (policy,) = read_document(json.dumps(to_odrl(body, uid="urn:wellhouse:policy:p", target=TARGET))).policies
    imported = answers_of(policy)
    assert imported.flags == ()
    return imported.body


def rules_of(body: Body) -> Policy:
    return compile_policy(body, uid="urn:p", target=TARGET)


def value_of(code: str) -> str | int | None:
    plugin = term(code)
    return {None: None, "number": 7, "words": "north, south"}.get(plugin.ASKS)


BODIES = [
    Body(),
    Body(("research",), ("public",)),
    Body(("use",), tuple(profile.ORGANISATIONS), commercial=True, prohibited=()),
    Body(("teaching", "language-tool"), ("public", "community"), expires_on=date(2028, 12, 31), note="Ask first."),
    Body(("research",), ("public",), duo=(DuoTerm("DS", ("DOID:4", "DOID:162")), DuoTerm("RS"))),
    Body(("research",), ("public",), prohibited=(*CLOSED, "speech-synthesis", "health-research")),
    *(Body(("research",), ("public",), terms=(Term(code, value_of(code)),)) for code in term_codes()),
    Body(("research",), ("public",), terms=tuple(Term(code, value_of(code)) for code in term_codes())),
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: "+".join(t.code for t in body.terms)[:40] or "plain")
def test_json_ld_to_rdf_to_our_json_gives_the_same_policy(body):
    back = through_rdf(body)

    assert rules_of(back) == rules_of(body)
    assert (back.expires_on, back.note, back.commercial) == (body.expires_on, body.note, body.commercial)
    assert {(t.code, frozenset(t.values)) for t in back.duo} == {(t.code, frozenset(t.values)) for t in body.duo}
    assert {t.code for t in back.terms} == {t.code for t in body.terms}


def permission(*constraints, duties=(), **more) -> Policy:
    return Policy(
        "urn:p", (Rule("urn:p#1", profile.PULL, TARGET, constraints, duties, **more),), profiles=(profile.PROFILE,)
    )


FOR_TEACHING = Constraint(profile.PURPOSE, "isA", "teaching")


def test_a_plain_permission_becomes_answers():
    imported = answers_of(permission(FOR_TEACHING, Constraint(profile.ORGANISATION, "eq", "public")))

    assert (imported.body.purposes, imported.body.organisations, imported.body.commercial) == (
        ("teaching",),
        ("public",),
        True,
    )
    assert imported.flags == ()


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        (permission(FOR_TEACHING, Constraint("urn:their:mood", "eq", "good")), "operand-unknown"),
        (permission(FOR_TEACHING, Constraint("", "eq", "good")), "operand-unknown"),
        (permission(FOR_TEACHING, Compound("or", (FOR_TEACHING, FOR_TEACHING))), "operand-unknown"),
        (permission(FOR_TEACHING, Constraint(profile.COMMERCIAL, "eq", True)), "operand-unknown"),
        (permission(Constraint(profile.PURPOSE, "isNoneOf", ("teaching",))), "operand-unknown"),
        (permission(Constraint(profile.PURPOSE, "isAnyOf", ("urn:theirs",))), "purpose-unknown"),
        (permission(FOR_TEACHING, duties=(Duty("urn:d", "odrl:compensate"),)), "duty-unknown"),
        (
            permission(FOR_TEACHING, duties=(Duty("urn:d", "odrl:attribute", words="Us", phase="before"),)),
            "duty-unknown",
        ),
        (permission(FOR_TEACHING, assignee="urn:alice"), "permission-narrowed"),
        (permission(FOR_TEACHING, refinements=(FOR_TEACHING,)), "permission-narrowed"),
        (replace(permission(FOR_TEACHING), profiles=("urn:other",)), "profile-unknown"),
        (replace(permission(FOR_TEACHING), inherits=("urn:other",)), "inherited-missing"),
        (Policy("urn:p", (Rule("urn:p#1", "odrl:read", TARGET, (FOR_TEACHING,)),)), "action-not-ours"),
    ],
)
def test_what_cannot_be_said_becomes_an_inactive_permission_and_is_flagged(policy, code):
    imported = answers_of(policy)

    assert imported.body.purposes == ()
    assert imported.inactive == ("urn:p#1",)
    assert code in {flag.code for flag in imported.flags}
    assert "permission-inactive" in {flag.code for flag in imported.flags}


def test_an_unknown_purpose_among_others_is_left_out_and_flagged():
    imported = answers_of(permission(Constraint(profile.PURPOSE, "isAnyOf", ("DUO:0000042", "urn:theirs"))))

    assert imported.body.purposes == ("research",)
    assert [flag.code for flag in imported.flags] == ["purpose-unknown"]


@pytest.mark.parametrize(
    "forbidden",
    [
        Rule("urn:p#2", "odrl:print", TARGET),
        Rule("urn:p#2", "urn:their:clone", TARGET),
        Rule("urn:p#2", profile.USE, TARGET, (Constraint("urn:their:mood", "eq", "good"),)),
        Rule("urn:p#2", profile.USE, TARGET, (), (), "urn:alice"),
        Rule("urn:p#2", profile.USE, TARGET, (Constraint(profile.PURPOSE, "isA", "urn:theirs"),)),
    ],
)
def test_a_prohibition_that_no_answer_can_say_closes_everything(forbidden):
    imported = answers_of(replace(permission(FOR_TEACHING), prohibitions=(forbidden,)))

    assert imported.body.purposes == ()
    assert "prohibition-closes" in {flag.code for flag in imported.flags}


def test_permissions_are_put_together_only_when_that_allows_nothing_new():
    public = Constraint(profile.ORGANISATION, "eq", "public")
    company = Constraint(profile.ORGANISATION, "eq", "for-profit")
    research = Constraint(profile.PURPOSE, "isA", "research")

    def two(*pairs):
        return Policy("urn:p", tuple(Rule(f"urn:p#{i}", profile.PULL, TARGET, pair) for i, pair in enumerate(pairs)))

    same = answers_of(two((FOR_TEACHING, public), (research, public)))
    apart = answers_of(two((FOR_TEACHING, public), (research, company)))

    assert same.body.purposes == ("research", "teaching")
    assert (apart.body.purposes, apart.body.organisations) == (("teaching",), ("public",))
    assert apart.inactive == ("urn:p#1",)


def test_whatever_is_taken_over_never_allows_more_than_the_document_did():
    chance = random.Random(4)
    pieces = [
        *(
            Constraint(profile.PURPOSE, op, right)
            for op in ("isA", "isNoneOf", "neq")
            for right in ("research", "use", "urn:x")
        ),
        Constraint(profile.ORGANISATION, "isAnyOf", ("public", "martian")),
        Constraint(profile.ORGANISATION, "neq", "public"),
        Constraint(profile.COMMERCIAL, "eq", True),
        Constraint(profile.COMMERCIAL, "eq", False),
        *(Constraint(profile.WHEN, op, datetime(2027, 1, 1, 12, tzinfo=UTC)) for op in ("lt", "lteq", "gt", "eq")),
        Constraint(profile.AGREED_MONTHS, "lteq", 6),
        Constraint("urn:their:mood", "eq", "good"),
    ]
    asked = list(itertools.product(STANDARD.leaves[::3], profile.ORGANISATIONS, (True, False), (2026, 2027), (3, 9)))

    def some() -> tuple[Constraint, ...]:
        return tuple(chance.sample(pieces, chance.randint(0, 3)))

    for _ in range(300):
        policy = Policy(
            "urn:p",
            tuple(
                Rule(f"urn:p#{i}", chance.choice((profile.PULL, profile.USE, "odrl:read")), TARGET, some())
                for i in range(2)
            ),
            tuple(
                Rule(f"urn:p#no{i}", chance.choice((profile.USE, profile.DISTRIBUTE)), TARGET, some())
                for i in range(chance.randint(0, 1))
            ),
        )
        taken = rules_of(answers_of(policy).body)
        for purpose, kind, money, year, months in chance.sample(asked, 25):
            known = {
                profile.PURPOSE: purpose,
                profile.ORGANISATION: kind,
                profile.COMMERCIAL: money,
                profile.WHEN: datetime(year, 1, 1, 12, tzinfo=UTC),
                profile.AGREED_MONTHS: months,
            }
            question = Question(profile.PULL, (TARGET,), known)
            assert not evaluate(taken, question).is_permitted or evaluate(policy, question).is_permitted, policy
