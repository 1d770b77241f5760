"""Decisions: kept whole, signed, and replayed to the same answer."""

import base64
import json
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.utils import timezone

from governance import agreements, consents, decisions, holds, log, policies, signing
from governance.decisions import VersionFacts
from governance.kernel.digests import canonical
from governance.kernel.digests import digest as digest_of
from governance.models import Agreement, Contributor, Dataset, Decision, Person
from governance.odrl.policy import Body
from tests.factories import give_consent, make_agreement, make_contributor, make_dataset, make_person

pytestmark = pytest.mark.django_db
RULES = Body(purposes=("teaching",), organisations=("non-profit",))
SUBJECT = ("version", "f" * 32, "a" * 64)


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def steward(dataset: Dataset) -> Person:
    return make_person(dataset.community, "steward")


@pytest.fixture
def teller(dataset: Dataset) -> Contributor:
    teller = make_contributor(dataset.community)
    give_consent(teller, "teaching")
    return teller


@pytest.fixture
def agreement(dataset: Dataset, steward: Person) -> Agreement:
    policies.revise(dataset, body=RULES, by=steward)
    return make_agreement(dataset, steward)


def pull(agreement: Agreement, *tellers: Contributor, **changes: object) -> Decision:
    now = timezone.now()
    consent = consents.snapshot([teller.pk for teller in tellers], agreement.purpose, now)
    version = {"number": 1, "status": "published", "purposes": ("teaching",), "consents": consent} | changes
    kind, public_id, digest = SUBJECT
    facts = decisions.facts_for(
        agreement,
        version_facts=VersionFacts(kind=kind, public_id=public_id, digest=digest, dataset=agreement.dataset, **version),
        at=now,
    )
    decision = decisions.decide(agreement=agreement, subject=SUBJECT, facts=facts, at=now)
    assert decision.snapshot_hash == facts.hash
    return decision


def codes(decision: Decision) -> list[str]:
    return [reason["code"] for reason in decision.reasons]


def replay(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object]]:
    try:
        call_command("replay", *arguments, "--format", "json")
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    return code, json.loads(capsys.readouterr().out)


def test_a_pull_that_everything_allows_is_permitted_for_a_quarter_of_an_hour(
    agreement: Agreement, teller: Contributor
) -> None:
    decision = pull(agreement, teller)

    assert (decision.outcome, decision.reasons) == ("permit", [])
    assert decision.valid_until - decision.at == timedelta(minutes=15)
    assert decisions.is_signed(decision)


def test_a_withdrawn_or_unknown_contributor_stops_it(agreement: Agreement, teller: Contributor) -> None:
    stranger = make_contributor(agreement.community)
    give_consent(teller, "teaching", status="ConsentWithdrawn")

    assert codes(pull(agreement, teller, stranger)) == ["consent-withdrawn", "consent-unknown"]


def test_rules_that_tightened_bite_and_rules_that_widened_do_not(
    agreement: Agreement, teller: Contributor, steward: Person
) -> None:
    policies.revise(agreement.dataset, body=Body(), by=steward)
    tightened = pull(agreement, teller)
    policies.revise(agreement.dataset, body=RULES, by=steward)
    again = pull(agreement, teller)

    assert codes(tightened) == ["not-permitted"]
    assert again.outcome == "permit"


def test_the_communitys_own_rules_are_judged_too(agreement: Agreement, teller: Contributor, steward: Person) -> None:
    own = Body(purposes=("archiving",), organisations=("non-profit",))
    policies.revise_community(agreement.community, body=own, by=steward)

    assert codes(pull(agreement, teller)) == ["purpose-not-permitted"]


def test_a_takedown_case_stops_the_version_until_it_is_lifted(
    agreement: Agreement, teller: Contributor, steward: Person
) -> None:
    hold = holds.place(
        community=agreement.community,
        subject_kind="version",
        subject_id=SUBJECT[1],
        kind="takedown",
        reason="case",
        by=steward,
    )
    stopped = pull(agreement, teller)
    holds.lift(hold, by=steward, origin_is_closed=True)

    assert codes(stopped) == ["takedown-open"]
    assert pull(agreement, teller).outcome == "permit"


def test_an_ended_agreement_stops_it(agreement: Agreement, teller: Contributor, steward: Person) -> None:
    agreements.end(agreement, by=steward)

    assert codes(pull(agreement, teller)) == ["agreement-ended"]


@pytest.mark.django_db(transaction=True)  # PostgreSQL seals only what has committed
def test_every_decision_has_its_line_and_its_proof_a_no_like_a_yes(agreement: Agreement, teller: Contributor) -> None:
    yes = pull(agreement, teller)
    give_consent(teller, "teaching", status="ConsentWithdrawn")
    no = pull(agreement, teller)

    assert (yes.event.verb, no.event.verb) == ("pull.permit", "pull.refuse")
    assert decisions.place_of(no) is None
    for decision in (yes, no):
        bundle = decisions.proof(decision)
        assert log.check_proof(bundle).ok
        assert json.loads(str(bundle["event"]))["details"]["digest"] == digest_of(bundle["decision"])
    told = decisions.public(no)
    assert told["log"] == {"leaf_index": decisions.proof(no)["leaf_index"], "checkpoint": told["log"]["checkpoint"]}
    assert told["log"]["checkpoint"] > told["log"]["leaf_index"]


def test_the_party_can_check_the_signature_with_the_public_document_alone(
    agreement: Agreement, teller: Contributor
) -> None:
    told = decisions.public(pull(agreement, teller))
    head, _none, tail = told.pop("signature")["jws"].split(".")
    told.pop("log")
    payload = base64.urlsafe_b64encode(canonical(told)).rstrip(b"=").decode()

    assert signing.read_jws(f"{head}.{payload}.{tail}", "decision+jwt", signing.public_keys()) == told


def test_what_the_first_engine_signed_is_still_checked(agreement: Agreement, teller: Contributor) -> None:
    decision = pull(agreement, teller)
    envelope = signing.sign(canonical(decisions._first_document(decision)), "application/vnd.wellhouse.decision+json")
    decision.signature = {"payloadType": envelope["payloadType"], "signatures": envelope["signatures"]}

    assert decisions.replay(decision) is None
    decision.snapshot["facts"]["consents"]["valid"] += 1
    assert not decisions.is_signed(decision)


def test_what_is_told_holds_no_fact_about_anybody(agreement: Agreement, teller: Contributor) -> None:
    told = decisions.public(pull(agreement, teller))

    assert "consents" not in json.dumps(told)
    assert teller.public_id not in json.dumps(told)
    assert told["policy_versions"][0]["standing"] == "agreed"


def test_every_decision_replays_to_the_same_answer_whatever_changed_since(
    agreement: Agreement, teller: Contributor, steward: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    pull(agreement, teller)
    policies.revise(agreement.dataset, body=Body(), by=steward)
    give_consent(teller, "teaching", status="ConsentWithdrawn")
    pull(agreement, teller, held=3)
    agreements.end(agreement, by=steward)

    assert replay(capsys) == (0, {"replayed": 2, "differing": []})


@pytest.mark.parametrize(
    "tamper",
    [
        lambda d: Decision.objects.filter(pk=d.pk).update(outcome="permit", reasons=[]),
        lambda d: _change(d, ["facts", "consents", "withdrawn"], 0),
        lambda d: _change(d, ["answer", "outcome"], "permit"),
        lambda d: Decision.objects.filter(pk=d.pk).update(snapshot_hash="0" * 64),
        lambda d: Decision.objects.filter(pk=d.pk).update(signature=None),
        lambda d: Decision.objects.filter(pk=d.pk).update(snapshot={}),
    ],
)
def test_a_decision_that_was_tampered_with_is_named(
    agreement: Agreement, teller: Contributor, capsys: pytest.CaptureFixture[str], tamper: object
) -> None:
    give_consent(teller, "teaching", status="ConsentWithdrawn")
    decision = pull(agreement, teller)
    tamper(decision)

    code, found = replay(capsys, "--decision", decision.public_id)

    assert code == 1
    assert [one["decision"] for one in found["differing"]] == [decision.public_id]


def _change(decision: Decision, path: list[str], value: object) -> None:
    part = decision.snapshot
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    decision.save()


def test_an_unknown_decision_is_unusable_input(capsys: pytest.CaptureFixture[str]) -> None:
    code, found = replay(capsys, "--decision", "nobody")

    assert code == 2
    assert found["error"]["code"] == "decision-unknown"


def test_a_decision_signed_before_the_key_changed_is_still_checked(
    agreement: Agreement, teller: Contributor, settings: object, tmp_path: object
) -> None:
    decision = pull(agreement, teller)
    before = signing.current_keyid()

    settings.SIGNING_KEY_FILE = str(tmp_path / "next.pem")
    signing.ensure_key()

    assert signing.current_keyid() != before
    assert {before, signing.current_keyid()} <= set(signing.public_keys())
    assert decisions.is_signed(decision)
