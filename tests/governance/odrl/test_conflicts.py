"""Where policies clash: solved over times, numbers, names, groups and ways of putting conditions together."""

import itertools
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from governance.odrl.conflicts import AMBIGUOUS, CONFLICT, NONE, conflicts
from governance.odrl.evaluate import SUITE, Question, evaluate
from governance.odrl.form import Compound, Condition, Constraint, Policy, Rule
from governance.odrl.policy import Body, compile_policy
from governance.odrl.values import read

XSD = "http://www.w3.org/2001/XMLSchema#"


def rule(*constraints: Condition, uid: str = "urn:r", action="odrl:read", target="urn:x", **more) -> Rule:
    return Rule(uid, action, target, tuple(constraints), **more)


def verdict(allowed: Rule, forbidden: Rule, **more) -> str:
    return conflicts([Policy("urn:p", (allowed,), **more), Policy("urn:q", (), (forbidden,))]).verdict


def c(left: str, operator: str, right: object) -> Constraint:
    return Constraint(left if ":" in left else f"odrl:{left}", operator, right)


def at(text: str):
    return read(text, XSD + ("dateTime" if "T" in text else "date"))


def span(text: str):
    return read(text, XSD + "duration")


def when(operator: str, text: str) -> Constraint:
    return c("dateTime", operator, at(text))


@pytest.mark.parametrize(
    ("allowed", "forbidden", "expected"),
    [
        ("odrl:read", "odrl:read", CONFLICT),
        ("odrl:read", "odrl:use", CONFLICT),
        ("odrl:use", "odrl:read", CONFLICT),
        ("odrl:write", "odrl:modify", CONFLICT),
        ("odrl:display", "odrl:play", CONFLICT),
        ("odrl:display", "odrl:use", CONFLICT),
        ("odrl:read", "odrl:print", NONE),
        ("odrl:sell", "odrl:use", NONE),
        ("odrl:sell", "odrl:transfer", CONFLICT),
        ("odrl:read", None, CONFLICT),
        (None, "odrl:read", CONFLICT),
        ("urn:their:look", "urn:their:look", CONFLICT),
        ("urn:their:look", "odrl:read", AMBIGUOUS),
        ("urn:wellhouse:action:pull", "odrl:distribute", NONE),
    ],
)
def test_actions_meet_when_one_includes_the_other(allowed, forbidden, expected):
    assert verdict(rule(action=allowed), rule(action=forbidden)) == expected


def test_an_action_of_a_profile_lies_where_the_document_says():
    inside = (("urn:their:look", "odrl:read"),)

    assert verdict(rule(action="urn:their:look"), rule(action="odrl:use"), narrower=inside) == CONFLICT
    assert verdict(rule(action="urn:their:look"), rule(action="odrl:print"), narrower=inside) == NONE


@pytest.mark.parametrize(
    ("allowed", "forbidden", "expected"),
    [
        ("urn:x", "urn:x", CONFLICT),
        ("urn:x", "urn:y", NONE),
        (None, "urn:y", CONFLICT),
        ("urn:x", "urn:all", CONFLICT),
        ("urn:y", "urn:all", AMBIGUOUS),
        ("urn:all", "urn:some", AMBIGUOUS),
    ],
)
@pytest.mark.parametrize("what", ["target", "assignee"])
def test_targets_and_parties_meet_in_collections(what, allowed, forbidden, expected):
    more = {"narrower": (("urn:x", "urn:all"),), "collections": ("urn:all", "urn:some")}

    assert verdict(rule(**{what: allowed}), rule(**{what: forbidden}), **more) == expected


def test_two_collections_that_stand_for_the_same_are_the_same():
    more = {"sources": (("urn:a", "urn:people"), ("urn:b", "urn:people")), "collections": ("urn:a", "urn:b")}

    assert verdict(rule(assignee="urn:a"), rule(assignee="urn:b"), **more) == CONFLICT


def test_two_collections_with_a_member_in_common_meet():
    pairs = (("urn:alice", "urn:a"), ("urn:alice", "urn:b"))

    assert (
        verdict(rule(assignee="urn:a"), rule(assignee="urn:b"), narrower=pairs, collections=("urn:a", "urn:b"))
        == CONFLICT
    )


@pytest.mark.parametrize(
    ("allowed", "forbidden", "expected"),
    [
        (when("lt", "2024-01-01T00:00:00Z"), when("gt", "2023-01-01T00:00:00Z"), CONFLICT),
        (when("lt", "2024-01-01T00:00:00Z"), when("gt", "2024-01-01T00:00:00Z"), NONE),
        (when("lt", "2024-01-01T00:00:00Z"), when("gteq", "2024-01-01T00:00:00Z"), NONE),
        (when("lteq", "2024-01-01T00:00:00Z"), when("gteq", "2024-01-01T00:00:00Z"), CONFLICT),
        (when("eq", "2024-01-01T00:00:00Z"), when("neq", "2024-01-01T00:00:00Z"), NONE),
        (when("eq", "2024-01-01T01:00:00+01:00"), when("eq", "2024-01-01T00:00:00Z"), CONFLICT),
        (when("lteq", "2024-01-01"), when("gt", "2024-01-01T12:00:00Z"), CONFLICT),
        (when("lt", "2024-01-01"), when("gteq", "2024-01-01T00:00:00Z"), NONE),
        (when("eq", "2024-01-01"), when("eq", "2024-01-01T12:00:00Z"), CONFLICT),
        (when("gt", "2024-01-01"), when("lt", "2024-01-02T00:00:00Z"), NONE),
        (c("count", "lt", 5), c("count", "gt", 3), CONFLICT),
        (c("count", "lt", 5), c("count", "gt", 4), NONE),
        (c("payAmount", "lt", Decimal("5.00")), c("payAmount", "gt", Decimal("4")), CONFLICT),
        (c("count", "lteq", 5), c("count", "eq", 5), CONFLICT),
        (c("count", "neq", 5), c("count", "neq", 6), CONFLICT),
        (c("elapsedTime", "lt", span("P30D")), c("elapsedTime", "gt", span("P1D")), CONFLICT),
        (c("elapsedTime", "lt", span("P1D")), c("elapsedTime", "gt", span("PT48H")), NONE),
        (c("elapsedTime", "lt", span("P1M")), c("elapsedTime", "gt", span("P2D")), AMBIGUOUS),
        (c("count", "lt", 5), when("lt", "2024-01-01T00:00:00Z"), CONFLICT),
        (c("count", "lt", "5"), c("count", "gt", 9), NONE),
        (c("count", "lt", "five"), c("count", "gt", 9), AMBIGUOUS),
    ],
)
def test_numbers_and_moments_meet_where_their_stretches_do(allowed, forbidden, expected):
    assert verdict(rule(allowed), rule(forbidden)) == expected


@pytest.mark.parametrize(
    ("allowed", "forbidden", "expected"),
    [
        (c("spatial", "eq", "urn:nz"), c("spatial", "eq", "urn:nz"), CONFLICT),
        (c("spatial", "eq", "urn:nz"), c("spatial", "eq", "urn:be"), NONE),
        (c("spatial", "eq", "urn:nz"), c("spatial", "neq", "urn:nz"), NONE),
        (c("spatial", "neq", "urn:be"), c("spatial", "neq", "urn:nz"), CONFLICT),
        (c("spatial", "isAnyOf", ("urn:nz", "urn:be")), c("spatial", "eq", "urn:be"), CONFLICT),
        (c("spatial", "isAnyOf", ("urn:nz", "urn:be")), c("spatial", "isNoneOf", ("urn:be",)), CONFLICT),
        (c("spatial", "isAnyOf", ("urn:nz",)), c("spatial", "isNoneOf", ("urn:be", "urn:nz")), NONE),
        (c("spatial", "isNoneOf", ("urn:nz",)), c("spatial", "isNoneOf", ("urn:be",)), CONFLICT),
        (c("spatial", "isPartOf", "urn:be"), c("spatial", "eq", "urn:ghent"), CONFLICT),
        (c("spatial", "isPartOf", "urn:be"), c("spatial", "isPartOf", "urn:fr"), NONE),
        (c("spatial", "isPartOf", "urn:be"), c("spatial", "isPartOf", "urn:eu"), CONFLICT),
        (c("spatial", "isPartOf", "urn:be"), c("spatial", "isPartOf", "urn:unheard"), AMBIGUOUS),
        (c("spatial", "hasPart", "urn:ghent"), c("spatial", "eq", "urn:be"), CONFLICT),
        (c("spatial", "hasPart", "urn:ghent"), c("spatial", "eq", "urn:fr"), NONE),
        (c("language", "isAllOf", ("urn:a", "urn:b")), c("language", "isAnyOf", ("urn:b",)), CONFLICT),
        (c("language", "isAllOf", ("urn:a", "urn:b")), c("language", "isNoneOf", ("urn:b",)), NONE),
        (c("urn:their:mood", "eq", "urn:good"), c("urn:their:mood", "eq", "urn:good"), AMBIGUOUS),
        (c("urn:their:mood", "eq", "urn:good"), c("urn:their:mood", "eq", "urn:bad"), NONE),
        (c("urn:their:age", "gt", 17), rule, AMBIGUOUS),
        (Constraint("", "eq", "x"), rule, AMBIGUOUS),
    ],
)
def test_names_meet_where_a_value_fits_both(allowed, forbidden, expected):
    places = (("urn:ghent", "urn:be"), ("urn:be", "urn:eu"), ("urn:fr", "urn:eu"))
    other = rule() if forbidden is rule else rule(forbidden)

    assert verdict(rule(allowed), other, narrower=places) == expected


@pytest.mark.parametrize(
    ("allowed", "forbidden", "expected"),
    [
        ("research", "health-research", CONFLICT),
        ("health-research", "research", CONFLICT),
        ("health-research", "language-research", NONE),
        ("teaching", "research", NONE),
        ("use", "teaching", CONFLICT),
        ("DUO:0000042", "health-research", CONFLICT),
        ("DUO:0000006", "ancestry-research", NONE),
        ("https://w3id.org/dpv#Marketing", "research", AMBIGUOUS),
    ],
)
def test_purposes_meet_along_their_hierarchy(allowed, forbidden, expected):
    assert verdict(rule(c("purpose", "isAnyOf", (allowed,))), rule(c("purpose", "isA", forbidden))) == expected


def test_a_purpose_that_a_permission_leaves_out_meets_nothing():
    allowed = rule(c("purpose", "isAnyOf", ("research",)), c("purpose", "isNoneOf", ("health-research",)))

    assert verdict(allowed, rule(c("purpose", "isA", "health-research"))) == NONE
    assert verdict(allowed, rule(c("purpose", "isA", "language-research"))) == CONFLICT


def either(how: str, *parts: Condition) -> Compound:
    return Compound(how, parts)


NZ, BE = c("spatial", "eq", "urn:nz"), c("spatial", "eq", "urn:be")
OLD, NEW = when("lt", "2020-01-01T00:00:00Z"), when("gt", "2024-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("allowed", "forbidden", "expected"),
    [
        (either("or", NZ, OLD), BE, CONFLICT),
        (either("or", NZ, c("spatial", "eq", "urn:fr")), BE, NONE),
        (either("and", NZ, OLD), either("and", NZ, NEW), NONE),
        (either("andSequence", NZ, OLD), NZ, CONFLICT),
        (either("xone", NZ, OLD), either("and", NZ, OLD), NONE),
        (either("xone", NZ, OLD), NZ, CONFLICT),
        (either("or", NZ, OLD), either("and", NZ, OLD), CONFLICT),
        (either("xone", OLD, when("lt", "2010-01-01T00:00:00Z")), when("lt", "2009-01-01T00:00:00Z"), NONE),
        (either("or", c("urn:odd", "eq", "urn:a"), OLD), NEW, AMBIGUOUS),
        (either("or", c("urn:odd", "eq", "urn:a"), NEW), NEW, CONFLICT),
        (either("and", OLD, NEW), NZ, NONE),
    ],
)
def test_conditions_put_together_are_looked_at_in_every_way(allowed, forbidden, expected):
    assert verdict(rule(allowed), rule(forbidden)) == expected


def test_refinements_keep_rules_apart():
    short, long = (c("runningTime", "lt", 60),), (c("runningTime", "gt", 90),)

    assert verdict(rule(target_refinements=short), rule(target_refinements=long)) == NONE
    assert verdict(rule(target_refinements=short), rule()) == CONFLICT
    assert verdict(rule(refinements=short), rule(refinements=long)) == NONE
    assert verdict(rule(assignee_refinements=short), rule(assignee_refinements=long)) == NONE


def test_other_units_cannot_be_compared():
    euro = Constraint("odrl:payAmount", "lt", Decimal(5), unit="urn:euro")
    yen = Constraint("odrl:payAmount", "gt", Decimal(500), unit="urn:yen")

    assert verdict(rule(euro), rule(yen)) == AMBIGUOUS


def test_an_obligation_to_do_what_is_forbidden_is_a_conflict():
    policy = Policy(
        "urn:p", prohibitions=(rule(uid="urn:no", action="odrl:delete"),), obligations=(rule(action="odrl:delete"),)
    )

    found = conflicts([policy])

    assert (found.verdict, found.clashes[0].permission, found.clashes[0].prohibition) == (CONFLICT, "urn:r", "urn:no")


def test_a_policy_that_builds_on_one_that_is_not_here_is_ambiguous():
    assert (
        conflicts([Policy("urn:p", (rule(),), inherits=("urn:away",)), Policy("urn:q", (rule(),))]).verdict == AMBIGUOUS
    )


def test_every_clash_names_its_rules_and_says_why():
    found = conflicts(
        [
            Policy("urn:p", (rule(uid="urn:yes"),)),
            Policy("urn:q", (), (rule(uid="urn:no"), rule(uid="urn:y", target="urn:y"))),
        ]
    )

    assert [(clash.permission, clash.prohibition) for clash in found.clashes] == [("urn:yes", "urn:no")]
    assert "odrl:read" in found.clashes[0].sentence


def test_answers_of_the_rules_page_are_compared_across_layers_only():
    community = compile_policy(
        Body(("use",), ("public",), prohibited=("ancestry-research",)), uid="urn:c", target="urn:d"
    )
    dataset = compile_policy(Body(("research",), ("public",), prohibited=()), uid="urn:d#", target="urn:d")
    other = compile_policy(Body(("teaching",), ("public",), prohibited=()), uid="urn:e", target="urn:d")

    assert conflicts([community, dataset], across_only=True).verdict == CONFLICT
    assert conflicts([community, other], across_only=True).verdict == NONE


def test_very_many_ways_end_in_doubt_and_soon():
    parts = [either("or", *(c("count", "eq", 100 * i + j) for j in range(9))) for i in range(8)]

    assert verdict(rule(*parts), rule()) == AMBIGUOUS


MOMENTS = [at(f"202{n}-01-01T00:00:00Z") for n in range(4)]
CONSTRAINTS = [
    *(c("dateTime", operator, moment) for operator in ("lt", "gteq", "eq", "neq") for moment in MOMENTS[1:3]),
    *(c("spatial", operator, ("urn:nz",)) for operator in ("isAnyOf", "isNoneOf")),
    *(c("spatial", operator, "urn:be") for operator in ("eq", "neq")),
]


def asked() -> list[Question]:
    moments = [*MOMENTS, datetime(2021, 6, 1, tzinfo=UTC)]
    return [
        Question("odrl:read", ("urn:x",), {"odrl:dateTime": moment, "odrl:spatial": place})
        for moment in moments
        for place in ("urn:nz", "urn:be", "urn:fr")
    ]


def test_the_verdict_is_what_trying_every_request_finds():
    """Solving and trying agree: a conflict is a request that the evaluator finds both rules active for."""
    combined = [*CONSTRAINTS]
    combined += [
        either(how, a, b) for how in ("or", "xone", "and") for a, b in itertools.combinations(CONSTRAINTS[::3], 2)
    ]
    questions = asked()

    for allowed, forbidden in itertools.product(combined, repeat=2):
        policy = Policy("urn:p", (rule(allowed),), (rule(forbidden),))
        verdicts = (evaluate(policy, question, mode=SUITE) for question in questions)
        tried = any(v.active_permissions and v.active_prohibitions for v in verdicts)
        assert (conflicts([policy]).verdict == CONFLICT) == tried, (allowed, forbidden)
