"""Label Studio's JSON export: one list of tasks, each with its data and what was said about it.

Reads the tasks one after the other from a buffer, so the file may be of any size. Columns are ``id``, the members of
``data`` under their own names, and one column a control (``from_name``) with what the annotators answered: choices, ratings,
text. Several answers to one task come as a list of ``{"by": …, "value": …}``. Predictions and cancelled annotations are left out.
"""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from governance.kernel.errors import Invalid
from governance.kernel.words import _
from governance.sheets import (
    ANY,
    CHUNK,
    LINE_MESSAGES,
    MARK,
    MAX_LINE,
    PREVIEW,
    BadRow,
    Chunk,
    Columns,
    Settings,
    check_names,
    encoding_of,
    guess,
    marked_row,
    require_kind,
    texts,
)

TITLE = _("Label Studio JSON")
EXTENSIONS = (".json",)
LOOK = 1_000
_SPACE = " \t\n\r"
_DECODER = json.JSONDecoder()


def columns(path: Path, settings: Settings = ANY) -> Columns:
    """Return the columns of ``path``; raises ``Invalid`` when it is no list of tasks."""
    head = require_kind(path, "text")
    encoding, mark, _fits = encoding_of(head)
    found = Settings(encoding=settings.encoding or encoding)
    if not head[mark:].lstrip().startswith((b"[", b"\0[")) and encoding == "utf-8":
        raise Invalid(
            "not-what-it-says", _("A Label Studio export is one JSON list of tasks; this file begins otherwise.")
        )
    members: dict[str, None] = {"id": None}
    controls: dict[str, None] = {}
    first: list[dict[str, object]] = []
    refused: list[BadRow] = []
    for _line, item, _done in islice(_tasks(path, found), LOOK):
        if isinstance(item, BadRow):
            refused.append(item)
            continue
        if len(first) < PREVIEW:
            first.append(item)
        members.update(dict.fromkeys(item["data"]))  # type: ignore[call-overload]  # checked in _task
        controls.update(dict.fromkeys(_answers(item)))
    if not first:
        reason = str(refused[0]) if refused else _("There is no task in it.")
        raise Invalid("bad-json", _("The first rows of this file cannot be read. {reason}"), reason=reason)
    names, remarks = check_names([*members, *(_control(name, members) for name in controls)])
    preview = [_cells(item, names, BadRows()) for item in first]
    roles, notes = guess(names, [row for row in preview if row is not None])
    if len(controls) == 1:
        label = _control(next(iter(controls)), members)
        roles = {name: "data" if role == "label" else role for name, role in roles.items()} | {label: "label"}
    kept = tuple(tuple(row) for row in preview if row is not None)
    return Columns(names, kept, roles, notes, found, path.stat().st_size, remarks)


def chunks(path: Path, settings: Settings, names: Sequence[str]) -> Iterator[Chunk]:
    """Yield the tasks of ``path`` in chunks; the line is where a task begins."""
    rows: list[Sequence[object]] = []
    lines: list[int] = []
    bad = BadRows()
    done = 0
    for line, item, done in _tasks(path, settings):
        cells = None
        if isinstance(item, BadRow):
            bad.append(item)
        else:
            bad.line = line
            cells = _cells(item, names, bad)
        if cells is not None:
            rows.append(cells)
            lines.append(line)
        if len(rows) + len(bad) >= CHUNK:
            yield Chunk(rows, lines, list(bad), done)
            rows, lines, bad = [], [], BadRows()
    if rows or bad:
        yield Chunk(rows, lines, list(bad), done)


class BadRows(list[BadRow]):
    """The refused of a chunk, and the line at work."""

    line = 0


def _control(name: str, members: dict[str, None]) -> str:
    return f"{name} (answer)" if name in members else name


def _cells(task: dict[str, object], names: Sequence[str], bad: BadRows) -> list[object] | None:
    data: dict[str, object] = task["data"]  # type: ignore[assignment]  # checked in _task
    answers = _answers(task)
    values: dict[str, object] = {"id": task.get("id"), **data}
    for name, given in answers.items():
        key = f"{name} (answer)" if name in values or f"{name} (answer)" in names else name
        values[key] = given[0]["value"] if len(given) == 1 else given
    strange = values.keys() - set(names)
    if strange:
        message = _(
            "“{column}” appears here for the first time, after the first {look} rows. Name it in an early row too."
        )
        bad.append(
            BadRow(bad.line, min(strange), "unknown-column", message, {"column": min(strange)[:80], "look": LOOK})
        )
        return None
    return [values.get(name) for name in names]


def _answers(task: dict[str, object]) -> dict[str, list[dict[str, object]]]:
    """What was answered, by control: a list of who and what."""
    found: dict[str, list[dict[str, object]]] = {}
    annotations = task.get("annotations") or task.get("completions") or []
    for annotation in annotations if isinstance(annotations, list) else []:
        if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
            continue
        by = annotation.get("completed_by")
        who = str(by.get("id") or by.get("email") or "") if isinstance(by, dict) else str(by or "")
        results = annotation.get("result")
        for result in results if isinstance(results, list) else []:
            if not isinstance(result, dict) or not isinstance(result.get("value"), dict):
                continue
            name, value = result.get("from_name"), result["value"].get(result.get("type"))
            if isinstance(name, str) and name and value is not None:
                single = isinstance(value, list) and len(value) == 1
                found.setdefault(name, []).append({"by": who, "value": value[0] if single else value})
    return found


def _tasks(path: Path, settings: Settings) -> Iterator[tuple[int, dict[str, object] | BadRow, int]]:
    """Yield (line, task or refusal, bytes read); where the JSON itself is broken, the rest of the file is one refusal."""
    scan = _Scan(texts(path, settings.encoding))
    if scan.skip(_SPACE) != "[":
        yield 1, BadRow(1, "", "bad-json", _BROKEN, {"why": _("it does not begin with a list")}), scan.done
        return
    scan.at += 1
    while (char := scan.skip(_SPACE + ",")) != "]":
        line = scan.line
        found = scan.value() if char else BadRow(line, "", "bad-json", _BROKEN, {"why": _("the list has no end")})
        if isinstance(found, BadRow):
            yield line, found, scan.done
            return
        yield line, _task(line, found[0]), scan.done


_BROKEN = _("From here on this file is not JSON, so the rest was left out: {why}.")


def _task(line: int, item: object) -> dict[str, object] | BadRow:
    if not isinstance(item, dict):
        return BadRow(line, "", "not-an-object", _("This entry of the list is no task with named members."))
    data = item.get("data")
    if not isinstance(data, dict):
        return BadRow(line, "data", "no-data", _("This task has no “data”, so there is nothing to bring in."))
    try:
        text = json.dumps(data, ensure_ascii=False)
        text.encode()
    except UnicodeEncodeError as error:
        if 0xDC80 <= ord(text[error.start]) <= 0xDCFF:
            return BadRow(line, "data", "wrong-encoding", LINE_MESSAGES["wrong-encoding"])
        return BadRow(line, "data", "half-character", _("Half of a character (a lone surrogate) stands in this row."))
    if "\\u0000" in text:
        return marked_row(line, (MARK,)) or item
    return item


class _Scan:
    """A buffer over blocks of text that moves forward only; ``at`` is the place in it, ``line`` the line of the file."""

    def __init__(self, blocks: Iterator[tuple[str, int]]) -> None:
        self._blocks = blocks
        self._buffer = ""
        self.done = 0
        self.at = 0
        self.line = 1

    def skip(self, characters: str) -> str:
        """Move past ``characters``; return the next one, or the empty string at the end."""
        while True:
            while self.at < len(self._buffer) and self._buffer[self.at] in characters:
                self.line += self._buffer[self.at] == "\n"
                self.at += 1
            if self.at < len(self._buffer):
                return self._buffer[self.at]
            if not self._more():
                return ""

    def value(self) -> tuple[object] | BadRow:
        """Read the JSON value that begins here, fetching blocks while it may only be cut off."""
        while True:
            try:
                item, end = _DECODER.raw_decode(self._buffer, self.at)
            except RecursionError:
                return BadRow(self.line, "", "too-deep", _("The objects in this row lie too deep inside each other."))
            except json.JSONDecodeError as error:
                if len(self._buffer) - self.at > 4 * MAX_LINE:
                    return BadRow(self.line, "", "line-too-long", _TOO_LONG)
                cut = error.msg.startswith("Unterminated") or error.pos >= len(self._buffer) - 12
                if cut and self._more():
                    continue
                return BadRow(self.line, "", "bad-json", _BROKEN, {"why": error.msg})
            except ValueError as error:
                return BadRow(self.line, "", "bad-json", _BROKEN, {"why": str(error)})
            self.line += self._buffer.count("\n", self.at, end)
            self.at = end
            return (item,)

    def _more(self) -> bool:
        found = next(self._blocks, None)
        if found is None:
            return False
        block, self.done = found
        self._buffer, self.at = self._buffer[self.at :] + block, 0
        return True


_TOO_LONG = _("The task that begins here is longer than four million characters; the rest of the file was left out.")
