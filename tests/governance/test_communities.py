"""Founding, inviting, giving and taking roles, leaving."""

from datetime import timedelta

import pytest
from django.utils import timezone

from governance import communities, votes
from governance.kernel.errors import Conflict, Gone, Invalid, Missing, NotAllowed
from governance.models import Event, Membership, Person, Proposal
from governance.roles import Machine, roles_of
from tests.factories import PASSWORD, make_community, make_keeper, make_person

pytestmark = pytest.mark.django_db


def join(code: str, name: str = "newcomer") -> Person:
    return communities.accept(code, username=name, display_name="Newcomer", password=PASSWORD)


def test_whoever_founds_a_community_is_its_first_keeper() -> None:
    ona = make_person()

    community = communities.found(name="Saltmarsh Quay", slug="saltmarsh", by=ona)

    assert roles_of(ona, community) == {"keeper"}
    assert Event.objects.get(verb="community.found").community == community.public_id


@pytest.mark.parametrize("slug", ["", "Salt Marsh", "-x", "a--b", "ä"])
def test_an_address_name_that_no_address_could_hold_is_refused(slug: str) -> None:
    with pytest.raises(Invalid) as refused:
        communities.found(name="Saltmarsh", slug=slug, by=make_person())

    assert refused.value.reasons[0].path == "slug"


def test_an_address_name_is_taken_once() -> None:
    make_community("saltmarsh")

    with pytest.raises(Invalid) as refused:
        communities.found(name="Saltmarsh", slug="saltmarsh", by=make_person())

    assert refused.value.code == "slug-taken"


def test_an_operators_code_founds_one_community_and_gives_the_operator_nothing() -> None:
    code = communities.issue_founder_code()

    community, founder = communities.found_with(
        code, name="Saltmarsh", slug="saltmarsh", by=None, username="ona", display_name="Ona Reed", password=PASSWORD
    )

    assert [m.person for m in Membership.objects.filter(community=community)] == [founder]
    with pytest.raises(Invalid):
        communities.found_with(code, name="Second", slug="second", by=founder)


def test_a_founding_that_fails_leaves_the_code_good() -> None:
    make_community("saltmarsh")
    code = communities.issue_founder_code()

    with pytest.raises(Invalid):
        communities.found_with(code, name="Saltmarsh", slug="saltmarsh", by=make_person())

    assert communities.found_with(code, name="Saltmarsh", slug="saltmarsh-two", by=make_person())


def test_the_founder_gives_roles_alone_until_there_is_a_second_keeper() -> None:
    community = make_community()
    founder, somebody, other = make_keeper(community), make_person(community), make_person(community)

    granted = communities.grant(community, person=somebody, role="keeper", by=founder)
    proposed = communities.grant(community, person=other, role="steward", by=founder)

    assert isinstance(granted, Membership)
    assert isinstance(proposed, Proposal)
    assert roles_of(other, community) == {"contributor"}


def test_a_role_above_contributor_holds_once_a_second_keeper_says_yes() -> None:
    community = make_community()
    first, second, somebody = make_keeper(community), make_keeper(community), make_person(community)
    proposal = communities.grant(community, person=somebody, role="steward", by=first)
    assert isinstance(proposal, Proposal)

    votes.cast(proposal, by=second, choice="yes")

    assert "steward" in roles_of(somebody, community)
    assert Event.objects.filter(verb="membership.grant").count() == 1


def test_the_keeper_who_proposes_a_role_cannot_be_the_second_one() -> None:
    community = make_community()
    first, _, somebody = make_keeper(community), make_keeper(community), make_person(community)
    proposal = communities.grant(community, person=somebody, role="steward", by=first)
    assert isinstance(proposal, Proposal)

    with pytest.raises(NotAllowed):
        votes.cast(proposal, by=first, choice="yes")

    assert "steward" not in roles_of(somebody, community)


@pytest.mark.parametrize("role", ["steward", "reviewer", "contributor", "representative", "authority"])
def test_nobody_but_a_keeper_gives_a_role(role: str) -> None:
    community = make_community()
    make_keeper(community)
    somebody, other = make_person(community, role), make_person(community)

    with pytest.raises(NotAllowed):
        communities.grant(community, person=other, role="reviewer", by=somebody)

    assert roles_of(other, community) == {"contributor"}


@pytest.mark.parametrize("role", ["steward", "reviewer", "representative", "authority"])
def test_nobody_but_a_keeper_proposes_who_gets_or_loses_a_role(role: str) -> None:
    community = make_community()
    first, _second = make_keeper(community), make_keeper(community)
    somebody = make_person(community, role)

    with pytest.raises(NotAllowed):
        communities.grant(community, person=somebody, role="keeper", by=somebody)
    with pytest.raises(NotAllowed):
        communities.end(Membership.objects.get(person=first, role="keeper"), by=somebody)

    assert not Proposal.objects.exists()


def test_the_same_change_of_roles_in_two_communities_is_two_votes() -> None:
    here, there = make_community(), make_community()
    keepers = [make_keeper(place) for place in (here, here, there, there)]
    somebody = make_person(here)
    Membership.objects.create(person=somebody, community=there, role="contributor")
    asked = communities.grant(here, person=somebody, role="steward", by=keepers[0])

    other = communities.grant(there, person=somebody, role="steward", by=keepers[2])

    assert isinstance(asked, Proposal)
    assert isinstance(other, Proposal)
    asked.refresh_from_db()
    assert (asked.status, other.status) == ("open", "open")


def test_a_keeper_of_another_community_cannot_even_know_of_it() -> None:
    community, elsewhere = make_community(), make_community()
    make_keeper(community)
    stranger = make_keeper(elsewhere)

    with pytest.raises(Missing):
        communities.grant(community, person=stranger, role="keeper", by=stranger)


def test_a_role_is_taken_back_by_two_keepers_and_never_from_the_last_one() -> None:
    community = make_community()
    first, second = make_keeper(community), make_keeper(community)
    steward = make_person(community, "steward")

    proposal = communities.end(Membership.objects.get(person=steward), by=first)
    assert isinstance(proposal, Proposal)
    votes.cast(proposal, by=second, choice="yes")
    Membership.objects.filter(person=second).update(valid_to=timezone.now())

    assert not roles_of(steward, community)
    with pytest.raises(Conflict) as refused:
        communities.end(Membership.objects.get(person=first), by=first)
    assert refused.value.code == "last-keeper"


def test_a_vote_does_not_bring_back_somebody_who_left_meanwhile() -> None:
    community = make_community()
    first, second, somebody = make_keeper(community), make_keeper(community), make_person(community)
    proposal = communities.grant(community, person=somebody, role="steward", by=first)
    assert isinstance(proposal, Proposal)
    communities.leave(community, by=somebody)

    votes.cast(proposal, by=second, choice="yes")

    assert not roles_of(somebody, community)


def test_an_invitation_brings_in_one_person_once() -> None:
    community = make_community()
    invitation, code = communities.invite(community, by=make_keeper(community), note="Ūna")

    person = join(code)

    assert roles_of(person, community) == {"contributor"}
    assert code not in invitation.code_hash
    with pytest.raises(Gone):
        join(code, "another")
    assert not Person.objects.filter(username="another").exists()


def test_a_code_may_be_typed_in_small_letters_with_look_alike_signs() -> None:
    community = make_community()
    _, code = communities.invite(community, by=make_keeper(community))

    assert join(code.lower().replace("-", " ").replace("0", "o").replace("1", "l"))


def test_an_invitation_that_ended_or_was_taken_back_opens_nothing() -> None:
    community = make_community()
    keeper = make_keeper(community)
    _, late = communities.invite(community, by=keeper, now=timezone.now() - timedelta(days=15))
    row, back = communities.invite(community, by=keeper)
    communities.revoke(row, by=keeper)

    for code in (late, back, "0000-0000-0000-0000"):
        with pytest.raises(Gone):
            join(code)


def test_an_invitation_to_a_role_gives_it_alone_only_while_there_is_one_keeper() -> None:
    community = make_community()
    founder = make_keeper(community)
    _, first = communities.invite(community, by=founder, role="keeper")
    hanne = join(first, "hanne")
    _, second = communities.invite(community, by=founder, role="steward")

    wenna = join(second, "wenna")

    assert roles_of(hanne, community) == {"keeper"}
    assert roles_of(wenna, community) == {"contributor"}
    assert Proposal.objects.get(community=community).terms["person"] == wenna.public_id


def test_an_invitation_of_somebody_who_is_no_keeper_any_more_brings_no_role() -> None:
    community = make_community()
    make_keeper(community)
    host = make_keeper(community)
    _, code = communities.invite(community, by=host, role="keeper")
    Membership.objects.filter(person=host).update(valid_to=timezone.now())

    assert roles_of(join(code), community) == {"contributor"}


def test_a_wrong_password_leaves_the_invitation_good() -> None:
    community = make_community()
    _, code = communities.invite(community, by=make_keeper(community))

    with pytest.raises(Invalid):
        communities.accept(code, username="una", display_name="Ūna", password="short")

    assert join(code)


def test_only_keepers_invite() -> None:
    community = make_community()

    with pytest.raises(NotAllowed):
        communities.invite(community, by=make_person(community, "steward"))


def test_everybody_may_leave_but_the_last_keeper_names_another_first() -> None:
    community = make_community()
    keeper, member = make_keeper(community), make_person(community, "contributor", "reviewer")

    communities.leave(community, by=member)

    assert not roles_of(member, community)
    with pytest.raises(Conflict):
        communities.leave(community, by=keeper)
    assert Event.objects.filter(verb="membership.leave").count() == 1


def test_the_machine_gives_first_roles_when_a_demo_is_laid_out_and_never_as_a_person() -> None:
    community = make_community()

    row = communities.grant(community, person=make_person(), role="keeper", by=Machine("demo"))

    assert isinstance(row, Membership)
    assert row.granted_by is None


def test_a_keeper_changes_how_the_community_shows_itself_and_never_its_rules() -> None:
    community = make_community(charter={"rules": {"version": {"threshold": 2}}})
    keeper = make_keeper(community)

    communities.change(community, by=keeper, name="Saltmarsh Quay", contact="Ring us.", greeting="Wethe na.")

    community.refresh_from_db()
    assert (community.name, community.contact) == ("Saltmarsh Quay", "Ring us.")
    assert community.charter["rules"] == {"version": {"threshold": 2}}
    assert community.charter["welcome"]["greeting"] == "Wethe na."
    assert Event.objects.filter(verb="community.change").count() == 1


def test_nobody_but_a_keeper_changes_how_the_community_shows_itself() -> None:
    community = make_community()

    with pytest.raises(NotAllowed):
        communities.change(community, by=make_person(community, "steward"), name="Ours")
    with pytest.raises(Invalid):
        communities.change(community, by=make_keeper(community), name=" ")


def test_a_change_of_roles_falls_when_the_keeper_who_proposed_it_is_none_any_more() -> None:
    community = make_community()
    first, second, third = (make_person(community, "keeper") for _ in range(3))
    member = make_person(community)
    proposal = communities.grant(community, person=member, role="steward", by=first)
    assert isinstance(proposal, Proposal)
    communities.leave(community, by=first)

    votes.cast(proposal, by=second, choice="yes")

    assert proposal.status == Proposal.Status.VOID
    assert not Membership.objects.current().filter(person=member, role="steward").exists()
    assert third.public_id in proposal.eligible
