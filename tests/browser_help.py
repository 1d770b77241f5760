"""Help for tests that look at pages in a browser: signing in without the form, axe, and what a page must never do.

axe (``tests/vendor/axe.min.js``) is put into the page through the debugger, so the Content-Security-Policy stays as it is.
"""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, Page

from governance.models import Person

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
PHONE = {"width": 360, "height": 640}
DESK = {"width": 1280, "height": 800}

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
"""The rules of axe that count: WCAG 2.2, levels A and AA."""


def let_in(context: BrowserContext, address: str, person: Person) -> None:
    """Give the browser the session of ``person``, as if they had signed in."""
    client = Client()
    client.force_login(person)
    name = settings.SESSION_COOKIE_NAME
    context.add_cookies([{"name": name, "value": client.cookies[name].value, "url": address}])


def grave(page: Page) -> list[str]:
    """Return what axe calls serious or critical on the whole page: ``rule: target``.

    The window is made as tall as the page meanwhile, so that a sticky bar covers nothing that could be scrolled free.
    """
    size = page.viewport_size or PHONE
    tall = int(page.evaluate("document.documentElement.scrollHeight"))
    page.set_viewport_size({"width": size["width"], "height": max(size["height"], tall)})
    page.evaluate(AXE.read_text("utf-8"))
    found: dict[str, Any] = page.evaluate("rules => axe.run(document, {runOnly: {type: 'tag', values: rules}})", RULES)
    page.set_viewport_size(size)
    return [
        f"{violation['id']}: {node['target']} {node.get('failureSummary', '')}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


def too_wide(page: Page) -> int:
    """Return by how many pixels the page scrolls sideways; 0 is good."""
    return max(0, int(page.evaluate("document.documentElement.scrollWidth - innerWidth")))


def right_to_left(page: Page) -> None:
    """Turn the page's direction, as a language that is written from the right does."""
    page.evaluate("document.documentElement.dir = 'rtl'")


def listen(page: Page) -> list[str]:
    """Return a list that fills with every error that the page's console tells, refusals of the policy among them."""
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: told.append(str(error)))
    return told
