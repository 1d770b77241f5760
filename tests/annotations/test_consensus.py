"""Majority consensus: ties are no consensus, and Snow et al. 2008 comes out as published."""

import csv
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotations import agreement, consensus

SHARED = Path(os.environ.get("WELLHOUSE_SHARED", Path(__file__).parents[2].parent / "shared"))


def snow(name: str) -> Iterator[dict[str, str]]:
    path = SHARED / "data" / "snow2008" / f"{name}.standardized.tsv"
    if not path.exists():
        pytest.skip(f"SKIPPED: {path.name} is not here; WELLHOUSE_SHARED names the folder of shared data")
    with path.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t")


@pytest.mark.parametrize(("name", "items", "expected"), [("rte", 800, 0.897), ("temp", 462, 0.94)])
def test_majority_reaches_the_published_accuracy_when_ties_are_credited_by_their_share(
    name: str, items: int, expected: float
) -> None:
    rows = list(snow(name))

    outcomes = consensus.majority((row["orig_id"], row["response"]) for row in rows)
    reached = consensus.accuracy(outcomes, {row["orig_id"]: row["gold"] for row in rows})

    assert len(outcomes) == items
    assert reached == pytest.approx(expected, abs=0.004)


def test_65_items_of_rte_have_no_consensus() -> None:
    outcomes = consensus.majority((row["orig_id"], row["response"]) for row in snow("rte"))

    assert sum(found.label is None for found in outcomes.values()) == 65


def test_a_tie_is_no_consensus_whatever_came_first() -> None:
    one = consensus.majority([("s", "glad"), ("s", "sad")])["s"]
    other = consensus.majority([("s", "sad"), ("s", "glad")])["s"]

    assert one == other
    assert one.label is None
    assert one.tied == ("glad", "sad")
    assert one.n_votes == 2
    assert one.agreement == 0.5


def test_one_vote_is_a_consensus_of_one() -> None:
    found = consensus.majority([("s", "glad")])["s"]

    assert (found.label, found.n_votes, found.agreement) == ("glad", 1, 1.0)


def test_the_majority_decides_and_the_share_is_told() -> None:
    found = consensus.majority([("s", "glad"), ("s", "sad"), ("s", "glad")])["s"]

    assert found.label == "glad"
    assert found.agreement == pytest.approx(2 / 3)
    assert found.counts == (("glad", 2), ("sad", 1))


def test_a_tie_of_three_that_holds_the_gold_label_counts_a_third() -> None:
    outcomes = consensus.majority([("s", "a"), ("s", "b"), ("s", "c"), ("t", "a")])

    assert consensus.accuracy(outcomes, {"s": "c", "t": "a"}) == pytest.approx((1 / 3 + 1) / 2)
    assert consensus.accuracy(outcomes, {"s": "d", "t": "b"}) == 0
    assert consensus.accuracy(outcomes, {"nobody-saw": "a"}) is None


def test_labels_of_a_set_are_decided_one_by_one() -> None:
    votes = [("s", ["wind", "sea"]), ("s", ["sea"]), ("s", ["sea", "boat"])]

    found = consensus.majority_of_sets(votes)["s"]

    assert found.label == ("sea",)
    assert found.n_votes == 3
    assert found.agreement == pytest.approx((2 / 3 + 1 + 2 / 3) / 3)


def test_a_label_that_exactly_half_named_leaves_the_set_without_consensus() -> None:
    found = consensus.majority_of_sets([("s", ["sea", "wind"]), ("s", ["sea"])])["s"]

    assert found.label is None
    assert found.tied == ("wind",)


def test_a_label_named_twice_by_one_person_counts_once() -> None:
    found = consensus.majority_of_sets([("s", ["sea", "sea"]), ("s", ["wind"]), ("s", ["wind"])])["s"]

    assert found.label == ("wind",)


def test_pairwise_agreement_is_that_of_fleiss() -> None:
    assert agreement.pairwise([4, 0]) == 1
    assert agreement.pairwise([2, 2]) == pytest.approx(1 / 3)
    assert agreement.pairwise([1]) is None


def test_the_share_of_nothing_is_nought() -> None:
    assert agreement.share([]) == 0
    assert agreement.share([3, 1]) == 0.75
