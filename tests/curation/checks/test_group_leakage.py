"""No speaker, author or document on two sides."""

from curation.checks import group_leakage as check
from curation.findings import Context
from tests.curation.members import members


def test_one_group_in_two_parts_blocks_and_is_named() -> None:
    rows = [{"groups": ("speaker=7",), "split": "train"}, {"groups": ("speaker=7", "story=1"), "split": "test"}]

    [found] = check.check(members(rows), Context(), check.DEFAULTS)

    assert (found.status, found.n_failed, found.n_checked) == ("block", 1, 2)
    assert found.evidence[0].ids == ("s0001", "s0000")
    assert found.evidence[0].reason == "speaker=7 stands in test: 1, train: 1"


def test_whole_groups_pass() -> None:
    rows = [{"groups": ("speaker=7",), "split": "train"}, {"groups": ("speaker=8",), "split": "test"}]

    [found] = check.check(members(rows), Context(), check.DEFAULTS)

    assert found.status == "pass"


def test_without_groups_it_does_not_apply() -> None:
    [found] = check.check(members([{"split": "train"}, {"split": "test"}]), Context(), check.DEFAULTS)

    assert found.status == "not_applicable"
