"""The house kept to its own rules: nothing that must not be committed, nothing heavy in the web process, no hidden writes."""

import ast
import os
import re
import subprocess
import sys

import pytest

from tests.rules.source import ROOT, committed, modules

BINARY = {
    ".png",
    ".jpg",
    ".webp",
    ".woff2",
    ".ico",
    ".wav",
    ".flac",
    ".ogg",
    ".mp3",
    ".parquet",
    ".xlsx",
    ".mo",
    ".br",
    ".gz",
}
# Built here from parts, so that this file does not find itself.
PATHS = re.compile("|".join((r"/ro" + r"ot/", r"/wo" + r"rk/", r"/ho" + r"me/\w+/", r"/tm" + r"p/[a-z]+/")))
LOCKS = re.compile(r"https?://")
HEAVY = [
    "pandas",
    "numpy",
    "pyarrow",
    "sklearn",
    "scipy",
    "rensa",
    "label_studio_sdk",
    "PIL",
    "soundfile",
    "datasets",
    "rdflib",
]


def text_files() -> list:
    return [path for path in committed() if path.suffix not in BINARY and "vendor" not in path.parts]


def test_no_committed_file_names_a_path_of_a_machine():
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in text_files()
        if path.name != "test_house.py"
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1)
        if PATHS.search(line)
    ]

    assert found == []


def test_no_lock_file_names_an_address():
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in committed()
        if path.suffix == ".lock" or path.name in {"package-lock.json", ".npmrc", "pip.conf"}
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        # npm keeps links to funding pages; they are no registry.
        if LOCKS.search(line) and '"url"' not in line and '"funding"' not in line
    ]

    assert found == []


def test_no_index_is_named_anywhere():
    words = ("--index" + "-url", "--extra-index" + "-url", "registry" + "=http")
    found = [
        str(path.relative_to(ROOT))
        for path in text_files()
        if any(word in path.read_text(encoding="utf-8", errors="replace") for word in words)
    ]

    assert found == []


def test_the_web_process_loads_nothing_heavy():
    code = (
        "import sys, curation.config.wsgi\n"
        "from django.urls import get_resolver\n"
        "get_resolver().url_patterns\n"
        f"print(','.join(sorted(set({HEAVY!r}) & set(sys.modules))))"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "curation.config.settings"}

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=environment, check=True
    )

    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("path", "tree"), list(modules()), ids=lambda value: str(value) if not isinstance(value, ast.AST) else ""
)
def test_models_hold_no_verbs_and_nothing_listens_in_secret(path, tree):
    if path.parts[1] == "models":
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert not names & {"save", "delete", "clean"}, path
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not imported & {"django.db.models.signals", "django.dispatch"}, path


def test_no_module_has_a_name_that_says_nothing():
    empty = {
        "utils",
        "util",
        "helpers",
        "helper",
        "services",
        "signals",
        "constants",
        "common",
        "tasks",
        "misc",
        "manager",
    }

    assert [str(path) for path, _ in modules() if path.stem in empty] == []
