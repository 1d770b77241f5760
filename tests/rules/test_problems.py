"""Every code that a refusal carries has its page."""

import pytest

from tests.rules.source import ROOT, calls, modules, text_of

KINDS = {"Refusal", "NotAllowed", "Missing", "Conflict", "Invalid", "Gone", "Unavailable", "Reason", "Lost", "Because"}
PAGES = ROOT / "docs" / "problems"


def raised() -> dict[str, str]:
    found: dict[str, str] = {}
    for path, tree in modules():
        for name, call in calls(tree):
            if name in KINDS:
                code = text_of(call.args[0]) if call.args else None
                code = code or next((text_of(k.value) for k in call.keywords if k.arg == "code"), None)
                if code and " " not in code:
                    found.setdefault(code, path.as_posix())
    return found


CODES = raised()


def test_the_walk_finds_codes():
    assert {"not-found", "moved-on", "role-missing"} <= set(CODES)


@pytest.mark.parametrize("code", sorted(CODES))
def test_a_code_has_its_page(code):
    page = PAGES / f"{code}.md"

    assert page.is_file(), f"{CODES[code]} raises {code}"
    assert page.read_text(encoding="utf-8").startswith(f"# {code}")
