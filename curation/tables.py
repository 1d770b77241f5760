"""Files as members: what ``check_data`` looks at, without a database.

A CSV or TSV file becomes rows of the frame that ``curation.findings`` describes. A sample's uid is ``file:line``, so evidence leads
back into the file. With an annotator column the rows are opinions: one member an item, labelled by strict majority.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from governance.importers import csv as sheet
from governance.kernel.errors import Invalid
from governance.kernel.text import normal_hash
from governance.kernel.words import _
from governance.sheets import Settings

COLUMNS = (
    "sample_uid", "text", "text_hash", "content_hash", "media_sha", "label", "n_votes", "agreement", "split", "source_split",
    "groups",
)  # fmt: skip


@dataclass(frozen=True)
class Naming:
    """Which column holds what; empty means: find out (text, label) or none (the others)."""

    text: str = ""
    label: str = ""
    split: str = ""
    group: str = ""
    annotator: str = ""
    item: str = ""
    media: str = ""
    media_root: Path | None = None


@dataclass(frozen=True)
class Body:
    """Members of all files, their votes when the files hold opinions, and the names of the parts in order."""

    members: pd.DataFrame
    votes: pd.DataFrame | None
    split_names: tuple[str, ...]
    n_rows: int


def read(
    paths: Sequence[Path], naming: Naming, settings: Settings, say: Callable[[str], None] = lambda line: None
) -> Body:
    """Read ``paths`` as one body; raises ``Invalid`` for what cannot be used, with file and line."""
    several = len(paths) > 1 and not naming.split
    stems = [path.stem for path in paths]
    frames = []
    for path in paths:
        name = path.stem if stems.count(path.stem) == 1 else str(path)
        frame = _file(path, name, naming, settings, alone=len(paths) == 1)
        if several:
            frame["split"] = frame["source_split"] = name
        say(f"{path.name}: {len(frame):,} rows")
        frames.append(frame)
    rows = pd.concat(frames, ignore_index=True)
    names = tuple(dict.fromkeys(rows["split"].dropna()))
    if naming.annotator:
        votes, members = _opinions(rows)
        return Body(members, votes, names, len(rows))
    return Body(rows[list(COLUMNS)], None, names, len(rows))


def _file(path: Path, name: str, naming: Naming, settings: Settings, *, alone: bool) -> pd.DataFrame:
    """Return the rows of one file as members, with ``annotator`` and ``item`` beside them where those were named.

    Of a file that is ``alone`` its own split column counts, too.
    """
    if not path.is_file():
        raise Invalid("file-missing", _("There is no file {path}."), path=str(path))
    found = sheet.columns(path, settings)
    for column in (naming.text, naming.label, naming.split, naming.group, naming.annotator, naming.item, naming.media):
        if column and column not in found.names:
            raise Invalid(
                "no-such-column",
                _("{file} has no column “{column}”. It has: {columns}."),
                file=path.name,
                column=column,
                columns=", ".join(found.names),
            )
    cells: list[Sequence[object]] = []
    lines: list[int] = []
    for chunk in sheet.chunks(path, found.settings, found.names):
        if chunk.bad:
            bad = chunk.bad[0]
            raise Invalid(bad.code, _("{file}, line {line}: {why}"), file=path.name, line=bad.line, why=str(bad))
        cells += chunk.rows
        lines += chunk.lines
    raw = pd.DataFrame(cells, columns=list(found.names), dtype=object)
    text = raw[_column(naming.text, found.names, found.roles, "text")] if _has(naming.text, found, "text") else None
    label = (
        raw[_column(naming.label, found.names, found.roles, "label")] if _has(naming.label, found, "label") else None
    )
    texts = text.astype(str).tolist() if text is not None else [None] * len(raw)
    media = _media(raw[naming.media].astype(str).tolist(), lines, naming, path) if naming.media else [None] * len(raw)
    split = naming.split or (
        _column("", found.names, found.roles, "split") if alone and _has("", found, "split") else ""
    )
    parts = _blank(raw[split].astype(str).str.strip()) if split else None
    frame = pd.DataFrame(
        {
            "sample_uid": [f"{name}:{line}" for line in lines],
            "text": pd.Series(texts, dtype=object),
            "text_hash": pd.Series([normal_hash(t) if t else "" for t in texts], dtype=object),
            "content_hash": [_sha(t or "") if t else m or "" for t, m in zip(texts, media, strict=True)],
            "media_sha": pd.Series(media, dtype=object),
            "label": _blank(label.astype(str).str.strip()) if label is not None else pd.Series([None] * len(raw), dtype=object),
            "n_votes": 1 if label is not None else 0,
            "agreement": 1.0,
            "split": parts if parts is not None else pd.Series([None] * len(raw), dtype=object),
            "groups": [(str(g),) if g else () for g in raw[naming.group]] if naming.group else [()] * len(raw),
        }
    )  # fmt: skip
    frame["source_split"] = frame["split"]
    if naming.annotator:
        frame["annotator"] = raw[naming.annotator].astype(str)
        frame["item"] = raw[naming.item].astype(str) if naming.item else frame["text_hash"]
    return frame


def _opinions(rows: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return (votes, members) of rows that are opinions: one member an item, its label the strict majority or None."""
    rows = rows.assign(sample_uid=rows.groupby("item", sort=False)["sample_uid"].transform("first"))
    votes = rows.loc[rows["label"].notna(), ["sample_uid", "annotator", "label"]].reset_index(drop=True)
    counts = votes.groupby("sample_uid")["label"].value_counts()
    n = counts.groupby(level=0).sum()
    top = counts.groupby(level=0).max()
    pairs: list[tuple[str, str]] = counts.index.tolist()
    label = {uid: name for (uid, name), k in zip(pairs, counts, strict=True) if 2 * k > n[uid]}
    members = rows.drop_duplicates("sample_uid").copy()
    members["label"] = pd.Series([label.get(uid) for uid in members["sample_uid"]], index=members.index, dtype=object)
    members["n_votes"] = members["sample_uid"].map(n).fillna(0).astype("int64")
    members["agreement"] = (members["sample_uid"].map(top) / members["sample_uid"].map(n)).fillna(0.0).astype(float)
    return votes, members[list(COLUMNS)].reset_index(drop=True)


def _has(wanted: str, found: object, role: str) -> bool:
    return bool(wanted) or role in getattr(found, "roles", {}).values()


def _column(wanted: str, names: Sequence[str], roles: Mapping[str, str], role: str) -> str:
    return wanted or next(name for name in names if roles.get(name) == role)


def _blank(values: "pd.Series[str]") -> "pd.Series[Any]":
    """Return ``values`` with None for what is empty."""
    return pd.Series([value or None for value in values], dtype=object)


def _media(given: list[str], lines: list[int], naming: Naming, path: Path) -> list[str | None]:
    """Return the SHA-256 of each named file under the media root."""
    root = (naming.media_root or path.parent).resolve()
    result: list[str | None] = []
    for name, line in zip(given, lines, strict=True):
        target = (root / name).resolve()
        if not name:
            result.append(None)
        elif not target.is_relative_to(root) or not target.is_file():
            raise Invalid(
                "media-missing",
                _("{file}, line {line}: there is no media file “{name}” under the media folder."),
                file=path.name, line=line, name=name,
            )  # fmt: skip
        else:
            result.append(hashlib.sha256(target.read_bytes()).hexdigest())
    return result


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
