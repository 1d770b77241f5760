"""The split: nothing moves, nothing is torn, no edge runs across, and the order of rows does not matter."""

import random
import time
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from curation.splits import RATIOS, Row, assign, component_hash, faults, split_digest

KEYS = st.sampled_from("abcdefgh")


@st.composite
def bodies(draw: st.DrawFn, prefix: str = "s") -> list[Row]:
    """Draw a few samples with group keys, kin and labels that overlap a lot."""
    n = draw(st.integers(1, 40))
    return [
        Row(
            f"{prefix}{i:03}",
            tuple(f"g={k}" for k in draw(st.lists(KEYS, max_size=2, unique=True))) if draw(st.booleans()) else (),
            (f"t{draw(st.integers(0, 60))}",) if draw(st.booleans()) else (),
            draw(st.sampled_from(["yes", "no", "maybe"])),
            draw(st.sampled_from([True, True, True, True, False])),
        )
        for i in range(n)
    ]


NEAR = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda p: (f"t{p[0]}", f"t{p[1]}")), max_size=12)


@settings(max_examples=60, deadline=None)
@given(bodies(), NEAR, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_edges_does_not_matter(
    rows: list[Row], near: list[tuple[str, str]], rng: random.Random
) -> None:
    shuffled, turned = rows[:], [(b, a) for a, b in near]
    rng.shuffle(shuffled)
    rng.shuffle(turned)

    one, other = assign(rows, salt="d#1", near=near), assign(shuffled, salt="d#1", near=turned)

    assert one == other
    assert one.digest == other.digest


@settings(max_examples=100, deadline=None)
@given(bodies(), bodies("t"), NEAR, NEAR)
def test_over_two_versions_nothing_moves_is_torn_or_touches_another_part(
    rows: list[Row], later: list[Row], near: list[tuple[str, str]], more: list[tuple[str, str]]
) -> None:
    first = assign(rows, salt="d#1", near=near)
    ledger = dict(first.splits)

    second = assign([*rows, *later], salt="d#1", near=[*near, *more], ledger=ledger)

    assert faults(rows, first.splits, near, {}) == {"torn_groups": 0, "edges_across": 0, "moved": 0}
    assert faults([*rows, *later], second.splits, [*near, *more], ledger) == {
        "torn_groups": 0,
        "edges_across": 0,
        "moved": 0,
    }
    members = {row.uid for row in [*rows, *later] if row.is_member}
    assert set(second.splits) | {q.uid for q in second.quarantined} == members
    assert set(second.splits).isdisjoint(q.uid for q in second.quarantined)


def test_the_first_version_quarantines_nobody() -> None:
    rng = random.Random(3)
    rows = [Row(f"s{i:04}", (f"g={rng.randrange(80)}",), (f"t{rng.randrange(700)}",), "x") for i in range(800)]

    result = assign(rows, salt="d#1", near=[(f"t{i}", f"t{i + 1}") for i in range(0, 60, 7)])

    assert result.quarantined == ()
    assert len(result.splits) == 800


def test_parts_have_the_wanted_sizes_and_the_same_classes() -> None:
    rng = random.Random(5)
    rows = [Row(f"s{i:05}", (), (f"t{i}",), rng.choices(["pos", "neg", "neu"], [60, 35, 5])[0]) for i in range(3000)]

    splits = assign(rows, salt="d#1").splits

    sizes = Counter(splits.values())
    assert {name: sizes[name] for name in RATIOS} == {"train": 2400, "validation": 300, "test": 300}
    label = {row.uid: row.stratum for row in rows}
    whole, test = Counter(label.values()), Counter(label[uid] for uid, name in splits.items() if name == "test")
    assert sum(abs(whole[k] / 3000 - test[k] / 300) for k in whole) / 2 < 0.005


def test_large_groups_do_not_all_fall_into_training_because_the_least_of_many_hashes_is_small() -> None:
    # Equal components: only their hashes decide the order, and the greedy rule the part.
    rows = [Row(f"s{g:02}-{i:02}", (f"g={g}",), (), "x") for g in range(40) for i in range(25)]

    sizes = Counter(assign(rows, salt="d#1").splits.values())

    assert sizes == {"train": 800, "validation": 100, "test": 100}
    least = [min(component_hash("d#1", f"s{g:02}-{i:02}") for i in range(25)) / 2**64 for g in range(40)]
    again = [component_hash("d#1", str(component_hash("d#1", f"s{g:02}"))) / 2**64 for g in range(40)]
    assert max(least) < 0.35
    assert max(again) > 0.8


def test_a_new_sample_of_an_old_group_goes_where_its_group_is() -> None:
    rows = [Row("a", ("speaker=1",)), Row("b", ("speaker=1",))]

    result = assign(rows, salt="d#1", ledger={"a": "test"})

    assert result.splits["b"] == "test"
    assert result.new == {"b": ("test", "group")}


def test_a_new_sample_like_an_old_one_joins_its_part() -> None:
    rows = [Row("a", (), ("t1",)), Row("b", (), ("t2",))]

    result = assign(rows, salt="d#1", ledger={"a": "validation"}, near=[("t1", "t2")])

    assert result.splits["b"] == "validation"


def test_only_the_sample_that_touches_another_part_is_quarantined_not_its_group() -> None:
    rows = [
        Row("a", ("speaker=1",), ("t1",)),
        Row("b", ("speaker=2",), ("t2",)),
        Row("c", ("speaker=2",), ("t9",)),
        Row("d", ("speaker=2",), ("t8",)),
    ]

    result = assign(rows, salt="d#1", ledger={"a": "train", "b": "test"}, near=[("t1", "t9")])

    assert [(q.uid, q.split, q.reason, q.partner) for q in result.quarantined] == [("c", "test", "near-across", "a")]
    assert result.splits == {"a": "train", "b": "test", "d": "test"}


def test_old_groups_found_to_be_one_lose_their_test_side_and_nobody_moves() -> None:
    rows = [Row("a", ("speaker=1",)), Row("b", ("speaker=2",)), Row("c", ("speaker=1", "speaker=2"))]

    result = assign(rows, salt="d#1", ledger={"a": "train", "b": "test"})

    assert result.splits == {"a": "train", "c": "train"}
    assert [(q.uid, q.reason) for q in result.quarantined] == [("b", "group-across")]


def test_a_withdrawn_sample_is_remembered_so_that_the_same_words_come_back_to_the_same_part() -> None:
    gone = Row("a", (), ("t1",), is_member=False)

    result = assign([gone, Row("b", (), ("t1",))], salt="d#1", ledger={"a": "test"})

    assert result.splits == {"b": "test"}


def test_a_corrected_label_moves_nobody() -> None:
    rows = [Row(f"s{i}", (), (), "x") for i in range(50)]
    first = assign(rows, salt="d#1")

    second = assign([Row(r.uid, (), (), "y") for r in rows], salt="d#1", ledger=first.splits)

    assert second.splits == first.splits
    assert second.new == {}


def test_the_digest_is_over_the_sorted_list() -> None:
    assert split_digest({"b": "test", "a": "train"}) == split_digest({"a": "train", "b": "test"})
    assert split_digest({"a": "test", "b": "train"}) != split_digest({"a": "train", "b": "test"})


def test_a_hundred_thousand_samples_take_seconds() -> None:
    rng = random.Random(1)
    rows = [Row(f"s{i:06}", (f"g={rng.randrange(3000)}",), (f"t{i}",), rng.choice("abc")) for i in range(100_000)]
    near = [(f"t{rng.randrange(100_000)}", f"t{rng.randrange(100_000)}") for _ in range(150)]

    start = time.process_time()
    result = assign(rows, salt="d#1", near=near)

    assert time.process_time() - start < 12
    sizes = Counter(result.splits.values())
    assert abs(sizes["test"] - 10_000) < 200
