"""How far people agree about one thing: plain numbers in, plain numbers out."""

from collections.abc import Collection


def share(counts: Collection[int]) -> float:
    """Return the share of opinions that name the most frequent label, 0..1; 0 when there are none.

    ``counts`` holds how often each label was given to one item. One opinion alone gives 1, which says nothing about agreement:
    read it together with the number of opinions.
    """
    total = sum(counts)
    return max(counts) / total if total else 0.0


def pairwise(counts: Collection[int]) -> float | None:
    """Return the share of pairs of opinions that are the same, 0..1; None below two opinions.

    The P_i of Fleiss (1971), "Measuring nominal scale agreement among many raters", equation 2.
    """
    total = sum(counts)
    if total < 2:
        return None
    return sum(count * (count - 1) for count in counts) / (total * (total - 1))
