"""What this house keeps away from (governance.md, section 5), held where a test can hold it."""

import re
import subprocess
from pathlib import PurePosixPath

import pytest
from django.apps import apps

from tests.rules.source import ROOT

# Section 5.3-5.4: whoever may see what is a membership that a community grants, never a trait of a person that we store.
TRAITS = re.compile(r"gender|(^|_)sex(_|$)|clan(_|$)|moiety|initiat|ethnic|tribe|caste|religio|skin", re.I)
OURS = ("governance", "annotations", "curation")
# Section 5.1: icons of labels and notices come from the Hub by address and are never kept here, in any form.
PICTURES = {".png", ".svg", ".jpg", ".jpeg", ".gif", ".webp", ".ico", ".avif", ".bmp"}
LABELS = re.compile(r"local.?contexts|(^|[-_./])(tk|bc)[-_.]|biocultural|traditional.?knowledge", re.I)
KNOWN = {"docs/images/version.png", "static/icon.svg"}
ICON_BYTES = 1500
"""Our own icons are a few lines each; a label of the Hub is a drawing of many kilobytes."""


def fields() -> list[str]:
    found = []
    for app in OURS:
        for model in apps.get_app_config(app).get_models(include_auto_created=True):
            found += [f"{model._meta.label}.{field.name}" for field in model._meta.get_fields()]
    return found


def committed() -> list[PurePosixPath]:
    if not (ROOT / ".git").exists():
        pytest.skip("NO REPOSITORY: what is committed could not be listed")
    run = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [PurePosixPath(name) for name in run.stdout.split("\0") if name]


def test_no_row_holds_a_trait_by_which_people_are_sorted() -> None:
    names = fields()

    assert len(names) > 300
    assert [name for name in names if TRAITS.search(name.rpartition(".")[2])] == []


@pytest.mark.parametrize("name", ["gender", "sex", "clan", "initiated_at", "ethnicity", "tribe"])
def test_the_walk_would_find_one(name: str) -> None:
    assert TRAITS.search(name)


def test_no_label_of_the_hub_is_kept_here() -> None:
    pictures = [path for path in committed() if path.suffix.lower() in PICTURES]

    assert [path for path in pictures if LABELS.search(path.as_posix())] == []
    others = [path.as_posix() for path in pictures if path.parent.as_posix() != "templates/icons"]
    assert set(others) <= KNOWN
    assert [p.name for p in pictures if p.suffix == ".svg" and (ROOT / p).stat().st_size > ICON_BYTES] == []
