"""``manage.py import``: what it answers and how it ends, as commands.md promises."""

import json
from io import StringIO
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import call_command

from governance.models import Dataset, Import, Sample
from tests.factories import make_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


def run(*arguments: object, wait: bool = True) -> tuple[int, dict[str, object]]:
    """Return the exit code and the one JSON document on standard output."""
    out = StringIO()
    flags = ["--wait"] if wait else []
    with pytest.raises(SystemExit) as end:
        call_command("import", *map(str, arguments), *flags, stdout=out, stderr=StringIO())
    return int(str(end.value.code)), json.loads(out.getvalue())


def write(tmp_path: Path, content: str, name: str = "tales.csv") -> Path:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return path


def test_good_rows_are_zero_and_counted(dataset: Dataset, tmp_path: Path) -> None:
    code, answer = run(dataset.path, write(tmp_path, "id,text\n1,a\n2,b\n"))

    assert code == 0
    assert answer | {"import": ""} == {
        "import": "",
        "new": 2,
        "changed": 0,
        "unchanged": 0,
        "refused": 0,
        "report": None,
        "status": "done",
    }
    assert answer["import"] == Import.objects.get().public_id


def test_refused_rows_are_one_and_stand_in_the_report(dataset: Dataset, tmp_path: Path) -> None:
    code, answer = run(dataset.path, write(tmp_path, "id,text\n1,a\n2\n"))

    report = Path(str(answer["report"])).read_text(encoding="utf-8").splitlines()
    assert code == 1 and answer["refused"] == 1
    assert report[0] == "line,column,code,message" and report[1].startswith("3,,ragged-row,")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("nobody/nothing", "{file}"), "not-found"),
        (("{dataset}", "/nowhere.csv"), "no-such-file"),
        (("{dataset}", "{file}", "--format", "stone-tablet"), "unknown-format"),
        (("{dataset}", "{file}", "--map", "nowhere=text"), "no-such-column"),
        (("{dataset}", "{file}", "--map", "text"), "bad-mapping"),
        (("{dataset}", "{file}", "--label-column", "nowhere"), "no-such-column"),
        (("{dataset}", "{file}", "--media-root", "/nowhere"), "no-media-folder"),
        (("{dataset}", "{file}", "--format", "parquet"), "not-what-it-says"),
        (("{dataset}", "{file}", "--format", "excel"), "not-what-it-says"),
        (("{dataset}", "{file}", "--map", "id=leave", "text=leave"), "nothing-to-hold"),
        (("{dataset}", "{file}", "--by", "nobody"), "not-found"),
    ],
)
def test_input_that_cannot_be_used_is_two_with_a_reason(
    dataset: Dataset, tmp_path: Path, arguments: tuple[str, ...], code: str
) -> None:
    file = write(tmp_path, "id,text\n1,a\n")

    exit_code, answer = run(*(one.format(dataset=dataset.path, file=file) for one in arguments))

    error = answer["error"]
    assert exit_code == 2 and isinstance(error, dict)
    assert error["code"] == code and error["message"] and "path" in error


def test_columns_are_mapped_by_name_and_the_rest_is_kept_as_it_is(dataset: Dataset, tmp_path: Path) -> None:
    path = write(tmp_path, "nr\ttweet\tfeeling\tmood\n7\tSela tun\tglad\tbright\n", "a.tsv")

    code, _answer = run(
        dataset.path,
        path,
        "--format",
        "json",
        "--map",
        "nr=id",
        "mood=weather",
        "--label-column",
        "feeling",
        "--contributor",
        "Ilse",
    )

    sample = Sample.objects.select_related("contributor").get()
    assert code == 0
    assert (sample.key, sample.imported_label, sample.data) == ("7", "glad", {"text": "Sela tun", "weather": "bright"})
    assert sample.contributor is not None and sample.contributor.name == "Ilse"


def test_a_dry_run_counts_and_writes_nothing(dataset: Dataset, tmp_path: Path) -> None:
    code, answer = run(dataset.path, write(tmp_path, "id,text\n1,a\n"), "--dry-run")

    assert (code, answer["new"]) == (0, 1)
    assert not Sample.objects.exists()


def test_all_or_nothing_keeps_nothing_beside_a_bad_row(dataset: Dataset, tmp_path: Path) -> None:
    code, answer = run(dataset.path, write(tmp_path, "id,text\n1,a\n2\n"), "--all-or-nothing")

    assert (code, answer["new"], answer["refused"]) == (1, 0, 1)
    assert not Sample.objects.exists()


def test_without_waiting_it_is_queued_and_done_by_a_worker(dataset: Dataset, tmp_path: Path) -> None:
    code, answer = run(dataset.path, write(tmp_path, "id,text\n1,a\n"), wait=False)

    assert (code, answer["status"], answer["new"]) == (0, "queued", 0)
    assert Import.objects.get().status == Import.Status.QUEUED


def test_every_format_gives_the_same_samples(dataset: Dataset, tmp_path: Path) -> None:
    rows = [("1", "Sela tun"), ("2", "e’ dra")]
    book = openpyxl.Workbook()
    for row in (("id", "text"), *rows):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    pq.write_table(pa.table({"id": ["1", "2"], "text": [text for _id, text in rows]}), tmp_path / "a.parquet")
    write(tmp_path, "id,text\n1,Sela tun\n2,e’ dra\n", "a.csv")
    write(tmp_path, "".join(json.dumps(dict(zip(("id", "text"), row, strict=True))) + "\n" for row in rows), "a.jsonl")
    write(tmp_path, json.dumps([{"id": int(i), "data": {"text": text}} for i, text in rows]), "a.json")

    for name in ("a.csv", "a.jsonl", "a.json", "a.xlsx", "a.parquet"):
        assert run(dataset.path, tmp_path / name) == (0, run_answer(name))

    found = Sample.objects.values_list("source", "key", "content_hash")
    by_source = {source: sorted((k, c) for s, k, c in found if s == source) for source, _k, _c in found}
    assert len(by_source) == 5 and len({str(one) for one in by_source.values()}) == 1


def run_answer(name: str) -> dict[str, object]:
    row = Import.objects.get(filename=name)
    return {
        "import": row.public_id,
        "new": 2,
        "changed": 0,
        "unchanged": 0,
        "refused": 0,
        "report": None,
        "status": "done",
    }
