"""Parquet: the columns of the file's schema, read in small batches.

Small text columns are read as dictionaries, so a long text that a million rows share is held once and judged before it is
spread out. Large ones are read plainly and in smaller batches, since a dictionary of everything that differs would grow with the
file. What the file says of itself (rows, columns, sizes when unpacked) is checked before anything is read.
"""

import datetime
import decimal
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import pyarrow
import pyarrow.compute as pc
import pyarrow.parquet as pq

from governance.kernel.errors import Invalid
from governance.kernel.words import _
from governance.sheets import (
    ANY,
    CHUNK,
    MAX_COLUMNS,
    MAX_LINE,
    MAX_ROWS,
    PREVIEW,
    BadRow,
    Chunk,
    Columns,
    Settings,
    check_names,
    guess,
    marked_row,
    require_kind,
)

TITLE = _("Parquet")
EXTENSIONS = (".parquet", ".pq")
MAX_METADATA = 20_000_000
SMALL = 4_000_000
"""Bytes that a text column of one row group may unpack to and still be read as a dictionary, which takes several times that."""
MAX_PART = 2_000_000_000
"""Bytes that one column of one row group may unpack to, by the file's own word."""


def columns(path: Path, settings: Settings = ANY) -> Columns:
    """Return the columns of ``path``; raises ``Invalid`` for what is no Parquet, or claims too much."""
    require_kind(path, "parquet")
    with _open(path)[0] as file:
        names, remarks = check_names(file.schema_arrow.names)
        total = file.metadata.num_rows
    preview = [tuple(row) for chunk in islice(chunks(path, settings, names), 1) for row in chunk.rows[:PREVIEW]]
    roles, notes = guess(names, preview)
    return Columns(names, tuple(preview), roles, notes, Settings(), total, remarks)


def chunks(path: Path, settings: Settings, names: Sequence[str]) -> Iterator[Chunk]:
    """Yield the rows of ``path`` in chunks; a line is the row's number, from 1 (there is no header)."""
    done = 0
    file, at_once = _open(path)
    with file:
        batches = file.iter_batches(batch_size=at_once, use_threads=False)
        while True:
            try:
                batch = next(batches, None)
            except (pyarrow.ArrowException, OSError) as error:
                why = BadRow(
                    done + 1,
                    "",
                    "parquet-unreadable",
                    _("From here on the file cannot be read: {why}."),
                    {"why": str(error)},
                )
                yield Chunk([], [], [why], done)
                return
            if batch is None:
                return
            first = done + 1
            done += batch.num_rows
            try:
                yield _chunk(batch, first, names, done)
            except UnicodeDecodeError:
                yield _row_by_row(batch, first, names, done)


def _row_by_row(batch: pyarrow.RecordBatch, first: int, names: Sequence[str], done: int) -> Chunk:
    """A batch in which some text is not UTF-8, whatever its schema says: only those rows are refused."""
    rows: list[Sequence[object]] = []
    lines: list[int] = []
    bad: list[BadRow] = []
    for place in range(batch.num_rows):
        try:
            one = _chunk(batch.slice(place, 1), first + place, names, done)
        except UnicodeDecodeError:
            bad.append(BadRow(first + place, "", "wrong-encoding", _("The text of this row is not valid UTF-8.")))
            continue
        rows += one.rows
        lines += one.lines
        bad += one.bad
    return Chunk(rows, lines, bad, done)


def _chunk(batch: pyarrow.RecordBatch, first: int, names: Sequence[str], done: int) -> Chunk:
    bad: list[BadRow] = []
    too_long = {name: line for name, column in zip(names, batch.columns, strict=True) for line in _long(column)}
    if too_long:
        for name, column in zip(names, batch.columns, strict=True):
            for place in _long(column):
                bad.append(
                    BadRow(first + place, name, "cell-too-long", _("This cell is longer than a million characters."))
                )
        refused = {row.line - first for row in bad}
        keep = [place for place in range(batch.num_rows) if place not in refused]
        batch = batch.take(pyarrow.array(keep, type=pyarrow.int64()))
        lines: Sequence[int] = [first + place for place in keep]
    else:
        lines = range(first, first + batch.num_rows)
    cells = [[_plain(cell) for cell in column.to_pylist()] for column in batch.columns]
    rows: list[Sequence[object]] = []
    kept: list[int] = []
    for line, row in zip(lines, zip(*cells, strict=True), strict=True):
        marked = marked_row(line, row, names)
        if marked is not None:
            bad.append(marked)
        else:
            rows.append(row)
            kept.append(line)
    return Chunk(rows, kept, bad, done)


def _long(column: pyarrow.Array) -> list[int]:
    """The places of the cells whose text or bytes are longer than a line may be."""
    encoded = isinstance(column, pyarrow.DictionaryArray)
    values = column.dictionary if encoded else column
    if not (
        pyarrow.types.is_string(values.type)
        or pyarrow.types.is_large_string(values.type)
        or pyarrow.types.is_binary(values.type)
    ):
        return []
    if not len(values) or (pc.max(pc.binary_length(values)).as_py() or 0) <= MAX_LINE:
        return []
    long = {i for i, n in enumerate(pc.binary_length(values).to_pylist()) if n and n > MAX_LINE}
    places = column.indices.to_pylist() if encoded else range(len(column))
    return [place for place, index in enumerate(places) if index in long]


def _plain(cell: object) -> object:
    if isinstance(cell, datetime.datetime | datetime.date | datetime.time):
        return cell.isoformat()
    if isinstance(cell, decimal.Decimal | datetime.timedelta):
        return str(cell)
    if isinstance(cell, bytes):
        return cell.hex() if len(cell) <= 64 else None
    if isinstance(cell, list):
        return [_plain(inner) for inner in cell]
    if isinstance(cell, dict):
        return {str(key): _plain(inner) for key, inner in cell.items()}
    return cell


def _open(path: Path) -> tuple[pq.ParquetFile, int]:
    """Return the opened file and how many rows to read at once."""
    try:
        # Opened twice on purpose: which columns are text is known only after the first time.
        limits = {"thrift_string_size_limit": MAX_METADATA, "thrift_container_size_limit": 1_000_000}
        with pq.ParquetFile(path, **limits) as looked_at:
            metadata, schema = looked_at.metadata, looked_at.schema_arrow
            _check(metadata)
        text = {f.name for f in schema if pyarrow.types.is_string(f.type) or pyarrow.types.is_large_string(f.type)}
        shared = sorted(text & _small(metadata))
        file = pq.ParquetFile(path, read_dictionary=shared, buffer_size=1 << 16, pre_buffer=False, **limits)
        return file, CHUNK if len(shared) == len(text) else CHUNK // 5
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise Invalid("parquet-unreadable", _("This file cannot be read as Parquet: {why}."), why=str(error)) from None


def _small(metadata: pq.FileMetaData) -> set[str]:
    """The columns that are small in every row group."""
    groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    columns = [group.column(place) for group in groups for place in range(metadata.num_columns)]
    large = {one.path_in_schema for one in columns if one.total_uncompressed_size > SMALL}
    return {one.path_in_schema for one in columns} - large


def _check(metadata: pq.FileMetaData) -> None:
    if metadata.num_columns > MAX_COLUMNS:
        raise Invalid(
            "too-many-columns",
            _("The file has {n} columns; {most} is the most."),
            n=metadata.num_columns,
            most=MAX_COLUMNS,
        )
    if metadata.num_rows > MAX_ROWS:
        raise Invalid(
            "too-many-rows",
            _("The file says that it has {n} rows; {most} is the most at once."),
            n=metadata.num_rows,
            most=MAX_ROWS,
        )
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        for place in range(metadata.num_columns):
            if row_group.column(place).total_uncompressed_size > MAX_PART:
                raise Invalid(
                    "unpacks-too-big", _("One column of this file unpacks to more than {n} GB."), n=MAX_PART // 10**9
                )
