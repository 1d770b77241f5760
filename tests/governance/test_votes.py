"""Votes: one machinery, and silence is never consent."""

from datetime import timedelta

import pytest
from django.utils import timezone

from governance import votes
from governance.kernel.errors import Conflict, Invalid, NotAllowed
from governance.models import Ballot, Community, Event, Membership, Person, Proposal
from tests.factories import make_community, make_person

pytestmark = pytest.mark.django_db
DIGEST = "d" * 64


@pytest.fixture
def community() -> Community:
    return make_community()


@pytest.fixture
def keeper(community: Community) -> Person:
    return make_person(community, "keeper")


def charter(community: Community, **rule: object) -> None:
    community.charter = {"rules": {"thing": {"who": ["keeper", "steward"], **rule}}}
    community.save()


def propose(community: Community, by: Person, digest: str = DIGEST) -> Proposal:
    return votes.propose(
        community=community, subject=("thing", "t1", digest), title="A thing", rule_name="thing", by=by
    )


def test_one_yes_beside_the_proposer_passes_by_default(community: Community, keeper: Person) -> None:
    charter(community)
    steward = make_person(community, "steward")
    proposal = propose(community, keeper)

    votes.cast(proposal, by=steward, choice="yes", reason="I read it.")

    assert proposal.status == Proposal.Status.PASSED
    assert proposal.tally["yes"] == 1
    assert Event.objects.filter(verb="proposal.close", object_id=proposal.public_id).count() == 1


def test_the_proposer_does_not_count(community: Community, keeper: Person) -> None:
    charter(community)
    proposal = propose(community, keeper)

    with pytest.raises(NotAllowed, match="You proposed this"):
        votes.cast(proposal, by=keeper, choice="yes")

    assert votes.close_if_decided(proposal).status == Proposal.Status.OPEN


def test_the_proposer_counts_where_the_charter_says_so(community: Community, keeper: Person) -> None:
    charter(community, proposer_counts=True)
    proposal = propose(community, keeper)

    votes.cast(proposal, by=keeper, choice="yes")

    assert proposal.status == Proposal.Status.PASSED


def test_one_person_has_one_vote_and_may_change_their_mind(community: Community, keeper: Person) -> None:
    charter(community, threshold=2)
    both = make_person(community, "keeper", "steward")
    make_person(community, "steward"), make_person(community, "steward")
    proposal = propose(community, keeper)

    votes.cast(proposal, by=both, choice="yes")
    votes.cast(proposal, by=both, choice="yes")
    once = votes.state(proposal)
    votes.cast(proposal, by=both, choice="no")

    assert (once.yes, once.outcome) == (1, "open")
    assert (votes.state(proposal).yes, votes.state(proposal).no) == (0, 1)
    assert Ballot.objects.filter(proposal=proposal).count() == 3


def test_a_veto_ends_it_whatever_the_count(community: Community, keeper: Person) -> None:
    charter(community, veto=["authority"], threshold=2)
    elder, steward = make_person(community, "authority"), make_person(community, "steward")
    make_person(community, "steward")
    proposal = propose(community, keeper)
    votes.cast(proposal, by=steward, choice="yes")

    votes.cast(proposal, by=elder, choice="veto")

    assert proposal.status == Proposal.Status.VETOED


def test_only_a_veto_role_has_a_veto_and_it_has_no_other_voice(community: Community, keeper: Person) -> None:
    charter(community, veto=["authority"])
    elder, steward = make_person(community, "authority"), make_person(community, "steward")
    proposal = propose(community, keeper)

    with pytest.raises(NotAllowed) as refusal:
        votes.cast(proposal, by=steward, choice="veto")
    assert refusal.value.code == "no-veto"
    with pytest.raises(NotAllowed):
        votes.cast(proposal, by=elder, choice="yes")
    assert votes.may_vote(proposal, elder) == {"veto"}


def test_silence_is_never_consent(community: Community, keeper: Person) -> None:
    charter(community, max_open_hours=24)
    make_person(community, "steward")
    proposal = propose(community, keeper)

    votes.close_if_decided(proposal, at=timezone.now() + timedelta(hours=23))
    still = proposal.status
    votes.close_if_decided(proposal, at=timezone.now() + timedelta(hours=25))

    assert still == Proposal.Status.OPEN
    assert proposal.status == Proposal.Status.REJECTED


def test_it_cannot_pass_before_everybody_had_time(community: Community, keeper: Person) -> None:
    charter(community, min_open_hours=48)
    proposal = propose(community, keeper)
    steward = make_person(community, "steward")
    proposal.eligible = [steward.public_id]
    proposal.save()

    votes.cast(proposal, by=steward, choice="yes")
    early = proposal.status
    votes.close_if_decided(proposal, at=timezone.now() + timedelta(hours=49))

    assert early == Proposal.Status.OPEN
    assert proposal.status == Proposal.Status.PASSED


def test_it_is_rejected_once_the_yes_can_no_longer_be_reached(community: Community, keeper: Person) -> None:
    charter(community, share=0.75)
    voters = [make_person(community, "steward") for _ in range(4)]
    proposal = propose(community, keeper)

    votes.cast(proposal, by=voters[0], choice="no")
    after_one = proposal.status
    votes.cast(proposal, by=voters[1], choice="abstain")

    assert after_one == Proposal.Status.OPEN
    assert proposal.status == Proposal.Status.REJECTED


def test_whoever_left_before_it_closed_does_not_count(community: Community, keeper: Person) -> None:
    charter(community, threshold=2)
    first, second = make_person(community, "steward"), make_person(community, "steward")
    make_person(community, "steward")
    proposal = propose(community, keeper)
    votes.cast(proposal, by=first, choice="yes")
    Membership.objects.filter(person=first).update(valid_to=timezone.now())

    votes.cast(proposal, by=second, choice="yes")

    assert proposal.status == Proposal.Status.OPEN
    assert votes.state(proposal).yes == 1


def test_whoever_joined_after_it_opened_has_no_voice(community: Community, keeper: Person) -> None:
    charter(community)
    make_person(community, "steward")
    proposal = propose(community, keeper)

    with pytest.raises(NotAllowed) as refusal:
        votes.cast(proposal, by=make_person(community, "steward"), choice="yes")

    assert refusal.value.code == "not-eligible"
    assert votes.state(proposal).eligible == 1


def test_a_changed_subject_voids_the_votes_on_the_old_one(community: Community, keeper: Person) -> None:
    charter(community, threshold=2)
    steward = make_person(community, "steward")
    make_person(community, "steward")
    old = propose(community, keeper)
    votes.cast(old, by=steward, choice="yes")

    new = propose(community, keeper, digest="e" * 64)
    old.refresh_from_db()

    assert old.status == Proposal.Status.VOID
    assert votes.state(new).yes == 0
    with pytest.raises(Conflict) as refusal:
        votes.cast(new, by=steward, choice="yes", subject_digest=DIGEST)
    assert refusal.value.code == "proposal-changed"


def test_the_same_thing_is_voted_on_once(community: Community, keeper: Person) -> None:
    charter(community)
    propose(community, keeper)

    with pytest.raises(Conflict) as refusal:
        propose(community, keeper)

    assert refusal.value.code == "already-proposed"


def test_a_closed_vote_takes_no_more_ballots(community: Community, keeper: Person) -> None:
    charter(community)
    first, second = make_person(community, "steward"), make_person(community, "steward")
    proposal = propose(community, keeper)
    votes.cast(proposal, by=first, choice="yes")

    with pytest.raises(Conflict) as refusal:
        votes.cast(proposal, by=second, choice="no")

    assert refusal.value.code == "vote-closed"


def test_the_rule_of_the_start_counts_although_the_charter_changes(community: Community, keeper: Person) -> None:
    charter(community, threshold=2)
    first = make_person(community, "steward")
    make_person(community, "steward")
    proposal = propose(community, keeper)
    charter(community, threshold=1)

    votes.cast(proposal, by=first, choice="yes")

    assert proposal.status == Proposal.Status.OPEN


@pytest.mark.parametrize("rule", [{"threshold": 0}, {"who": []}, {"who": ["king"]}, {"share": 1.5}, {"veto": ["king"]}])
def test_a_rule_that_decides_nothing_is_refused(community: Community, keeper: Person, rule: dict[str, object]) -> None:
    charter(community, **rule)

    with pytest.raises(Invalid) as refusal:
        propose(community, keeper)

    assert refusal.value.code == "rule-unusable"


def test_a_passed_vote_puts_its_subject_into_force_in_the_same_transaction(
    community: Community, keeper: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    charter(community)
    steward = make_person(community, "steward")
    seen: list[str] = []
    monkeypatch.setitem(votes.WHEN_PASSED, "thing", lambda proposal: seen.append(proposal.status))
    proposal = propose(community, keeper)

    votes.cast(proposal, by=steward, choice="yes")
    votes.close_votes()

    assert seen == ["passed"]


def test_the_charter_asks_for_a_vote_by_giving_a_rule(community: Community) -> None:
    before = votes.is_asked(community, "policy")
    community.charter = {"rules": {"policy": {"who": ["keeper"], "threshold": 2}}}

    assert (before, votes.is_asked(community, "policy"), votes.is_asked(community, "version")) == (False, True, True)


def test_what_the_charter_asks_a_vote_for_waits_until_exactly_that_has_passed(
    community: Community, keeper: Person
) -> None:
    votes.require_passed(community, "thing", ("thing", "t1", DIGEST))
    charter(community)
    steward = make_person(community, "steward")
    proposal = propose(community, keeper)

    with pytest.raises(Conflict, match="asks for a vote first"):
        votes.require_passed(community, "thing", ("thing", "t1", DIGEST))
    votes.cast(proposal, by=steward, choice="yes")
    votes.require_passed(community, "thing", ("thing", "t1", DIGEST))
    with pytest.raises(Conflict, match="asks for a vote first"):
        votes.require_passed(community, "thing", ("thing", "t1", "e" * 64))
