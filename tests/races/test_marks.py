"""A change that began early and commits late, with a number below newer ones, is noticed."""

import threading
from pathlib import Path

import pytest
from django.db import connection, transaction

from curation.pulls import Closed
from governance import marks
from governance.acts import record
from governance.models import Event
from governance.roles import Machine
from tests.curation.made import open_dataset, published
from tests.curation.test_pulls import asked, grant
from tests.factories import give_consent

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_no_that_commits_late_with_a_lower_number_closes_the_version(settings, tmp_path: Path) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer: numbers are given in the order of commits")
    settings.FILES_ROOT = tmp_path / "files"
    version = published(open_dataset())
    token, _ = grant(version)
    teller = version.contributors.get().contributor
    written, may_commit, committed = threading.Event(), threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                give_consent(teller, "teaching", status="ConsentWithdrawn")
                written.set()
                assert may_commit.wait(30)
            committed.set()
        finally:
            connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    assert written.wait(30)
    early = Event.objects.order_by("-pk").values_list("pk", flat=True).first()
    newer = record(Machine("test"), "hold.lift", version)
    asked(token, version)
    mark = marks.take(version.community)
    assert marks.is_fresh(mark, version.community)

    may_commit.set()
    thread.join(30)

    assert committed.is_set()
    late = Event.objects.filter(verb="consent.record").order_by("-pk").values_list("pk", flat=True).first()
    assert early is not None and early < newer.pk and late is not None and late < newer.pk
    assert not marks.is_fresh(mark, version.community)
    with pytest.raises(Closed):
        asked(token, version)
