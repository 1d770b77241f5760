"""Consent about one sample beside consent about all, renewed and revoked answers, and the evidence for them."""

import hashlib
import io
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from governance import consents, evidence, samples
from governance.kernel.errors import Invalid, Missing
from governance.models import (
    ConsentEvent,
    Contribution,
    Contributor,
    Dataset,
    Event,
    Evidence,
    GroupMembership,
    ProtocolGroup,
)
from tests.factories import add_samples, give_consent, make_contributor, make_dataset, make_person

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7 a signed page"


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def teller(dataset: Dataset) -> Contributor:
    return make_contributor(dataset.community)


def say(dataset: Dataset, who: Contributor, status: str, **fields: object) -> list[ConsentEvent]:
    return consents.record(who, answers={"teaching": status}, by=dataset.created_by, method="paper", **fields)  # type: ignore[arg-type]


def usable(dataset: Dataset) -> set[str]:
    return {one.text for one in samples.usable(dataset, ["teaching"])}


def test_a_no_about_one_sample_wins_over_a_yes_about_all_and_the_others_stay(
    dataset: Dataset, teller: Contributor
) -> None:
    one, _two = add_samples(dataset, ["one", "two"], contributor=teller)
    say(dataset, teller, "ConsentGiven")

    say(dataset, teller, "ConsentRefused", sample=one)

    assert usable(dataset) == {"two"}
    say(dataset, teller, "RenewedConsentGiven")
    assert usable(dataset) == {"two"}


def test_a_yes_about_one_sample_opens_that_one_alone_and_never_against_a_general_no(
    dataset: Dataset, teller: Contributor
) -> None:
    one, _two = add_samples(dataset, ["one", "two"], contributor=teller)

    say(dataset, teller, "ConsentGiven", sample=one)

    assert usable(dataset) == {"one"}
    say(dataset, teller, "ConsentRefused")
    assert usable(dataset) == set()


def test_a_further_voice_can_say_yes_for_one_sample_alone(dataset: Dataset, teller: Contributor) -> None:
    one, two = add_samples(dataset, ["one", "two"], contributor=teller)
    other = make_contributor(dataset.community)
    for sample in (one, two):
        Contribution.objects.create(sample=sample, contributor=other)
    say(dataset, teller, "ConsentGiven")

    say(dataset, other, "ConsentGiven", sample=two)

    assert usable(dataset) == {"two"}


def test_what_somebody_says_about_a_whole_is_the_worst_of_what_they_say_about_its_parts(
    dataset: Dataset, teller: Contributor
) -> None:
    one, two = add_samples(dataset, ["one", "two"], contributor=teller)
    say(dataset, teller, "ConsentGiven")
    say(dataset, teller, "ConsentWithdrawn", sample=two)

    def told(*held: int) -> dict[str, int]:
        facts = consents.snapshot(
            [teller.pk], "teaching", pieces={teller.pk: len(held)}, inside=lambda ids: set(ids) & set(held)
        )
        return {state: n for state, n in facts.counts.items() if n}

    assert told(one.pk) == {"valid": 1}
    assert told(one.pk, two.pk) == {"withdrawn": 1}


@pytest.mark.parametrize("status", [s for s in ConsentEvent.Status.values if s not in ConsentEvent.VALID])
def test_only_given_and_renewed_are_a_yes(dataset: Dataset, teller: Contributor, status: str) -> None:
    add_samples(dataset, ["one"], contributor=teller)
    give_consent(teller, "teaching", status=status)

    assert usable(dataset) == set()


def test_a_yes_ends_by_the_clock_and_is_renewed(dataset: Dataset, teller: Contributor) -> None:
    add_samples(dataset, ["one"], contributor=teller)
    now = timezone.now()
    say(dataset, teller, "ConsentGiven", at=now - timedelta(days=9), expires_at=now - timedelta(days=1))
    assert usable(dataset) == set()

    again = consents.yes_again(teller, {"teaching": "ConsentGiven", "archiving": "ConsentGiven"})

    assert again == {"teaching": "RenewedConsentGiven", "archiving": "ConsentGiven"}
    consents.record(teller, answers=again, by=dataset.created_by, method="paper")
    assert usable(dataset) == {"one"}


def test_withdrawn_is_what_they_say_and_revoked_what_somebody_else_decides(
    dataset: Dataset, teller: Contributor
) -> None:
    person = make_person(dataset.community)
    teller.person = person
    teller.save()

    with pytest.raises(Invalid) as refused:
        consents.record(teller, answers={"teaching": "ConsentRevoked"}, by=person, method="self")

    assert refused.value.code == "revoked-by-themselves"
    assert say(dataset, teller, "ConsentRevoked")[0].status == "ConsentRevoked"


def test_an_answer_about_a_sample_needs_a_voice_in_it(dataset: Dataset, teller: Contributor) -> None:
    (sample,) = add_samples(dataset, ["one"], contributor=teller)

    with pytest.raises(Invalid) as refused:
        say(dataset, make_contributor(dataset.community), "ConsentGiven", sample=sample)

    assert refused.value.code == "sample-not-theirs"


def test_evidence_is_kept_by_hash_and_the_log_holds_only_its_salted_hash(dataset: Dataset, teller: Contributor) -> None:
    kept = evidence.keep(teller, kind="paper", file=io.BytesIO(PDF), by=dataset.created_by)
    (said,) = say(dataset, teller, "ConsentGiven", proof=kept)

    log = " ".join(Event.objects.values_list("body", flat=True))
    assert kept.stored_as == hashlib.sha256(PDF).hexdigest() and kept.stored_as not in log and kept.salt not in log
    assert said.evidence_hash == hashlib.sha256(bytes.fromhex(kept.salt) + PDF).hexdigest()
    assert said.evidence_hash in log
    assert evidence.open_for(kept, dataset.created_by).read_bytes() == PDF
    with pytest.raises(Missing):
        evidence.open_for(kept, make_person(dataset.community))


def test_an_access_group_narrows_who_opens_the_evidence(dataset: Dataset, teller: Contributor) -> None:
    group = ProtocolGroup.objects.create(community=dataset.community, name="the table")
    keeper, other = dataset.created_by, make_person(dataset.community, "keeper")
    GroupMembership.objects.create(group=group, person=keeper)

    kept = evidence.keep(teller, kind="signature", file=io.BytesIO(PDF), by=keeper, access_group=group)

    assert evidence.open_for(kept, keeper)
    with pytest.raises(Missing):
        evidence.open_for(kept, other)


def test_what_is_no_recording_picture_or_page_is_no_evidence(dataset: Dataset, teller: Contributor) -> None:
    with pytest.raises(Invalid) as refused:
        evidence.keep(teller, kind="paper", file=io.BytesIO(b"<svg onload=alert(1)>"), by=dataset.created_by)
    assert refused.value.code == "evidence-kind"


@pytest.mark.parametrize("change", ["UPDATE {t} SET id = id", "DELETE FROM {t}"])
@pytest.mark.parametrize("table", ["governance_consentevent", "governance_evidence", "governance_consentnotice"])
def test_the_database_itself_refuses_to_change_what_was_said(
    dataset: Dataset, teller: Contributor, table: str, change: str
) -> None:
    kept = evidence.keep(teller, kind="paper", file=io.BytesIO(PDF), by=dataset.created_by)
    say(dataset, teller, "ConsentGiven", proof=kept)
    consents.publish_notice(dataset.community, language="en", text="We ask you.", by=dataset.created_by)

    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change.format(t=table))

    assert Evidence.objects.count() == ConsentEvent.objects.count() == 1
