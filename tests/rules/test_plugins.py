"""A plugin is one file with a docstring, and a test file of the same name."""

import ast
from pathlib import Path

import pytest

from governance.kernel.registry import Registry
from tests.rules.source import ROOT

FOLDERS = ["governance.terms", "governance.importers", "annotations.tags", "curation.checks", "curation.exporters"]


def plugins() -> list[tuple[str, str]]:
    return [(folder, name) for folder in FOLDERS for name in Registry(folder).names]


def path_of(folder: str, name: str) -> Path:
    return ROOT / folder.replace(".", "/") / f"{name}.py"


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_plugin_folder_is_found_by_walking(folder):
    assert len(Registry(folder)) > 0


@pytest.mark.parametrize(("folder", "name"), plugins())
def test_a_plugin_opens_with_its_page(folder, name):
    docstring = ast.get_docstring(ast.parse(path_of(folder, name).read_text(encoding="utf-8")))

    assert docstring and len(docstring) > 60


@pytest.mark.parametrize(("folder", "name"), plugins())
def test_a_plugin_has_a_test_of_the_same_name(folder, name):
    floor, kind = folder.split(".")

    assert (ROOT / "tests" / floor / kind / f"test_{name}.py").is_file()


@pytest.mark.parametrize(("folder", "name"), plugins())
def test_a_plugin_is_pure(folder, name):
    tree = ast.parse(path_of(folder, name).read_text(encoding="utf-8"))
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module or ""
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }

    assert not any(module.split(".")[0] in {"django", "rest_framework", "celery"} for module in imported)
    assert not any(".models" in module for module in imported)
