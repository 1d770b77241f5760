"""A charter changes under its own rule, and every charter that ever was stays readable."""

import pytest

from governance import charters, communities, votes
from governance.kernel.errors import Conflict, Invalid, NotAllowed
from governance.models import CharterRevision, Community, Event, Person, Proposal
from tests.factories import make_community, make_keeper, make_person

pytestmark = pytest.mark.django_db
BODY = {"text": "We decide slowly.", "rules": {"policy": {"who": ["keeper", "authority"], "threshold": 2}}}


@pytest.fixture
def community() -> Community:
    return make_community()


@pytest.fixture
def keeper(community: Community) -> Person:
    return make_keeper(community)


def test_one_keeper_alone_changes_the_charter_and_what_was_before_stays(community: Community, keeper: Person) -> None:
    made = charters.change(community, body=BODY, by=keeper, note="Founding meeting")

    community.refresh_from_db()
    assert isinstance(made, CharterRevision)
    assert (made.number, made.created_by, charters.body_of(community)) == (2, keeper, BODY)
    assert community.charters.get(number=1).body == {}
    assert votes.is_asked(community, "policy")
    assert Event.objects.filter(verb="charter.change", object_id=made.public_id).count() == 1


def test_with_two_keepers_the_charter_is_voted_on_under_its_own_rule(community: Community, keeper: Person) -> None:
    second = make_keeper(community)

    proposal = charters.change(community, body=BODY, by=keeper)
    assert isinstance(proposal, Proposal)
    before = charters.body_of(Community.objects.get(pk=community.pk))
    votes.cast(proposal, by=second, choice="yes")

    assert before == {}
    assert charters.body_of(Community.objects.get(pk=community.pk)) == BODY
    assert community.charters.get(number=2).proposal == proposal


def test_what_is_said_at_the_door_stays_when_the_charter_changes_and_the_other_way_round(
    community: Community, keeper: Person
) -> None:
    stale = Community.objects.get(pk=community.pk)
    charters.change(community, body=BODY, by=keeper)

    communities.change(stale, by=keeper, name="Quay", greeting="Ho!")
    community.refresh_from_db()
    charters.change(community, body={"text": "Other words."}, by=keeper)

    community.refresh_from_db()
    assert community.charter["welcome"]["greeting"] == "Ho!"
    assert charters.body_of(community) == {"text": "Other words."}


def test_two_changes_of_one_charter_do_not_overwrite_each_other(community: Community, keeper: Person) -> None:
    charters.change(community, body=BODY, by=keeper, over=1)

    with pytest.raises(Conflict) as refusal:
        charters.change(community, body={"text": "Mine."}, by=keeper, over=1)

    assert refusal.value.code == "charter-moved-on"


def test_a_charter_that_could_never_be_changed_again_is_refused(community: Community, keeper: Person) -> None:
    make_keeper(community)

    with pytest.raises(Invalid) as refusal:
        charters.change(community, body={"rules": {"charter": {"threshold": 5}}}, by=keeper)

    assert [reason.code for reason in refusal.value.reasons] == ["rule-unreachable"]


def test_every_reason_is_told_at_once(community: Community, keeper: Person) -> None:
    stranger = make_person()
    body = {
        "rules": {"policy": {"threshold": 0, "veto_hours": 2}, "war": {}},
        "groups": {"hill": [stranger.public_id]},
        "both": ["nothing"],
    }

    with pytest.raises(Invalid) as refusal:
        charters.change(community, body=body, by=keeper)

    assert {(reason.code, reason.path) for reason in refusal.value.reasons} == {
        ("rule-unusable", "policy/threshold"),
        ("rule-unusable", "policy/veto_hours"),
        ("rule-unusable", "war"),
        ("group-unusable", "groups"),
        ("charter-unreadable", "both"),
    }


def test_only_keepers_change_the_charter(community: Community, keeper: Person) -> None:
    with pytest.raises(NotAllowed):
        charters.change(community, body=BODY, by=make_person(community, "steward"))


def test_its_effects_are_told_before_it_holds(community: Community, keeper: Person) -> None:
    make_person(community, "authority")

    policy = next(one for one in charters.effects(community, BODY) if one.name == "policy")
    takedown = next(one for one in charters.effects(community, BODY) if one.name == "takedown")

    assert (policy.eligible, policy.could, policy.needed, policy.is_reachable) == (2, 1, 2, False)
    assert (takedown.is_asked, takedown.is_reachable) == (False, True)
