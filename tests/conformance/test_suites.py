"""The suites that others wrote: every case that lies there, with the same functions as ``manage.py conformance``."""

import os
import sys
from pathlib import Path

import pytest

from governance.odrl import conformance
from governance.odrl.conformance import FAILED, PASSED, Suite


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    """Return the folder of suites: WELLHOUSE_SUITES, or the one among the shared data."""
    named = os.environ.get("WELLHOUSE_SUITES")
    return Path(named) if named else shared / "suites"


@pytest.mark.parametrize(
    ("run", "part"),
    [
        (conformance.odrl, "odrl"),
        (conformance.recommendation, "odrl"),
        (conformance.duos, "duo"),
        (conformance.shapes, "shapes"),
    ],
    ids=["odrl", "rec-examples", "duo", "shapes"],
)
def test_we_agree_with_every_case_of_the_suite(run, part, folder, capsys):
    suite: Suite = run(folder / part)
    if suite.absent:
        pytest.skip(f"SUITE ABSENT: {suite.absent}; WELLHOUSE_SUITES names the folder of suites")

    with capsys.disabled():
        sys.stdout.write(f"\n{suite.name}: {suite.count(PASSED)} passed, {suite.count(FAILED)} failed\n")
    assert [(case.id, case.expected, case.actual) for case in suite.cases if case.status == FAILED] == []
    assert suite.count(PASSED) > 0
