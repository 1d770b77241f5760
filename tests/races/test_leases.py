"""Claims under load: 64 people at once, some of whom walk away, and no task is given out beyond its overlap."""

import random
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.db.models import Count
from django.utils import timezone

from annotations import leases, submissions
from annotations.models import Annotation, Lease, QueueSlot, Task
from tests.annotations.makers import make_campaign, member, picked

PEOPLE, TASKS, OVERLAP = 64, 200, 3


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_sixty_four_people_at_once_fill_every_task_exactly(in_threads: Callable[..., list[Any]]) -> None:
    campaign = make_campaign(TASKS, overlap=OVERLAP)
    people = [member(campaign) for _ in range(PEOPLE)]
    over = threading.Event()

    def reaper() -> None:
        while not over.wait(0.2):
            leases.reap(timezone.now() + timedelta(seconds=campaign.lease_seconds - 1))
        connections.close_all()

    def work(number: int) -> int:
        chance, person, given, empty = random.Random(number), people[number], 0, 0
        while empty < 12:
            lease = leases.claim(campaign, by=person)
            if lease is None:
                empty += 1
                time.sleep(0.25)
                continue
            empty = 0
            if chance.random() < 0.05:
                leases.end(lease)
                continue
            made = submissions.submit(lease, by=person, result=picked(), client_id=lease.public_id)
            given += made.standing == "counts"
        return given

    sweeping = threading.Thread(target=reaper)
    sweeping.start()
    answers = in_threads(work, PEOPLE)
    over.set()
    sweeping.join()

    assert [answer for answer in answers if isinstance(answer, BaseException)] == []
    assert sum(answers) == TASKS * OVERLAP
    counted = Annotation.objects.filter(standing="counts")
    assert counted.count() == TASKS * OVERLAP
    assert set(Task.objects.values_list("status", "answers")) == {("done", OVERLAP)}
    assert not QueueSlot.objects.exists()
    assert not counted.values("task", "annotator").annotate(n=Count("pk")).filter(n__gt=1).exists()


@pytest.mark.django_db(transaction=True)
def test_one_person_in_many_tabs_holds_one_lease(in_threads: Callable[..., list[Any]]) -> None:
    campaign = make_campaign(20, overlap=2)
    person = member(campaign)

    found = in_threads(lambda _n: leases.claim(campaign, by=person), 8)

    assert {type(lease) for lease in found} == {Lease}
    assert {lease.pk for lease in found} == {Lease.objects.get().pk}
    assert sum(QueueSlot.objects.values_list("slots", flat=True)) == 39


@pytest.mark.django_db(transaction=True)
def test_the_same_answer_sent_eight_times_at_once_is_one_row(in_threads: Callable[..., list[Any]]) -> None:
    campaign = make_campaign(1, overlap=2)
    person = member(campaign)
    lease = leases.claim(campaign, by=person)
    assert lease is not None

    def send(_n: int) -> Annotation:
        mine = Lease.objects.get(pk=lease.pk)
        return submissions.submit(mine, by=person, result=picked(), client_id="client-one")

    found = in_threads(send, 8)

    assert {getattr(answer, "pk", answer) for answer in found} == {Annotation.objects.get().pk}
    assert Task.objects.get().answers == 1
