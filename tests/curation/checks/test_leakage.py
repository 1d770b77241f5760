"""Leaks between the parts: exact, normalised, near; and what does not count."""

from pathlib import Path

import pytest

from curation.checks import leakage as check
from curation.findings import Context
from tests.curation.members import afrisenti, members

LONG = "the winter boats came home before the ice closed the narrow mouth of the bay again"


def pair(train: str, test: str, filler: int = 0) -> list[dict[str, object]]:
    """Return one row in each part and filler in both."""
    return [{"text": train, "split": "train"}, {"text": test, "split": "test"}] + [
        {"split": "test"},
        {"split": "train"},
    ] * filler


def test_one_equal_row_blocks() -> None:
    [found] = check.check(members(pair(LONG, LONG, 2000)), Context(), check.DEFAULTS)

    assert found.status == "block"
    assert (found.metric["exact_raw"], found.metric["near_07"]) == (1, 1)
    assert found.evidence[0].ids == ("s0001", "s0000")


def test_a_row_that_differs_in_case_and_signs_only_counts_as_exact_after_normalising() -> None:
    [found] = check.check(members(pair(LONG, f"@user {LONG.upper()}!! https://a.example/x")), Context(), check.DEFAULTS)

    assert (found.metric["exact_raw"], found.metric["exact_normalised"]) == (0, 1)
    assert found.status == "block"


def test_a_nearly_equal_row_is_found_and_blocks_over_one_in_a_thousand_or_after_quarantine() -> None:
    other = LONG.replace("again", "early")
    [few] = check.check(members(pair(LONG, other, 1500)), Context(), check.DEFAULTS)
    [many] = check.check(members(pair(LONG, other, 100)), Context(), check.DEFAULTS)
    [divided] = check.check(members(pair(LONG, other, 1500)), Context(quarantined=True), check.DEFAULTS)

    assert few.metric["near_08"] == 1
    assert few.metric["exact_normalised"] == 0
    assert [f.status for f in (few, many, divided)] == ["warn", "block", "block"]


def test_short_texts_are_listed_and_never_held_against_the_split() -> None:
    [found] = check.check(members(pair("lol abeg", "Lol, abeg!")), Context(), check.DEFAULTS)

    assert found.status == "pass"
    assert found.metric["exact_normalised"] == 1
    assert found.evidence_total == 1


def test_texts_with_nothing_left_are_not_the_same() -> None:
    [found] = check.check(members(pair("!!!", "???")), Context(), check.DEFAULTS)

    assert found.evidence_total == 0


def test_the_same_file_on_both_sides_blocks() -> None:
    rows = [{"text": None, "media_sha": "ab", "split": "train"}, {"text": None, "media_sha": "ab", "split": "test"}]

    [found] = check.check(members(rows), Context(), check.DEFAULTS)

    assert (found.status, found.metric["exact_raw"]) == ("block", 1)


def test_a_leak_of_validation_into_train_blocks_too() -> None:
    rows = [{"text": LONG, "split": "train"}, {"text": LONG, "split": "dev"}, {"split": "test"}]

    [found] = check.check(members(rows), Context(split_names=("train", "dev", "test")), check.DEFAULTS)

    assert (found.status, found.metric["exact_raw"]) == ("block", 0)
    assert "dev" in found.reason


@pytest.mark.parametrize(
    ("language", "raw", "normal", "near", "look"),
    [("pcm", 926, 926, 930, 931), ("hau", 0, 275, 417, 437), ("amh", 0, 0, None, None)],
)
def test_afrisenti_has_its_published_leaks(
    shared: Path, language: str, raw: int, normal: int, near: int | None, look: int | None
) -> None:
    [found] = check.check(afrisenti(shared, language), Context(split_names=("train", "dev", "test")), check.DEFAULTS)

    assert found.metric["exact_raw"] == pytest.approx(raw, rel=0.01)
    assert found.metric["exact_normalised"] == pytest.approx(normal, rel=0.01)
    if near is not None and look is not None:
        assert found.metric["near_08"] == pytest.approx(near, rel=0.01)
        assert found.metric["near_07"] == pytest.approx(look, rel=0.01)
    assert found.status == "block"
