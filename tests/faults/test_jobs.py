"""Work that is interrupted is done once: the worker is killed, the worker is frozen, the message is lost, the broker dies."""

import json
import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.utils import timezone

from governance import samples
from governance.kernel import jobs
from governance.models import Event, Import, Sample
from tests import servers
from tests.conftest import Process, start_process, start_worker, until
from tests.factories import make_community, make_dataset, make_keeper

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]
ROWS = 60_000


@pytest.fixture
def workers() -> Iterator[list[Process]]:
    """Hold the workers that a test starts, and end them with it."""
    redis.from_url(settings.REDIS_URL).flushdb()
    started: list[Process] = []
    yield started
    for worker in started:
        worker.kill_all()
    redis.from_url(settings.REDIS_URL).flushdb()


def start_import(folder: Path, rows: int) -> Import:
    """Queue the import of a file with so many rows, and ring."""
    path = folder / "stories.csv"
    path.write_text("id,text\n" + "".join(f"{i},the tide came in and went out {i}\n" for i in range(rows)))
    community = make_community()
    keeper = make_keeper(community)
    given = {"roles": {"id": "id", "text": "text"}, "contributor": "Ilse"}
    return samples.start_import(
        make_dataset(community, by=keeper), path=path, filename=path.name, format="csv", settings=given, by=keeper
    )


def is_under_way(row: Import) -> bool:
    row.refresh_from_db()
    return row.status == "running" and row.new > 0


def is_done(row: Import) -> bool:
    row.refresh_from_db()
    assert row.status != "failed", row.message
    return row.status == "done"


def let_the_lease_run_out(row: Import) -> None:
    """Turn the clock: the lease of a minute has ended, and the bell was rung long ago."""
    past = timezone.now() - timedelta(minutes=5)
    assert Import.objects.filter(pk=row.pk, status="running").update(lease_until=past, rung_at=past)


def assert_everything_happened_once(row: Import, rows: int) -> None:
    bodies = Event.objects.filter(verb="import.chunk", object_id=row.public_id).values_list("body", flat=True)
    assert Sample.objects.filter(dataset=row.dataset).count() == rows
    assert (row.new, row.changed, row.refused) == (rows, 0, 0)
    assert sum(json.loads(body)["details"]["rows"] for body in bodies) == rows


def test_a_job_whose_worker_is_killed_is_finished_once_by_the_next(tmp_path: Path, workers: list[Process]) -> None:
    workers.append(start_worker())
    row = start_import(tmp_path, ROWS)
    until(lambda: is_under_way(row), 60, str(workers[0]))

    workers[0].kill_all()
    row.refresh_from_db()
    written = row.new
    let_the_lease_run_out(row)
    workers.append(start_worker())
    jobs.sweep()
    until(lambda: is_done(row), 90, str(workers[1]))

    assert 0 < written < ROWS, "it was killed in the middle"
    assert row.attempt == 2
    assert_everything_happened_once(row, ROWS)


def test_a_frozen_worker_that_wakes_up_late_changes_nothing(tmp_path: Path, workers: list[Process]) -> None:
    workers.append(start_worker())
    row = start_import(tmp_path, ROWS)
    until(lambda: is_under_way(row), 60, str(workers[0]))

    signal_group(workers[0], signal.SIGSTOP)
    let_the_lease_run_out(row)
    workers.append(start_worker())
    jobs.sweep()
    until(lambda: is_done(row), 90, str(workers[1]))
    signal_group(workers[0], signal.SIGCONT)
    workers[0].wait_for("another worker", 60)

    assert row.attempt == 2
    row.refresh_from_db()
    assert row.status == "done"
    assert_everything_happened_once(row, ROWS)


def test_a_lost_message_is_a_delay_and_not_a_loss(tmp_path: Path, workers: list[Process]) -> None:
    row = start_import(tmp_path, 50)
    assert redis.from_url(settings.REDIS_URL).flushdb()
    workers.append(start_worker())
    Import.objects.filter(pk=row.pk).update(rung_at=timezone.now() - timedelta(minutes=1))

    assert jobs.sweep() == 1
    until(lambda: is_done(row), 60, str(workers[0]))

    assert_everything_happened_once(row, 50)


def test_a_message_that_comes_three_times_does_its_work_once(tmp_path: Path, workers: list[Process]) -> None:
    row = start_import(tmp_path, 50)
    jobs.ring("governance.import", row.pk)
    jobs.ring("governance.import", row.pk)

    workers.append(start_worker())
    until(lambda: is_done(row), 60, str(workers[0]))
    until(lambda: not redis.from_url(settings.REDIS_URL).llen("celery"), 30, str(workers[0]))

    row.refresh_from_db()
    assert row.attempt == 1
    assert_everything_happened_once(row, 50)


@pytest.mark.skipif(not servers.STAGED, reason="TEST_REDIS_URL names a broker that is not ours to kill")
def test_a_broker_that_dies_loses_no_work_and_the_worker_comes_back(tmp_path: Path, workers: list[Process]) -> None:
    broker = servers.STAGED[0]
    workers.append(start_worker())

    broker.kill()
    row = start_import(tmp_path, 50)
    broker.start(port=broker.port)
    Import.objects.filter(pk=row.pk).update(rung_at=timezone.now() - timedelta(minutes=1))
    jobs.sweep()
    until(lambda: is_done(row), 60, str(workers[0]))

    assert workers[0].popen.poll() is None, "it survived the outage"
    assert_everything_happened_once(row, 50)


def test_without_any_broker_a_worker_finds_its_work_in_the_database(tmp_path: Path, workers: list[Process]) -> None:
    nowhere = f"redis+socket://{tmp_path}/nobody.sock"
    workers.append(start_process("manage.py", "work", "--poll", CELERY_BROKER_URL=nowhere, REDIS_URL=""))
    workers[0].wait_for("ready.")
    row = start_import(tmp_path, 50)

    until(lambda: is_done(row), 60, str(workers[0]))
    workers[0].end(signal.SIGTERM)

    assert workers[0].popen.returncode == 0, str(workers[0])
    assert_everything_happened_once(row, 50)


def signal_group(process: Process, number: int) -> None:
    """Send a signal to the process and all that it made."""
    os.killpg(process.popen.pid, number)
