"""Class balance: ratio, entropy, weights, and when they stop a version."""

from pathlib import Path

import pytest

from curation.checks import class_balance as check
from curation.findings import Context
from tests.curation.members import afrisenti, labelled, members


def test_even_labels_are_well() -> None:
    [found] = check.check(members(labelled({"a": 20, "b": 20})), Context(), check.DEFAULTS)

    assert found.status == "pass"
    assert found.metric["imbalance_ratio"] == 1.0
    assert found.metric["normalised_entropy"] == pytest.approx(1.0)
    assert found.metric["weights"] == {"a": 1.0, "b": 1.0}


def test_a_ratio_over_ten_warns_and_ten_itself_does_not() -> None:
    [ten] = check.check(members(labelled({"a": 100, "b": 10, "c": 100})), Context(), check.DEFAULTS)
    [eleven] = check.check(members(labelled({"a": 110, "b": 10, "c": 110})), Context(), check.DEFAULTS)

    assert (ten.status, eleven.status) == ("pass", "warn")
    assert "“b” is thin" in eleven.reason


def test_a_declared_class_without_samples_blocks_and_the_ratio_is_no_number() -> None:
    [found] = check.check(members(labelled({"a": 5, "b": 5})), Context(labels=("a", "b", "c")), check.DEFAULTS)

    assert found.status == "block"
    assert found.metric["imbalance_ratio"] is None
    assert found.metric["counts"] == {"a": 5, "b": 5, "c": 0}
    assert found.targets == ("c",)


def test_low_entropy_warns_even_when_no_class_is_thin() -> None:
    [found] = check.check(members(labelled({"a": 90, "b": 10})), Context(), check.DEFAULTS)

    assert found.metric["imbalance_ratio"] == 9.0
    assert found.status == "warn"


def test_samples_with_several_labels_count_for_each() -> None:
    [found] = check.check(
        members([{"label": ("a", "b")}, {"label": ("a",)}, {"label": None}]), Context(), check.DEFAULTS
    )

    assert found.metric["counts"] == {"a": 2, "b": 1}
    assert found.n_checked == 2


def test_no_label_at_all_is_not_a_pass() -> None:
    [found] = check.check(members([{"label": None}]), Context(), check.DEFAULTS)

    assert found.status == "not_applicable"


@pytest.mark.parametrize(
    ("language", "ratio", "entropy"), [("pcm", 12.18, 0.747), ("hau", 1.05, 1.0), ("amh", 1.95, 0.968)]
)
def test_afrisenti_has_its_published_balance(shared: Path, language: str, ratio: float, entropy: float) -> None:
    [found] = check.check(afrisenti(shared, language), Context(), check.DEFAULTS)

    assert found.metric["imbalance_ratio"] == pytest.approx(ratio, rel=0.01)
    assert found.metric["normalised_entropy"] == pytest.approx(entropy, rel=0.01)
    assert found.status == ("warn" if language == "pcm" else "pass")
