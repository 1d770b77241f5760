"""Consent: unknown is no, the newest answer counts, a no reaches up and down, and nothing that was said is lost."""

import hashlib
import itertools
from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from governance import consents
from governance.kernel.errors import Invalid, Missing, NotAllowed
from governance.models import ConsentEvent, ConsentReceipt, Contributor, Dataset, Event, Person
from tests.factories import give_consent, make_contributor, make_dataset, make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def teller(dataset: Dataset) -> Contributor:
    return make_contributor(dataset.community, "Ilse")


@pytest.fixture
def steward(dataset: Dataset) -> Person:
    return make_person(dataset.community, "steward")


def may(dataset: Dataset, *purposes: str, at: datetime | None = None) -> list[str]:
    return sorted(consents.valid_contributors(dataset, purposes, at).values_list("name", flat=True))


def codes(refusal: pytest.ExceptionInfo[Invalid]) -> set[str]:
    return {reason.code for reason in refusal.value.reasons}


def test_who_was_never_asked_has_not_agreed(dataset: Dataset, teller: Contributor) -> None:
    assert may(dataset, "teaching") == []


@pytest.mark.parametrize("status", [s.value for s in ConsentEvent.Status])
def test_only_given_and_renewed_are_a_yes(dataset: Dataset, teller: Contributor, status: str) -> None:
    give_consent(teller, "teaching", status=status)

    assert may(dataset, "teaching") == (["Ilse"] if status in {"ConsentGiven", "RenewedConsentGiven"} else [])


def test_a_yes_covers_what_is_narrower_and_nothing_broader_or_beside_it(dataset: Dataset, teller: Contributor) -> None:
    give_consent(teller, "research")

    assert may(dataset, "language-research") == ["Ilse"]
    assert may(dataset, "use") == may(dataset, "teaching") == []


def test_a_no_stops_what_is_narrower_and_what_is_broader(dataset: Dataset, teller: Contributor) -> None:
    give_consent(teller, "use")
    give_consent(teller, "health-research", status="ConsentRefused")

    assert may(dataset, "teaching") == ["Ilse"]
    assert may(dataset, "health-research") == may(dataset, "research") == may(dataset, "use") == []


def test_the_newest_answer_counts(dataset: Dataset, teller: Contributor) -> None:
    for status, expected in (("ConsentGiven", ["Ilse"]), ("ConsentWithdrawn", []), ("RenewedConsentGiven", ["Ilse"])):
        give_consent(teller, "teaching", status=status)
        assert may(dataset, "teaching") == expected


def test_somebody_who_was_asked_again_and_has_not_answered_has_not_agreed_to_that(
    dataset: Dataset, teller: Contributor
) -> None:
    give_consent(teller, "use")
    give_consent(teller, "teaching", status="ConsentRequested")

    assert may(dataset, "teaching") == []
    assert may(dataset, "archiving") == ["Ilse"]


def test_a_yes_ends_by_the_clock_alone(dataset: Dataset, teller: Contributor) -> None:
    end = timezone.now() + timedelta(days=1)
    give_consent(teller, "teaching", expires_at=end)

    assert may(dataset, "teaching", at=end - timedelta(seconds=1)) == ["Ilse"]
    assert may(dataset, "teaching", at=end) == []


def test_every_purpose_must_be_agreed_to_and_no_purpose_is_nobody(dataset: Dataset, teller: Contributor) -> None:
    give_consent(teller, "teaching", "research")

    assert may(dataset, "teaching", "research") == ["Ilse"]
    assert may(dataset, "teaching", "archiving") == may(dataset) == may(dataset, "no-such-purpose") == []


def test_people_of_another_community_are_never_among_them(dataset: Dataset) -> None:
    give_consent(make_contributor(make_dataset().community), "use")

    assert may(dataset, "teaching") == []


def test_the_rule_for_one_person_and_the_rule_in_the_database_are_the_same_rule(dataset: Dataset) -> None:
    now = timezone.now()
    statuses = ("ConsentGiven", "ConsentRefused", "ConsentRequested", "ConsentWithdrawn", "ConsentExpired")
    purposes = ("use", "research", "health-research")
    people = []
    for number, said in enumerate(itertools.product((None, *statuses), repeat=3)):
        one = make_contributor(dataset.community, f"p{number}")
        events = [
            ConsentEvent(contributor=one, purpose=p, status=s, method="paper")
            for p, s in zip(purposes, said, strict=True)
            if s
        ]
        ConsentEvent.objects.bulk_create(events)
        people.append(one)
    answers = consents.answers_of([one.pk for one in people], timezone.now())

    for purpose in ("use", "research", "health-research", "language-research", "teaching"):
        by_database = set(may(dataset, purpose))
        by_rule = {one.name for one in people if consents.state_of(answers.get(one.pk, ()), purpose, now)[0] == "valid"}
        assert by_database == by_rule
        assert consents.snapshot([one.pk for one in people], purpose).valid == len(by_rule)


def test_one_more_no_never_turns_a_no_into_a_yes(dataset: Dataset, teller: Contributor) -> None:
    give_consent(teller, "use", "teaching")
    uses = ("teaching", "research", "health-research", "speech-recognition", "use")
    for purpose in uses:
        before = {use for use in uses if may(dataset, use)}
        give_consent(teller, purpose, status="ConsentRefused")
        assert {use for use in uses if may(dataset, use)} <= before


def test_a_snapshot_counts_people_and_knows_when_the_first_yes_ends(dataset: Dataset) -> None:
    now = timezone.now()
    yes, late, no, back, gone, asked = (make_contributor(dataset.community) for _ in range(6))
    give_consent(yes, "teaching", expires_at=now + timedelta(days=9))
    give_consent(late, "use", expires_at=now + timedelta(days=2))
    give_consent(no, "teaching", status="ConsentRefused")
    give_consent(back, "teaching", status="ConsentWithdrawn")
    give_consent(gone, "teaching", expires_at=now - timedelta(days=1))
    give_consent(asked, "teaching", status="ConsentRequested")

    facts = consents.snapshot(
        [one.pk for one in (yes, late, no, back, gone, asked)] + [None], "teaching", timezone.now()
    )

    assert facts.counts == {"valid": 2, "refused": 1, "withdrawn": 1, "expired": 1, "unknown": 2}
    assert facts.next_expiry == now + timedelta(days=2)


def test_the_hash_of_a_snapshot_changes_with_an_answer_and_with_the_clock_and_not_otherwise(
    dataset: Dataset, teller: Contributor
) -> None:
    now = timezone.now()
    give_consent(teller, "teaching", expires_at=now + timedelta(days=1))
    at = timezone.now()
    first = consents.snapshot([teller.pk], "teaching", at)

    assert consents.snapshot([teller.pk], "teaching", at + timedelta(minutes=1)).hash == first.hash
    assert consents.snapshot([teller.pk], "teaching", at + timedelta(days=2)).hash != first.hash
    assert consents.snapshot([teller.pk, None], "teaching", at).hash != first.hash
    give_consent(teller, "speech-synthesis", status="ConsentRefused")
    assert consents.snapshot([teller.pk], "teaching", timezone.now()).hash == first.hash
    give_consent(teller, "use", status="ConsentRefused")
    assert consents.snapshot([teller.pk], "teaching", timezone.now()).hash != first.hash


def test_a_snapshot_of_many_people_asks_once_for_five_hundred(
    dataset: Dataset, django_assert_num_queries: "object"
) -> None:
    people = Contributor.objects.bulk_create(Contributor(community=dataset.community, name=f"p{n}") for n in range(600))

    with django_assert_num_queries(2):  # type: ignore[operator]  # pytest-django's fixture
        consents.snapshot([one.pk for one in people], "teaching")


def test_an_answer_is_written_down_with_its_circumstances_and_no_name_in_the_log(
    dataset: Dataset, teller: Contributor, steward: Person
) -> None:
    notice = consents.publish_notice(dataset.community, language="qaa", text="We keep your words.", by=steward)

    events = consents.record(
        teller,
        answers={"teaching": "ConsentGiven", "speech-synthesis": "ConsentRefused"},
        by=steward,
        method="spoken",
        witness="Jory",
        notice=notice,
        language="qaa",
        evidence=b"the recording",
    )

    logged = Event.objects.get(verb="consent.record").body
    assert [(one.purpose, one.status) for one in events] == [
        ("teaching", "ConsentGiven"),
        ("speech-synthesis", "ConsentRefused"),
    ]
    assert notice.sha256 == hashlib.sha256(b"We keep your words.").hexdigest()
    assert (
        events[0].evidence_hash
        and "Ilse" not in logged
        and "Jory" not in logged
        and teller.ref in logged
        and teller.public_id not in logged
    )


def test_all_that_is_wrong_with_an_answer_is_said_at_once(teller: Contributor, steward: Person) -> None:
    now = timezone.now()

    with pytest.raises(Invalid) as refusal:
        consents.record(
            teller,
            answers={"flying": "ConsentGiven", "teaching": "Perhaps"},
            by=steward,
            method="phone",
            at=now + timedelta(days=1),
            expires_at=now,
        )

    assert codes(refusal) == {
        "unknown-purpose",
        "unknown-status",
        "consent-in-future",
        "ends-before-it-begins",
        "witness-missing",
    }
    assert not ConsentEvent.objects.exists()


def test_who_records_a_consent_cannot_be_its_witness(teller: Contributor, steward: Person) -> None:
    with pytest.raises(Invalid) as refusal:
        consents.record(
            teller,
            answers={"teaching": "ConsentGiven"},
            by=steward,
            method="phone",
            witness=steward.display_name.upper(),
        )

    assert codes(refusal) == {"witness-is-recorder"}


def test_a_late_sheet_of_paper_cannot_undo_a_newer_no_but_a_no_can_always_be_recorded(
    teller: Contributor, steward: Person
) -> None:
    week_ago = timezone.now() - timedelta(days=7)
    give_consent(teller, "teaching", status="ConsentWithdrawn")

    with pytest.raises(Invalid) as refusal:
        consents.record(teller, answers={"teaching": "ConsentGiven"}, by=steward, method="paper", at=week_ago)
    consents.record(teller, answers={"teaching": "ConsentRefused"}, by=steward, method="paper", at=week_ago)

    assert codes(refusal) == {"newer-answer"}


def test_a_member_answers_for_their_own_words_only(dataset: Dataset, teller: Contributor) -> None:
    member = make_person(dataset.community, "contributor")
    own = make_contributor(dataset.community, "me", person=member)

    consents.record(own, answers={"teaching": "ConsentGiven"}, by=member, method="self")
    for who, method in ((teller, "self"), (own, "paper")):
        with pytest.raises(NotAllowed):
            consents.record(who, answers={"teaching": "ConsentGiven"}, by=member, method=method)


def test_a_stranger_learns_nothing_not_even_that_the_person_exists(teller: Contributor) -> None:
    with pytest.raises(Missing):
        consents.record(teller, answers={"teaching": "ConsentGiven"}, by=make_person(), method="paper")


def test_a_receipt_is_shown_once_and_found_however_it_is_typed(teller: Contributor, steward: Person) -> None:
    code = consents.issue_receipt(teller, by=steward)

    assert consents.contributor_of_receipt(f" {code.lower().replace('-', ' ')} ") == teller
    assert code not in str(list(ConsentReceipt.objects.values()))
    with pytest.raises(Missing):
        consents.contributor_of_receipt("0000-0000-0000-0000")
    ConsentReceipt.objects.update(revoked_at=timezone.now())
    with pytest.raises(Missing):
        consents.contributor_of_receipt(code)
