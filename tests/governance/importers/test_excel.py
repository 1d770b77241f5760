"""Workbooks: values, not formulas; and files that would burst a reader are refused before they are opened."""

import datetime
import io
import struct
import zipfile
from pathlib import Path

import openpyxl
import pytest

from governance.importers import excel as importer
from governance.kernel.errors import Invalid
from governance.sheets import Settings
from tests.governance.importers.reading import codes, read


def workbook(tmp_path: Path, rows: list[list[object]], title: str = "Tales") -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = title
    for row in rows:
        sheet.append(row)
    book.create_sheet("Other").append(["x"])
    path = tmp_path / "a.xlsx"
    book.save(path)
    return path


def with_sheet(tmp_path: Path, sheet: str) -> Path:
    """A workbook whose first sheet is the given XML."""
    whole = workbook(tmp_path, [["text"], ["a"]])
    path = tmp_path / "b.xlsx"
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            content = sheet.encode() if part.filename == "xl/worksheets/sheet1.xml" else old.read(part)
            new.writestr(part.filename, content)
    return path


def test_days_numbers_and_empty_cells_come_in_as_plain_values(tmp_path: Path) -> None:
    day = datetime.date(2026, 10, 4)
    path = workbook(
        tmp_path, [["id", "text", "told_on"], [1, "Sela tun", day], [], [2.5, "marrowe", None], [3, "x", "y", "z"]]
    )

    good, bad = read(importer, path)

    assert good == [(2, [1, "Sela tun", "2026-10-04"]), (4, [2.5, "marrowe", ""])]
    assert codes(bad) == [(5, "ragged-row")]


def test_a_formula_comes_in_as_its_value_and_never_as_a_formula(tmp_path: Path) -> None:
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1" t="inlineStr"><is><t>text</t></is></c></row>'
        '<row r="2"><c r="A2" t="str"><f>CONCATENATE("a","b")</f><v>ab</v></c></row>'
        "</sheetData></worksheet>"
    )

    good, _bad = read(importer, with_sheet(tmp_path, sheet))

    assert good == [(2, ["ab"])]


def test_a_table_that_begins_further_down_and_in_keeps_its_row_numbers(tmp_path: Path) -> None:
    path = workbook(tmp_path, [[], [None, "id", "text"], [None, 1, "a"]])

    columns = importer.columns(path)
    good, _bad = read(importer, path)

    assert columns.names[-2:] == ("id", "text")
    assert good[0][0] == 3 and good[0][1][-2:] == [1, "a"]


def test_another_sheet_can_be_named(tmp_path: Path) -> None:
    path = workbook(tmp_path, [["text"], ["a"]])

    assert importer.columns(path, Settings(sheet="Other")).names == ("x",)
    with pytest.raises(Invalid, match="Tales, Other"):
        importer.columns(path, Settings(sheet="Missing"))


def test_a_zip_bomb_is_refused_by_what_it_unpacks_to_whatever_it_claims(tmp_path: Path) -> None:
    bomb = "<worksheet>" + " " * 200_000_000
    path = with_sheet(tmp_path, bomb)
    packed = path.read_bytes()
    lying = tmp_path / "lying.xlsx"
    lying.write_bytes(packed.replace(struct.pack("<L", len(bomb)), struct.pack("<L", 1_000)))

    for file in (path, lying):
        with pytest.raises(Invalid) as refusal:
            importer.columns(file)
        assert refusal.value.code == "unpacks-too-big"


def test_a_lone_cell_far_out_is_refused_before_room_is_made_for_all_before_it(tmp_path: Path) -> None:
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
        "</sheetData></worksheet>"
    )

    with pytest.raises(Invalid) as refusal:
        importer.columns(with_sheet(tmp_path, sheet))

    assert refusal.value.code == "unpacks-too-big"


def test_what_is_no_workbook_is_answered(tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.txt", "a")
    cases = {
        b"": "empty-file",
        b"id,text\n": "not-what-it-says",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "not-what-it-says",
    }
    cases |= {b"PK\x03\x04 broken": "workbook-unreadable", archive.getvalue(): "workbook-unreadable"}

    for content, code in cases.items():
        path = tmp_path / "c.xlsx"
        path.write_bytes(content)
        with pytest.raises(Invalid) as refusal:
            importer.columns(path)
        assert refusal.value.code == code
