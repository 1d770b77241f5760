"""Comma- or tab-separated text (CSV, TSV): one row a sample, the first row names the columns.

The delimiter (comma, tab, semicolon, bar) and the quoting are found from the first rows: the pair under which most rows have
as many cells as the header wins; a tab-separated file whose quotes are plain characters is read without quoting. Cells stay
as they are: one that begins with ``=``, ``+``, ``-`` or ``@`` is text like any other and is escaped only where we write
sheets. A row with another number of cells than the header is refused, except that empty cells beyond the header are nothing.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Literal

from governance.kernel.errors import Invalid, Reason
from governance.kernel.words import _
from governance.sheets import (
    ANY,
    BLOCK,
    CHUNK,
    MARK,
    MAX_LINE,
    PREVIEW,
    BadRow,
    Chunk,
    Columns,
    Lines,
    Settings,
    check_names,
    encoding_of,
    guess,
    head_lines,
    marked_row,
    require_kind,
)

TITLE = _("CSV or TSV")
EXTENSIONS = (".csv", ".tsv", ".tab", ".txt")
DELIMITERS = (",", "\t", ";", "|")
QUOTING: dict[str, Literal[0, 3]] = {"minimal": csv.QUOTE_MINIMAL, "none": csv.QUOTE_NONE}
SNIFF_ROWS = 200

csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE))


def columns(path: Path, settings: Settings = ANY) -> Columns:
    """Return the columns of ``path`` with the settings found; raises ``Invalid`` for a file that is no sheet of text."""
    head = require_kind(path, "text")
    encoding, _mark, fits = encoding_of(head)
    warnings: list[Reason] = []
    if not settings.encoding and not fits:
        warnings.append(
            Reason(
                "wrong-encoding",
                _(
                    "Some lines are not UTF-8 and would be refused. If this is an older file from Windows, choose cp1252."
                ),
            )
        )
    found = _settle(head_lines(head, settings.encoding), settings, settings.encoding or encoding)
    if found.delimiter == "\t" and not settings.quoting and _unpaired(path):
        found = replace(found, quoting="none")
    first = next(_rows(Lines(path, found.encoding), found), None)
    if first is None:
        raise Invalid(
            "empty-file", _("This file has no first row. Choose the file again, or save it again where it came from.")
        )
    if isinstance(first, BadRow):
        raise Invalid(first.code, str(first))
    names, remarks = check_names(_trimmed(first))
    preview = [row for chunk in islice(chunks(path, found, names), 1) for row in chunk.rows[:PREVIEW]]
    if not preview:
        warnings.append(Reason("no-rows", _("There is a header and no row that can be read below it.")))
    roles, notes = guess(names, preview)
    kept = tuple(tuple(row) for row in preview)
    return Columns(names, kept, roles, notes, found, path.stat().st_size, (*remarks, *warnings))


def chunks(path: Path, settings: Settings, names: Sequence[str]) -> Iterator[Chunk]:
    """Yield the rows of ``path`` in chunks; refused rows keep their line and reason."""
    lines = Lines(path, settings.encoding)
    reader = _reader(lines, settings)
    width = len(names)
    header_to_come = True
    while True:
        before = reader.line_num
        rows: list[Sequence[object]] = []
        broken = _fill(reader, rows, CHUNK + header_to_come)
        if not rows and broken is None:
            return
        numbers: Sequence[int] = range(before + 1, reader.line_num + 1)
        if broken is not None or len(numbers) != len(rows):
            numbers = _numbers(rows, before)
        bad = [broken] if broken is not None else []
        if header_to_come:
            place = next((i for i, row in enumerate(rows) if row), len(rows))
            rows, numbers, header_to_come = rows[place + 1 :], numbers[place + 1 :], False
        if lines.marked or set(map(len, rows)) != {width}:
            rows, numbers = _sift(rows, numbers, names, bad)
        yield Chunk(rows, numbers, bad, lines.done)


def _fill(reader: "csv.Reader", rows: list[Sequence[object]], most: int = CHUNK) -> BadRow | None:  # type: ignore[name-defined]
    """Add up to ``most`` rows; return the refusal when the reader stumbled (it goes on at the next line)."""
    start = reader.line_num
    try:
        rows.extend(islice(reader, most))
    except csv.Error as error:
        line = start + sum(map(_span, rows)) + 1
        if "field larger" in str(error):
            return BadRow(
                line,
                "",
                "cell-too-long",
                _(
                    "A cell that begins here is longer than a million characters. Is a quote missing? Lines to {last} are left out."
                ),
                {"last": reader.line_num},
            )
        return BadRow(
            line,
            "",
            "bad-quoting",
            _("The quotes do not match in the row that begins here ({why}). Lines to {last} are left out."),
            {"last": reader.line_num, "why": str(error)},
        )
    return None


def _span(row: Sequence[object]) -> int:
    """How many lines of the file a row took: one, and one for each line break inside its cells."""
    return 1 + sum(cell.count("\n") for cell in row if isinstance(cell, str))


def _numbers(rows: Sequence[Sequence[object]], before: int) -> list[int]:
    numbers, line = [], before + 1
    for row in rows:
        numbers.append(line)
        line += _span(row)
    return numbers


def _sift(
    rows: list[Sequence[object]], numbers: Sequence[int], names: Sequence[str], bad: list[BadRow]
) -> tuple[list[Sequence[object]], list[int]]:
    """Return the rows as wide as the header; blank ones are skipped, the others go to ``bad``."""
    width = len(names)
    kept: list[Sequence[object]] = []
    lines: list[int] = []
    for line, row in zip(numbers, rows, strict=True):
        if not row:
            continue
        marked = marked_row(line, row, names)
        if marked is not None:
            bad.append(marked)
        elif len(row) == width or (len(row) > width and not any(row[width:])):
            kept.append(row[:width])
            lines.append(line)
        else:
            message = _(
                "This row has {n} cells, the header has {width}. A delimiter or a quote is missing or too many."
            )
            bad.append(BadRow(line, "", "ragged-row", message, {"n": len(row), "width": width}))
    bad.sort(key=lambda row: row.line)
    return kept, lines


def _reader(lines: Iterable[list[str]], settings: Settings) -> "csv.Reader":  # type: ignore[name-defined]
    return csv.reader(
        chain.from_iterable(lines),
        delimiter=settings.delimiter,
        quoting=QUOTING[settings.quoting],
        strict=True,
    )


def _rows(lines: Lines, settings: Settings) -> Iterator[Sequence[object] | BadRow]:
    """The first rows that are not blank, one at a time, for the header."""
    reader = _reader(lines, settings)
    rows: list[Sequence[object]] = []
    broken = _fill(reader, rows)
    yield from (marked_row(1, row) or row for row in rows if row)
    if broken:
        yield broken


def _trimmed(row: Sequence[object]) -> Sequence[object]:
    """The header without the nameless columns at its end that a spreadsheet leaves behind."""
    width = len(row)
    while width > 1 and not str(row[width - 1]).strip():
        width -= 1
    return row[:width]


def _settle(head: str, settings: Settings, encoding: str) -> Settings:
    """Fill in what the settings leave open, from the first rows."""
    if settings.delimiter and (len(settings.delimiter) != 1 or settings.delimiter in '\r\n"' + MARK):
        raise Invalid("bad-delimiter", _("A delimiter is one character, like a comma, a semicolon or a tab."))
    if settings.quoting and settings.quoting not in QUOTING:
        raise Invalid("bad-quoting", _("Quoting is “minimal” or “none”."))
    lines = head.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:SNIFF_ROWS]
    if len(lines) > 1 and len(lines) < SNIFF_ROWS:
        lines.pop()  # the last one may be cut
    delimiters = (settings.delimiter,) if settings.delimiter else DELIMITERS
    # Only between tabs are quotes ever plain characters by custom; elsewhere a broken quote is a fault to be named.
    ways = [
        (d, q)
        for d in delimiters
        for q in QUOTING
        if q == (settings.quoting or q) and (q == "minimal" or d == "\t" or settings.quoting)
    ]
    best = max(range(len(ways)), key=lambda place: (_fit(lines, *ways[place]), -place))
    return Settings(*ways[best], encoding, "")


def _unpaired(path: Path) -> bool:
    """Say whether the quotes of a tab-separated file are plain characters: cells that begin with one and do not end with one."""
    begun = ended = 0
    last = b"\n"
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            block = (last + block).replace(b"\r\n", b"\n")
            begun += block.count(b'\t"') + block.count(b'\n"')
            ended += block.count(b'"\t') + block.count(b'"\n')
            last = block[-1:]
    return abs(begun - ended) > (last == b'"')


def _fit(lines: list[str], delimiter: str, quoting: str) -> tuple[float, int]:
    """How well a reading fits: the share of rows as wide as the header, then the width (one column fits anything)."""
    reader = csv.reader([line + "\n" for line in lines], delimiter=delimiter, quoting=QUOTING[quoting], strict=True)
    widths: list[int] = []
    broken = 0
    while True:
        try:
            widths.extend(len(row) for row in reader if row)
            break
        except csv.Error:
            broken += 1
    if not widths or widths[0] == 1:
        return (0.0, len(widths) - broken)
    return (sum(width == widths[0] for width in widths) / (len(widths) + 5 * broken), widths[0])
