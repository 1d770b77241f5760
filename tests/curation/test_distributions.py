"""Distances and intervals against published or library values."""

import numpy as np
import pytest
from scipy import stats

from curation.distributions import (
    chi_square,
    jensen_shannon,
    normalised_entropy,
    stability_index,
    total_variation,
    wilson_half_width,
)


@pytest.mark.parametrize(("n", "width"), [(30, 0.139), (50, 0.109), (100, 0.078), (200, 0.055), (400, 0.039)])
def test_wilson_gives_the_published_half_widths(n: int, width: float) -> None:
    assert wilson_half_width(n) == pytest.approx(width, abs=0.0006)


@pytest.mark.parametrize("seed", range(6))
def test_chi_square_agrees_with_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.integers(1, 4000, size=2 + seed * 3), rng.integers(1, 400, size=2 + seed * 3)

    statistic, p_value, _cramer = chi_square(one, other)
    wanted = stats.chi2_contingency(np.array([one, other]), correction=False)

    assert statistic == pytest.approx(wanted.statistic, rel=1e-9)
    assert p_value == pytest.approx(wanted.pvalue, rel=1e-6, abs=1e-300)


def test_equal_counts_are_at_no_distance_and_disjoint_ones_as_far_as_can_be() -> None:
    same, left, right = np.array([5, 5]), np.array([9, 0]), np.array([0, 9])

    assert total_variation(same, same) == jensen_shannon(same, same) == stability_index(same, same) == 0.0
    assert total_variation(left, right) == 1.0
    assert jensen_shannon(left, right) == pytest.approx(1.0)


def test_entropy_of_one_class_is_undefined_and_not_one() -> None:
    assert normalised_entropy(np.array([7])) is None
    assert normalised_entropy(np.array([7, 0])) == 0.0
