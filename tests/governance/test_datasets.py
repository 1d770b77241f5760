"""Datasets begin open to the community and closed to everybody else."""

import pytest

from governance import datasets
from governance.kernel.errors import Conflict, Invalid, Missing
from governance.models import Dataset, PolicyRevision
from tests.factories import make_community, make_keeper, make_person

pytestmark = pytest.mark.django_db


def test_a_new_dataset_has_the_open_protocol_and_a_rule_that_denies_everything() -> None:
    community = make_community()
    keeper = make_keeper(community)

    one = datasets.register(community, slug="tide-tales", name="Tide tales", by=keeper)
    two = datasets.register(community, slug="marsh-birds", name="Marsh birds", by=keeper, modality="image")

    assert one.default_protocol is not None and one.default_protocol == two.default_protocol
    assert [group.is_open for group in one.default_protocol.groups.all()] == [True]
    assert PolicyRevision.objects.get(dataset=one).number == 1
    assert one.path == f"{community.slug}/tide-tales" and one.key != two.key


@pytest.mark.parametrize("slug", ["", "Tide", "tide_tales", "-tide", "tide--tales", "é", "a" * 65])
def test_a_short_name_is_plain(slug: str) -> None:
    community = make_community()

    with pytest.raises(Invalid):
        datasets.register(community, slug=slug, name="x", by=make_keeper(community))


def test_a_short_name_is_taken_once() -> None:
    community = make_community()
    keeper = make_keeper(community)
    datasets.register(community, slug="tides", name="x", by=keeper)

    with pytest.raises(Conflict):
        datasets.register(community, slug="tides", name="y", by=keeper)

    assert Dataset.objects.count() == 1


def test_a_stranger_cannot_register_one() -> None:
    with pytest.raises(Missing):
        datasets.register(make_community(), slug="tides", name="x", by=make_person())
