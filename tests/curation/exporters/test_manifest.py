"""The manifest: names every file, holds no time of building, and is the version's identity."""

import hashlib
import json
import subprocess
from pathlib import Path

from curation.exporters import manifest
from governance.kernel.digests import canonical
from tests.curation.exporters.facts import facts, shards, write_version


def test_a_manifest_is_canonical_and_sorted_whatever_the_order_of_files(tmp_path: Path) -> None:
    files = shards(tmp_path, train=10, test=5)

    forwards, backwards = manifest.render(facts(), files), manifest.render(facts(), files[::-1])

    assert forwards == backwards == canonical(json.loads(forwards))
    assert [f["path"] for f in json.loads(forwards)["files"]] == sorted(f.path for f in files)


def test_it_names_members_root_recipe_policy_and_what_was_left_out(tmp_path: Path) -> None:
    parsed = json.loads(manifest.render(facts(), shards(tmp_path, train=10)))

    assert parsed["members_root"] == "ab" * 32
    assert parsed["policy_revision"] == 7
    assert parsed["excluded"] == {"consent-unknown": 4, "on-hold": 1}
    assert parsed["recipe"]["writer"].startswith("pyarrow ")
    assert parsed["splits"] == {"train": 10, "validation": 0, "test": 0}


def test_the_commit_is_what_sha256sum_says_of_the_manifest(tmp_path: Path) -> None:
    write_version(tmp_path, facts(), shards(tmp_path, train=10))

    said = subprocess.run(["sha256sum", "manifest.json"], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert said.stdout[:40] == manifest.commit((tmp_path / "manifest.json").read_bytes())


def test_the_statement_names_the_manifest_and_every_file(tmp_path: Path) -> None:
    files = write_version(tmp_path, facts(), shards(tmp_path, train=10))
    content = (tmp_path / "manifest.json").read_bytes()

    statement = json.loads(manifest.statement(content, facts(), files))

    digests = {s["name"]: s["digest"]["sha256"] for s in statement["subject"]}
    assert digests == {f.path: f.sha256 for f in files} | {"manifest.json": hashlib.sha256(content).hexdigest()}
    assert statement["_type"] == "https://in-toto.io/Statement/v1"


def test_the_id_of_a_text_file_is_what_git_says(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello\n")

    said = subprocess.run(["git", "hash-object", "x"], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert manifest.blob_oid(b"hello\n") == said.stdout.strip()


def test_reading_gives_back_the_files(tmp_path: Path) -> None:
    files = shards(tmp_path, train=10)

    read = manifest.read(json.loads(manifest.render(facts(), files)))

    assert [(f.path, f.size, f.sha256, f.rows) for f in read] == [
        (f.path, f.size, f.sha256, f.rows) for f in sorted(files, key=lambda f: f.path)
    ]
