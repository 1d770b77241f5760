"""Near-duplicates among short texts: candidates by MinHash, each verified by its exact Jaccard similarity.

Texts are compared in their normal form by their sets of character 5-grams (Broder 1997; a text shorter than that is its own
one shingle). Shingles are hashed from code points in numpy, sketched by rensa (128 permutations), indexed in 25 bands of 5
rows, and every candidate pair is verified on the shingle sets themselves, so that no reported pair is wrong. With 25 x 5 a pair
of similarity .7 is found with probability .99 and one of .8 with .9999 (1 - (1 - s^5)^25); quality.md measured 14 x 9 at 0.96.
Equal texts are one *class*: the caller names them by a key and gets pairs of keys, so a thousand copies cost as much as one.

Rensa 0.5 changed its hash: ``ALGORITHM`` is stored with everything that was derived from a sketch.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import rensa
from numpy.typing import NDArray

from governance.kernel.text import normalise

SHINGLE = 5
PERMUTATIONS = 128
BANDS, ROWS = 25, 5
SEED = 42
INDEX_AT = 0.7
#: A bucket larger than this is a template, not a duplicate: each text is compared with its next ``WINDOW`` and the first few.
BUCKET, WINDOW, FIRST = 256, 48, 8
ALGORITHM = f"rensa-r{rensa.RMinHash.ALGORITHM_VERSION}/char{SHINGLE}/{PERMUTATIONS}/{BANDS}x{ROWS}/seed{SEED}"

U64: TypeAlias = NDArray[np.uint64]
I64: TypeAlias = NDArray[np.int64]
_CHUNK = 50_000  # pairs verified at once: some tens of MB of shingles


@dataclass(frozen=True, order=True)
class Pair:
    """Two different text classes (``one`` < ``other``) and their exact Jaccard similarity, 0..1."""

    one: str
    other: str
    similarity: float


def pairs(texts: Mapping[str, str], *, at_least: float = INDEX_AT) -> list[Pair]:
    """Return the verified pairs among ``texts`` (key -> one text of that class), sorted by key.

    The result does not depend on the order of ``texts``. Texts whose normal form is empty are like nothing.
    """
    keys = sorted(texts)
    normal = [normalise(texts[key]) for key in keys]
    hashes, offsets = shingles(normal)
    found = similar(hashes, offsets, at_least)
    return [Pair(keys[i], keys[j], s) for i, j, s in found]


def shingles(normal: Sequence[str]) -> tuple[U64, I64]:
    """Return the distinct shingle hashes of each text, flat and sorted inside each text, and ``len + 1`` offsets."""
    lengths = np.fromiter((len(text) for text in normal), dtype=np.int64, count=len(normal))
    parts: list[U64] = []
    counts = np.zeros(len(normal), dtype=np.int64)
    for start, stop in _blocks(lengths, 1_000_000):
        flat, per_text = _block_shingles(normal[start:stop], lengths[start:stop])
        parts.append(flat)
        counts[start:stop] = per_text
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return (np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint64)), offsets


def similar(hashes: U64, offsets: I64, at_least: float = INDEX_AT) -> list[tuple[int, int, float]]:
    """Return (i, j, similarity) with i < j for every verified pair, sorted."""
    kept = np.flatnonzero(np.diff(offsets) > 0)
    if len(kept) < 2:
        return []
    candidates = _candidates(hashes, offsets, kept)
    result: list[tuple[int, int, float]] = []
    for start in range(0, len(candidates), _CHUNK):
        chunk = candidates[start : start + _CHUNK]
        values = jaccard(hashes, offsets, chunk[:, 0], chunk[:, 1])
        good = values >= at_least - 1e-12
        result += zip(chunk[good, 0].tolist(), chunk[good, 1].tolist(), values[good].tolist(), strict=True)
    return sorted(result)


def jaccard(hashes: U64, offsets: I64, left: I64, right: I64) -> NDArray[np.float64]:
    """Return the exact Jaccard similarity of the shingle sets of ``left[k]`` and ``right[k]``."""
    sizes = np.diff(offsets)
    a, owner_a = _gather(hashes, offsets, left)
    b, owner_b = _gather(hashes, offsets, right)
    owners, values = np.concatenate([owner_a, owner_b]), np.concatenate([a, b])
    order = np.lexsort((values, owners))
    owners, values = owners[order], values[order]
    twice = (owners[1:] == owners[:-1]) & (values[1:] == values[:-1])
    shared = np.bincount(owners[1:][twice], minlength=len(left))
    union = sizes[left] + sizes[right] - shared
    return np.divide(shared, union, out=np.zeros(len(left)), where=union > 0)


def _candidates(hashes: U64, offsets: I64, kept: I64) -> I64:
    """Return the pairs of texts that share a band, (i, j) with i < j, each once."""
    digests = np.empty((len(kept), PERMUTATIONS), dtype=np.uint32)
    sizes = np.diff(offsets)[kept]
    for start, stop in _blocks(sizes, 500_000):
        rows = kept[start:stop]
        flat, _ = _gather(hashes, offsets, rows)
        bounds = np.concatenate([[0], np.cumsum(sizes[start:stop])]).astype(np.uint64)
        matrix = rensa.RMinHash.digest_matrix_from_flat_token_hashes(flat, bounds, PERMUTATIONS, SEED)
        digests[start:stop] = np.asarray(matrix.to_rows(), dtype=np.uint32)
    coded: list[I64] = []
    for band in range(BANDS):
        coded.append(_codes(_bucketed(digests[:, band * ROWS : (band + 1) * ROWS]), len(kept)))
        if sum(len(c) for c in coded) > 20_000_000:
            coded = [np.unique(np.concatenate(coded))]
    unique = np.unique(np.concatenate(coded)) if coded else np.zeros(0, dtype=np.int64)
    return np.column_stack([kept[unique // len(kept)], kept[unique % len(kept)]])


def _bucketed(band: NDArray[np.uint32]) -> Iterator[I64]:
    """Yield the buckets of one band that hold two texts or more; a 64-bit mix stands for the row of the band."""
    mixed: U64 = np.zeros(len(band), dtype=np.uint64)
    for column in range(band.shape[1]):
        mixed = _mix(mixed ^ band[:, column].astype(np.uint64))
    order = np.argsort(mixed, kind="stable")
    edges = np.flatnonzero(np.diff(mixed[order]) != 0) + 1
    starts = np.concatenate([[0], edges])
    stops = np.concatenate([edges, [len(order)]])
    # Buckets of two are nearly all of them: they come out together, without a loop.
    sizes = stops - starts
    two = starts[sizes == 2]
    if len(two):
        yield np.column_stack([order[two], order[two + 1]])
    for start, stop in zip(starts[sizes > 2].tolist(), stops[sizes > 2].tolist(), strict=True):
        yield _bucket_pairs(order[start:stop])


def _bucket_pairs(members: I64) -> I64:
    """Return all pairs of a bucket; of a very large one a window and a star, so that it stays linear and connected."""
    n = len(members)
    if n <= BUCKET:
        i, j = np.triu_indices(n, 1)
        return np.column_stack([members[i], members[j]])
    steps = [np.column_stack([members[:-k], members[k:]]) for k in range(1, WINDOW + 1)]
    star = [np.column_stack([np.full(n - f - 1, members[f]), members[f + 1 :]]) for f in range(FIRST)]
    return np.concatenate(steps + star)


def _codes(found: Iterable[I64], n: int) -> I64:
    coded = [np.minimum(p[:, 0], p[:, 1]) * n + np.maximum(p[:, 0], p[:, 1]) for p in found]
    return np.unique(np.concatenate(coded)) if coded else np.zeros(0, dtype=np.int64)


def _block_shingles(normal: Sequence[str], lengths: I64) -> tuple[U64, I64]:
    """Hash the shingles of some texts; return them flat (sorted and distinct in each text) and how many each has."""
    points = np.frombuffer("".join(normal).encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    starts = np.cumsum(lengths) - lengths
    windows = np.maximum(lengths - SHINGLE + 1, (lengths > 0).astype(np.int64))
    owner = np.repeat(np.arange(len(normal)), windows)
    at = np.arange(len(owner)) - np.repeat(np.cumsum(windows) - windows, windows) + starts[owner]
    hashed: U64 = np.full(len(owner), 0x9E3779B97F4A7C15, dtype=np.uint64)
    ends = starts[owner] + lengths[owner]
    for step in range(SHINGLE):
        inside = at + step < ends
        point = np.where(inside, points[np.minimum(at + step, max(len(points) - 1, 0))] if len(points) else 0, 0)
        hashed = _mix(hashed ^ (point + np.uint64(1)))
    order = np.lexsort((hashed, owner))
    owner, hashed = owner[order], hashed[order]
    first = np.ones(len(owner), dtype=bool)
    first[1:] = (owner[1:] != owner[:-1]) | (hashed[1:] != hashed[:-1])
    return hashed[first], np.bincount(owner[first], minlength=len(normal)).astype(np.int64)


def _mix(x: U64) -> U64:
    """Steele, Lea and Flood's finaliser (SplitMix64, 2014): every bit of the input reaches every bit of the output."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _gather(hashes: U64, offsets: I64, rows: I64) -> tuple[U64, I64]:
    """Return the shingles of ``rows``, flat, and for each the position of its row in ``rows``."""
    sizes = offsets[rows + 1] - offsets[rows]
    owner = np.repeat(np.arange(len(rows)), sizes)
    at = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + offsets[rows][owner]
    return hashes[at], owner


def _blocks(sizes: I64, budget: int) -> Iterator[tuple[int, int]]:
    """Cut a list of sizes into ranges of about ``budget`` each, at least one item a range."""
    total = np.cumsum(sizes)
    start = 0
    while start < len(sizes):
        base = total[start] - sizes[start]
        stop = max(start + 1, int(np.searchsorted(total, base + budget, side="right")))
        yield start, stop
        start = stop
