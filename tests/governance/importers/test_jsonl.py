"""JSON Lines: types are kept, every broken line is named, nothing is dropped in silence."""

import json
from pathlib import Path

import pytest

from governance.importers import jsonl as importer
from governance.kernel.errors import Invalid
from tests.governance.importers.reading import codes, read


def write(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_values_keep_their_type_and_missing_members_are_none(tmp_path: Path) -> None:
    path = write(tmp_path, '{"text": "a", "n": 1, "tags": ["x", {"y": 2}]}', "", '{"text": "b"}')

    good, bad = read(importer, path)

    assert good == [(1, ["a", 1, ["x", {"y": 2}]]), (3, ["b", None, None])]
    assert not bad


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('{"text": "a"', "bad-json"),
        ('{"text": NaN}', "bad-json"),
        ('{"text": 1} {"text": 2}', "bad-json"),
        ('{"text": 1},{"text": 2}', "bad-json"),
        ('["a"]', "not-an-object"),
        ('"a"', "not-an-object"),
        ('{"text": "\\ud83d"}', "half-character"),
        ('{"text": "a\\u0000b"}', "nul-in-text"),
        ('{"text": ' + "[" * 100_000 + "]" * 100_000 + "}", "too-deep"),
        ('{"text": ' + "9" * 5_000 + "}", "bad-json"),
        ('{"text": "' + "x" * 1_000_001 + '"}', "line-too-long"),
    ],
)
def test_a_broken_line_is_refused_with_its_reason_and_its_neighbours_are_kept(
    tmp_path: Path, line: str, code: str
) -> None:
    path = write(tmp_path, '{"text": "before"}', line, '{"text": "after"}')

    good, bad = read(importer, path)

    assert good == [(1, ["before"]), (3, ["after"])]
    assert codes(bad) == [(2, code)]


def test_escaped_pairs_and_escaped_backslashes_are_ordinary_text(tmp_path: Path) -> None:
    words = ["😭", "a\\u0000b"]
    path = write(tmp_path, *(json.dumps({"text": word}) for word in words))

    good, bad = read(importer, path)

    assert [cells[0] for _line, cells in good] == words
    assert not bad


def test_two_lines_that_only_together_are_json_are_not_taken_for_rows(tmp_path: Path) -> None:
    path = write(tmp_path, '{"text": "a", "b": [{}', "{}]}", '{"text": "c"},{"text": "d"}')

    with pytest.raises(Invalid) as refusal:
        importer.columns(path)

    assert refusal.value.code == "bad-json"


def test_a_member_that_appears_late_refuses_its_row(tmp_path: Path) -> None:
    path = write(tmp_path, *(json.dumps({"text": str(n)}) for n in range(1_200)), '{"text": "x", "new": 1}')

    good, bad = read(importer, path)

    assert len(good) == 1_200
    assert [(row.line, row.column, row.code) for row in bad] == [(1_201, "new", "unknown-column")]


def test_bytes_that_are_not_utf_8_refuse_their_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "a"}\n{"text": "caf\xe9"}\n{"text": "b"}\n')

    good, bad = read(importer, path)

    assert [line for line, _cells in good] == [1, 3]
    assert codes(bad) == [(2, "wrong-encoding")]


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "empty-file"), (b"[]", "not-what-it-says"), (b"words\n", "bad-json"), (b"PAR1", "not-what-it-says")],
)
def test_a_file_that_cannot_be_used_is_answered(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(content)

    with pytest.raises(Invalid) as refusal:
        importer.columns(path)

    assert refusal.value.code == code
