"""Label Studio's export: tasks one after the other, with what their annotators said."""

import json
from pathlib import Path

import pytest

from governance.importers import label_studio as importer
from governance.kernel.errors import Invalid
from tests.governance.importers.reading import codes, read


def answer(value: str, by: int = 1) -> dict[str, object]:
    result = [{"from_name": "feeling", "type": "choices", "value": {"choices": [value]}}]
    return {"completed_by": by, "result": result}


def write(tmp_path: Path, tasks: object, **how: object) -> Path:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(tasks, ensure_ascii=False, **how), encoding="utf-8")
    return path


def test_data_and_answers_become_columns(tmp_path: Path) -> None:
    tasks = [
        {"id": 1, "data": {"text": "a"}, "annotations": [answer("glad")]},
        {"id": 2, "data": {"text": "b"}, "annotations": [answer("glad"), answer("sad", 2)]},
        {
            "id": 3,
            "data": {"text": "c"},
            "annotations": [{**answer("sad"), "was_cancelled": True}],
            "predictions": [answer("x")],
        },
    ]

    path = write(tmp_path, tasks, indent=1)
    columns = importer.columns(path)
    good, bad = read(importer, path)

    assert columns.names == ("id", "text", "feeling")
    assert columns.roles == {"id": "id", "text": "text", "feeling": "label"}
    assert [cells for _line, cells in good] == [
        [1, "a", "glad"],
        [2, "b", [{"by": "1", "value": "glad"}, {"by": "2", "value": "sad"}]],
        [3, "c", None],
    ]
    assert not bad


def test_tasks_are_read_across_blocks_of_the_file(tmp_path: Path) -> None:
    tasks = [{"id": n, "data": {"text": f"{n} " + "ọ" * 3_000}} for n in range(500)]

    good, bad = read(importer, write(tmp_path, tasks))

    assert len(good) == 500 and not bad
    assert good[499][1][0] == 499


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ('{"id": 2}', "no-data"),
        ("7", "not-an-object"),
        ('{"data": {"text": "\\ud83d"}}', "half-character"),
        ('{"data": {"text": "a\\u0000"}}', "nul-in-text"),
    ],
)
def test_a_task_that_cannot_be_used_is_refused_and_the_next_is_read(tmp_path: Path, broken: str, code: str) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"data": {"text": "a"}},\n' + broken + ',\n{"data": {"text": "b"}}]')

    good, bad = read(importer, path)

    assert [line for line, _cells in good] == [1, 3]
    assert codes(bad) == [(2, code)]


@pytest.mark.parametrize(
    "rest", ['{"data": ', '{"data": {"text": "b"}}', "oops]", '{"data": {"text": "b', "[" * 100_000]
)
def test_where_the_list_breaks_off_the_rest_is_one_refusal(tmp_path: Path, rest: str) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"data": {"text": "a"}},\n' + rest)

    good, bad = read(importer, path)

    assert good[0] == (1, [None, "a"])
    assert len(bad) == 1


@pytest.mark.parametrize(
    ("content", "code"), [("", "empty-file"), ('{"a": 1}', "not-what-it-says"), ("[]", "bad-json")]
)
def test_a_file_that_cannot_be_used_is_answered(tmp_path: Path, content: str, code: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)

    with pytest.raises(Invalid) as refusal:
        importer.columns(path)

    assert refusal.value.code == code


def test_bytes_that_are_not_utf_8_refuse_their_task(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'[{"data": {"text": "a"}},\n{"data": {"text": "caf\xe9"}},\n{"data": {"text": "b"}}]')

    good, bad = read(importer, path)

    assert [line for line, _cells in good] == [1, 3]
    assert codes(bad) == [(2, "wrong-encoding")]
