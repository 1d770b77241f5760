"""Collective decisions: a yes or no of the community, beside each person's own and never instead of it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from governance import collective, samples, signing, votes
from governance.kernel.errors import Invalid
from governance.models import CollectiveDecision, Dataset, Event, Person
from governance.odrl.decide import CollectiveFact
from tests.factories import add_samples, give_consent, make_contributor, make_dataset, make_keeper

pytestmark = pytest.mark.django_db
PURPOSE = "language-research"


@pytest.fixture
def dataset() -> Dataset:
    dataset = make_dataset()
    dataset.community.charter = {"both": True}
    dataset.community.save()
    return dataset


@pytest.fixture
def second(dataset: Dataset) -> Person:
    return make_keeper(dataset.community)


def decide(
    dataset: Dataset, second: Person, *purposes: str, choice: str = "yes", **terms: object
) -> CollectiveDecision:
    proposal = collective.propose(dataset, purposes=purposes or [PURPOSE], by=dataset.created_by, **terms)  # type: ignore[arg-type]  # passed through
    votes.cast(proposal, by=second, choice=choice)
    return proposal.collective_decision


def state(dataset: Dataset, purpose: str = PURPOSE, days: float = 0) -> str:
    return collective.standing_for(dataset, purpose, timezone.now() + timedelta(days=days)).state


def test_a_decision_is_signed_when_its_vote_closes_and_anybody_with_the_key_can_check_it(
    dataset: Dataset, second: Person
) -> None:
    made = decide(dataset, second, minutes="Meeting of 3 November, page 12")

    said = collective.verify(made.token, signing.public_keys())

    assert said["outcome"] == "given"
    assert said["subject"] == {
        "kind": "dataset", "id": dataset.public_id, "path": dataset.path, "digest": made.proposal.subject_digest,
    }  # fmt: skip
    assert (said["tally"]["yes"], said["minutes"]) == (1, "Meeting of 3 November, page 12")  # type: ignore[index]
    assert said["electorate"] == made.proposal.eligible_digest
    assert second.public_id not in made.token and "person" not in str(said)
    with pytest.raises(Invalid):
        collective.verify(made.token[:-8] + "AAAAAAAA", signing.public_keys())
    assert Event.objects.filter(verb="collective.decide", object_id=made.public_id).count() == 1


def test_where_both_are_asked_the_yes_of_people_alone_is_not_enough(dataset: Dataset, second: Person) -> None:
    teller = make_contributor(dataset.community)
    give_consent(teller, PURPOSE)
    add_samples(dataset, ["one", "two"], contributor=teller)

    before = samples.usable(dataset, [PURPOSE]).count()
    decide(dataset, second)

    assert (before, samples.usable(dataset, [PURPOSE]).count()) == (0, 2)


def test_the_communitys_yes_does_not_stand_in_for_a_persons(dataset: Dataset, second: Person) -> None:
    teller, other = make_contributor(dataset.community), make_contributor(dataset.community)
    give_consent(teller, PURPOSE, status="ConsentRefused")
    add_samples(dataset, ["one"], contributor=teller)
    add_samples(dataset, ["two"], contributor=other)

    decide(dataset, second)

    assert samples.usable(dataset, [PURPOSE]).count() == 0


def test_a_no_of_the_community_counts_even_where_its_yes_is_not_asked(dataset: Dataset, second: Person) -> None:
    dataset.community.charter = {}
    dataset.community.save()
    teller = make_contributor(dataset.community)
    give_consent(teller, PURPOSE)
    add_samples(dataset, ["one"], contributor=teller)
    before = samples.usable(dataset, [PURPOSE]).count()

    decide(dataset, second, answer="no")

    assert (before, samples.usable(dataset, [PURPOSE]).count()) == (1, 0)
    assert collective.fact_for(dataset, PURPOSE) == CollectiveFact(needed=True, state="refused")


def test_a_later_decision_revokes_an_earlier_one(dataset: Dataset, second: Person) -> None:
    decide(dataset, second)
    given = state(dataset)

    decide(dataset, second, answer="no")

    assert (given, state(dataset)) == ("given", "refused")


def test_a_yes_covers_what_is_narrower_and_a_no_stops_what_is_broader(dataset: Dataset, second: Person) -> None:
    decide(dataset, second, "research")
    decide(dataset, second, "health-research", answer="no")

    assert state(dataset, "language-research") == "given"
    assert state(dataset, "health-research") == "refused"
    assert state(dataset, "research") == "refused"
    assert state(dataset, "teaching") == "missing"


def test_a_yes_for_a_time_runs_out_by_the_clock_and_then_a_new_one_is_needed(dataset: Dataset, second: Person) -> None:
    dataset.community.charter = {}
    dataset.community.save()
    decide(dataset, second, valid_days=30)

    assert state(dataset, days=29) == "given"
    assert state(dataset, days=31) == "missing"
    assert collective.standing_for(dataset, PURPOSE, timezone.now() + timedelta(days=31)).needed


def test_a_vote_that_was_not_carried_gives_nothing_and_takes_nothing_away(dataset: Dataset, second: Person) -> None:
    decide(dataset, second)
    failed = decide(dataset, second, valid_days=30, choice="no")

    assert failed.outcome == CollectiveDecision.Outcome.NOT_CARRIED
    assert state(dataset) == "given"


def test_a_restricted_protocol_may_be_held_only_where_every_purpose_names_it(dataset: Dataset, second: Person) -> None:
    community = dataset.community
    key = community.protocols.create(key="any:one-group").key
    decide(dataset, second, "teaching", protocols=[key])
    decide(dataset, second, PURPOSE)

    assert collective.named_protocols(dataset, ["teaching"]) == {key}
    assert collective.named_protocols(dataset, ["teaching", PURPOSE]) == frozenset()
    with pytest.raises(Invalid) as refusal:
        collective.propose(dataset, purposes=[PURPOSE], protocols=["any:nobody"], by=second)
    assert refusal.value.code == "protocol-unknown"


def test_what_is_asked_must_be_answerable(dataset: Dataset) -> None:
    with pytest.raises(Invalid) as refusal:
        collective.propose(dataset, purposes=["conquest"], answer="maybe", valid_days=0, by=dataset.created_by)

    assert {reason.code for reason in refusal.value.reasons} == {
        "purpose-unknown",
        "answer-unknown",
        "duration-unusable",
    }
