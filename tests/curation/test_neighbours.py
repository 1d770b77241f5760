"""Near-duplicates: exactly verified, found nearly always, whatever the order."""

import random

from curation import neighbours
from governance.kernel.text import normalise


def shingle_set(text: str) -> set[str]:
    """Return the character 5-grams as plain Python sees them."""
    normal = normalise(text)
    return {normal[i : i + 5] for i in range(max(1, len(normal) - 4))} if normal else set()


def jaccard(one: str, other: str) -> float:
    """Return the similarity by plain sets."""
    a, b = shingle_set(one), shingle_set(other)
    return len(a & b) / len(a | b) if a | b else 0.0


def body(n: int, seed: int) -> dict[str, str]:
    """Return texts of invented words; every tenth is a changed copy of an earlier one."""
    rng = random.Random(seed)
    words = ["".join(rng.choice("abcdefghijklmnopqé") for _ in range(rng.randint(2, 9))) for _ in range(800)]
    texts: list[str] = []
    for i in range(n):
        if i % 10 == 9:
            copy = rng.choice(texts).split()
            copy[rng.randrange(len(copy))] = rng.choice(words)
            texts.append(" ".join(copy))
        else:
            texts.append(" ".join(rng.choice(words) for _ in range(rng.randint(6, 24))))
    return {f"k{i:05}": text for i, text in enumerate(texts)}


def test_every_reported_pair_has_exactly_the_similarity_of_its_sets() -> None:
    texts = body(600, 1)

    found = neighbours.pairs(texts)

    assert len(found) > 30
    for pair in found:
        assert abs(pair.similarity - jaccard(texts[pair.one], texts[pair.other])) < 1e-9


def test_nearly_all_pairs_from_07_on_are_found() -> None:
    texts = body(1200, 2)
    keys = sorted(texts)
    sets = {key: shingle_set(texts[key]) for key in keys}
    true = {
        (a, b)
        for i, a in enumerate(keys)
        for b in keys[i + 1 :]
        if (u := len(sets[a] | sets[b])) and len(sets[a] & sets[b]) / u >= 0.7
    }

    found = {(pair.one, pair.other) for pair in neighbours.pairs(texts)}

    assert found <= true
    assert len(found) >= 0.98 * len(true)


def test_the_order_of_texts_does_not_matter() -> None:
    texts = body(400, 3)
    turned = dict(reversed(texts.items()))

    assert neighbours.pairs(texts) == neighbours.pairs(turned)


def test_empty_texts_are_like_nothing_and_short_ones_like_themselves() -> None:
    assert neighbours.pairs({"a": "!!!", "b": "...", "c": "", "d": "ab", "e": "Ab!"}) == [
        neighbours.Pair("d", "e", 1.0)
    ]


def test_a_template_with_a_thousand_fillings_stays_cheap_and_every_text_has_a_neighbour() -> None:
    words = (
        "dear friend your parcel number {} waits at the gate house of the old harbour please come and fetch it today"
    )
    texts = {f"k{i:04}": words.format(i) for i in range(1000)}

    found = neighbours.pairs(texts)

    assert len(found) < 200_000
    assert {key for pair in found for key in (pair.one, pair.other)} == set(texts)
