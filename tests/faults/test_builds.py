"""A builder that dies: nothing of the version is seen, and the next attempt gives the bytes that an undisturbed one gives."""

import signal
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from curation.models import Build, Shard, Version
from governance.kernel import jobs
from tests.conftest import start_process, until
from tests.curation.made import build, make_version

STALLS = """
import sys, time
import django
django.setup()
from curation.exporters import parquet
from governance.kernel import jobs
write, calls = parquet.write, []
def stalls(*args):
    calls.append(1)
    if len(calls) == 2:
        print("half", flush=True)
        time.sleep(600)
    return write(*args)
parquet.write = stalls
jobs.work("curation.build", int(sys.argv[1]))
"""

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]


def test_a_build_killed_in_the_middle_is_invisible_and_ends_with_the_same_bytes(settings, tmp_path: Path) -> None:
    settings.FILES_ROOT = tmp_path / "files"
    version = make_version()
    row = Build.objects.create(version=version)
    worker = start_process("-c", STALLS, str(row.pk), STORAGE_URL=f"file://{settings.FILES_ROOT}")
    worker.wait_for("half")
    worker.end(signal.SIGKILL)

    killed = Version.objects.get(pk=version.pk)
    whole = Shard.objects.filter(build=row, status="done")
    assert (killed.status, killed.files.count(), killed.commit) == (Version.Status.APPROVED, 0, "")
    assert whole.count() == 1

    past = timezone.now() - timedelta(seconds=1)
    Build.objects.filter(pk=row.pk).update(lease_until=past)
    Shard.objects.filter(build=row, status="running").update(lease_until=past)
    before = whole.get().attempt
    assert jobs.work("curation.build", row.pk)

    version.refresh_from_db()
    row.refresh_from_db()
    assert (row.status, row.attempt, version.status) == ("done", 2, Version.Status.PUBLISHED)
    assert whole.order_by("pk").first().attempt == before
    assert build(version).commit == version.commit


def test_two_builders_of_one_build_publish_once(settings, tmp_path: Path, in_threads) -> None:
    settings.FILES_ROOT = tmp_path / "files"
    version = make_version()
    row = Build.objects.create(version=version)

    worked = in_threads(lambda _: jobs.work("curation.build", row.pk), 3)

    until(lambda: Version.objects.get(pk=version.pk).status == Version.Status.PUBLISHED)
    assert sorted(map(str, worked)) == ["False", "False", "True"]
    assert version.files.count() == 8
