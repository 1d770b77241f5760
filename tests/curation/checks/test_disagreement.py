"""Where opinions part: strict majorities, ties, entropy."""

import pandas as pd
import pytest

from curation.checks import disagreement as check
from curation.findings import Context
from tests.curation.members import members


def votes(*rows: tuple[str, str]) -> pd.DataFrame:
    """Return votes, one annotator a row."""
    return pd.DataFrame(
        [{"sample_uid": uid, "annotator": f"p{i}", "label": label} for i, (uid, label) in enumerate(rows)]
    )


def test_one_opinion_each_leaves_nothing_to_part() -> None:
    [found] = check.check(members([{"n_votes": 1}]), Context(), check.DEFAULTS)

    assert found.status == "not_applicable"


def test_more_than_a_fifth_without_a_majority_warns() -> None:
    rows = [{"agreement": 1.0}] * 7 + [{"agreement": 0.5, "label": None}] * 3

    [found] = check.check(members(rows), Context(), check.DEFAULTS)

    assert found.status == "warn"
    assert found.metric["parted_share"] == pytest.approx(0.3)
    assert found.metric["unresolved"] == 3


def test_a_tie_in_the_test_part_blocks_unless_it_was_resolved() -> None:
    base = [{"agreement": 1.0, "split": "train"}] * 20
    tie = {"agreement": 0.5, "split": "test"}

    [open_tie] = check.check(members([*base, {**tie, "label": None}]), Context(), check.DEFAULTS)
    [resolved] = check.check(members([*base, {**tie, "label": "a"}]), Context(), check.DEFAULTS)

    assert (open_tie.status, resolved.status) == ("block", "pass")


def test_half_of_the_votes_is_no_majority_and_the_entropy_is_in_bits() -> None:
    given = votes(("s0000", "a"), ("s0000", "b"), ("s0001", "a"), ("s0001", "a"))

    [found] = check.check(
        members([{"n_votes": 2, "label": None}, {"n_votes": 2}]), Context(votes=given), check.DEFAULTS
    )

    assert found.metric["mean_entropy_bits"] == pytest.approx(0.5)
    assert [row.ids for row in found.evidence] == [("s0000",)]
    assert found.evidence[0].value == pytest.approx(1.0)
