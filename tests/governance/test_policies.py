"""Policy revisions: never changed, only followed."""

import pytest
from django.db import DatabaseError, transaction

from governance import policies, votes
from governance.kernel.errors import Conflict, Invalid, NotAllowed
from governance.models import Dataset, Event, Person, PolicyRevision, Proposal
from governance.odrl.policy import DENY_ALL, Body
from tests.factories import make_dataset, make_keeper, make_person

pytestmark = pytest.mark.django_db
TEACHING = Body(purposes=("teaching",), organisations=("non-profit",)).to_json()


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def keeper(dataset: Dataset) -> Person:
    return make_person(dataset.community, "keeper")


def test_a_new_dataset_allows_nothing(dataset: Dataset) -> None:
    revision = policies.current(dataset)

    assert revision.number == 1
    assert policies.body_of(revision) == DENY_ALL
    assert "permission" not in revision.odrl


def test_a_revision_follows_and_the_old_one_stays(dataset: Dataset, keeper: Person) -> None:
    first = policies.current(dataset)

    second = policies.revise(dataset, body=TEACHING, by=keeper, note="The school asked.")

    assert (second.number, second.note, second.created_by) == (2, "The school asked.", keeper)
    assert policies.current(dataset) == second
    assert PolicyRevision.objects.get(pk=first.pk).body == first.body
    assert second.odrl["uid"] == policies.uid_of(second.public_id)
    assert second.odrl["permission"][0]["target"] == policies.urn_of(dataset)
    event = Event.objects.filter(verb="policy.revise").latest("pk")
    assert (event.object_kind, event.object_id) == ("policy-revision", second.public_id)


def test_every_fault_comes_back_at_once(dataset: Dataset, keeper: Person) -> None:
    wrong = {**TEACHING, "purposes": ["sorcery"], "organisations": ["club"]}

    with pytest.raises(Invalid) as refusal:
        policies.revise(dataset, body=wrong, by=keeper)

    assert [reason.code for reason in refusal.value.reasons] == ["purpose-unknown", "organisation-unknown"]
    assert policies.current(dataset).number == 1


@pytest.mark.parametrize(
    "body", [{}, {**TEACHING, "purposes": "teaching"}, {**TEACHING, "expires_on": "soon"}, {**TEACHING, "terms": {}}]
)
def test_what_cannot_be_read_is_refused(dataset: Dataset, keeper: Person, body: dict[str, object]) -> None:
    with pytest.raises(Invalid) as refusal:
        policies.revise(dataset, body=body, by=keeper)

    assert refusal.value.code == "rules-unreadable"


def test_only_keepers_and_stewards_revise(dataset: Dataset) -> None:
    with pytest.raises(NotAllowed):
        policies.revise(dataset, body=TEACHING, by=make_person(dataset.community, "contributor"))

    assert policies.current(dataset).number == 1


def test_whoever_writes_over_a_newer_revision_is_told(dataset: Dataset, keeper: Person) -> None:
    policies.revise(dataset, body=TEACHING, by=keeper, over=1)

    with pytest.raises(Conflict) as refusal:
        policies.revise(dataset, body={**TEACHING, "commercial": True}, by=keeper, over=1)

    assert refusal.value.code == "policy-moved-on"


def test_the_same_rules_again_are_no_revision(dataset: Dataset, keeper: Person) -> None:
    policies.revise(dataset, body=TEACHING, by=keeper)

    with pytest.raises(Conflict) as refusal:
        policies.revise(dataset, body=dict(reversed(TEACHING.items())), by=keeper)

    assert refusal.value.code == "policy-unchanged"


def test_a_community_may_have_rules_of_its_own(dataset: Dataset, keeper: Person) -> None:
    assert policies.community_current(dataset.community) is None

    revision = policies.revise_community(dataset.community, body=TEACHING, by=keeper)

    assert policies.community_current(dataset.community) == revision
    assert policies.current(dataset).number == 1


def test_the_database_itself_refuses_to_change_a_revision(dataset: Dataset) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        PolicyRevision.objects.filter(dataset=dataset).update(number=7)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        PolicyRevision.objects.filter(dataset=dataset).delete()

    assert policies.current(dataset).number == 1


def test_where_the_charter_asks_rules_are_voted_on_and_hold_only_when_they_passed() -> None:
    dataset = make_dataset()
    community, keeper, second = dataset.community, dataset.created_by, make_keeper(dataset.community)
    community.charter = {"rules": {"policy": {"who": ["keeper"], "threshold": 1}}}
    community.save()
    first = policies.revise(dataset, body=Body(purposes=("teaching",), organisations=("public",)), by=keeper, over=1)

    proposal = policies.revise(
        dataset, body=Body(purposes=("teaching",), organisations=("non-profit",)), by=keeper, note="Schools", over=1
    )
    assert isinstance(first, Proposal) and isinstance(proposal, Proposal)
    first.refresh_from_db()
    before = policies.current(dataset).number
    votes.cast(proposal, by=second, choice="yes")

    assert (first.status, before) == (Proposal.Status.VOID, 1)
    now = policies.current(dataset)
    assert (now.number, now.body["organisations"], now.note, now.created_by) == (2, ["non-profit"], "Schools", keeper)
    assert Event.objects.filter(verb="policy.revise", object_id=now.public_id, actor="machine:votes").exists()


def test_rules_that_moved_on_before_their_vote_passed_end_it_as_void() -> None:
    dataset = make_dataset()
    community, keeper, second = dataset.community, dataset.created_by, make_keeper(dataset.community)
    community.charter = {"rules": {"policy": {"who": ["keeper"], "threshold": 1}}}
    proposal = policies.revise(dataset, body=Body(purposes=("teaching",), organisations=("public",)), by=keeper)
    community.charter = {}
    policies.revise(dataset, body=Body(purposes=("archiving",), organisations=("public",)), by=keeper)

    votes.cast(proposal, by=second, choice="yes")

    assert isinstance(proposal, Proposal)
    assert (proposal.status, proposal.tally["why"]) == (Proposal.Status.VOID, "policy-moved-on")
    assert policies.current(dataset).body["purposes"] == ["archiving"]
