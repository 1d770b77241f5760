"""Many requests of one client at the same moment: one pull, one event, every byte counted."""

from pathlib import Path

import pytest

from curation import pulls
from curation.models import Pull, PullFile
from governance.models import Event
from tests.curation.made import open_dataset, published
from tests.curation.test_pulls import grant

pytestmark = pytest.mark.django_db(transaction=True)


def test_eight_first_requests_open_one_pull_and_lose_no_byte(settings, tmp_path: Path, in_threads) -> None:
    settings.FILES_ROOT = tmp_path / "files"
    version = published(open_dataset())
    token, _ = grant(version)

    def draw(_: int) -> str:
        access = pulls.open_version(token, version)
        pulls.took(access, "README.md", 10)
        return access.pull.public_id

    opened = in_threads(draw, 8)

    assert len(set(opened)) == 1, opened
    pull = Pull.objects.get()
    assert (pull.requests, pull.bytes) == (8, 80)
    assert list(PullFile.objects.values_list("requests", "bytes")) == [(8, 80)]
    assert Event.objects.filter(verb="pull.open").count() == 1
