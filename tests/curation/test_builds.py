"""Builds: whole or not at all, the same bytes each time, and only of what was voted on."""

import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from curation import builds, storage, verification
from curation.models import Build, BuiltFile, Member, Version
from governance import media, signing
from governance.kernel.errors import Conflict
from governance.models import Event, Media, Sample, SampleRevision
from tests.curation.made import build, make_version, published
from tests.factories import add_samples, make_contributor, make_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def files(settings, tmp_path: Path) -> Path:
    settings.FILES_ROOT = tmp_path / "files"
    return settings.FILES_ROOT


def contents(version: Version) -> dict[str, bytes]:
    return {f.path: storage.locate(f.path, f.sha256).read_bytes() for f in version.files.all()}


def table(version: Version, path: str) -> list[dict]:
    file = version.files.get(path=path)
    return pq.read_table(storage.locate(file.path, file.sha256)).to_pylist()


def test_a_build_publishes_every_file_that_its_manifest_names() -> None:
    version = published()

    found = contents(version)
    listed = {f["path"]: f["sha256"] for f in json.loads(found["manifest.json"])["files"]}
    assert version.status == Version.Status.PUBLISHED
    assert set(found) == set(listed) | {"manifest.json", "manifest.dsse.json"}
    assert {f.path: f.sha256 for f in version.files.all() if f.path in listed} == listed
    assert Event.objects.filter(verb="version.publish", object_id=version.public_id).count() == 1


def test_rows_hold_the_columns_of_the_ruling_and_nobodys_name() -> None:
    version = published()

    rows = table(version, "data/train-00000-of-00001.parquet")
    assert set(rows[0]) == {"sample_id", "text", "label", "n_votes", "agreement"}
    assert [r["sample_id"] for r in rows] == sorted(r["sample_id"] for r in rows)
    assert len(rows) == 24
    members = {m.uid: m for m in version.members.all()}
    assert all(version.labels[r["label"]] == json.loads(members[r["sample_id"]].label) for r in rows)


def test_built_again_it_gives_the_same_bytes(files: Path) -> None:
    version = published()
    before = contents(version)
    for file in version.files.all():
        storage.versions().destroy(file.sha256)

    again = build(version)

    assert again.status == Build.Status.DONE
    assert again.commit == version.commit
    assert contents(version) == before


def test_nothing_is_visible_until_all_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    version = make_version()
    monkeypatch.setattr("curation.exporters.manifest.render", lambda *_: (_ for _ in ()).throw(RuntimeError))

    row = build(version)

    assert row.status == Build.Status.FAILED
    assert version.status == Version.Status.APPROVED
    assert not version.files.exists()


def test_a_failed_build_can_be_asked_for_again() -> None:
    version = make_version()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("curation.exporters.parquet.write", lambda *_: (_ for _ in ()).throw(RuntimeError))
        assert build(version).status == Build.Status.FAILED

    assert build(version).status == Build.Status.DONE
    assert version.status == Version.Status.PUBLISHED


@pytest.mark.parametrize("change", [{"label": '"sad"'}, {"split": "test"}, {"content_hash": "0" * 64}])
def test_members_that_were_not_voted_on_are_not_built(change: dict[str, str]) -> None:
    version = make_version()
    Member.objects.filter(pk=version.members.filter(label='"glad"', split="train").first().pk).update(**change)

    row = build(version)

    assert row.error_code == "members-changed"
    assert not version.files.exists()


def test_a_member_added_afterwards_is_not_built() -> None:
    version = make_version()
    extra = add_samples(version.dataset, ["one more"])[0]
    Member.objects.create(
        version=version, sample=extra, uid=extra.uid, content_hash=extra.content_hash, label='"sad"', split="train"
    )

    assert build(version).error_code == "members-changed"


def test_a_sample_that_changed_since_is_built_as_it_was_frozen() -> None:
    version = make_version()
    sample = version.members.filter(split="train").first().sample
    SampleRevision.objects.create(sample=sample, revision=1, content_hash=sample.content_hash, data=sample.data)
    Sample.objects.filter(pk=sample.pk).update(content_hash="1" * 64, data={"text": "changed"}, revision=2)

    row = build(version)

    assert row.status == Build.Status.DONE
    texts = {r["sample_id"]: r["text"] for r in table(version, "data/train-00000-of-00001.parquet")}
    assert texts[sample.uid] == sample.data["text"]


def test_another_writer_than_the_agreed_one_is_refused() -> None:
    version = make_version()
    Version.objects.filter(pk=version.pk).update(recipe={"files": {"writer": "pyarrow 1.0.0"}})
    version.refresh_from_db()

    assert build(version).error_code == "recipe-changed"


def test_only_approved_versions_are_built() -> None:
    version = make_version(status="proposed")

    with pytest.raises(Conflict) as refused:
        builds.start(version)

    assert refused.value.code == "version-not-approved"


def test_asking_twice_gives_the_build_that_is_under_way() -> None:
    version = make_version()

    assert builds.start(version) == builds.start(version)


def test_several_labels_a_sample_are_a_list() -> None:
    version = make_version(labels=[["glad", "sad"] if i % 2 else ["plain"] for i in range(30)])
    assert build(version).status == Build.Status.DONE

    labels = {tuple(r["label"]) for r in table(version, "data/train-00000-of-00001.parquet")}

    assert labels == {(0, 2), (1,)}
    assert b"sequence:" in contents(version)["README.md"]


def test_a_data_column_with_one_of_our_names_keeps_its_values_under_another() -> None:
    version = make_version()
    for member in version.members.select_related("sample"):
        Sample.objects.filter(pk=member.sample_id).update(data={"text": "t", "label": "given"})
    assert build(version).status == Build.Status.DONE

    rows = table(version, "data/train-00000-of-00001.parquet")

    assert {r["source_label"] for r in rows} == {"given"}
    assert {type(r["label"]) for r in rows} == {int}


def test_the_signature_holds_over_every_file(tmp_path: Path) -> None:
    version = published()
    for path, content in contents(version).items():
        (tmp_path / "v" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "v" / path).write_bytes(content)

    verdict = verification.folder(tmp_path / "v", signing.verify)

    assert verdict.ok
    assert verdict.signature == "verified"
    assert verdict.commit == version.commit
    assert verdict.members_root == version.members_root


def picture(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6), (shade, 20, 30)).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_picture_that_is_gone_stops_the_build_by_name() -> None:
    version = with_pictures()
    lost = Media.objects.first()
    media.path_of(lost.sha256).unlink()

    row = build(version)

    assert row.error_code == "media-not-held"
    assert lost.sha256 in row.message


def with_pictures() -> Version:
    dataset = make_dataset(modality="image")
    teller = make_contributor(dataset.community)
    samples = add_samples(dataset, [f"bird {i}" for i in range(20)], contributor=teller)
    for i, sample in enumerate(samples):
        sha, size = media.keep(io.BytesIO(picture(i)))
        kept = Media.objects.create(sha256=sha, size=size, mime="image/png", suffix="png")
        Sample.objects.filter(pk=sample.pk).update(media=kept)
    return published(dataset, samples=samples)


def test_a_media_version_holds_paths_files_and_a_config_that_datasets_decodes(tmp_path: Path, run_client) -> None:
    version = with_pictures()
    for path, content in contents(version).items():
        (tmp_path / "v" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "v" / path).write_bytes(content)
    code = """
import json, sys
import datasets
plain = datasets.load_dataset(sys.argv[1], "default", split="test")
shown = datasets.load_dataset(sys.argv[1], "image", split="test")
print("@@" + json.dumps({"path": plain[0]["media"], "size": shown[0]["media"].size, "rows": [len(plain), len(shown)]}))
"""

    found = run_client(code, str(tmp_path / "v"))

    assert (tmp_path / "v" / found["path"]).read_bytes().startswith(b"\x89PNG")
    assert found["size"] == [8, 6]
    assert found["rows"] == [2, 2]
    assert BuiltFile.objects.get(version=version, path=found["path"]).is_lfs
