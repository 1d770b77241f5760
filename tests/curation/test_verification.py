"""A downloaded version: whatever is missing, changed, added or unsigned is named."""

import base64
import json
from pathlib import Path

import pytest

from curation import verification
from curation.exporters import manifest
from tests.curation.exporters.facts import facts, shards, write_version


@pytest.fixture
def version(tmp_path: Path) -> Path:
    folder = tmp_path / "version"
    folder.mkdir()
    files = write_version(folder, facts(), shards(folder, train=20, test=5))
    content = (folder / "manifest.json").read_bytes()
    statement = manifest.statement(content, facts(), files)
    envelope = {
        "payloadType": manifest.PAYLOAD_TYPE,
        "payload": base64.b64encode(statement).decode(),
        "signatures": [{"keyid": "k", "sig": ""}],
    }
    (folder / "manifest.dsse.json").write_text(json.dumps(envelope))
    return folder


def refuse(envelope: dict[str, object]) -> bytes:
    raise ValueError("no key fits")


def test_a_whole_version_is_good(version: Path) -> None:
    verdict = verification.folder(version)

    assert verdict.ok
    assert verdict.bad == ()
    assert verdict.signature == "unverified"
    assert verdict.commit == manifest.commit((version / "manifest.json").read_bytes())
    assert verdict.members_root == "ab" * 32
    assert verdict.files == 5


def test_one_changed_byte_is_found_in_any_file(version: Path) -> None:
    for path in [p for p in version.rglob("*") if p.is_file() and p.name not in verification.OWN]:
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))

        verdict = verification.folder(version)

        path.write_bytes(whole)
        assert [b.path for b in verdict.bad] == [path.relative_to(version).as_posix()]
        assert not verdict.ok


def test_a_missing_and_an_extra_file_are_named(version: Path) -> None:
    (version / "README.md").unlink()
    (version / "data" / "extra.parquet").write_bytes(b"x")

    verdict = verification.folder(version)

    assert [b.path for b in verdict.bad] == ["README.md", "data/extra.parquet"]


def test_a_changed_manifest_no_longer_fits_its_signature(version: Path) -> None:
    parsed = json.loads((version / "manifest.json").read_bytes())
    (version / "manifest.json").write_text(json.dumps({**parsed, "version": 4}))

    assert verification.folder(version).signature == "wrong"


def test_a_signature_by_another_key_is_wrong(version: Path) -> None:
    verdict = verification.folder(version, refuse)

    assert verdict.signature == "wrong"
    assert not verdict.ok


def test_a_missing_signature_is_said(version: Path) -> None:
    (version / "manifest.dsse.json").unlink()

    verdict = verification.folder(version)

    assert verdict.signature == "missing"
    assert not verdict.ok


def test_a_folder_under_another_commits_name_is_bad(version: Path) -> None:
    renamed = version.rename(version.with_name("0" * 40))

    assert [b.path for b in verification.folder(renamed).bad] == ["manifest.json"]


def test_a_path_that_leaves_the_folder_is_never_read(version: Path) -> None:
    parsed = json.loads((version / "manifest.json").read_bytes())
    parsed["files"].append({"path": "../secret", "size": 1, "sha256": "0" * 64})
    (version / "manifest.json").write_text(json.dumps(parsed))
    (version.parent / "secret").write_bytes(b"x")

    assert "../secret" in [b.path for b in verification.folder(version).bad]
