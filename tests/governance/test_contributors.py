"""Contributors: whose words these are, by the name that the community uses."""

import pytest

from governance import contributors
from governance.kernel.errors import Conflict, Invalid, NotAllowed
from governance.models import Contributor
from tests.factories import make_community, make_keeper, make_person

pytestmark = pytest.mark.django_db


def test_names_are_met_once_and_nobody_has_an_empty_name() -> None:
    community = make_community()

    first = contributors.get_or_add(community, ["T-1", " T-2 ", "", "T-1"])
    second = contributors.get_or_add(community, ["T-2", "T-3"])

    assert sorted(first) == ["T-1", "T-2"]
    assert second["T-2"] == first["T-2"]
    assert Contributor.objects.filter(community=community).count() == 3


def test_the_same_name_in_two_communities_is_two_people() -> None:
    one, other = make_community(), make_community()

    assert contributors.get_or_add(one, ["T-1"])["T-1"] != contributors.get_or_add(other, ["T-1"])["T-1"]


def test_a_keeper_adds_somebody_once() -> None:
    community = make_community()
    keeper = make_keeper(community)

    contributors.add(community, name=" Ilse ", by=keeper)

    assert Contributor.objects.get().name == "Ilse"
    with pytest.raises(Conflict):
        contributors.add(community, name="Ilse", by=keeper)
    with pytest.raises(Invalid):
        contributors.add(community, name=" ", by=keeper)


def test_only_a_keeper_says_whose_account_it_is() -> None:
    community = make_community()
    keeper, steward, member = make_keeper(community), make_person(community, "steward"), make_person(community)
    teller = contributors.add(community, name="Ilse", by=steward)

    with pytest.raises(NotAllowed):
        contributors.link(teller, person=member, by=steward)
    contributors.link(teller, person=member, by=keeper)

    teller.refresh_from_db()
    assert teller.person == member


def test_names_are_for_the_desk() -> None:
    community = make_community()

    assert contributors.may_see_names(make_keeper(community), community)
    assert not contributors.may_see_names(make_person(community, "reviewer"), community)
