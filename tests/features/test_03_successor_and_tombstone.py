"""Feature 3, superseding version and tombstone: version N+1 by itself, 410 with its successor, unchanged bytes for N."""

import hashlib
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from django.test import Client

from curation import storage, versions
from curation.models import BuiltFile, Version
from governance import withdrawals
from governance.models import Sample
from tests.curation.lines import Line, make_line, proposed, work
from tests.curation.test_pulls import grant
from tests.factories import add_samples, give_consent, make_contributor, make_person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def files(settings, tmp_path: Path) -> None:
    settings.FILES_ROOT = tmp_path / "files"


def test_a_withdrawal_brings_a_version_without_the_samples_and_leaves_the_old_bytes(client: Client) -> None:
    line, first = published_line()
    _token, secret = grant(first)
    before = hashes(first)
    manifest_before = rows_of(first)
    taken = list(Sample.objects.filter(contributor=line.other).values_list("uid", flat=True))
    # What came in meanwhile is no part of the withdrawal, so it is no part of the difference.
    add_samples(line.dataset, ["something new altogether here"], contributor=line.teller, source="later.csv")

    withdrawals.open(line.other, by=line.keeper, channel="steward")
    gone = pull(client, first, secret)
    work()
    second = line.dataset.versions.get(number=2)
    versions.approve(second, by=line.keeper)
    work()

    second.refresh_from_db()
    assert (gone.status_code, gone["X-Error-Code"]) == (410, "RevisionNotFound")
    assert second.status == Version.Status.PUBLISHED, versions.conditions(second)
    assert hashes(first) == before
    after = pull(client, first, secret)
    assert after.status_code == 410
    assert after["Link"] == f'<{page_of(second)}>; rel="successor-version"'
    assert after.json()["successor"] == page_of(second)
    assert pull(client, second, secret).status_code == 200
    now = rows_of(second)
    assert manifest_before.keys() - now.keys() == set(taken)
    assert now == {uid: row for uid, row in manifest_before.items() if uid not in taken}
    assert second.counts["since"]["gone_by_reason"] == {"withdrawn": len(taken)}


def test_head_and_ranges_of_a_withdrawn_version_are_gone_too(client: Client) -> None:
    line, first = published_line()
    _token, secret = grant(first)

    withdrawals.open(line.other, by=line.keeper, channel="steward")

    shown = {"authorization": f"Bearer {secret}"}
    address = address_of(first, "data/train-00000-of-00001.parquet")
    head = client.head(address, headers=shown)
    part = client.get(address, headers=shown | {"range": "bytes=0-3"})
    assert (head.status_code, part.status_code) == (410, 410)
    assert head["X-Error-Code"] == part["X-Error-Code"] == "RevisionNotFound"


def published_line() -> tuple[Line, Version]:
    """A published version of two tellers, one of whom can go."""
    line = make_line(n=600)
    line.other = make_contributor(line.community)
    give_consent(line.other, "teaching", "language-research")
    Sample.objects.filter(pk__in=[s.pk for s in line.samples[::20]]).update(contributor=line.other)
    first = proposed(line)
    versions.approve(first, by=line.keeper)
    work()
    first.refresh_from_db()
    assert first.status == Version.Status.PUBLISHED, versions.conditions(first)
    make_person(line.community, "steward")
    return line, first


def hashes(version: Version) -> dict[str, str]:
    """What the object store holds for each file of a version, hashed anew."""
    found = {}
    for file in BuiltFile.objects.filter(version=version):
        content = storage.locate(file.path, file.sha256).read_bytes()
        found[file.path] = hashlib.sha256(content).hexdigest()
        assert found[file.path] == file.sha256
    return found


def rows_of(version: Version) -> dict[str, tuple[str, str]]:
    """Sample id -> (part, row) of what a version's own files hold."""
    found = {}
    manifest = json.loads(storage.locate("manifest.json", version.files.get(path="manifest.json").sha256).read_bytes())
    for file in manifest["files"]:
        if file["path"].startswith("data/"):
            for row in pq.read_table(storage.locate(file["path"], file["sha256"])).to_pylist():
                found[row["sample_id"]] = (file["path"].split("/")[1].split("-")[0], json.dumps(row, sort_keys=True))
    return found


def pull(client: Client, version: Version, secret: str):
    return client.get(address_of(version, "README.md"), headers={"authorization": f"Bearer {secret}"})


def address_of(version: Version, path: str) -> str:
    return f"/datasets/{version.dataset.path}/resolve/{version.tag}/{path}"


def page_of(version: Version) -> str:
    return f"http://127.0.0.1:8000/datasets/{version.dataset.path}/published/{version.number}/"
