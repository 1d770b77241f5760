"""Take pictures of pages: phone and desktop, light and dark, left to right and right to left.

    .venv/bin/python .ci/pictures.py [--base http://127.0.0.1:8000] [--user NAME --password WORDS] [--out var/pictures] [PATH...]

Without a path: the page of components. Look at them whenever a stylesheet changes. Names what scrolls sideways.
"""

import argparse
import itertools
import pathlib
import re
import shutil

from playwright.sync_api import Browser, Page, sync_playwright

SIZES = {"phone": (360, 640), "desk": (1280, 800)}
THEMES = ("light", "dark")
DIRECTIONS = ("ltr", "rtl")


def main() -> int:
    """Take every picture; return how many pages scroll sideways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("paths", nargs="*", default=["/components/"])
    parser.add_argument("--base", default="http://127.0.0.1:8000")
    parser.add_argument("--user")
    parser.add_argument("--password", default="")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("var/pictures"))
    parser.add_argument("--chromium", default=shutil.which("chromium") or shutil.which("google-chrome"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox", "--disable-gpu"])
        wide = sum(
            _round(browser, options, size, theme, direction)
            for size, theme, direction in itertools.product(SIZES, THEMES, DIRECTIONS)
        )
        browser.close()
    return wide


def _round(browser: Browser, options: argparse.Namespace, size: str, theme: str, direction: str) -> int:
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    if options.user:
        page.goto(f"{options.base}/signin/")
        page.fill("[name=username]", options.user)
        page.fill("[name=password]", options.password)
        page.click("button.primary")
    wide = 0
    for path in options.paths:
        page.goto(options.base + path)
        page.evaluate("direction => document.documentElement.dir = direction", direction)
        wide += _take(page, options.out / f"{_name(path)}.{size}.{theme}.{direction}.png", width, height)
    context.close()
    return wide


def _take(page: Page, target: pathlib.Path, width: int, height: int) -> int:
    """Take the whole page; a window as tall as the page keeps sticky bars at its end."""
    over = int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))
    tall = int(page.evaluate("document.documentElement.scrollHeight"))
    page.set_viewport_size({"width": width, "height": max(height, tall)})
    page.screenshot(path=target)
    page.set_viewport_size({"width": width, "height": height})
    print(target, f"{over} px too wide" if over > 0 else "")
    return int(over > 0)


def _name(path: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-") or "home"


if __name__ == "__main__":
    raise SystemExit(main())
