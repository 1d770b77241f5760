"""Whatever people do in whatever order, slots are neither made nor lost."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from annotations import leases, queue, reviews, submissions
from annotations.models import Annotation, Lease, QueueSlot, Task
from governance.kernel.errors import Conflict, NotAllowed
from tests.annotations.makers import make_campaign, member, picked

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["claim", "submit", "skip", "undo", "reject", "reap", "advance", "late"]),
        st.integers(min_value=0, max_value=3),
    ),
    max_size=60,
)


@pytest.mark.slow
class QueueProperties(TestCase):
    """The invariant: for each task, slots in the queue + open leases + counting answers = overlap."""

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(STEPS, st.integers(min_value=1, max_value=3))
    def test_slots_leases_and_answers_always_add_up_to_the_overlap(
        self, steps: list[tuple[str, int]], overlap: int
    ) -> None:
        campaign = make_campaign(3, overlap=overlap)
        people = [member(campaign, "reviewer") for _ in range(4)]

        for place, (what, who) in enumerate(steps):
            person = people[who]
            mine = Lease.objects.filter(annotator=person, campaign=campaign)
            held = mine.filter(state=Lease.State.OPEN).first()
            if what == "claim":
                leases.claim(campaign, by=person)
            elif what == "submit" and held:
                submissions.submit(held, by=person, result=picked(), client_id=f"client-{place}")
            elif what == "skip" and held:
                submissions.skip(held, by=person, reason="later")
            elif what == "late" and (ended := mine.filter(state__gte=Lease.State.SKIPPED).first()):
                submissions.submit(ended, by=person, result=picked(), client_id=f"client-{place}")
            elif what == "undo" and (last := submissions.last_of(campaign, person)):
                submissions.undo(last, by=person)
            elif what == "reject" and (waiting := reviews.waiting_for(person, campaign).first()):
                try:
                    reviews.decide(waiting, by=person, verdict="reject", reason="spelling")
                except (Conflict, NotAllowed):
                    pass
            elif what == "reap":
                leases.reap(timezone.now() + timedelta(hours=1))
            elif what == "advance":
                queue.advance(campaign, person)
            self.assert_whole(overlap)

    def assert_whole(self, overlap: int) -> None:
        """Nothing over, nothing lost, nobody twice."""
        for task in Task.objects.all():
            slots = sum(QueueSlot.objects.filter(task=task).values_list("slots", flat=True))
            open_now = Lease.objects.filter(task=task, state=Lease.State.OPEN).count()
            counting = Annotation.objects.filter(task=task, standing="counts")
            assert slots + open_now + counting.count() == overlap
            assert task.answers == counting.count()
            assert (task.status == "done") == (task.answers >= overlap)
            assert counting.values("annotator").distinct().count() == counting.count()
