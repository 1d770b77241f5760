"""Votes: one machinery, and silence is never consent."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from governance import votes
from governance.kernel.errors import Conflict, Invalid, Missing, NotAllowed
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
    steward = make_person(community, "steward")
    proposal = propose(community, keeper)

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


def later(hours: float) -> datetime:
    return timezone.now() + timedelta(hours=hours)


def test_no_objection_needs_a_stated_yes_besides_the_silence(community: Community, keeper: Person) -> None:
    charter(community, no_objection=True, min_open_hours=24, threshold=1)
    steward = make_person(community, "steward")
    said = propose(community, keeper)
    votes.cast(said, by=steward, choice="yes")

    early = votes.close_if_decided(said, at=later(23)).status
    votes.close_if_decided(said, at=later(25))
    silent = propose(community, keeper, digest="f" * 64)
    votes.close_if_decided(silent, at=later(25))

    assert (early, said.status) == (Proposal.Status.OPEN, Proposal.Status.PASSED)
    assert silent.status == Proposal.Status.REJECTED


def test_one_objection_stops_what_needs_consensus_unless_it_is_taken_back(community: Community, keeper: Person) -> None:
    charter(community, no_objection=True, min_open_hours=24, threshold=1)
    people = [make_person(community, "steward") for _ in range(3)]
    proposal = propose(community, keeper)
    votes.cast(proposal, by=people[0], choice="yes")
    votes.cast(proposal, by=people[1], choice="yes")

    with pytest.raises(Invalid) as refusal:
        votes.cast(proposal, by=people[2], choice="no")
    votes.cast(proposal, by=people[2], choice="no", reason="The river is not ours alone.")
    objected = votes.state(proposal, later(25)).outcome
    votes.cast(proposal, by=people[2], choice="abstain")

    assert refusal.value.code == "ballot-reason-missing"
    assert (objected, votes.state(proposal, later(25)).outcome) == ("rejected", "passed")


def test_what_is_won_takes_force_only_after_the_time_for_a_veto(community: Community, keeper: Person) -> None:
    charter(community, veto=["authority"], veto_hours=48)
    steward, elder = make_person(community, "steward"), make_person(community, "authority")
    proposal = propose(community, keeper)

    votes.cast(proposal, by=steward, choice="yes")
    won, force_at = proposal.status, votes.state(proposal).takes_force_at
    inside = votes.close_if_decided(proposal, at=later(47)).status
    votes.close_if_decided(proposal, at=later(49))

    assert (won, inside, proposal.status) == (Proposal.Status.OPEN, Proposal.Status.OPEN, Proposal.Status.PASSED)
    assert force_at is not None and later(47) < force_at < later(49)
    assert elder.public_id in proposal.electorate["veto"]


def test_a_veto_inside_its_time_ends_what_was_won_even_after_the_voting_is_over(
    community: Community, keeper: Person
) -> None:
    charter(community, veto=["authority"], veto_hours=48, max_open_hours=1)
    steward, elder = make_person(community, "steward"), make_person(community, "authority")
    late = make_person(community, "steward")
    proposal = propose(community, keeper)
    votes.cast(proposal, by=steward, choice="yes")
    Proposal.objects.filter(pk=proposal.pk).update(closes_at=timezone.now() - timedelta(minutes=1))

    with pytest.raises(Conflict) as refusal:
        votes.cast(proposal, by=late, choice="no")
    votes.cast(proposal, by=elder, choice="veto")

    assert refusal.value.code == "vote-closed"
    assert proposal.status == Proposal.Status.VETOED


def test_the_time_for_a_veto_starts_anew_when_the_yes_did_not_hold(community: Community, keeper: Person) -> None:
    charter(community, veto=["authority"], veto_hours=48, threshold=1)
    steward = make_person(community, "steward")
    make_person(community, "steward")
    proposal = propose(community, keeper)
    votes.cast(proposal, by=steward, choice="yes")

    votes.cast(proposal, by=steward, choice="no")
    votes.close_if_decided(proposal, at=later(49))

    assert (proposal.won_at, proposal.status) == (None, Proposal.Status.OPEN)


def test_the_yes_must_come_from_different_groups_and_each_person_stands_for_one(
    community: Community, keeper: Person
) -> None:
    a, b, c = (make_person(community, "steward") for _ in range(3))
    charter(community, threshold=2, min_distinct_groups=2)
    community.charter["groups"] = {"hill": [a.public_id, b.public_id], "shore": [a.public_id, c.public_id]}
    community.save()
    proposal = propose(community, keeper)

    votes.cast(proposal, by=b, choice="yes")
    votes.cast(proposal, by=a, choice="yes")

    assert proposal.status == Proposal.Status.PASSED
    assert votes.distinct_groups(["x", "y"], {"hill": ["x", "y"], "shore": []}) == 1
    assert votes.distinct_groups(["x"], {"hill": ["x"], "shore": ["x"]}) == 1


def test_groups_are_those_of_the_start(community: Community, keeper: Person) -> None:
    a, b = make_person(community, "steward"), make_person(community, "steward")
    charter(community, threshold=2, min_distinct_groups=2)
    community.charter["groups"] = {"hill": [a.public_id, b.public_id]}
    community.save()
    proposal = propose(community, keeper)
    community.charter["groups"] = {"hill": [a.public_id], "shore": [b.public_id]}
    community.save()

    votes.cast(proposal, by=a, choice="yes")
    votes.cast(proposal, by=b, choice="yes")

    assert proposal.status == Proposal.Status.REJECTED


def test_a_secret_vote_shows_who_answered_and_nothing_else_until_it_closes(
    community: Community, keeper: Person
) -> None:
    charter(community, secret=True, max_open_hours=24)
    people = [make_person(community, "steward") for _ in range(3)]
    proposal = propose(community, keeper)

    votes.cast(proposal, by=people[0], choice="no", reason="I fear for the songs.")
    votes.cast(proposal, by=people[1], choice="yes")
    tally = votes.state(proposal)
    public = list(votes.counting(proposal))
    votes.close_if_decided(proposal, at=later(25))
    log = "".join(Event.objects.filter(verb="ballot.cast").values_list("body", flat=True))

    assert (tally.yes, tally.no, tally.answered, tally.is_hidden) == (0, 0, 2, True)
    assert public == []
    assert set(votes.answered(proposal)) == set(people[:2])
    assert (proposal.status, proposal.tally["yes"], proposal.tally["no"]) == ("passed", 1, 1)
    assert proposal.tally["reasons"] == [["no", "I fear for the songs."]]
    assert {ballot.choice for ballot in proposal.ballots.all()} == {""}
    assert '"choice"' not in log
    assert "songs" not in "".join(Event.objects.values_list("body", flat=True))


def test_a_secret_vote_does_not_end_with_the_ballot_that_decides_it(community: Community, keeper: Person) -> None:
    charter(community, secret=True, max_open_hours=24)
    first, second = make_person(community, "steward"), make_person(community, "steward")
    proposal = propose(community, keeper)

    votes.cast(proposal, by=first, choice="yes")
    after_one = proposal.status
    votes.cast(proposal, by=second, choice="no")

    assert (after_one, proposal.status) == (Proposal.Status.OPEN, Proposal.Status.PASSED)


def test_a_lent_voice_counts_once_and_is_shown(community: Community, keeper: Person) -> None:
    charter(community, threshold=2, proxies=1)
    away, holder = make_person(community, "steward"), make_person(community, "steward")
    make_person(community, "steward")
    proposal = propose(community, keeper)
    proxy = votes.lend(community, by=away, holder=holder, note="I am at sea.")

    votes.cast(proposal, by=holder, choice="no", for_person=away)
    ballot = votes.cast(proposal, by=holder, choice="yes", for_person=away)
    tally = votes.state(proposal)

    assert (tally.yes, tally.no, tally.by_proxy, tally.outcome) == (1, 0, 1, "open")
    assert (ballot.voter, ballot.proxy) == (away, proxy)


def test_ones_own_answer_wins_over_the_lent_voice(community: Community, keeper: Person) -> None:
    charter(community, threshold=2, proxies=1)
    away, holder, _third = (make_person(community, "steward") for _ in range(3))
    proposal = propose(community, keeper)
    votes.lend(community, by=away, holder=holder)
    votes.cast(proposal, by=holder, choice="yes", for_person=away)

    votes.cast(proposal, by=away, choice="abstain")

    with pytest.raises(Conflict) as refusal:
        votes.cast(proposal, by=holder, choice="yes", for_person=away)
    assert refusal.value.code == "answered-themselves"
    assert (votes.state(proposal).yes, votes.state(proposal).abstain) == (0, 1)


def test_a_voice_that_is_taken_back_no_longer_counts(community: Community, keeper: Person) -> None:
    charter(community, threshold=2, proxies=1)
    away, holder, _third = (make_person(community, "steward") for _ in range(3))
    proposal = propose(community, keeper)
    proxy = votes.lend(community, by=away, holder=holder)
    votes.cast(proposal, by=holder, choice="yes", for_person=away)

    votes.take_back(proxy, by=away)

    assert votes.state(proposal).yes == 0
    with pytest.raises(NotAllowed):
        votes.cast(proposal, by=holder, choice="yes", for_person=away)


def test_a_lent_voice_goes_one_level_and_no_further_than_the_charter_allows(
    community: Community, keeper: Person
) -> None:
    charter(community, threshold=5, proxies=1)
    a, b, c, d = (make_person(community, "steward") for _ in range(4))
    make_person(community, "steward")
    proposal = propose(community, keeper)
    votes.lend(community, by=a, holder=b)
    votes.lend(community, by=b, holder=c)
    votes.lend(community, by=d, holder=c)

    with pytest.raises(NotAllowed):
        votes.cast(proposal, by=c, choice="yes", for_person=a)
    votes.cast(proposal, by=c, choice="yes", for_person=b)
    with pytest.raises(NotAllowed):
        votes.cast(proposal, by=c, choice="yes", for_person=d)


def test_whoever_proposed_cannot_pass_it_with_a_lent_voice(community: Community, keeper: Person) -> None:
    charter(community, proxies=3)
    away = make_person(community, "steward")
    proposal = propose(community, keeper)
    votes.lend(community, by=away, holder=keeper)

    with pytest.raises(NotAllowed) as refusal:
        votes.cast(proposal, by=keeper, choice="yes", for_person=away)

    assert refusal.value.code == "no-proxy"


def test_the_voice_of_somebody_who_left_does_not_count_and_neither_does_what_their_holder_said_after_leaving(
    community: Community, keeper: Person
) -> None:
    charter(community, threshold=2, proxies=1)
    away, holder, _third = (make_person(community, "steward") for _ in range(3))
    proposal = propose(community, keeper)
    votes.lend(community, by=away, holder=holder)
    votes.cast(proposal, by=holder, choice="yes", for_person=away)

    Membership.objects.filter(person=holder).update(valid_to=timezone.now())

    assert votes.state(proposal).yes == 0


def test_nobody_gains_a_veto_in_a_vote_that_is_open(community: Community, keeper: Person) -> None:
    charter(community, threshold=2, veto=["authority"])
    steward = make_person(community, "steward")
    make_person(community, "steward")
    proposal = propose(community, keeper)

    Membership.objects.create(person=steward, community=community, role="authority")

    assert votes.may_vote(proposal, steward) == {"yes", "no", "abstain"}


def test_a_proposal_whose_proposer_must_stay_falls_with_them(community: Community, keeper: Person) -> None:
    charter(community, proposer_stays=True, threshold=2)
    first, second = make_person(community, "steward"), make_person(community, "steward")
    proposal = propose(community, keeper)
    votes.cast(proposal, by=first, choice="yes")
    Membership.objects.filter(person=keeper).update(valid_to=timezone.now())

    votes.cast(proposal, by=second, choice="yes")

    assert proposal.status == Proposal.Status.VOID


def test_a_vote_whose_decision_cannot_be_done_any_more_ends_as_void_and_says_why(
    community: Community, keeper: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    charter(community)
    steward = make_person(community, "steward")

    def refuse(proposal: Proposal) -> None:
        raise Conflict("policy-moved-on", "Somebody was faster.")

    monkeypatch.setitem(votes.WHEN_PASSED, "thing", refuse)
    proposal = propose(community, keeper)

    votes.cast(proposal, by=steward, choice="yes")

    assert (proposal.status, proposal.tally["why"]) == (Proposal.Status.VOID, "policy-moved-on")


def test_what_a_closed_vote_counted_stays_whoever_leaves_afterwards(community: Community, keeper: Person) -> None:
    charter(community)
    steward = make_person(community, "steward")
    proposal = propose(community, keeper)
    votes.cast(proposal, by=steward, choice="yes")

    Membership.objects.filter(person=steward).update(valid_to=timezone.now())

    assert (votes.state(proposal).yes, votes.state(proposal).outcome) == (1, "passed")


def test_somebody_without_a_role_is_never_eligible_however_they_run_the_machine(
    community: Community, keeper: Person
) -> None:
    charter(community)
    operator = make_person()
    proposal = propose(community, keeper)

    with pytest.raises(Missing):
        votes.cast(proposal, by=operator, choice="yes")

    assert operator.public_id not in proposal.eligible


@pytest.mark.parametrize(
    "rule",
    [
        {"no_objection": True},
        {"veto_hours": 24},
        {"secret": True},
        {"secret": True, "max_open_hours": 24, "proxies": 1},
        {"min_distinct_groups": 0},
        {"proxies": -1},
        {"min_open_hours": 48, "max_open_hours": 24},
        {"min_open_hours": float("inf")},
        {"reasons": "yes"},
        {"threshold": True},
    ],
)
def test_a_rule_that_contradicts_itself_is_refused(
    community: Community, keeper: Person, rule: dict[str, object]
) -> None:
    with pytest.raises(Invalid) as refusal:
        votes.check_rule(votes.rule_of(community, "policy") | rule)

    assert refusal.value.code == "rule-unusable"
