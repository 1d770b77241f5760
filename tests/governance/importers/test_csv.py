"""CSV and TSV as people send them: other delimiters, other encodings, broken quotes, and files made to hurt."""

import subprocess
import sys
from pathlib import Path

import pytest

from governance.importers import csv as importer
from governance.kernel.errors import Invalid
from governance.sheets import Settings
from tests.governance.importers.reading import codes, read


def write(tmp_path: Path, content: bytes | str, name: str = "a.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_the_delimiter_is_found(tmp_path: Path, delimiter: str) -> None:
    path = write(tmp_path, f"id{delimiter}text\n1{delimiter}a b\n2{delimiter}c d\n")

    good, bad = read(importer, path)

    assert good == [(2, ["1", "a b"]), (3, ["2", "c d"])]
    assert not bad


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_read(tmp_path: Path, end: str) -> None:
    path = write(tmp_path, end.join(["id,text", "1,one", "2,two", ""]))

    good, _bad = read(importer, path)

    assert [cells for _line, cells in good] == [["1", "one"], ["2", "two"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_byte_order_mark_is_believed_and_never_part_of_a_name(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, "text,label\nẸ kú àárọ̀,good\nनमस्ते,bad\n".encode(encoding))

    columns = importer.columns(path)
    good, bad = read(importer, path)

    assert columns.names == ("text", "label")
    assert [cells for _line, cells in good] == [["Ẹ kú àárọ̀", "good"], ["नमस्ते", "bad"]]
    assert not bad


def test_an_old_windows_file_is_refused_by_line_and_read_once_its_encoding_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "id,text\n1,plain\n2,caf\xe9\n".encode("cp1252"))

    columns = importer.columns(path)
    good, bad = read(importer, path)
    named, none = read(importer, path, Settings(encoding="cp1252"))

    assert [reason.code for reason in columns.warnings] == ["wrong-encoding"]
    assert good == [(2, ["1", "plain"])]
    assert codes(bad) == [(3, "wrong-encoding")]
    assert named[1] == (3, ["2", "café"]) and not none


def test_cells_that_look_like_formulas_stay_what_they_are(tmp_path: Path) -> None:
    path = write(tmp_path, 'id,text\n1,=1+1\n2,"@SUM(A1)"\n3,-5\n')

    good, _bad = read(importer, path)

    assert [cells[1] for _line, cells in good] == ["=1+1", "@SUM(A1)", "-5"]


def test_a_row_keeps_its_line_when_cells_above_it_hold_line_breaks(tmp_path: Path) -> None:
    path = write(tmp_path, 'id,text\n1,"two\nlines"\n\n2,one\n3,x,y\n')

    good, bad = read(importer, path)

    assert good == [(2, ["1", "two\nlines"]), (5, ["2", "one"])]
    assert codes(bad) == [(6, "ragged-row")]


def test_a_short_row_is_refused_and_empty_cells_beyond_the_header_are_nothing(tmp_path: Path) -> None:
    path = write(tmp_path, "id,text\n1\n2,b,,\n3,c\n")

    good, bad = read(importer, path)

    assert [line for line, _cells in good] == [3, 4]
    assert codes(bad) == [(2, "ragged-row")]


def test_a_quote_that_is_never_closed_costs_its_own_lines_and_no_more(tmp_path: Path) -> None:
    rows = "".join(f'{n},"text {n}"\n' for n in range(400))
    path = write(tmp_path, f'id,text\n1,"a"b\n{rows}9,"never closed\nand on\n')

    good, bad = read(importer, path)

    assert len(good) == 400
    assert codes(bad) == [(2, "bad-quoting"), (403, "bad-quoting")]


def test_in_a_tab_separated_file_quotes_may_be_plain_characters(tmp_path: Path) -> None:
    path = write(tmp_path, 'text\tlabel\n"Sela tun" she said\tgood\nplain\tbad\n', "a.tsv")

    good, bad = read(importer, path)

    assert good[0] == (2, ['"Sela tun" she said', "good"])
    assert not bad


def test_a_nul_refuses_its_row_only(tmp_path: Path) -> None:
    path = write(tmp_path, b"id,text\n1,a\x00b\n2,c\n")

    good, bad = read(importer, path)

    assert good == [(3, ["2", "c"])]
    assert codes(bad) == [(2, "nul-in-text")]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty-file"),
        (b"\n\n", "empty-file"),
        (b"text,text\na,b\n", "duplicate-columns"),
        (b"PK\x03\x04rest", "not-what-it-says"),
        (b"\x89PNG\r\n\x1a\n", "not-what-it-says"),
        ((",".join(map(str, range(2000))) + "\n").encode(), "too-many-columns"),
    ],
)
def test_a_file_that_cannot_be_used_is_answered(tmp_path: Path, content: bytes, code: str) -> None:
    path = write(tmp_path, content)

    with pytest.raises(Invalid) as refusal:
        importer.columns(path)

    assert refusal.value.code == code


def test_a_column_without_a_name_gets_its_number(tmp_path: Path) -> None:
    path = write(tmp_path, ",text\n0,a\n")

    columns = importer.columns(path)

    assert columns.names == ("column 1", "text")
    assert columns.warnings[0].code == "nameless-column"


def test_an_unknown_encoding_or_delimiter_is_answered(tmp_path: Path) -> None:
    path = write(tmp_path, "id,text\n1,a\n")

    for settings in (Settings(encoding="hex"), Settings(encoding="klingon"), Settings(delimiter=",,")):
        with pytest.raises(Invalid):
            importer.columns(path, settings)


def test_a_line_of_a_hundred_megabytes_is_refused_in_flat_memory(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("wb") as file:
        file.write(b"id,text\n1,before\n2,")
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(b'\n3,after\n4,"')
        for _ in range(100):
            file.write(b"y " * 50_000 + b"\n")
        file.write(b'"\n5,end\n')
    script = (
        "import sys; from pathlib import Path; from governance.importers import csv as c\n"
        "p = Path(sys.argv[1]); k = c.columns(p); ok, bad = [], []\n"
        "for chunk in c.chunks(p, k.settings, k.names): ok += [r[0] for r in chunk.rows]; bad += [b.code for b in chunk.bad]\n"
        "print(ok, bad); print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )

    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)

    said, memory = done.stdout.strip().splitlines()
    assert said.startswith("['1', '3'") and "line-too-long" in said and "cell-too-long" in said
    assert int(memory) < 80_000
