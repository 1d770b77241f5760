"""Frames for the tests of checks: the columns of ``curation.findings``, from a few words."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from curation.tables import Naming, read
from governance.kernel.text import normal_hash
from governance.sheets import Settings


def members(rows: Iterable[dict[str, object]]) -> pd.DataFrame:
    """Return a frame of members; each row names only what matters to the test."""
    full = []
    for number, row in enumerate(rows):
        text = row.get("text", _some_words(number))
        full.append(
            {
                "sample_uid": f"s{number:04}",
                "text": text,
                "text_hash": normal_hash(text) if isinstance(text, str) else "",
                "content_hash": "",
                "media_sha": None,
                "label": "a",
                "n_votes": 3,
                "agreement": 1.0,
                "split": None,
                "source_split": None,
                "groups": (),
                **row,
            }
        )
    frame = pd.DataFrame(full)
    for name in ("text", "label", "split", "media_sha", "source_split"):
        frame[name] = pd.Series([None if value is None else value for value in frame[name]], dtype=object)
    return frame


def labelled(counts: dict[str, int], split: str | None = None) -> list[dict[str, object]]:
    """Return rows with so many of each label."""
    return [{"label": label, "split": split} for label, n in counts.items() for _ in range(n)]


def afrisenti(shared: Path, language: str) -> pd.DataFrame:
    """Return the members of one language of AfriSenti, each file a part."""
    paths = [shared / "data" / "afrisenti" / language / f"{name}.tsv" for name in ("train", "dev", "test")]
    return read(paths, Naming(text="tweet", label="label"), Settings()).members


def _some_words(number: int) -> str:
    """Return a text that is like no other."""
    mixed = hashlib.sha256(str(number).encode()).hexdigest()
    return " ".join(mixed[i : i + 8] for i in range(0, 64, 8))
