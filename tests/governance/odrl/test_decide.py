"""The decision: every reason at once, both revisions judged, and nothing added ever turns a no into a yes."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.odrl import profile
from governance.odrl.decide import (
    AGREED,
    COMMUNITY,
    DATASET,
    IN_FORCE,
    LONGEST,
    AgreementFact,
    CollectiveFact,
    ConsentFact,
    Facts,
    HoldFact,
    LayerFact,
    PartyFact,
    Request,
    TargetFact,
    ViolationFact,
    decide,
    from_snapshot,
    months_between,
    snapshot,
)
from governance.odrl.duo import DuoTerm
from governance.odrl.policy import Body, Term, validate
from governance.odrl.purposes import STANDARD, Purpose

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OPEN = Body(purposes=("teaching", "research"), organisations=("non-profit", "public"))
REQUEST = Request("party:1", profile.PULL, "urn:v", "teaching", False, NOW)
AGREEMENT = AgreementFact(
    "A-1", "party:1", "urn:d", "teaching", False, 1, NOW - timedelta(days=9), NOW + timedelta(days=90)
)


def layer(body: Body, standing: str = IN_FORCE, level: str = DATASET, revision: int = 2) -> LayerFact:
    return LayerFact(level, standing, f"urn:p{revision}", revision, body)


FACTS = Facts(
    party=PartyFact("party:1", "non-profit"),
    target=TargetFact("urn:v", "urn:d", 3, "published", "root", ("teaching",)),
    consents=ConsentFact(valid=12, digest="c"),
    layers=(layer(OPEN, AGREED, revision=1), layer(OPEN)),
    agreement=AGREEMENT,
)


def codes(facts: Facts, request: Request = REQUEST) -> list[str]:
    return [because.code for because in decide(request, facts).reasons]


def test_when_everything_agrees_the_answer_is_yes_for_a_quarter_of_an_hour() -> None:
    outcome = decide(REQUEST, FACTS)

    assert outcome.is_permitted
    assert outcome.reasons == ()
    assert outcome.valid_until == NOW + LONGEST


@pytest.mark.parametrize(
    ("facts", "request_", "expected"),
    [
        (
            replace(FACTS, party=None),
            REQUEST,
            ["party-unknown", "organisation-not-permitted", "organisation-not-permitted"],
        ),
        (replace(FACTS, party=PartyFact("party:1", "non-profit", is_active=False)), REQUEST, ["party-closed"]),
        (
            FACTS,
            replace(REQUEST, purpose="research"),
            ["purpose-too-broad", "purpose-not-declared", "purpose-not-agreed"],
        ),
        (replace(FACTS, holds=(HoldFact("on-hold", 3),)), REQUEST, ["on-hold"]),
        (replace(FACTS, holds=(HoldFact("takedown-open"),)), REQUEST, ["takedown-open"]),
        (replace(FACTS, target=replace(FACTS.target, state="withdrawn")), REQUEST, ["version-withdrawn"]),
        (replace(FACTS, target=replace(FACTS.target, state="proposed")), REQUEST, ["version-not-approved"]),
        (replace(FACTS, consents=ConsentFact(11, withdrawn=1)), REQUEST, ["consent-withdrawn"]),
        (
            replace(FACTS, consents=ConsentFact(11, refused=1, unknown=2)),
            REQUEST,
            ["consent-refused", "consent-unknown"],
        ),
        (replace(FACTS, consents=ConsentFact(11, next_expiry=NOW - timedelta(1))), REQUEST, ["consent-expired"]),
        (replace(FACTS, consents=None), REQUEST, ["consent-unknown"]),
        (replace(FACTS, agreement=None), REQUEST, ["agreement-missing"]),
        (replace(FACTS, agreement=replace(AGREEMENT, ended_at=NOW)), REQUEST, ["agreement-ended"]),
        (replace(FACTS, agreement=replace(AGREEMENT, ends_at=NOW - timedelta(1))), REQUEST, ["agreement-expired"]),
        (
            replace(FACTS, agreement=replace(AGREEMENT, starts_at=NOW + timedelta(1))),
            REQUEST,
            ["agreement-not-started"],
        ),
        (
            replace(FACTS, agreement=replace(AGREEMENT, not_before=NOW + timedelta(1))),
            REQUEST,
            ["grant-not-started"],
        ),
        (replace(FACTS, agreement=replace(AGREEMENT, suspended_because="keeper")), REQUEST, ["grant-suspended"]),
        (replace(FACTS, agreement=replace(AGREEMENT, is_signed_by_both=False)), REQUEST, ["agreement-unsigned"]),
        (replace(FACTS, agreement=replace(AGREEMENT, kind="public")), REQUEST, ["organisation-not-agreed"]),
        (replace(FACTS, agreement=replace(AGREEMENT, place="NZ")), REQUEST, ["place-not-agreed"]),
        (replace(FACTS, violations=(ViolationFact("receipt-overdue", NOW),)), REQUEST, ["duty-violated"]),
        (replace(FACTS, collective=CollectiveFact(True, "missing")), REQUEST, ["collective-missing"]),
        (replace(FACTS, collective=CollectiveFact(True, "never heard of")), REQUEST, ["collective-missing"]),
        (replace(FACTS, collective=CollectiveFact(True, "given", NOW)), REQUEST, ["collective-missing"]),
        (replace(FACTS, collective=CollectiveFact(True, "refused")), REQUEST, ["collective-refused"]),
        (replace(FACTS, agreement=replace(AGREEMENT, from_version=4)), REQUEST, ["version-not-agreed"]),
        (replace(FACTS, agreement=replace(AGREEMENT, party="party:2")), REQUEST, ["party-not-agreed"]),
        (replace(FACTS, agreement=replace(AGREEMENT, dataset="urn:e")), REQUEST, ["dataset-not-agreed"]),
        (replace(FACTS, agreement=replace(AGREEMENT, purpose="archiving")), REQUEST, ["purpose-not-agreed"]),
        (
            FACTS,
            replace(REQUEST, commercial=True),
            ["commercial-not-permitted", "commercial-not-permitted", "commercial-not-agreed"],
        ),
    ],
)
def test_each_gate_says_its_own_reason(facts: Facts, request_: Request, expected: list[str]) -> None:
    assert codes(facts, request_) == expected


def test_all_reasons_are_given_at_once_and_the_first_gate_names_the_refusal() -> None:
    facts = replace(
        FACTS,
        holds=(HoldFact("on-hold", 3),),
        consents=ConsentFact(0, withdrawn=40),
        agreement=replace(AGREEMENT, ended_at=NOW),
    )

    outcome = decide(REQUEST, facts)

    assert [because.code for because in outcome.reasons] == ["on-hold", "consent-withdrawn", "agreement-ended"]
    assert outcome.gate == "holds"


def test_tighter_rules_bite_at_the_next_request() -> None:
    tighter = replace(FACTS, layers=(layer(OPEN, AGREED, revision=1), layer(replace(OPEN, purposes=("archiving",)))))

    outcome = decide(REQUEST, tighter)

    assert [(b.code, b.layer) for b in outcome.reasons] == [("purpose-not-permitted", "dataset, in force, revision 2")]


def test_wider_rules_do_not_widen_an_agreement_that_stands() -> None:
    narrow = replace(OPEN, purposes=("archiving",))
    widened = replace(FACTS, layers=(layer(narrow, AGREED, revision=1), layer(OPEN)))

    outcome = decide(REQUEST, widened)

    assert [b.layer for b in outcome.reasons] == ["dataset, agreed, revision 1"]


def test_a_permission_in_one_layer_never_repairs_its_lack_in_another() -> None:
    community = layer(Body(purposes=("archiving",), organisations=("public",)), level=COMMUNITY)

    assert "purpose-not-permitted" in codes(replace(FACTS, layers=(*FACTS.layers, community)))
    assert codes(replace(FACTS, layers=FACTS.layers[1:])) == ["policy-missing"]
    assert codes(replace(FACTS, layers=())) == ["policy-missing", "policy-missing"]


def test_small_numbers_are_not_told() -> None:
    few = decide(REQUEST, replace(FACTS, consents=ConsentFact(3, withdrawn=9))).reasons[0]
    many = decide(REQUEST, replace(FACTS, consents=ConsentFact(3, withdrawn=10))).reasons[0]

    assert few.to_json()["count"] is None
    assert "9" not in few.sentence and few.sentence.startswith("Some")
    assert many.to_json()["count"] == 10


def test_a_yes_ends_with_whatever_ends_first() -> None:
    soon = NOW + timedelta(minutes=4)

    assert decide(REQUEST, replace(FACTS, consents=ConsentFact(1, next_expiry=soon))).valid_until == soon
    assert decide(REQUEST, replace(FACTS, agreement=replace(AGREEMENT, ends_at=soon))).valid_until == soon


def test_a_deadline_to_come_ends_a_yes_but_does_not_stop_it() -> None:
    soon = NOW + timedelta(minutes=4)
    facts = replace(FACTS, violations=(ViolationFact("receipt-overdue", soon),))

    assert decide(REQUEST, facts).valid_until == soon
    assert codes(facts, replace(REQUEST, at=soon)) == ["duty-violated"]


def test_the_communitys_yes_repairs_no_persons_no_nor_the_other_way_round() -> None:
    given, refused = CollectiveFact(True, "given"), CollectiveFact(True, "refused")

    assert decide(REQUEST, replace(FACTS, collective=given)).is_permitted
    assert codes(replace(FACTS, collective=given, consents=ConsentFact(11, refused=1))) == ["consent-refused"]
    assert codes(replace(FACTS, collective=refused)) == ["collective-refused"]


def with_duo(*terms: DuoTerm) -> Facts:
    body = replace(OPEN, purposes=("use",), duo=terms)
    target = replace(FACTS.target, purposes=())
    health = replace(AGREEMENT, purpose="health-research")
    return replace(FACTS, target=target, layers=(layer(OPEN, AGREED, revision=1), layer(body)), agreement=health)


HEALTH = replace(REQUEST, purpose="health-research")


def test_a_duo_permission_covers_what_it_covers_and_nothing_else() -> None:
    assert decide(HEALTH, with_duo(DuoTerm("HMB"))).is_permitted
    assert codes(with_duo(DuoTerm("POA")), HEALTH) == ["duo-not-permitted"]
    assert codes(with_duo(DuoTerm("DS", ("DOID_162",))), HEALTH) == ["duo-not-permitted"]
    asked = replace(HEALTH, duo=(DuoTerm("DS", ("DOID_162",)),))
    assert decide(asked, with_duo(DuoTerm("DS", ("DOID_162",)))).is_permitted


@pytest.mark.parametrize("code", ["RS", "GSO", "CC"])
def test_what_no_machine_can_judge_is_a_no_until_people_have_looked(code: str) -> None:
    facts = with_duo(DuoTerm("HMB"), DuoTerm(code))

    outcome = decide(HEALTH, facts)

    assert [b.code for b in outcome.reasons] == ["needs-human-review"]
    assert outcome.is_reviewable
    assert outcome.gate == "duo"
    assert decide(HEALTH, replace(facts, agreement=replace(facts.agreement, reviewed=(code,)))).is_permitted


def test_who_asks_is_compared_with_what_duo_restricts() -> None:
    here, nobody = with_duo(DuoTerm("HMB"), DuoTerm("GS", ("NZ",))), with_duo(DuoTerm("HMB"), DuoTerm("NPU"))
    at_home = replace(here, party=PartyFact("party:1", "non-profit", place="NZ"))
    abroad = replace(here, party=PartyFact("party:1", "non-profit", place="US"))

    assert decide(HEALTH, at_home).is_permitted
    assert codes(abroad, HEALTH) == ["duo-not-permitted"]
    assert codes(here, HEALTH) == ["needs-human-review"]
    assert "duo-not-permitted" in codes(replace(nobody, party=PartyFact("party:1", "for-profit")), HEALTH)


def test_rules_without_duo_have_the_digest_they_always_had() -> None:
    assert "duo" not in OPEN.to_json()
    said = replace(OPEN, duo=(DuoTerm("DS", ("b", "a")), DuoTerm("CC")))
    assert Body.from_json(said.to_json()).digest == said.digest != OPEN.digest


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ((DuoTerm("GRU"), DuoTerm("CC")), []),
        ((DuoTerm("CC"),), ["duo-permission-unclear"]),
        ((DuoTerm("GRU"), DuoTerm("HMB")), ["duo-permission-unclear"]),
        ((DuoTerm("GRU"), DuoTerm("XYZ")), ["duo-unknown"]),
    ],
)
def test_duo_terms_are_checked_when_rules_are_saved(terms: tuple[DuoTerm, ...], expected: list[str]) -> None:
    assert [reason.code for reason in validate(replace(OPEN, duo=terms))] == expected


def test_a_no_that_a_desk_can_answer_says_so() -> None:
    unsigned = replace(FACTS, agreement=replace(AGREEMENT, is_signed_by_both=False))

    assert decide(REQUEST, unsigned).to_json()["reviewable"] is True
    assert decide(REQUEST, replace(unsigned, consents=ConsentFact(1, withdrawn=1))).to_json()["reviewable"] is False
    assert decide(REQUEST, FACTS).to_json()["reviewable"] is False


def test_the_last_day_of_a_policy_counts_and_the_next_does_not() -> None:
    until = replace(OPEN, expires_on=date(2026, 11, 21))
    facts = replace(FACTS, layers=(layer(until, AGREED), layer(until)))
    tomorrow = replace(REQUEST, at=NOW + timedelta(days=1))

    assert decide(REQUEST, facts).is_permitted
    assert codes(facts, tomorrow) == ["policy-expired", "policy-expired"]


def test_an_agreement_longer_than_the_rules_allow_is_refused() -> None:
    three_months = replace(OPEN, terms=(Term("agreement-months", 3),))
    facts = replace(FACTS, layers=(layer(three_months, AGREED), layer(three_months)))
    long = replace(AGREEMENT, ends_at=NOW + timedelta(days=200))

    assert decide(REQUEST, replace(facts, agreement=replace(AGREEMENT, ends_at=NOW + timedelta(days=80)))).is_permitted
    assert codes(replace(facts, agreement=long)) == ["agreement-too-long", "agreement-too-long"]


def test_duties_come_with_a_yes() -> None:
    named = replace(OPEN, terms=(Term("attribution", "Stories"), Term("withdrawal-list", 7)))

    duties = decide(REQUEST, replace(FACTS, layers=(layer(named, AGREED, revision=1), layer(named)))).duties

    assert {duty.action for duty in duties} == {"odrl:attribute", "urn:wellhouse:duty:check-withdrawals"}
    assert all(duty.phase == "ongoing" for duty in duties)


def test_a_communitys_own_purpose_is_understood() -> None:
    ours = Purpose("song-books", ("teaching",), "song books")
    agreement = replace(AGREEMENT, purpose="song-books")
    request = replace(REQUEST, purpose="song-books")

    assert decide(request, replace(FACTS, leaves=(ours,), agreement=agreement)).is_permitted
    assert "purpose-unknown" in codes(replace(FACTS, agreement=agreement), request)


@pytest.mark.parametrize(
    ("end", "months"),
    [
        (datetime(2027, 1, 31, tzinfo=UTC), 0),
        (datetime(2027, 2, 1, tzinfo=UTC), 1),
        (datetime(2027, 2, 28, tzinfo=UTC), 1),
        (datetime(2028, 1, 31, tzinfo=UTC), 12),
        (datetime(2028, 1, 31, 1, tzinfo=UTC), 13),
    ],
)
def test_months_are_counted_up(end: datetime, months: int) -> None:
    assert months_between(datetime(2027, 1, 31, tzinfo=UTC), end) == months


# -- the law -----------------------------------------------------------------------------------------------------------

CODES = st.sampled_from(tuple(STANDARD.terms))
KINDS = st.sampled_from(tuple(profile.ORGANISATIONS))
BODIES = st.builds(
    Body,
    purposes=st.lists(CODES, max_size=4, unique=True).map(tuple),
    organisations=st.lists(KINDS, max_size=4, unique=True).map(tuple),
    commercial=st.booleans(),
    prohibited=st.lists(CODES, max_size=3, unique=True).map(tuple),
    expires_on=st.none() | st.dates(date(2026, 11, 1), date(2027, 1, 1)),
    terms=st.sampled_from([(), (Term("agreement-months", 1),), (Term("no-redistribution"),)]),
)
FEW = st.integers(0, 2)
CONSENTS = st.none() | st.builds(ConsentFact, FEW, FEW, FEW, FEW, FEW)
WORLDS = st.builds(
    lambda agreed, in_force, consents, kind, agreement_purpose, ended: replace(
        FACTS,
        party=PartyFact("party:1", kind),
        target=replace(FACTS.target, purposes=()),
        consents=consents,
        layers=(layer(agreed, AGREED, revision=1), layer(in_force)),
        agreement=replace(AGREEMENT, purpose=agreement_purpose, commercial=True, ended_at=NOW if ended else None),
    ),
    agreed=BODIES,
    in_force=BODIES,
    consents=st.just(ConsentFact(valid=3)) | CONSENTS,
    kind=KINDS,
    agreement_purpose=CODES,
    ended=st.sampled_from([False, False, False, True]),
)
REQUESTS = st.builds(
    lambda purpose, commercial: replace(REQUEST, purpose=purpose, commercial=commercial),
    purpose=st.sampled_from(STANDARD.leaves),
    commercial=st.booleans(),
)


def _with_prohibition(facts: Facts, at: int, code: str) -> Facts:
    layers = list(facts.layers)
    body = layers[at].body
    layers[at] = replace(layers[at], body=replace(body, prohibited=(*body.prohibited, code)))
    return replace(facts, layers=tuple(layers))


def _with_term(facts: Facts, at: int, *, duo: str = "", term: Term | None = None) -> Facts:
    layers = list(facts.layers)
    body = layers[at].body
    if duo:
        body = replace(body, duo=(*(body.duo or (DuoTerm("NRES"),)), DuoTerm(duo)))
    if term and term.code not in {t.code for t in body.terms}:
        body = replace(body, terms=(*body.terms, term))
    layers[at] = replace(layers[at], body=body)
    return replace(facts, layers=tuple(layers))


def _with_contributor(facts: Facts, state: str) -> Facts:
    consents = facts.consents
    if consents is None:
        return facts
    return replace(facts, consents=replace(consents, **{state: getattr(consents, state) + 1}))


EDITS = st.one_of(
    st.builds(
        lambda body, level: lambda f: replace(f, layers=(*f.layers, layer(body, level=level))),
        BODIES,
        st.sampled_from([DATASET, COMMUNITY]),
    ),
    st.builds(lambda at, code: lambda f: _with_prohibition(f, at, code), st.integers(0, 1), CODES),
    st.builds(
        lambda state: lambda f: _with_contributor(f, state),
        st.sampled_from(["refused", "withdrawn", "expired", "unknown"]),
    ),
    st.builds(
        lambda code: lambda f: replace(f, holds=(*f.holds, HoldFact(code))),
        st.sampled_from(["on-hold", "takedown-open", "version-withdrawn", "never-heard-of"]),
    ),
    st.builds(lambda: lambda f: replace(f, agreement=replace(f.agreement, ended_at=NOW))),
    st.builds(lambda: lambda f: replace(f, violations=(*f.violations, ViolationFact("receipt-overdue", NOW)))),
    st.builds(
        lambda at, code: lambda f: _with_term(f, at, duo=code),
        st.integers(0, 1),
        st.sampled_from(["RS", "GSO", "CC", "NPU", "NCU", "NPUNCU", "NPOA", "GS", "US", "IS", "PS", "nobody-knows"]),
    ),
    st.builds(
        lambda at, code: lambda f: _with_term(f, at, term=code),
        st.integers(0, 1),
        st.sampled_from(
            [Term(c) for c in ("ethics-approval", "collaboration", "no-voice-cloning", "non-commercial")]
            + [Term(c, "nowhere") for c in ("place-of-processing", "user-specific", "project-specific")]
            + [Term("community-use-only"), Term("time-limit", 1)]
        ),
    ),
    st.builds(lambda: lambda f: replace(f, agreement=replace(f.agreement, suspended_because="keeper"))),
    st.builds(lambda: lambda f: replace(f, agreement=replace(f.agreement, is_signed_by_both=False))),
    st.builds(
        lambda state: lambda f: replace(f, collective=CollectiveFact(True, state)),
        st.sampled_from(["refused", "missing"]),
    ),
)


@settings(max_examples=400, deadline=None)
@given(WORLDS, REQUESTS, st.lists(EDITS, min_size=1, max_size=3))
def test_no_addition_ever_turns_a_no_into_a_yes(facts: Facts, request_: Request, edits: list) -> None:  # type: ignore[type-arg]
    before = decide(request_, facts)
    edited = facts
    for edit in edits:
        edited = edit(edited)

    after = decide(request_, edited)

    assert before.is_permitted or not after.is_permitted
    assert {b.code for b in before.reasons} <= {b.code for b in after.reasons} | {"agreement-expired"}


def test_the_law_is_not_true_of_everything() -> None:
    """Guards the test above: among its worlds there are both answers, and a removal can widen."""
    refused = replace(FACTS, layers=(layer(replace(OPEN, prohibited=("teaching",)), AGREED), layer(OPEN)))

    assert not decide(REQUEST, refused).is_permitted
    assert decide(REQUEST, FACTS).is_permitted


@settings(max_examples=100, deadline=None)
@given(WORLDS, REQUESTS)
def test_a_stored_snapshot_gives_the_same_answer(facts: Facts, request_: Request) -> None:
    stored = json.loads(json.dumps(snapshot(request_, facts)))

    request_again, facts_again = from_snapshot(stored)

    assert decide(request_again, facts_again).to_json() == decide(request_, facts).to_json()
    assert facts_again.hash == facts.hash


STORED = json.loads((Path(__file__).parent / "stored" / "engine_1.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("stored", STORED, ids=lambda stored: stored["name"])
def test_what_the_first_engine_decided_is_decided_the_same_way_today(stored: dict) -> None:  # type: ignore[type-arg]
    request, facts = from_snapshot(stored["snapshot"])

    again = json.loads(json.dumps(decide(request, facts).to_json()))

    assert facts.hash == stored["snapshot_hash"]
    assert {name: again[name] for name in ("outcome", "reasons", "valid_until")} == {
        name: stored["answer"][name] for name in ("outcome", "reasons", "valid_until")
    }


def test_a_snapshot_with_a_fact_that_nobody_knows_is_not_judged() -> None:
    stored = snapshot(REQUEST, FACTS)

    with pytest.raises(ValueError, match="mood"):
        from_snapshot({**stored, "facts": {**stored["facts"], "mood": "good"}})
