"""Rules of a person about their own words, and of one sample: neutral when absent, a layer like every other when there."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from governance import layers, policies, samples
from governance.kernel.errors import Conflict, Invalid, NotAllowed
from governance.models import Contributor, Dataset, Event, Person, PolicyRevision
from governance.odrl import profile
from governance.odrl.policy import Body
from tests.factories import add_samples, give_consent, make_contributor, make_dataset, make_person

pytestmark = pytest.mark.django_db
ALL = Body(("use",), tuple(profile.ORGANISATIONS), True, ())
NO_TEACHING = replace(ALL, prohibited=("teaching",))


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def steward(dataset: Dataset) -> Person:
    return make_person(dataset.community, "steward")


def giver(dataset: Dataset, person: Person | None = None) -> Contributor:
    made = make_contributor(dataset.community)
    if person is not None:
        Contributor.objects.filter(pk=made.pk).update(person=person)
        made.refresh_from_db()
    give_consent(made, "use")
    add_samples(dataset, ["one", "two"], made)
    return made


def test_a_person_without_rules_of_their_own_changes_nothing(dataset: Dataset) -> None:
    giver(dataset)

    assert samples.usable(dataset, ["teaching"]).count() == 2
    assert layers.layers_of(Contributor.objects.all(), [], timezone.now()) == ()


def test_a_persons_no_leaves_their_samples_out_for_that_purpose_only(dataset: Dataset, steward: Person) -> None:
    first, _second = giver(dataset), giver(dataset)

    layers.revise_for(contributor=first, body=NO_TEACHING, by=steward)

    assert samples.usable(dataset, ["teaching"]).count() == 2
    assert not samples.usable(dataset, ["teaching"]).filter(contributor=first).exists()
    assert samples.usable(dataset, ["archiving"]).count() == 4


def test_rules_of_a_sample_leave_only_that_sample_out(dataset: Dataset, steward: Person) -> None:
    sample = giver(dataset).samples.first()

    layers.revise_for(sample=sample, body=NO_TEACHING, by=steward)

    assert sample not in samples.usable(dataset, ["teaching"])
    assert samples.usable(dataset, ["teaching"]).count() == 1


def test_the_newest_rules_count_and_the_old_ones_stay(dataset: Dataset, steward: Person) -> None:
    whose = giver(dataset)
    layers.revise_for(contributor=whose, body=NO_TEACHING, by=steward)

    layers.revise_for(contributor=whose, body=ALL, by=steward, over=1)

    assert samples.usable(dataset, ["teaching"]).count() == 2
    assert [row.number for row in whose.policies.order_by("number")] == [1, 2]
    assert samples.usable(dataset, ["teaching"], timezone.now() - timedelta(days=1)).count() == 0


def test_a_layer_that_permits_repairs_no_consent(dataset: Dataset, steward: Person) -> None:
    silent = make_contributor(dataset.community)
    add_samples(dataset, ["three"], silent)

    layers.revise_for(contributor=silent, body=ALL, by=steward)

    assert not samples.usable(dataset, ["teaching"]).exists()


def test_people_make_rules_for_their_own_words_only(dataset: Dataset) -> None:
    person = make_person(dataset.community, "contributor")
    own, others = giver(dataset, person), giver(dataset)

    layers.revise_for(contributor=own, body=NO_TEACHING, by=person)
    layers.revise_for(sample=own.samples.first(), body=NO_TEACHING, by=person)

    with pytest.raises(NotAllowed):
        layers.revise_for(contributor=others, body=NO_TEACHING, by=person)
    with pytest.raises(NotAllowed):
        layers.revise_for(sample=others.samples.first(), body=NO_TEACHING, by=person)


def test_a_stranger_and_a_reviewer_make_none_and_a_representative_does(dataset: Dataset) -> None:
    whose = giver(dataset)

    for nobody in (make_person(), make_person(dataset.community, "reviewer")):
        with pytest.raises(Exception, match=r"."):
            layers.revise_for(contributor=whose, body=ALL, by=nobody)
    assert (
        layers.revise_for(contributor=whose, body=ALL, by=make_person(dataset.community, "representative")).number == 1
    )


def test_what_is_written_is_checked_kept_and_told(dataset: Dataset, steward: Person) -> None:
    whose = giver(dataset)
    revision = layers.revise_for(contributor=whose, body=NO_TEACHING, by=steward)

    with pytest.raises(Conflict):
        layers.revise_for(contributor=whose, body=NO_TEACHING, by=steward)
    with pytest.raises(Conflict):
        layers.revise_for(contributor=whose, body=ALL, by=steward, over=0)
    with pytest.raises(Invalid):
        layers.revise_for(contributor=whose, body=replace(ALL, purposes=("nobody-knows",)), by=steward)
    with pytest.raises(Invalid):
        layers.revise_for(body=ALL, by=steward)
    with pytest.raises(DatabaseError), transaction.atomic():
        PolicyRevision.objects.filter(pk=revision.pk).update(number=7)
    assert Event.objects.get(verb="policy.revise-own").object_id == revision.public_id


def test_they_are_not_the_communitys_own_layer(dataset: Dataset, steward: Person) -> None:
    layers.revise_for(contributor=giver(dataset), body=NO_TEACHING, by=steward)

    assert policies.community_current(dataset.community) is None
    policies.revise_community(dataset.community, body=ALL, by=steward)
    assert policies.community_current(dataset.community).number == 1


def test_equal_rules_are_one_layer_that_names_nobody(dataset: Dataset, steward: Person) -> None:
    people = [giver(dataset) for _ in range(3)]
    for one in people:
        layers.revise_for(contributor=one, body=NO_TEACHING, by=steward)

    (layer,) = layers.layers_of(dataset.community.contributors.all(), [], timezone.now())

    assert (layer.level, layer.count, layer.revision) == ("contributor", 3, 0)
    assert not any(one.public_id in layer.uid for one in people)
