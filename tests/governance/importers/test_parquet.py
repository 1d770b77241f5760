"""Parquet: types become plain values; long cells are refused before they are spread out."""

import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from governance.importers import parquet as importer
from governance.kernel.errors import Invalid
from tests.governance.importers.reading import codes, read


def write(tmp_path: Path, **columns: list[object]) -> Path:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table(columns), path)
    return path


def test_types_become_plain_values_and_rows_are_counted_from_one(tmp_path: Path) -> None:
    day = datetime.datetime(2026, 10, 4, 9, 30, tzinfo=datetime.UTC)
    path = write(tmp_path, id=[1, 2], text=["a", None], at=[day, day], tags=[["x"], []])

    columns = importer.columns(path)
    good, bad = read(importer, path)

    assert columns.total == 2
    assert good == [(1, [1, "a", "2026-10-04T09:30:00+00:00", ["x"]]), (2, [2, None, "2026-10-04T09:30:00+00:00", []])]
    assert not bad


def test_many_rows_come_in_chunks_in_order(tmp_path: Path) -> None:
    path = write(tmp_path, text=[f"text {n}" for n in range(2_345)])

    good, _bad = read(importer, path)

    assert [cells[0] for _line, cells in good] == [f"text {n}" for n in range(2_345)]
    assert [line for line, _cells in good] == list(range(1, 2_346))


def test_a_long_text_that_many_rows_share_is_refused_in_each_without_being_spread_out(tmp_path: Path) -> None:
    path = write(tmp_path, text=["x" * 2_000_000] * 300 + ["short", "a\x00b"])

    good, bad = read(importer, path)

    assert good == [(301, ["short"])]
    assert codes(bad)[:2] == [(1, "cell-too-long"), (2, "cell-too-long")]
    assert codes(bad)[-1] == (302, "nul-in-text")
    assert len(bad) == 301


def test_a_file_that_breaks_off_or_is_something_else_is_answered(tmp_path: Path) -> None:
    whole = write(tmp_path, text=["a"] * 100).read_bytes()
    cases = {b"": "empty-file", b"id,text\n": "not-what-it-says", whole[: len(whole) // 2]: "parquet-unreadable"}

    for content, code in cases.items():
        path = tmp_path / "b.parquet"
        path.write_bytes(content)
        with pytest.raises(Invalid) as refusal:
            importer.columns(path)
        assert refusal.value.code == code


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"]), path)

    with pytest.raises(Invalid) as refusal:
        importer.columns(path)

    assert refusal.value.code == "duplicate-columns"


def test_text_that_is_not_utf_8_refuses_its_row_whatever_the_schema_says(tmp_path: Path) -> None:
    raw = pa.array([b"good", b"caf\xe9", b"fine"], type=pa.binary())
    text = pa.StringArray.from_buffers(3, raw.buffers()[1], raw.buffers()[2])
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": text}), path)

    good, bad = read(importer, path)

    assert good == [(1, ["good"]), (3, ["fine"])]
    assert codes(bad) == [(2, "wrong-encoding")]
