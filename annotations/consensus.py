"""Many opinions, one label, or honestly none.

The majority decides. When two labels are named equally often there is *no consensus*: the label is None, never the first one met.
(Of the 800 items of Snow et al. 2008, RTE, 65 tie; taking the first label there gives .875 of the gold answers instead of .897.)
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from annotations.agreement import share

Item = TypeVar("Item", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the opinions about one item come to.

    ``label`` is None when there is no consensus; ``tied`` holds the labels that lead together, sorted, and is the label alone when
    there is one. ``agreement`` is the share of opinions that name the most frequent label, 0..1. ``counts`` is sorted by label.
    """

    label: str | tuple[str, ...] | None
    n_votes: int
    agreement: float
    tied: tuple[str, ...]
    counts: tuple[tuple[str, int], ...]


def majority(votes: Iterable[tuple[Item, str]]) -> dict[Item, Outcome]:
    """Return the outcome of each item, in the order in which the items were first met; a vote is (item, label)."""
    return {item: outcome(counts) for item, counts in tally(votes).items()}


def tally(votes: Iterable[tuple[Item, str]]) -> dict[Item, Counter[str]]:
    """Count the labels of each item."""
    counted: dict[Item, Counter[str]] = {}
    for item, label in votes:
        counts = counted.get(item)
        if counts is None:
            counts = counted[item] = Counter()
        counts[label] += 1
    return counted


def outcome(counts: Mapping[str, int]) -> Outcome:
    """Return what ``counts`` (label -> number of opinions) comes to."""
    if not counts:
        return Outcome(None, 0, 0.0, (), ())
    most = max(counts.values())
    tied = tuple(sorted(label for label, count in counts.items() if count == most))
    label = tied[0] if len(tied) == 1 else None
    return Outcome(label, sum(counts.values()), share(counts.values()), tied, tuple(sorted(counts.items())))


def majority_of_sets(votes: Iterable[tuple[Item, Iterable[str]]]) -> dict[Item, Outcome]:
    """Return the outcome where an opinion is a set of labels: each label is a question of its own, put to all who answered.

    A label belongs to the outcome when more than half named it. When exactly half named one, there is no consensus about the
    whole set. ``label`` is a sorted tuple, ``tied`` the labels that exactly half named, and ``agreement`` the mean over the named
    labels of the share that decided about each.
    """
    people: Counter[Item] = Counter()
    counted: dict[Item, Counter[str]] = {}
    for item, labels in votes:
        people[item] += 1
        counted.setdefault(item, Counter()).update(set(labels))
    return {item: _of_sets(counts, people[item]) for item, counts in counted.items()}


def _of_sets(counts: Counter[str], n_votes: int) -> Outcome:
    halved = tuple(sorted(label for label, count in counts.items() if 2 * count == n_votes))
    kept = tuple(sorted(label for label, count in counts.items() if 2 * count > n_votes))
    shares = [max(count, n_votes - count) / n_votes for count in counts.values()]
    agreement = sum(shares) / len(shares) if shares else 1.0
    return Outcome(None if halved or not kept else kept, n_votes, agreement, halved, tuple(sorted(counts.items())))


def accuracy(outcomes: Mapping[Item, Outcome], gold: Mapping[Item, str]) -> float | None:
    """Return the share of gold items that the outcomes name rightly, 0..1; None when no gold item has an outcome.

    A tie of k labels that holds the gold one counts 1/k: what guessing among them would be worth on average.
    """
    credits = [_credit(outcomes[item], label) for item, label in gold.items() if item in outcomes]
    return sum(credits) / len(credits) if credits else None


def _credit(found: Outcome, label: str) -> float:
    if found.label is not None:
        return float(found.label == label)
    return 1 / len(found.tied) if label in found.tied else 0.0
