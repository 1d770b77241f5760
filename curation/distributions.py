"""How far two label distributions lie apart, and how sure a score on few rows can be. Pure numpy; counts in, numbers out."""

import math

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


def total_variation(one: Counts, other: Counts) -> float:
    """Return half the summed difference of shares, 0..1; 0 when either side is empty."""
    if not one.sum() or not other.sum():
        return 0.0
    return float(np.abs(one / one.sum() - other / other.sum()).sum() / 2)


def stability_index(one: Counts, other: Counts) -> float:
    """Return the population stability index, sum (p - q) ln(p / q) with 0.5 added to each cell (quality.md, section 5)."""
    p, q = (one + 0.5) / (one + 0.5).sum(), (other + 0.5) / (other + 0.5).sum()
    return float(((p - q) * np.log(p / q)).sum())


def jensen_shannon(one: Counts, other: Counts) -> float:
    """Return the Jensen-Shannon divergence in bits, 0..1 (Lin 1991); 0 when either side is empty."""
    if not one.sum() or not other.sum():
        return 0.0
    p, q = one / one.sum(), other / other.sum()
    middle = (p + q) / 2
    return (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2


def chi_square(one: Counts, other: Counts) -> tuple[float, float, float]:
    """Return Pearson's statistic of the 2 x K table, its p-value, and Cramer's V; (0, 1, 0) where it is undefined."""
    table = np.array([one, other], dtype=float)
    table = table[:, table.sum(axis=0) > 0]
    total, rows, columns = table.sum(), table.sum(axis=1), table.sum(axis=0)
    if not rows.all() or table.shape[1] < 2:
        return 0.0, 1.0, 0.0
    expected = np.outer(rows, columns) / total
    statistic = float(((table - expected) ** 2 / expected).sum())
    return statistic, upper_gamma((table.shape[1] - 1) / 2, statistic / 2), math.sqrt(statistic / total)


def normalised_entropy(counts: Counts) -> float | None:
    """Return H(p) / ln K, 0..1; None for fewer than two classes."""
    if len(counts) < 2 or not counts.sum():
        return None
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log(shares)).sum() / math.log(len(counts)))


def wilson_half_width(n: int, accuracy: float = 0.8, z: float = 1.959964) -> float:
    """Return half the width of Wilson's 95% interval for an ``accuracy`` measured on ``n`` rows (Wilson 1927)."""
    if n <= 0:
        return 1.0
    return z / (1 + z * z / n) * math.sqrt(accuracy * (1 - accuracy) / n + z * z / (4 * n * n))


def upper_gamma(a: float, x: float) -> float:
    """Return the regularised upper incomplete gamma function Q(a, x): the chi-square p-value is Q(df/2, x/2).

    Series below a + 1, Lentz's continued fraction above (Press et al., Numerical Recipes, 6.2).
    """
    if x <= 0:
        return 1.0
    front = math.exp(-x + a * math.log(x) - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        n = a
        while abs(term) > abs(total) * 1e-15:
            n += 1
            term *= x / n
            total += term
        return max(0.0, 1 - total * front)
    b = x + 1 - a
    c, d = 1e300, 1 / b
    h = d
    for i in range(1, 1000):
        an = -i * (i - a)
        b += 2
        d = 1 / (an * d + b)
        c = b + an / c
        h *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return front * h


def _relative_entropy(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    held = p > 0
    return float((p[held] * np.log2(p[held] / q[held])).sum())
