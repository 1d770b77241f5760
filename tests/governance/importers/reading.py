"""How the importers' tests read a file: everything at once, by line."""

from pathlib import Path
from types import ModuleType

from governance.sheets import ANY, BadRow, Settings


def read(
    importer: ModuleType, path: Path, settings: Settings = ANY
) -> tuple[list[tuple[int, list[object]]], list[BadRow]]:
    """Return (line, cells) of the good rows and the refused rows."""
    columns = importer.columns(path, settings)
    good: list[tuple[int, list[object]]] = []
    bad: list[BadRow] = []
    for chunk in importer.chunks(path, columns.settings, columns.names):
        assert len(chunk.rows) == len(chunk.lines)
        good += [(line, list(row)) for line, row in zip(chunk.lines, chunk.rows, strict=True)]
        bad += chunk.bad
    return good, bad


def codes(bad: list[BadRow]) -> list[tuple[int, str]]:
    """Return line and code of each refused row."""
    return [(row.line, row.code) for row in bad]
