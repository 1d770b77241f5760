"""``manage.py conformance``: what it prints and how it ends."""

import json
import shutil
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command


def run(*arguments: str) -> tuple[int, dict]:
    said = StringIO()
    code = 0
    try:
        call_command("conformance", *arguments, "--format", "json", stdout=said, stderr=StringIO())
    except SystemExit as end:
        code = int(end.code or 0)
    return code, json.loads(said.getvalue())


@pytest.fixture
def duo(tmp_path: Path) -> Path:
    (tmp_path / "duo").mkdir()
    cases = [{"name": "one", "purpose": {"hmbResearch": True}, "dataset": {"hmbResearch": True}, "expected": "approve"}]
    (tmp_path / "duo" / "cases.json").write_text(json.dumps(cases))
    return tmp_path


def test_each_case_is_told_with_what_was_expected_and_what_came_out(duo):
    code, said = run("--suites", str(duo))

    suite = next(s for s in said["suites"] if s["suite"] == "duo")
    assert code == 0
    assert suite == {
        "suite": "duo",
        "passed": 1,
        "failed": 0,
        "skipped": 0,
        "cases": [{"id": "one", "status": "passed", "expected": "approve", "actual": "approve"}],
    }


def test_a_case_on_which_we_disagree_ends_with_1(duo):
    path = duo / "duo" / "cases.json"
    path.write_text(path.read_text().replace('"approve"', '"deny"'))

    code, said = run("--suites", str(duo))

    assert code == 1
    assert next(s for s in said["suites"] if s["suite"] == "duo")["failed"] == 1


def test_a_folder_without_suites_is_unusable(tmp_path):
    code, said = run("--suites", str(tmp_path))

    assert (code, said["error"]["code"], said["error"]["path"]) == (2, "suites-missing", str(tmp_path))


def test_a_suite_that_is_no_json_is_unusable(duo):
    (duo / "duo" / "cases.json").write_text("{")

    code, said = run("--suites", str(duo))

    assert (code, said["error"]["code"]) == (2, "suite-unreadable")
    assert said["error"]["path"].endswith("cases.json")


def test_a_case_that_cannot_be_read_has_failed(tmp_path, shared):
    shutil.copytree(shared / "suites" / "odrl", tmp_path / "odrl")
    for path in sorted((tmp_path / "odrl" / "test_cases").glob("*.ttl"))[1:]:
        path.unlink()
    (tmp_path / "odrl" / "test_cases" / "broken.ttl").write_text("this is no Turtle")

    code, said = run("--suites", str(tmp_path))

    cases = {case["id"]: case["status"] for case in said["suites"][0]["cases"]}
    assert code == 1
    assert cases == {"broken": "failed", "testcase-001-alice": "passed"}
