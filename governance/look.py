"""Look into a file before it is imported: its columns, the first rows, what each column seems to hold.

Text formats are read in this process. Workbooks and Parquet need heavy libraries, which a web process never loads, and can be
built to burst a reader; so they are looked at in a process of its own, with bounds on memory and time:
``python -m governance.look FORMAT PATH SETTINGS`` prints JSON.
"""

import json
import resource
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from governance.formats import IMPORTERS, format_of
from governance.kernel.errors import Invalid, Reason
from governance.kernel.words import _
from governance.sheets import Columns, Settings

APART = frozenset({"excel", "parquet"})
SECONDS = 30
MEMORY = 2 * 1024**3
"""Of address space, which Arrow claims generously; what is used stays far below."""
PREVIEW_CELL = 300


def look(path: Path, format: str, settings: Settings) -> Columns:
    """Return the columns of ``path``; raises ``Invalid`` for a file that cannot be used."""
    if format not in APART:
        return IMPORTERS[format].columns(path, settings)
    command = [sys.executable, "-m", "governance.look", format, str(path), json.dumps(asdict(settings))]
    root = Path(__file__).resolve().parent.parent
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, cwd=root, check=False)
        answer = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        raise Invalid(
            "file-unreadable", _("This file could not be opened within bounds. Save it as CSV and bring that in.")
        ) from None
    if "error" in answer:
        raise Invalid(answer["error"]["code"], answer["error"]["message"])
    return _columns(answer)


def guess_format(path: Path, filename: str) -> str:
    """Return the format that the name, and for ``.json`` the first character, speaks for; empty when nothing does."""
    found = format_of(filename)
    if found == "label_studio":
        with path.open("rb") as file:
            head = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
        return "jsonl" if head.startswith(b"{") else found
    return found


def _columns(found: Mapping[str, object]) -> Columns:
    parts: dict[str, object] = dict(found)
    parts["settings"] = Settings(**parts["settings"])  # type: ignore[arg-type]  # made by asdict below
    parts["names"] = tuple(parts["names"])  # type: ignore[arg-type]  # a list of names
    parts["preview"] = tuple(tuple(row) for row in parts["preview"])  # type: ignore[attr-defined]  # a list of rows
    parts["warnings"] = tuple(Reason(**reason) for reason in parts["warnings"])  # type: ignore[attr-defined]  # ditto
    return Columns(**parts)  # type: ignore[arg-type]  # made by asdict below


def _main(format: str, path: str, settings: str) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        found = IMPORTERS[format].columns(Path(path), Settings(**json.loads(settings)))
    except Invalid as refusal:
        answer: dict[str, object] = {"error": {"code": refusal.code, "message": refusal.message}}
    else:
        answer = asdict(found)
        answer["preview"] = [[_short(cell) for cell in row] for row in found.preview]
    json.dump(answer, sys.stdout, default=str)


def _short(cell: object) -> object:
    return cell[:PREVIEW_CELL] if isinstance(cell, str) else cell


if __name__ == "__main__":
    _main(*sys.argv[1:4])
