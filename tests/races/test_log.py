"""Sealing while many write: no event is left out, and none is sealed twice."""

import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, connections, transaction

from governance import log
from governance.acts import record
from governance.models import Event, Leaf
from governance.roles import Machine
from tests.factories import make_community

pytestmark = pytest.mark.postgres
WRITERS, EACH = 6, 40


def test_events_that_commit_late_are_neither_missed_nor_sealed_twice(in_threads: Callable[..., list[Any]]) -> None:
    community = make_community()
    over = threading.Event()

    def work(n: int) -> object:
        if n == WRITERS:
            while not over.is_set():
                log.seal()
                time.sleep(0.005)
            return None
        dice = random.Random(n)
        for number in range(EACH):
            with transaction.atomic():
                record(Machine("tests"), "community.change", community, {"number": number, "writer": n})
                if dice.random() < 0.2:
                    time.sleep(dice.random() * 0.05)
        return n

    stopper = threading.Thread(target=lambda: (time.sleep(3), over.set()))
    stopper.start()
    answers = in_threads(work, WRITERS + 1)
    stopper.join()
    log.seal()

    assert answers[:WRITERS] == list(range(WRITERS))
    assert Event.objects.count() == WRITERS * EACH == Leaf.objects.count()
    assert log.unsealed().count() == 0
    assert log.verify().ok


def test_an_open_transaction_holds_the_horizon_back_and_its_event_comes_first(transactional_db: None) -> None:
    community = make_community()
    began, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            record(Machine("tests"), "community.change", community, {"who": "slow"})
            began.set()
            go_on.wait(10)
        connections.close_all()

    thread = threading.Thread(target=slow)
    thread.start()
    began.wait(10)
    quick = record(Machine("tests"), "community.change", community, {"who": "quick"})
    log.seal()
    sealed_meanwhile = Leaf.objects.count()
    go_on.set()
    thread.join()
    log.seal()

    assert sealed_meanwhile == 0
    assert [leaf.event_id for leaf in Leaf.objects.order_by("index")][1] == quick.pk
    assert Leaf.objects.count() == 2


def test_after_a_restore_what_was_unsealed_is_sealed_first_and_the_log_goes_on(transactional_db: None) -> None:
    community = make_community()
    with transaction.atomic():
        events = [record(Machine("tests"), "community.change", community, {"number": n}) for n in range(5)]
    log.seal()
    with transaction.atomic():
        late = [record(Machine("tests"), "community.change", community, {"late": n}) for n in range(3)]
    # In a restored database the transaction ids are those of the old cluster: far ahead of the new one's.
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE governance_event DISABLE TRIGGER USER")
        cursor.execute("UPDATE governance_event SET tx = (tx::text::bigint + 900000000)::text::xid8")
        cursor.execute("ALTER TABLE governance_event ENABLE TRIGGER USER")

    log.seal()
    stuck = Leaf.objects.count()
    log.seal(after_restore=True)
    new = record(Machine("tests"), "community.change", community, {"new": True})
    newer = record(Machine("tests"), "community.change", community, {"newer": True})
    log.seal()
    log.seal()

    assert stuck == 5
    assert [leaf.event_id for leaf in Leaf.objects.order_by("index")] == [e.pk for e in [*events, *late, new, newer]]
    assert log.verify().ok
