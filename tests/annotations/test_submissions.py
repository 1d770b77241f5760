"""Answers: kept once, counted once, never lost, undone by their author."""

from datetime import timedelta

import pytest
from django.utils import timezone

from annotations import leases, reviews, submissions
from annotations.models import Annotation, Flag, Lease, QueueSlot, Task
from governance.kernel.errors import Conflict, Invalid, Missing
from governance.models import Event
from tests.annotations.makers import answer, claimed, make_campaign, member, picked

pytestmark = pytest.mark.django_db


def submit(lease: Lease, client_id: str = "client-one", label: str = "Glad", **more: object) -> Annotation:
    return submissions.submit(lease, by=lease.annotator, result=picked(label), client_id=client_id, **more)  # type: ignore[arg-type]


def test_an_answer_is_kept_with_its_label_and_one_event() -> None:
    campaign = make_campaign(1)
    lease = claimed(campaign, member(campaign))

    made = submit(lease, seconds=4.2)

    assert (made.label, made.standing, made.seconds) == ("Glad", "counts", 4.2)
    assert made.config_digest == campaign.config_digest
    assert Event.objects.filter(verb="annotation.submit", object_id=made.public_id).count() == 1
    assert "Glad" not in Event.objects.get(object_id=made.public_id).body
    assert Task.objects.get().answers == 1


def test_sending_twice_keeps_the_first_answer() -> None:
    campaign = make_campaign(1)
    lease = claimed(campaign, member(campaign))

    first = submit(lease)
    again = submit(lease, label="Sad")

    assert again.pk == first.pk
    assert Annotation.objects.get().label == "Glad"
    assert Task.objects.get().answers == 1


def test_a_second_answer_on_the_same_lease_is_refused() -> None:
    campaign = make_campaign(1)
    lease = claimed(campaign, member(campaign))
    submit(lease)

    with pytest.raises(Conflict) as caught:
        submit(lease, "client-two")

    assert caught.value.code == "already-answered"


def test_an_answer_that_does_not_fit_the_config_changes_nothing() -> None:
    campaign = make_campaign(1)
    lease = claimed(campaign, member(campaign))

    with pytest.raises(Invalid) as caught:
        submit(lease, label="Angry")
    with pytest.raises(Invalid):
        submissions.submit(lease, by=lease.annotator, result=[], client_id="client-one")

    assert [(r.code, r.path) for r in caught.value.reasons] == [("choice-unknown", "/result/0/value/choices/0")]
    lease.refresh_from_db()
    assert lease.state == Lease.State.OPEN
    assert not Annotation.objects.exists()


def test_nobody_answers_on_somebody_elses_lease() -> None:
    campaign = make_campaign(1)
    lease = claimed(campaign, member(campaign))

    with pytest.raises(Missing):
        submissions.submit(lease, by=member(campaign), result=picked(), client_id="client-one")
    with pytest.raises(Missing):
        submissions.skip(lease, by=member(campaign), reason="later")


def test_an_answer_after_the_lease_counts_while_its_slot_is_free() -> None:
    campaign = make_campaign(1, overlap=1)
    lease = claimed(campaign, member(campaign))
    leases.reap(timezone.now() + timedelta(hours=1))

    made = submit(lease)

    assert made.standing == "counts"
    assert not QueueSlot.objects.exists()
    assert Task.objects.get().status == "done"


def test_an_answer_after_its_slot_was_filled_is_kept_as_evidence_and_not_counted() -> None:
    campaign = make_campaign(1, overlap=1)
    lease = claimed(campaign, member(campaign))
    leases.reap(timezone.now() + timedelta(hours=1))
    answer(campaign, member(campaign), "Sad")

    made = submit(lease)

    assert made.standing == "late"
    assert Task.objects.get().answers == 1
    assert Annotation.objects.count() == 2


def test_a_skip_gives_the_slot_to_somebody_else_and_asks_its_person_no_more() -> None:
    campaign = make_campaign(1, overlap=1)
    person, other = member(campaign), member(campaign)
    lease = claimed(campaign, person)

    submissions.skip(lease, by=person, reason="not-sure")

    assert leases.claim(campaign, by=person) is None
    assert leases.claim(campaign, by=other) is not None
    lease.refresh_from_db()
    assert (lease.state, lease.skip_reason) == (Lease.State.SKIPPED, "not-sure")


def test_a_skip_has_a_known_reason_and_happens_once() -> None:
    campaign = make_campaign(1)
    lease = claimed(campaign, member(campaign))

    with pytest.raises(Invalid):
        submissions.skip(lease, by=lease.annotator, reason="bored")
    submissions.skip(lease, by=lease.annotator, reason="later")
    with pytest.raises(Conflict):
        submissions.skip(lease, by=lease.annotator, reason="later")

    assert QueueSlot.objects.get().slots == 2


def test_undo_gives_the_question_back_with_its_answer_and_counts_it_no_more() -> None:
    campaign = make_campaign(2, overlap=1)
    person = member(campaign)
    made = answer(campaign, person)
    following = claimed(campaign, person)

    lease = submissions.undo(made, by=person)

    assert lease is not None
    assert claimed(campaign, person).pk == lease.pk
    undone, client_id = submissions.draft_of(lease)
    assert undone == picked("Glad")
    assert Task.objects.get(pk=made.task_id).answers == 0
    assert QueueSlot.objects.get().task_id == following.task_id
    again = submit(lease, client_id, "Sad")
    assert (again.standing, again.label) == ("counts", "Sad")
    assert Task.objects.get(pk=made.task_id).status == "done"
    assert Annotation.objects.filter(task=made.task_id).count() == 2


def test_only_the_last_answer_can_be_undone_by_its_author_before_a_review() -> None:
    campaign = make_campaign(3)
    person = member(campaign)
    first, second = answer(campaign, person), answer(campaign, person)

    with pytest.raises(Conflict):
        submissions.undo(first, by=person)
    with pytest.raises(Missing):
        submissions.undo(second, by=member(campaign))
    reviews.decide(second, by=member(campaign, "reviewer"), verdict="accept")
    with pytest.raises(Conflict):
        submissions.undo(second, by=person)


def test_an_answer_and_a_flag_go_in_one_action_or_not_at_all() -> None:
    campaign = make_campaign(2)
    person = member(campaign)

    with pytest.raises(Invalid):
        submit(claimed(campaign, person), flag=submissions.Raised("strange"))
    assert not Annotation.objects.exists()
    made = submit(claimed(campaign, person), flag=submissions.Raised("harmful", "it shames her"))

    assert Flag.objects.get().annotation_id == made.pk


def test_a_client_id_of_somebody_else_is_no_hindrance() -> None:
    campaign = make_campaign(1)
    one, two = claimed(campaign, member(campaign)), claimed(campaign, member(campaign))

    assert submit(one, "the-same-id").pk != submit(two, "the-same-id").pk
