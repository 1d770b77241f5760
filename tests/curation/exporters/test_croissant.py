"""Croissant: mlcroissant accepts it without a complaint, and every file bears its hash."""

import json
from pathlib import Path

from curation.exporters import croissant
from curation.exporters._facts import Column, File
from tests.curation.exporters.facts import DEFAULT, facts, shards

VALIDATE = """
import json, sys
import mlcroissant as mlc
d = mlc.Dataset(jsonld=json.load(open(sys.argv[1])))
issues = d.metadata.ctx.issues
print("@@" + json.dumps({"errors": sorted(issues.errors), "warnings": sorted(issues.warnings),
  "files": [f.sha256 for f in d.metadata.file_objects], "records": [r.uuid for r in d.metadata.record_sets]}))
"""


def test_mlcroissant_finds_nothing_to_complain_of(tmp_path: Path, run_client) -> None:
    columns = (*DEFAULT, Column("all_labels", "class_labels", names=("a", "b")), Column("soft_label", "floats"))
    files = shards(tmp_path, train=40, test=20)
    path = tmp_path / "croissant.json"
    path.write_bytes(croissant.render(facts(configs={"default": columns}, predecessor=2), files))

    found = run_client(VALIDATE, str(path))

    assert found == {
        "errors": [],
        "warnings": [],
        "files": [f.sha256 for f in files],
        "records": ["train", "test"],
    }


def test_addresses_name_the_tag_and_never_main(tmp_path: Path) -> None:
    document = json.loads(croissant.render(facts(), shards(tmp_path, train=5)))

    addresses = [f["contentUrl"] for f in document["distribution"]]
    assert addresses == [
        "http://127.0.0.1:8000/datasets/saltmarsh/tide-tales/resolve/v3/data/train-00000-of-00001.parquet"
    ]
    assert document["version"] == "3.0.0"
    assert document["datePublished"] == "2026-11-01"


def test_each_of_several_shards_is_a_record_set_of_its_own() -> None:
    files = [File(f"data/train-0000{i}-of-00002.parquet", 10, "ab" * 32, "default", "train", 5, 50) for i in range(2)]

    document = croissant.build(facts(), files)

    assert [r["@id"] for r in document["recordSet"]] == ["train-00000", "train-00001"]


def test_a_tombstone_makes_the_client_print_our_words(tmp_path: Path, run_client) -> None:
    path = tmp_path / "croissant.json"
    path.write_text(json.dumps(croissant.tombstone("tide-tales", "Version 2 was withdrawn. Use v3.")))
    code = """
import json, sys
import mlcroissant as mlc
try:
    mlc.Dataset(jsonld=json.load(open(sys.argv[1])))
except Exception as e:
    print("@@" + json.dumps(str(e)))
"""

    said = run_client(code, str(path))

    assert "Version 2 was withdrawn. Use v3." in said
