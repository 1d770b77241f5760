"""Consent records: what fits, what is missing, and that a record taken in elsewhere says the same."""

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from governance import consent_exchange, consent_records, consents
from governance.kernel.errors import Invalid
from governance.models import ConsentEvent, Contributor
from governance.odrl.purposes import STANDARD
from tests.factories import add_samples, give_consent, make_community, make_contributor, make_dataset, make_keeper

SHAPE = Path(settings.SUITES) / "shapes" / "consent_receipt.json"
pytestmark = pytest.mark.django_db


@pytest.fixture
def shape() -> dict:
    if not SHAPE.is_file():
        pytest.skip(f"SKIPPED: no validated consent record at {SHAPE}")
    return json.loads(SHAPE.read_text())


def spoken(contributor: Contributor) -> Contributor:
    """Somebody who gave, refused, took back, renewed and put off."""
    day = timezone.now() - timedelta(days=40)
    for n, (purpose, status) in enumerate(
        [
            ("teaching", "ConsentGiven"),
            ("teaching", "ConsentWithdrawn"),
            ("teaching", "RenewedConsentGiven"),
            ("language-tool", "ConsentGiven"),
            ("speech-synthesis", "ConsentRefused"),
            ("archiving", "ConsentRequestDeferred"),
        ]
    ):
        end = day + timedelta(days=100) if purpose == "teaching" and status != "ConsentWithdrawn" else None
        give_consent(contributor, purpose, status=status, at=day + timedelta(days=n), expires_at=end)
    return contributor


def told(contributor: Contributor) -> dict[str, tuple[str, datetime | None]]:
    now = timezone.now()
    answers = consents.answers_of([contributor.pk], now).get(contributor.pk, [])
    return {purpose: consents.state_of(answers, purpose, now) for purpose in STANDARD.terms}


def test_the_validated_shape_has_no_fault_and_says_what_it_says(shape: dict) -> None:
    first, second = consent_records.states(shape)

    assert consent_records.faults(shape, profile="dpv-27560:record-2") == []
    assert [said.status for said in first.history] == ["ConsentGiven", "ConsentWithdrawn"]
    assert first.history[0].until == datetime(2028, 11, 1, 8, 12, tzinfo=UTC)
    assert [said.status for said in second.history] == ["ConsentRefused"]
    assert consent_records.subject_of(shape) == "contributor:9d2c"


@pytest.mark.parametrize("key", sorted(consent_records.MUST))
def test_every_must_key_is_missed_on_every_leaf_that_lacks_it(shape: dict, key: str) -> None:
    outer = shape["dpv:hasProcess"][0]
    outer.pop(key, None)
    for leaf in outer["dpv:hasProcess"]:
        leaf.pop(key, None)

    found = [fault for fault in consent_records.faults(shape) if fault.path.endswith(key)]

    assert [fault.code for fault in found] == ["record-missing", "record-missing"]


def broken(shape: dict) -> list[tuple[dict, str]]:
    def changed(change) -> dict:
        one = copy.deepcopy(shape)
        change(one, one["dpv:hasProcess"][0])
        return one

    return [
        (changed(lambda d, p: d.update({"dpv:hasDataSubject": [d["dpv:hasDataSubject"]] * 2})), "record-subject"),
        (changed(lambda d, p: d.pop("dct:conformsTo")), "record-profile"),
        (changed(lambda d, p: d.pop("dpv:hasNotice")), "record-notice"),
        (changed(lambda d, p: d["dpv:hasEntity"].pop("org:hub")), "record-entity"),
        (
            changed(lambda d, p: d["dpv:hasEntity"]["community:example-valley"].pop("dpv:hasAddress")),
            "record-controller",
        ),
        (changed(lambda d, p: p.update({"dpv:hasConsentStatus": []})), "record-status-place"),
        (changed(lambda d, p: p["dpv:hasStorageCondition"].pop()), "record-storage"),
        (changed(lambda d, p: p["dpv:hasConsentControl"][0].pop("dpv:isExercisedAt")), "record-withdrawal"),
        (
            changed(lambda d, p: p["dpv:hasProcess"][0]["dpv:hasConsentStatus"][0].pop("dpv:hasDuration")),
            "record-duration",
        ),
        (
            changed(lambda d, p: p["dpv:hasProcess"][0]["dpv:hasConsentStatus"][1].pop("dpv:isIndicatedAtTime")),
            "record-time",
        ),
        (
            changed(lambda d, p: p["dpv:hasProcess"][0]["dpv:hasConsentStatus"][1].update({"@type": ["dpv:Yes"]})),
            "record-status",
        ),
    ]


def test_each_thing_that_is_wrong_is_named(shape: dict) -> None:
    for document, code in broken(shape):
        assert code in {fault.code for fault in consent_records.faults(document)}, code


def test_anything_but_a_record_is_refused_and_never_raises() -> None:
    for thing in (None, [], "x", 3, {"dpv:hasProcess": [1, [2]]}, {"dpv:hasProcess": {"dpv:hasProcess": "x"}}):
        assert consent_records.faults(thing)


def test_what_goes_out_fits_the_profile_and_names_one_person_by_pseudonym() -> None:
    contributor = spoken(make_contributor(make_community(contact="the harbour office"), name="Ada Quill"))

    record = consent_exchange.record_of(contributor)

    assert consent_records.faults(record, profile=settings.CONSENT_PROFILE) == []
    assert "Ada Quill" not in json.dumps(record)
    assert len(consent_records.states(record)) == 4


def test_the_profile_id_is_a_setting(settings) -> None:
    settings.CONSENT_PROFILE = "dpv-27560:record-3"

    record = consent_exchange.record_of(spoken(make_contributor(make_community())))

    assert record["dct:conformsTo"] == "dpv-27560:record-3"


def test_a_record_taken_in_elsewhere_gives_the_same_states_and_twice_gives_no_more() -> None:
    here = spoken(make_contributor(make_community()))
    elsewhere = make_community()
    keeper = make_keeper(elsewhere)
    there = make_contributor(elsewhere)
    record = json.loads(json.dumps(consent_exchange.record_of(here)))

    first = consent_exchange.take_in(there, record, by=keeper)
    second = consent_exchange.take_in(there, record, by=keeper)

    assert told(there) == told(here)
    assert (first.new, second.new, second.known) == (6, 0, 6)
    assert consent_records.states(consent_exchange.record_of(there)) == consent_records.states(record)


def test_an_older_yes_in_a_record_never_undoes_a_newer_no_here() -> None:
    community = make_community()
    here, keeper = make_contributor(community), make_keeper(community)
    give_consent(here, "teaching", at=timezone.now() - timedelta(days=9))
    record = consent_exchange.record_of(here)
    other = make_contributor(community)
    give_consent(other, "teaching", status="ConsentRefused", at=timezone.now() - timedelta(days=2))

    taken = consent_exchange.take_in(other, record, by=keeper)

    assert (taken.new, taken.older) == (0, 1)
    assert told(other)["teaching"][0] == "refused"


def test_a_record_that_does_not_fit_is_refused_with_every_fault_and_writes_nothing() -> None:
    community = make_community()
    record = consent_exchange.record_of(spoken(make_contributor(community)))
    record.pop("dct:created")
    record.pop("dpv:hasNotice")

    with pytest.raises(Invalid) as refused:
        consent_exchange.take_in(make_contributor(community), record, by=make_keeper(community))

    assert refused.value.code == "record-unfit" and len(refused.value.reasons) == 2


def test_an_answer_about_one_sample_keeps_its_sample_through_a_record() -> None:
    dataset = make_dataset()
    contributor = make_contributor(dataset.community)
    (sample,) = add_samples(dataset, ["one"], contributor=contributor)
    consents.record(
        contributor, answers={"teaching": "ConsentRefused"}, by=dataset.created_by, method="paper", sample=sample
    )

    record = consent_exchange.record_of(contributor)

    assert [process.sample for process in consent_records.states(record)] == [sample.uid]
    assert consent_exchange.take_in(contributor, record, by=dataset.created_by).known == 1
    assert ConsentEvent.objects.count() == 1
