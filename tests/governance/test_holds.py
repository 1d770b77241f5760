"""Holds: something rests at once, until it is lifted once."""

import pytest

from governance import holds
from governance.kernel.errors import Conflict, Invalid, Missing, NotAllowed
from governance.models import Dataset, Event, Sample
from tests.factories import add_samples, make_contributor, make_dataset, make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def sample(dataset: Dataset) -> Sample:
    return add_samples(dataset, ["one", "two"], make_contributor(dataset.community))[0]


@pytest.mark.parametrize("role", ["keeper", "steward", "authority"])
def test_some_may_let_a_sample_rest_at_once(sample: Sample, role: str) -> None:
    hold = holds.rest(sample, by=make_person(sample.community, role))

    assert not Sample.objects.not_held().filter(pk=sample.pk).exists()
    assert Sample.objects.not_held().count() == 1
    assert list(holds.open_on("sample", sample.uid)) == [hold]


def test_others_may_not(sample: Sample) -> None:
    with pytest.raises(NotAllowed):
        holds.rest(sample, by=make_person(sample.community, "contributor", "reviewer"))
    with pytest.raises(Missing):
        holds.rest(sample, by=make_person())


def test_a_hold_is_lifted_once(sample: Sample) -> None:
    keeper = make_person(sample.community, "keeper")
    hold = holds.rest(sample, by=keeper)

    holds.lift(hold, by=keeper)

    assert Sample.objects.not_held().count() == 2
    with pytest.raises(Conflict) as refusal:
        holds.lift(hold, by=keeper)
    assert refusal.value.code == "hold-lifted"


def test_a_hold_on_something_above_is_a_name_and_is_written_down(dataset: Dataset) -> None:
    keeper = make_person(dataset.community, "keeper")

    hold = holds.place(
        community=dataset.community, subject_kind="version", subject_id="v1", kind="takedown", reason="case", by=keeper
    )

    assert list(holds.open_in(dataset.community)) == [hold]
    assert Event.objects.filter(verb="hold.place", object_id=hold.public_id).count() == 1


def test_a_sample_of_another_community_cannot_rest_here(sample: Sample) -> None:
    other = make_dataset()

    with pytest.raises(Invalid):
        holds.place(
            community=other.community,
            subject_kind="sample",
            subject_id=sample.uid,
            kind="flag",
            reason="x",
            by=make_person(other.community, "keeper"),
            sample=sample,
        )
