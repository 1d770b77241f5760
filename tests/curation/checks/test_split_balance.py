"""Balance between the parts: thresholds on effect, never on chi-square alone."""

from pathlib import Path

import pytest

from curation.checks import split_balance as check
from curation.findings import Context
from tests.curation.members import afrisenti, labelled, members


def test_alike_parts_are_well() -> None:
    rows = labelled({"a": 80, "b": 40}, "train") + labelled({"a": 20, "b": 10}, "test")

    [found] = check.check(members(rows), Context(), check.DEFAULTS)

    assert found.status == "pass"
    assert found.metric["tv"] == 0.0


def test_a_shift_warns_and_a_large_one_blocks() -> None:
    train = labelled({"a": 500, "b": 500}, "train")
    [small] = check.check(members(train + labelled({"a": 56, "b": 44}, "test")), Context(), check.DEFAULTS)
    [large] = check.check(members(train + labelled({"a": 70, "b": 30}, "test")), Context(), check.DEFAULTS)

    assert (small.status, large.status) == ("warn", "block")
    assert large.metric["tv"] == pytest.approx(0.2)


def test_a_tiny_difference_in_a_large_body_is_well_though_chi_square_sees_it() -> None:
    rows = labelled({"a": 20_000, "b": 20_000}, "train") + labelled({"a": 10_300, "b": 9_700}, "test")

    [found] = check.check(members(rows), Context(), check.DEFAULTS)

    assert found.metric["chi2_p"] < 0.001
    assert found.status == "pass"


def test_without_parts_it_does_not_apply() -> None:
    [found] = check.check(members(labelled({"a": 3, "b": 3})), Context(), check.DEFAULTS)

    assert found.status == "not_applicable"


@pytest.mark.parametrize(
    ("language", "psi", "tv", "status"),
    [("pcm", 0.189, 0.090, "warn"), ("hau", 0.0005, 0.009, "pass"), ("amh", 1.013, 0.410, "block")],
)
def test_afrisenti_has_its_published_shift(shared: Path, language: str, psi: float, tv: float, status: str) -> None:
    [found] = check.check(afrisenti(shared, language), Context(split_names=("train", "dev", "test")), check.DEFAULTS)

    assert found.metric["psi"] == pytest.approx(psi, rel=0.01)
    assert found.metric["tv"] == pytest.approx(tv, abs=0.0006)
    assert found.status == status
