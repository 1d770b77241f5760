"""``manage.py version``: a version from proposal to published files by commands alone."""

import io
import json

import pytest
from django.core.management import call_command

from tests.curation.lines import make_line

pytestmark = pytest.mark.django_db(transaction=True)


def version(*args: object) -> tuple[int, dict]:  # type: ignore[type-arg]  # JSON as it comes
    """Run the command; return its exit code and JSON."""
    out = io.StringIO()
    try:
        call_command("version", *map(str, args), "--format", "json", stdout=out, stderr=io.StringIO())
        code = 0
    except SystemExit as stop:
        code = int(str(stop.code))
    return code, json.loads(out.getvalue())


def test_a_version_goes_from_proposed_to_published_and_builds_twice_to_the_same_commit() -> None:
    line = make_line(600)
    name = line.dataset.path

    code, proposed = version(name, "--propose", "--by", line.steward.username, "--wait")
    approved_code, published = version(name, "--approve", 1, "--by", line.keeper.username, "--wait")
    again_code, again = version(name, "--build", 1, "--wait")

    assert (code, proposed["version"], proposed["state"]) == (0, "v1", "proposed")
    assert [c["code"] for c in proposed["conditions"] if c["met"] is not True] == ["vote"]
    assert (approved_code, published["state"]) == (0, "published")
    assert len(published["commit"]) == 40
    assert (again_code, again["commit"]) == (0, published["commit"])


def test_what_is_not_met_exits_1_and_what_cannot_be_done_exits_2() -> None:
    line = make_line(60)
    name = line.dataset.path

    thin, answer = version(name, "--propose", "--by", line.steward.username, "--wait")
    nobody, error = version(name, "--approve", 1, "--by", "nobody")
    missing, no_version = version(name, "--build", 7)
    nowhere, no_dataset = version("no/where")

    assert thin == 1
    assert {c["code"] for c in answer["conditions"] if c["met"] is False} == {"check-test_support"}
    assert (nobody, error["error"]["code"]) == (2, "person-missing")
    assert (missing, no_version["error"]["code"]) == (2, "version-missing")
    assert (nowhere, no_dataset["error"]["code"]) == (2, "dataset-missing")
