"""Parquet shards: the same bytes, always; a value that cannot be written is named."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.exporters import parquet
from curation.exporters._facts import Column
from governance.kernel.errors import Invalid
from tests.curation.exporters.facts import DEFAULT, rows


def test_the_same_rows_give_the_same_bytes_however_they_arrive(tmp_path: Path) -> None:
    data = rows(25_000)

    at_once = parquet.write(data, DEFAULT, tmp_path / "a")
    one_by_one = parquet.write(iter(tuple(row) for row in data), DEFAULT, tmp_path / "b")

    assert at_once == one_by_one
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert at_once.sha256 == hashlib.sha256((tmp_path / "a").read_bytes()).hexdigest()
    assert [pq.ParquetFile(tmp_path / "a").metadata.row_group(i).num_rows for i in range(3)] == [10_000, 10_000, 5_000]


def test_another_process_with_another_hash_seed_and_clock_writes_the_same_bytes(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from curation.exporters import parquet;"
        "from tests.curation.exporters.facts import DEFAULT, rows;"
        "print(parquet.write(rows(3000), DEFAULT, Path(sys.argv[1])).sha256)"
    )
    here = parquet.write(rows(3000), DEFAULT, tmp_path / "here").sha256
    environment = {
        "PYTHONHASHSEED": "7",
        "TZ": "Pacific/Chatham",
        "LC_ALL": "C",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": ".",
    }

    there = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "there")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )

    assert there.stdout.strip() == here


def test_no_trace_of_the_writers_schema_or_time_is_in_the_file(tmp_path: Path) -> None:
    parquet.write(rows(10), DEFAULT, tmp_path / "a")

    metadata = pq.read_metadata(tmp_path / "a")

    assert metadata.metadata is None
    assert metadata.created_by.startswith("parquet-cpp-arrow")
    assert metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_shard_without_a_removed_row_keeps_its_bytes(tmp_path: Path) -> None:
    data, removed = rows(4000), rows(4000)[17]
    count = parquet.n_shards(4000, 1000)

    def shard(index: int, name: str, of: list[tuple[object, ...]]) -> str:
        low, high = parquet.key_range(index, count)
        part = [r for r in of if str(r[0]) >= low and (not high or str(r[0]) < high)]
        return parquet.write(part, DEFAULT, tmp_path / name).sha256

    before = [shard(i, f"b{i}", data) for i in range(count)]
    after = [shard(i, f"a{i}", [r for r in data if r != removed]) for i in range(count)]

    assert count == 4
    assert [x == y for x, y in zip(before, after, strict=True)] == [False, True, True, True]


@pytest.mark.parametrize(
    ("total", "per", "count"), [(0, 10, 1), (10, 10, 1), (11, 10, 2), (21, 10, 4), (10**9, 1, 65536)]
)
def test_the_number_of_shards_is_a_power_of_two(total: int, per: int, count: int) -> None:
    assert parquet.n_shards(total, per) == count


@given(st.integers(0, 16), st.text("0123456789abcdef", min_size=32, max_size=32))
def test_every_id_lies_in_exactly_one_key_range(power: int, uid: str) -> None:
    count = 1 << power
    index = int(uid[:4], 16) * count // 65536
    low, high = parquet.key_range(index, count)

    assert uid >= low and (not high or uid < high)
    if index:
        assert parquet.key_range(index - 1, count)[1] == low


@given(st.lists(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers()))))
def test_any_mixture_of_json_values_can_be_written_under_its_inferred_kind(
    tmp_path_factory: pytest.TempPathFactory, values: list[object]
) -> None:
    kinds = parquet.infer({"x": v} for v in values)
    columns = (Column("x", kinds.get("x", "string")),)

    written = parquet.write([(v,) for v in values], columns, tmp_path_factory.mktemp("m") / "x")

    assert written.rows == len(values)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, None, 2], "int64"),
        ([1, 2.5], "float64"),
        ([True, False], "bool"),
        ([True, 1], "string"),
        ([2**63], "string"),
        ([None, None], "string"),
        ([[1], "a"], "string"),
    ],
)
def test_a_kind_is_the_narrowest_that_holds_all(values: list[object], kind: str) -> None:
    assert parquet.infer({"x": v} for v in values) == {"x": kind}


def test_columns_come_in_the_order_of_their_bytes() -> None:
    assert list(parquet.infer([{"é": 1, "b": 1}, {"a": 1, "Z": 1}])) == ["Z", "a", "b", "é"]


def test_a_value_that_its_column_cannot_hold_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Invalid) as wrong:
        parquet.write([("a",)], (Column("stars", "int64"),), tmp_path / "a")
    with pytest.raises(Invalid) as empty:
        parquet.write([(None,)], (Column("sample_id", "string", required=True),), tmp_path / "b")

    assert wrong.value.code == "row-unwritable" and "stars" in wrong.value.message
    assert "sample_id" in empty.value.message
