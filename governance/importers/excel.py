"""Excel workbooks (.xlsx): the first sheet, or the one named; the first row names the columns.

A formula comes in as the value that was last computed for it, never as a formula. Numbers without a fraction are written
without one, days as YYYY-MM-DD. Before the workbook is opened its parts are unpacked once, counted and thrown away: a file
that unpacks to more than it may, or claims a cell far out in an empty sheet, is refused, since a reader would make room for
all of it. Bigger tables come as CSV, which has no such bound.
"""

import datetime
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import python_calamine

from governance.kernel.errors import Invalid
from governance.kernel.words import _
from governance.sheets import (
    ANY,
    CHUNK,
    MAX_LINE,
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

TITLE = _("Excel workbook")
EXTENSIONS = (".xlsx", ".xlsm")
MAX_UNPACKED = 100_000_000
MAX_PARTS = 5_000
MAX_CELLS = 1_500_000
"""Cells a sheet may span: calamine makes room for the whole rectangle, about 40 bytes a cell."""
_CELL = re.compile(rb'<(?:\w+:)?c [^>]*?\br="([A-Z]{1,3})(\d{1,7})"')


def columns(path: Path, settings: Settings = ANY) -> Columns:
    """Return the columns of a sheet; raises ``Invalid`` for what is no workbook, or too big when unpacked."""
    require_kind(path, "zip")
    _measure(path)
    sheet, title, _titles = _sheet(path, settings.sheet)
    rows = _cells(sheet)
    first = next(rows, None)
    if first is None:
        raise Invalid(
            "empty-file", _("The sheet “{sheet}” is empty. Name another sheet, or choose another file."), sheet=title
        )
    names, remarks = check_names(_trimmed(first[1]))
    preview: list[Sequence[object]] = []
    for _line, cells in rows:
        preview.append(tuple(_fitted(cells, len(names))))
        if len(preview) == PREVIEW:
            break
    roles, notes = guess(names, preview)
    kept = tuple(tuple(row) for row in preview)
    return Columns(names, kept, roles, notes, Settings(sheet=title), max(sheet.total_height - 1, 0), remarks)


def chunks(path: Path, settings: Settings, names: Sequence[str]) -> Iterator[Chunk]:
    """Yield the rows of the sheet in chunks; a line is the row's number in the sheet."""
    _measure(path)
    sheet, _title, _titles = _sheet(path, settings.sheet)
    source = _cells(sheet)
    next(source, None)
    rows: list[Sequence[object]] = []
    lines: list[int] = []
    bad: list[BadRow] = []
    done = 0
    for done, (line, found) in enumerate(source, start=1):
        cells = _fitted(found, len(names))
        refused = _refusal(line, cells, found[len(names) :], names)
        if refused is not None:
            bad.append(refused)
        elif any(cell != "" for cell in cells):
            rows.append(cells)
            lines.append(line)
        if len(rows) + len(bad) >= CHUNK:
            yield Chunk(rows, lines, bad, done)
            rows, lines, bad = [], [], []
    if rows or bad:
        yield Chunk(rows, lines, bad, done)


def _refusal(line: int, cells: Sequence[object], beyond: Sequence[object], names: Sequence[str]) -> BadRow | None:
    if any(cell != "" for cell in beyond):
        message = _("This row has cells beyond the header's {width} columns. Give each its name in the first row.")
        return BadRow(line, "", "ragged-row", message, {"width": len(names)})
    for name, cell in zip(names, cells, strict=True):
        if isinstance(cell, str) and len(cell) > MAX_LINE:
            return BadRow(line, name, "cell-too-long", _("This cell is longer than a million characters."))
    return marked_row(line, cells, names)


def _sheet(path: Path, wanted: str) -> tuple[python_calamine.CalamineSheet, str, list[str]]:
    try:
        workbook = python_calamine.CalamineWorkbook.from_path(str(path))
        titles = workbook.sheet_names
        if not titles:
            raise Invalid("empty-file", _("This workbook has no sheet."))
        if wanted and wanted not in titles:
            raise Invalid(
                "no-such-sheet",
                _("There is no sheet “{sheet}”. There are: {sheets}."),
                sheet=wanted,
                sheets=", ".join(titles),
            )
        title = wanted or titles[0]
        return workbook.get_sheet_by_name(title), title, titles
    except python_calamine.PasswordError:
        raise Invalid(
            "workbook-unreadable", _("This workbook is locked with a password. Save it without one.")
        ) from None
    except (python_calamine.CalamineError, ValueError, OSError) as error:
        raise Invalid("workbook-unreadable", _("This workbook cannot be opened: {why}."), why=str(error)) from None


def _cells(sheet: python_calamine.CalamineSheet) -> Iterator[tuple[int, list[object]]]:
    """Yield (row number in the sheet, cells from the first column on) from the first row that holds anything."""
    start = sheet.start
    if start is None:
        return
    for place, row in enumerate(sheet.to_python(skip_empty_area=False) if start[1] else sheet.iter_rows()):
        line = place + 1
        cells = [_plain(cell) for cell in row]
        if line <= start[0]:
            continue
        yield line, cells


def _plain(cell: object) -> object:
    if isinstance(cell, bool) or not isinstance(cell, float | datetime.date | datetime.time | datetime.timedelta):
        return cell
    if isinstance(cell, float):
        return int(cell) if cell.is_integer() and abs(cell) < 2**53 else cell
    if isinstance(cell, datetime.datetime) and cell.time() == datetime.time():
        return cell.date().isoformat()
    return str(cell) if isinstance(cell, datetime.timedelta) else cell.isoformat()


def _trimmed(cells: Sequence[object]) -> Sequence[object]:
    width = len(cells)
    while width > 1 and not str(cells[width - 1]).strip():
        width -= 1
    return cells[:width]


def _fitted(cells: list[object], width: int) -> list[object]:
    return cells[:width] if len(cells) >= width else cells + [""] * (width - len(cells))


def _measure(path: Path) -> None:
    """Unpack every part once and throw it away; raise ``Invalid`` when it is too much, whatever the file says of itself."""
    total = 0
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS:
                raise Invalid("unpacks-too-big", _TOO_BIG, size=f"{len(parts):,} parts")
            for part in parts:
                total += _unpacked(archive, part, MAX_UNPACKED - total)
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise Invalid("workbook-unreadable", _("This workbook cannot be opened: {why}."), why=str(error)) from None


_TOO_BIG = _("This workbook unpacks to {size}, more than we open at once. Save the sheet as CSV and bring that in.")


def _unpacked(archive: zipfile.ZipFile, part: zipfile.ZipInfo, room: int) -> int:
    """Return the true size of a part; the last bytes of a block are looked at again, so that no cell is cut."""
    is_sheet = part.filename.startswith("xl/worksheets/")
    size = cells = width = height = 0
    tail = b""
    for block in _inflated(archive, part):
        size += len(block)
        if size > room:
            raise Invalid("unpacks-too-big", _TOO_BIG, size=_("over {n} MB").format(n=MAX_UNPACKED // 1_000_000))
        if not is_sheet:
            continue
        seen = tail + block
        for match in _CELL.finditer(seen):
            width, height = max(width, _column(match[1])), max(height, int(match[2]))
        cells += block.count(b"<c ") + block.count(b"<c>") + block.count(b":c ")
        tail = seen[-64:]
        if max(width * height, cells) > MAX_CELLS:
            raise Invalid("unpacks-too-big", _TOO_BIG, size=_("over {n} cells").format(n=f"{MAX_CELLS:,}"))
    return size


def _inflated(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield a part unpacked by what its bytes hold, not by the size that its header claims."""
    if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Invalid(
            "workbook-unreadable", _("This workbook is packed in a way that workbooks are not. Save it again.")
        )
    file = archive.fp
    if file is None:
        return
    file.seek(part.header_offset)
    header = file.read(30)
    file.seek(
        part.header_offset + 30 + int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    )
    left = part.compress_size
    inflate = zlib.decompressobj(-15) if part.compress_type == zipfile.ZIP_DEFLATED else None
    while left > 0 and (packed := file.read(min(left, 1 << 16))):
        left -= len(packed)
        if inflate is None:
            yield packed
            continue
        while packed and not inflate.eof:
            yield inflate.decompress(packed, 1 << 20)
            packed = inflate.unconsumed_tail


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number
