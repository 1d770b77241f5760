"""Enough to test on: Wilson's interval, and when it is too wide."""

import pytest

from curation.checks import test_support as check
from curation.findings import Context
from tests.curation.members import labelled, members


@pytest.mark.parametrize(("n", "status"), [(9, "block"), (10, "warn"), (49, "warn"), (50, "pass")])
def test_few_rows_of_a_class_warn_and_very_few_block(n: int, status: str) -> None:
    rows = labelled({"a": 200, "b": 200}, "train") + labelled({"a": 60, "b": n}, "test")

    [found] = check.check(members(rows), Context(), check.DEFAULTS)

    assert found.status == status
    assert found.metric["counts"] == {"a": 60, "b": n}


def test_a_class_that_test_lacks_blocks() -> None:
    rows = labelled({"a": 200, "b": 200}, "train") + labelled({"a": 60}, "test")

    [found] = check.check(members(rows), Context(), check.DEFAULTS)

    assert found.status == "block"
    assert found.metric["counts"]["b"] == 0


def test_an_empty_test_part_blocks() -> None:
    [found] = check.check(members(labelled({"a": 60}, "train")), Context(), check.DEFAULTS)

    assert found.status == "block"


def test_files_without_a_test_part_are_not_judged() -> None:
    [found] = check.check(members(labelled({"a": 60}, "north")), Context(split_names=("north",)), check.DEFAULTS)

    assert found.status == "not_applicable"
