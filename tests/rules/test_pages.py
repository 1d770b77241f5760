"""Every page of the house: nothing inline, nothing from elsewhere, and the security headers on every answer."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SCRIPTS = [path for path in sorted((ROOT / "static").rglob("*.js")) if "vendor" not in path.parts]
STYLES = sorted((ROOT / "static").rglob("*.css"))

# E-mail programs know no stylesheets; these files are never served as pages.
PAGES = [path for path in TEMPLATES if "emails" not in path.parts]

FORBIDDEN = {
    "a style attribute": re.compile(r"<[^>{}]*\sstyle\s*=", re.IGNORECASE),
    "a style element": re.compile(r"<style\b", re.IGNORECASE),
    "an inline script": re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*type=[\"']application/json)[^>]*>", re.IGNORECASE),
    "an event attribute": re.compile(r"<[^>{}]*\son[a-z]+\s*=", re.IGNORECASE),
    "a javascript: address": re.compile(r"javascript:", re.IGNORECASE),
    "something from another host": re.compile(r"\b(?:src|srcset|action)=[\"']?(?:https?:)?//", re.IGNORECASE),
    "a stylesheet from another host": re.compile(r"<link[^>]*href=[\"']?(?:https?:)?//", re.IGNORECASE),
}


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_a_template_holds_nothing_that_the_policy_forbids(path: Path) -> None:
    text = path.read_text("utf-8")

    found = [what for what, pattern in FORBIDDEN.items() if pattern.search(text)]

    assert not found, f"{name(path)} holds {', '.join(found)}"


@pytest.mark.parametrize(
    "sample",
    ['<p style="color:red">', "<style>", "<script>", '<a onclick="x()">', '<img src="//elsewhere/x.png">'],
)
def test_the_search_for_forbidden_things_finds_them(sample: str) -> None:
    assert any(pattern.search(sample) for pattern in FORBIDDEN.values())


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_every_form_that_changes_something_carries_its_token(path: Path) -> None:
    forms = re.findall(
        r"<form\b[^>]*method=[\"']post[\"'].*?</form>", path.read_text("utf-8"), re.DOTALL | re.IGNORECASE
    )

    assert all("csrf_token" in form for form in forms), name(path)


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_a_script_sets_no_style_attribute_and_evaluates_nothing(path: Path) -> None:
    text = path.read_text("utf-8")

    assert not re.search(r"setAttribute\(\s*[\"']style|\beval\(|new Function\(|\bstyle=[\"']", text), name(path)


@pytest.mark.parametrize("path", STYLES, ids=name)
def test_a_stylesheet_loads_nothing_from_elsewhere_and_knows_no_left_and_right(path: Path) -> None:
    text = path.read_text("utf-8")

    assert "@import" not in text
    assert not re.search(r"url\(\s*[\"']?(?:https?:)?//", text)
    assert not re.search(
        r"(?:margin|padding|border)-(?:left|right)\b|text-align:\s*(?:left|right)\b|float:\s*(?:left|right)\b", text
    )


def addresses(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for one in patterns:
        route = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from addresses(one.url_patterns, route)
        else:
            yield route


def an_example(route: str) -> str:
    """Return an address that the route matches, with made-up values."""
    values = {"int": "1", "slug": "somewhere", "str": "something", "path": "some/thing", "uuid": "0" * 32}
    filled = re.sub(r"<(?:(\w+):)?\w+>", lambda m: values.get(m[1] or "str", "something"), route)
    return "/" + re.sub(r"\(\?P<\w+>[^)]*\)|[\^$]|\\[ZAb]|\(\?:[^)]*\)\??", "x", filled).replace("\\", "").lstrip("/")


@pytest.mark.django_db
def test_every_address_answers_with_the_security_headers() -> None:
    client = Client(raise_request_exception=False)
    routes = list(addresses(get_resolver().url_patterns))

    bare = []
    for route in routes:
        answer = client.get(an_example(route))
        policy = answer.headers.get("Content-Security-Policy", "")
        if (
            "default-src 'none'" not in policy
            or "unsafe" in policy
            or answer.headers.get("X-Content-Type-Options") != "nosniff"
        ):
            bare.append(route)

    assert len(routes) > 15
    assert not bare
