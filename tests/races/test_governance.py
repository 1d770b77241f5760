"""Rules, votes and ends when many act at the same moment."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from governance import agreements, communities, parties, policies, votes, withdrawals
from governance.kernel.errors import Conflict
from governance.models import Ballot, Community, Event, Person, PolicyRevision, Proposal, Proxy, Sample
from governance.odrl.policy import Body
from tests.factories import add_samples, give_consent, make_community, make_contributor, make_dataset, make_person

pytestmark = pytest.mark.postgres


def refused(answers: list[Any]) -> list[Any]:
    return [answer for answer in answers if isinstance(answer, Exception)]


def test_two_who_revise_at_once_do_not_overwrite_each_other(in_threads: Callable[..., list[Any]]) -> None:
    dataset = make_dataset()
    keepers = [make_person(dataset.community, "keeper") for _ in range(6)]

    def work(n: int) -> object:
        body = Body(purposes=("teaching",), organisations=("public",), note=str(n))
        return policies.revise(dataset, body=body, by=keepers[n], over=1).number

    answers = in_threads(work, 6)

    assert len(refused(answers)) == 5
    assert all(isinstance(answer, Conflict) for answer in refused(answers))
    assert PolicyRevision.objects.filter(dataset=dataset).count() == 2
    assert Event.objects.filter(verb="policy.revise").count() == 2


def test_a_vote_closes_once_although_all_vote_at_once(in_threads: Callable[..., list[Any]]) -> None:
    community = make_community()
    community.charter = {"rules": {"thing": {"who": ["steward"], "threshold": 3}}}
    community.save()
    keeper = make_person(community, "keeper")
    stewards = [make_person(community, "steward") for _ in range(6)]
    proposal = votes.propose(
        community=community, subject=("thing", "t", "d" * 64), title="A thing", rule_name="thing", by=keeper
    )

    def work(n: int) -> object:
        return votes.cast(Proposal.objects.get(pk=proposal.pk), by=stewards[n], choice="yes").pk

    answers = in_threads(work, 6)

    proposal.refresh_from_db()
    assert proposal.status == Proposal.Status.PASSED
    assert proposal.tally["yes"] == 3
    assert len(refused(answers)) == 3
    assert Ballot.objects.filter(proposal=proposal).count() == 3
    assert Event.objects.filter(verb="proposal.close").count() == 1


def test_one_person_who_clicks_often_has_one_vote(in_threads: Callable[..., list[Any]]) -> None:
    community = make_community()
    community.charter = {"rules": {"thing": {"who": ["steward"], "threshold": 2}}}
    community.save()
    keeper, steward = make_person(community, "keeper"), make_person(community, "steward")
    make_person(community, "steward")
    proposal = votes.propose(
        community=community, subject=("thing", "t", "d" * 64), title="A thing", rule_name="thing", by=keeper
    )

    in_threads(lambda n: votes.cast(Proposal.objects.get(pk=proposal.pk), by=steward, choice="yes"), 5)

    assert votes.state(Proposal.objects.get(pk=proposal.pk)).yes == 1
    assert Ballot.objects.filter(proposal=proposal, replaced_at=None).count() == 1


def test_an_agreement_ends_once(in_threads: Callable[..., list[Any]]) -> None:
    dataset = make_dataset()
    steward = make_person(dataset.community, "steward")
    policies.revise(dataset, body=Body(purposes=("teaching",), organisations=("public",)), by=steward)
    party = parties.add(dataset.community, name="A school", kind="public", by=steward)
    end = timezone.now() + timedelta(days=9)
    agreement = agreements.sign(
        party, dataset=dataset, purpose="teaching", is_commercial=False, expires_at=end, by=steward
    )

    answers = in_threads(lambda n: agreements.end(agreement, by=steward), 4)

    assert len(refused(answers)) == 3
    assert Event.objects.filter(verb="agreement.end").count() == 1


def test_whoever_reads_after_a_withdrawal_was_answered_sees_nothing(in_threads: Callable[..., list[Any]]) -> None:
    dataset = make_dataset()
    person = make_person(dataset.community)
    teller = make_contributor(dataset.community, person=person)
    give_consent(teller, "teaching")
    add_samples(dataset, ["one", "two"], teller)
    seen: list[tuple[float, int]] = []
    answered: list[float] = []

    def work(n: int) -> object:
        clock = timezone.now
        if n == 0:
            withdrawals.open(teller, by=person, channel="self")
            answered.append(clock().timestamp())
            return None
        for _ in range(40):
            began = clock().timestamp()
            seen.append((began, Sample.objects.not_held().count()))
        return None

    assert not refused(in_threads(work, 4))

    assert all(count == 0 for began, count in seen if began > answered[0])
    assert all(count in (0, 2) for _began, count in seen)


def test_two_last_keepers_who_leave_at_once_do_not_both_leave(in_threads: Callable[..., list[Any]]) -> None:
    for _round in range(5):
        community = make_community()
        keepers = [make_person(community, "keeper") for _ in range(2)]

        def work(n: int, here: Community = community, people: list[Person] = keepers) -> object:
            return communities.leave(here, by=people[n])

        answers = in_threads(work, 2)

        assert [answer.code for answer in refused(answers)] == ["last-keeper"]
        assert communities.keepers(community).count() == 1


def test_two_keepers_who_propose_the_same_at_once_open_one_vote(in_threads: Callable[..., list[Any]]) -> None:
    community = make_community()
    keepers = [make_person(community, "keeper") for _ in range(2)]
    member = make_person(community)

    def work(n: int) -> object:
        return communities.grant(community, person=member, role="steward", by=keepers[n])

    answers = in_threads(work, 2)

    assert [answer.code for answer in refused(answers)] == ["already-proposed"]
    assert Proposal.objects.filter(status="open").count() == 1


def test_a_vote_while_the_subject_changes_counts_for_what_was_seen_or_not_at_all(
    in_threads: Callable[..., list[Any]],
) -> None:
    community = make_community()
    community.charter = {"rules": {"thing": {"who": ["steward"], "threshold": 6}}}
    community.save()
    keeper = make_person(community, "keeper")
    stewards = [make_person(community, "steward") for _ in range(6)]
    old = votes.propose(
        community=community, subject=("thing", "t", "d" * 64), title="A thing", rule_name="thing", by=keeper
    )

    def work(n: int) -> object:
        if n == 6:
            return votes.propose(
                community=community, subject=("thing", "t", "e" * 64), title="Other", rule_name="thing", by=keeper
            )
        return votes.cast(Proposal.objects.get(pk=old.pk), by=stewards[n], choice="yes", subject_digest="d" * 64)

    in_threads(work, 7)

    old.refresh_from_db()
    new = Proposal.objects.filter(subject_digest="e" * 64).first()
    assert old.status in (Proposal.Status.VOID, Proposal.Status.PASSED)
    assert (new is not None) == (old.status == Proposal.Status.VOID) or old.status == Proposal.Status.PASSED
    assert new is None or votes.state(new).yes == 0
    assert Event.objects.filter(verb="proposal.close", object_id=old.public_id).count() == 1


def test_a_vote_that_many_close_at_once_closes_once(in_threads: Callable[..., list[Any]]) -> None:
    community = make_community()
    community.charter = {"rules": {"thing": {"who": ["steward"], "threshold": 1, "min_open_hours": 1}}}
    community.save()
    keeper, steward = make_person(community, "keeper"), make_person(community, "steward")
    proposal = votes.propose(
        community=community, subject=("thing", "t", "d" * 64), title="A thing", rule_name="thing", by=keeper
    )
    votes.cast(proposal, by=steward, choice="yes")

    def work(_n: int) -> object:
        return votes.close_if_decided(Proposal.objects.get(pk=proposal.pk), at=timezone.now() + timedelta(hours=2))

    answers = in_threads(work, 8)

    assert refused(answers) == []
    assert {answer.status for answer in answers} == {"passed"}
    assert Event.objects.filter(verb="proposal.close").count() == 1


def test_a_voice_that_is_taken_back_while_the_vote_closes_counts_in_both_places_or_in_none(
    in_threads: Callable[..., list[Any]],
) -> None:
    for number in range(5):
        community = make_community()
        community.charter = {"rules": {"thing": {"who": ["steward"], "threshold": 2, "proxies": 1}}}
        community.save()
        keeper = make_person(community, "keeper")
        away, holder = (make_person(community, "steward") for _ in range(2))
        proposal = votes.propose(
            community=community,
            subject=("thing", f"t{number}", "d" * 64),
            title="A thing",
            rule_name="thing",
            by=keeper,
        )
        proxy = votes.lend(community, by=away, holder=holder)
        votes.cast(proposal, by=holder, choice="yes", for_person=away)

        def work(
            n: int, one: Proposal = proposal, lent: Proxy = proxy, giver: Person = away, carrier: Person = holder
        ) -> object:
            if n:
                return votes.take_back(Proxy.objects.get(pk=lent.pk), by=giver)
            return votes.cast(Proposal.objects.get(pk=one.pk), by=carrier, choice="yes")

        in_threads(work, 2)

        proposal.refresh_from_db()
        counted = votes.state(proposal)
        assert (counted.outcome, counted.yes) in {("passed", 2), ("open", 1)}
