"""Leases: exact overlap, never twice, never one's own, never what rests."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from annotations import campaigns, leases, queue
from annotations.models import Lease, QueueMark, QueueSlot, Task
from governance.kernel.errors import Conflict, Missing
from governance.models import GroupMembership, Hold, ProtocolGroup, Sample
from governance.models.people import Membership
from tests.annotations.makers import answer, claimed, make_campaign, member
from tests.factories import add_samples, make_community, make_contributor, make_dataset, make_keeper, make_person

pytestmark = pytest.mark.django_db


def test_no_task_is_given_out_beyond_its_overlap_and_no_person_is_asked_twice() -> None:
    campaign = make_campaign(4, overlap=2)
    people = [member(campaign) for _ in range(3)]

    given: list[tuple[int, int]] = []
    for _round in range(4):
        for person in people:
            lease = leases.claim(campaign, by=person)
            if lease is not None:
                given.append((lease.task_id, person.pk))
                answer(campaign, person)

    assert len(given) == 8
    assert len(set(given)) == 8
    assert not QueueSlot.objects.exists()
    assert set(Task.objects.values_list("status", "answers")) == {("done", 2)}


def test_whoever_asks_again_gets_the_lease_that_they_hold() -> None:
    campaign = make_campaign(3)
    person = member(campaign)
    first = claimed(campaign, person)

    later = timezone.now() + timedelta(minutes=5)
    again = leases.claim(campaign, by=person, now=later)

    assert again is not None
    assert again.pk == first.pk
    assert again.lease_until == later + timedelta(seconds=campaign.lease_seconds)
    assert Lease.objects.count() == 1


def test_a_lease_that_ran_out_but_was_not_returned_is_still_theirs() -> None:
    campaign = make_campaign(3)
    person = member(campaign)
    first = claimed(campaign, person)
    Lease.objects.update(lease_until=timezone.now() - timedelta(hours=1))

    assert claimed(campaign, person).pk == first.pk


def test_nobody_is_asked_about_their_own_sample() -> None:
    community = make_community()
    dataset = make_dataset(community, make_keeper(community))
    teller = make_person(community)
    add_samples(dataset, ["mine"], contributor=make_contributor(community, person=teller))
    add_samples(dataset, ["theirs"], contributor=make_contributor(community))
    campaign = make_campaign(0, dataset=dataset)

    assert claimed(campaign, teller).task.sample.text == "theirs"
    answer(campaign, teller)

    assert leases.claim(campaign, by=teller) is None
    assert "your own" in leases.why_empty(campaign, teller)


def test_what_rests_is_not_offered_and_is_offered_again_when_the_hold_is_lifted() -> None:
    campaign = make_campaign(1)
    sample = Sample.objects.get()
    hold = Hold.objects.create(
        community=campaign.community, kind="keeper", subject_kind="sample", subject_id=sample.uid, sample=sample,
        reason="sacred", placed_by="person:x",
    )  # fmt: skip
    person = member(campaign)
    assert leases.claim(campaign, by=person) is None

    Hold.objects.filter(pk=hold.pk).update(lifted_at=timezone.now())

    assert leases.claim(campaign, by=person) is not None


def test_a_hold_on_the_contributor_rests_their_samples() -> None:
    community = make_community()
    dataset = make_dataset(community, make_keeper(community))
    contributor = make_contributor(community)
    add_samples(dataset, ["a"], contributor=contributor)
    campaign = make_campaign(0, dataset=dataset)
    Hold.objects.create(
        community=community, kind="withdrawal", subject_kind="contributor", subject_id=contributor.public_id,
        contributor=contributor, reason="withdrawn", placed_by="person:x",
    )  # fmt: skip

    assert leases.claim(campaign, by=member(campaign)) is None


def test_a_sample_that_begins_to_rest_is_taken_out_of_the_hands_that_hold_it() -> None:
    campaign = make_campaign(2, overlap=1)
    person = member(campaign)
    first = claimed(campaign, person)
    Hold.objects.create(
        community=campaign.community, kind="flag", subject_kind="sample", subject_id=first.task.sample.uid,
        sample=first.task.sample, reason="sacred", placed_by="person:x",
    )  # fmt: skip

    second = claimed(campaign, person)

    assert second.task_id != first.task_id
    assert QueueSlot.objects.get(task=first.task_id).slots == 1


def test_a_sample_of_a_closed_group_is_offered_to_its_members_only() -> None:
    campaign = make_campaign(1)
    insider, outsider = member(campaign), member(campaign)
    group = ProtocolGroup.objects.create(community=campaign.community, name="net menders")
    GroupMembership.objects.create(group=group, person=insider)
    protocol = campaign.community.protocols.create(key="any:net menders")
    protocol.groups.add(group)
    Sample.objects.update(protocol=protocol)

    assert leases.claim(campaign, by=outsider) is None
    assert leases.claim(campaign, by=insider) is not None


def test_an_abandoned_lease_goes_back_and_may_come_to_the_same_person_again() -> None:
    campaign = make_campaign(1, overlap=1)
    person = member(campaign)
    first = claimed(campaign, person)

    assert leases.reap(timezone.now() + timedelta(hours=1)) == 1
    assert leases.reap(timezone.now() + timedelta(hours=1)) == 0
    first.refresh_from_db()
    second = claimed(campaign, person)

    assert first.state == Lease.State.ENDED
    assert second.pk != first.pk
    assert second.task_id == first.task_id


def test_a_heartbeat_keeps_a_lease_and_comes_too_late_for_one_that_ended() -> None:
    campaign = make_campaign(1)
    person = member(campaign)
    lease = claimed(campaign, person)
    in_ten = timezone.now() + timedelta(minutes=10)

    leases.heartbeat(lease, by=person, now=in_ten)
    assert leases.reap(in_ten + timedelta(minutes=10)) == 0
    assert leases.reap(in_ten + timedelta(minutes=16)) == 1

    with pytest.raises(Conflict) as caught:
        leases.heartbeat(lease, by=person)
    assert caught.value.code == "lease-ended"


def test_the_mark_moves_up_and_nothing_that_comes_back_lies_behind_it() -> None:
    campaign = make_campaign(5, overlap=2)
    person = member(campaign)
    for _ in range(3):
        answer(campaign, person)
    other = member(campaign)
    held = claimed(campaign, other)

    queue.advance(campaign, person)
    leases.end(held)
    mark = QueueMark.objects.get(annotator=person, prio=queue.NEW)

    assert QueueSlot.objects.filter(prio=queue.NEW, seq__gt=mark.seq).count() == 2
    assert QueueSlot.objects.get(task=held.task_id).prio == queue.RETURNED
    assert len([answer(campaign, person) for _ in range(2)]) == 2
    assert leases.claim(campaign, by=person) is None
    assert not QueueMark.objects.filter(annotator=person).exists()


def test_a_row_that_lies_behind_a_mark_is_found_when_the_queue_seems_empty() -> None:
    campaign = make_campaign(1)
    person = member(campaign)
    slot = QueueSlot.objects.get()
    QueueMark.objects.create(campaign=campaign, annotator=person, prio=slot.prio, seq=slot.seq + 100)

    assert leases.claim(campaign, by=person) is not None


def test_a_number_of_the_queue_is_beyond_every_mark_even_when_its_rows_are_gone() -> None:
    campaign = make_campaign(1, overlap=1)
    person, other = member(campaign), member(campaign)
    QueueMark.objects.create(campaign=campaign, annotator=other, prio=queue.RETURNED, seq=500)
    lease = claimed(campaign, person)

    leases.end(lease)

    if connection.vendor == "sqlite":
        assert QueueSlot.objects.get().seq == 501
    assert leases.claim(campaign, by=other) is not None


def test_nothing_is_given_out_by_a_campaign_that_is_not_open_or_to_strangers() -> None:
    campaign = make_campaign(1)
    with pytest.raises(Missing):
        leases.claim(campaign, by=make_person())
    gone = member(campaign)
    Membership.objects.filter(person=gone).update(valid_to=timezone.now())
    with pytest.raises(Missing):
        leases.claim(campaign, by=gone)

    campaigns.pause(campaign, by=campaign.created_by)

    with pytest.raises(Conflict) as caught:
        leases.claim(campaign, by=member(campaign))
    assert caught.value.code == "campaign-not-open"


def test_who_finds_nothing_is_told_why() -> None:
    campaign = make_campaign(1, overlap=2)
    one, two, three = member(campaign), member(campaign), member(campaign)
    answer(campaign, one)
    assert "answered all of it" in leases.why_empty(campaign, one)
    claimed(campaign, two)
    assert "somebody else's hands" in leases.why_empty(campaign, three)
    answer(campaign, two)

    assert "Everything here has been answered" in leases.why_empty(campaign, three)
