"""JSON Lines: one JSON object a line, its members are the columns.

Columns are the members met in the first rows, in their order; a member that appears only later is refused with its line, so
that nothing is dropped in silence. Values keep their type; objects and lists are kept as they are.
``NaN`` and ``Infinity`` are not JSON.
"""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import NoReturn

from governance.kernel.errors import Invalid, Reason
from governance.kernel.words import _
from governance.sheets import (
    ANY,
    CHUNK,
    MARK,
    PREVIEW,
    BadRow,
    Chunk,
    Columns,
    Lines,
    Settings,
    check_names,
    encoding_of,
    guess,
    marked_row,
    require_kind,
)

TITLE = _("JSON Lines")
EXTENSIONS = (".jsonl", ".ndjson")
LOOK = 1_000
"""Rows that are looked at for their members."""
_TWO_VALUES = re.compile(r"\}\s*,\s*\{")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)


def columns(path: Path, settings: Settings = ANY) -> Columns:
    """Return the columns of ``path``; raises ``Invalid`` when the first rows hold no object."""
    head = require_kind(path, "text")
    encoding, mark, fits = encoding_of(head)
    if head[mark:].lstrip()[:1] == b"[":
        raise Invalid(
            "not-what-it-says",
            _("This is one JSON list, not one object a line. If it comes from Label Studio, choose that format."),
        )
    found = Settings(encoding=settings.encoding or encoding)
    members: dict[str, None] = {}
    first: list[dict[str, object]] = []
    refused: list[BadRow] = []
    for _lines, objects, bad, _done in islice(_parsed(path, found), -(-LOOK // CHUNK)):
        first += objects[: PREVIEW - len(first)]
        refused += bad
        for item in objects:
            members.update(dict.fromkeys(item))
    if not members:
        reason = str(refused[0]) if refused else _("There is no JSON object in it.")
        raise Invalid("bad-json", _("The first rows of this file cannot be read. {reason}"), reason=reason)
    members.pop("", None)
    check_names([f"{place} {key}" for place, key in enumerate(members)])
    warnings: list[Reason] = []
    if not settings.encoding and not fits:
        warnings.append(Reason("wrong-encoding", _("Some lines are not UTF-8 and would be refused; JSON is UTF-8.")))
    names = tuple(members)
    preview = [tuple(item.get(name) for name in names) for item in first]
    roles, notes = guess(names, preview)
    return Columns(names, tuple(preview), roles, notes, found, path.stat().st_size, tuple(warnings))


def chunks(path: Path, settings: Settings, names: Sequence[str]) -> Iterator[Chunk]:
    """Yield the rows of ``path`` in chunks, cells in the order of ``names``; a missing member is None."""
    known = frozenset(names)
    pick = itemgetter(*names) if len(names) > 1 else lambda item: (item[names[0]],)
    for lines, objects, bad, done in _parsed(path, settings):
        try:
            rows = list(map(pick, objects))
            alike = sum(map(len, objects)) == len(names) * len(objects)
        except KeyError:
            alike = False
        if not alike:
            rows, lines = _spread(objects, lines, names, known, bad)
        yield Chunk(rows, lines, bad, done)


def _spread(
    objects: list[dict[str, object]],
    lines: Sequence[int],
    names: Sequence[str],
    known: frozenset[str],
    bad: list[BadRow],
) -> tuple[list[Sequence[object]], list[int]]:
    """Rows of objects that do not all have the same members; a member outside ``names`` refuses its row."""
    rows: list[Sequence[object]] = []
    kept: list[int] = []
    for line, item in zip(lines, objects, strict=True):
        strange = item.keys() - known
        if strange:
            column = min(strange)
            message = _(
                "“{column}” appears here for the first time, after the first {look} rows. Name it in an early row too."
            )
            bad.append(BadRow(line, column, "unknown-column", message, {"column": column[:80], "look": LOOK}))
        else:
            rows.append([item.get(name) for name in names])
            kept.append(line)
    return rows, kept


def _parsed(
    path: Path, settings: Settings
) -> Iterator[tuple[Sequence[int], list[dict[str, object]], list[BadRow], int]]:
    """Yield lines, objects, refused rows and bytes read, a chunk at a time."""
    source = Lines(path, settings.encoding)
    line = 0
    for block in source:
        for start in range(0, len(block), CHUNK):
            part = block[start : start + CHUNK]
            numbers: Sequence[int] = range(line + 1, line + len(part) + 1)
            line += len(part)
            objects = None if source.marked else _together(part)
            bad: list[BadRow] = []
            if objects is None:
                objects, numbers = _one_by_one(part, numbers, bad)
            yield numbers, objects, bad, source.done


def _together(part: list[str]) -> list[dict[str, object]] | None:
    """Parse a chunk as one list, which shares work and keys; None when a line needs a look of its own.

    A line could smuggle in two values only with ``}, {`` outside strings; where that occurs at all, lines are read one by one.
    """
    text = ",".join(part)
    if "\\u0000" in text or _TWO_VALUES.search("".join(part)):
        return None
    try:
        objects, end = _DECODER.raw_decode("[" + text + "]")
        if _SURROGATE.search(text):
            json.dumps(objects, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    if len(objects) != len(part) or end != len(text) + 2 or set(map(type, objects)) != {dict}:
        return None
    return objects


def _one_by_one(
    part: list[str], numbers: Sequence[int], bad: list[BadRow]
) -> tuple[list[dict[str, object]], list[int]]:
    objects: list[dict[str, object]] = []
    lines: list[int] = []
    for line, text in zip(numbers, part, strict=True):
        if not text.strip():
            continue
        refused = marked_row(line, (text,)) if MARK in text else None
        item = None
        if refused is None:
            item, refused = _read(line, text.strip())
        if refused is not None or item is None:
            bad += [refused] if refused else []
        else:
            objects.append(item)
            lines.append(line)
    return objects, lines


def _read(line: int, text: str) -> tuple[dict[str, object] | None, BadRow | None]:
    try:
        item, end = _DECODER.raw_decode(text)
        if end != len(text):
            raise ValueError(_("there is more after the object"))
        if _SURROGATE.search(text):
            json.dumps(item, ensure_ascii=False).encode()
    except RecursionError:
        return None, BadRow(line, "", "too-deep", _("The objects in this row lie too deep inside each other."))
    except UnicodeEncodeError:
        return None, BadRow(line, "", "half-character", _("Half of a character (a lone surrogate) stands in this row."))
    except ValueError as error:
        return None, BadRow(line, "", "bad-json", _("This line is not JSON: {why}."), {"why": str(error).rstrip(".")})
    if not isinstance(item, dict):
        return None, BadRow(line, "", "not-an-object", _("This line holds no object with named members."))
    if "\\u0000" in text and _holds_nul(item):
        return None, BadRow(line, "", "nul-in-text", _("There is a NUL character in this row; no text has one."))
    return item, None


def _holds_nul(value: object) -> bool:
    if isinstance(value, str):
        return MARK in value
    if isinstance(value, dict):
        return any(MARK in key or _holds_nul(inner) for key, inner in value.items())
    return isinstance(value, list) and any(map(_holds_nul, value))
