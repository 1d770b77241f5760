"""The list of source formats, read without loading any: a web process knows their names and never loads their libraries."""

import ast
import importlib.util
from dataclasses import dataclass
from pathlib import PurePath

from governance.kernel.registry import Registry

IMPORTERS = Registry("governance.importers")


@dataclass(frozen=True)
class Format:
    """A source format: the name of its importer, its title for people, the endings of its files."""

    name: str
    title: str
    extensions: tuple[str, ...]


def _read(name: str) -> Format:
    """Read ``TITLE`` and ``EXTENSIONS`` from an importer's source; both are plain literals (``_("…")`` counts as one)."""
    spec = importlib.util.find_spec(f"{IMPORTERS.package}.{name}")
    if spec is None or spec.origin is None:
        raise KeyError(name)
    with open(spec.origin, encoding="utf-8") as file:
        tree = ast.parse(file.read())
    found: dict[str, object] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = node.value.args[0] if isinstance(node.value, ast.Call) and node.value.args else node.value
            if node.targets[0].id in {"TITLE", "EXTENSIONS"}:
                found[node.targets[0].id] = ast.literal_eval(value)
    return Format(name, str(found["TITLE"]), tuple(found["EXTENSIONS"]))  # type: ignore[arg-type]  # a tuple of strings


FORMATS: dict[str, Format] = {name: _read(name) for name in IMPORTERS.names}


def format_of(filename: str) -> str:
    """Return the format that a file's ending names, or the empty string."""
    ending = PurePath(filename).suffix.lower()
    return next((one.name for one in FORMATS.values() if ending in one.extensions), "")
