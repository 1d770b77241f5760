"""Nearly the same in one part."""

import pytest

from curation.checks import near_duplicates as check
from curation.findings import Context
from tests.curation.members import members

LONG = "the winter boats came home before the ice closed the narrow mouth of the bay again"


def test_twins_in_one_part_are_counted_and_warn_over_five_in_a_hundred() -> None:
    rows = [{"text": LONG}, {"text": LONG.replace("again", "early")}, {"text": LONG.upper()}]

    [found] = check.check(members(rows + [{}] * 27), Context(), check.DEFAULTS)

    assert found.status == "warn"
    assert found.metric["rows"] == 3
    assert found.metric["share"] == pytest.approx(0.1)
    assert found.metric["exact_rows"] == 2


def test_twins_in_two_parts_are_no_matter_of_this_check() -> None:
    rows = [{"text": LONG, "split": "train"}, {"text": LONG, "split": "test"}]

    [found] = check.check(members(rows), Context(), check.DEFAULTS)

    assert (found.status, found.metric["rows"]) == ("pass", 0)


def test_without_text_it_does_not_apply() -> None:
    [found] = check.check(members([{"text": None}]), Context(), check.DEFAULTS)

    assert found.status == "not_applicable"
