"""Who is like whom among the members of one run: equal content and near-duplicates, worked out once for all checks."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from curation import neighbours
from curation.findings import Context

#: Fewer words than this make true but harmless doubles ("lol", "abeg"): listed, never held against a split (quality.md, 7).
MIN_WORDS = 3


@dataclass(frozen=True)
class Likeness:
    """``key``: the content class of each row, in the frame's order ('' where there is nothing to compare).

    ``near``: class -> its near classes and their Jaccard similarity. ``is_short``: classes of fewer than three words.
    """

    key: tuple[str, ...]
    near: Mapping[str, Mapping[str, float]]
    pairs: tuple[neighbours.Pair, ...]
    is_short: frozenset[str]


def of(members: pd.DataFrame, context: Context) -> Likeness:
    """Return the likeness of ``members``; the second call in one run costs nothing."""
    found = context.memo.get("likeness")
    if not isinstance(found, Likeness):
        found = context.memo["likeness"] = _work_out(members)
    return found


def content_keys(members: pd.DataFrame) -> list[str]:
    """Return the content class of each row: normal text and file together; '' where a row has neither."""
    pairs = zip(members["text_hash"], members["media_sha"], strict=True)
    return [f"{text}/{media}" if isinstance(media, str) and media else text for text, media in pairs]


def _work_out(members: pd.DataFrame) -> Likeness:
    texts: dict[str, str] = {}
    short: set[str] = set()
    for key, text in zip(members["text_hash"], members["text"], strict=True):
        # Of equal texts any one will do: their normal forms are the same.
        if key and isinstance(text, str) and key not in texts:
            texts[key] = text
            if len(neighbours.normalise(text).split()) < MIN_WORDS:
                short.add(key)
    found = neighbours.pairs(texts)
    near: dict[str, dict[str, float]] = defaultdict(dict)
    for pair in found:
        near[pair.one][pair.other] = pair.similarity
        near[pair.other][pair.one] = pair.similarity
    return Likeness(tuple(members["text_hash"]), near, tuple(found), frozenset(short))
