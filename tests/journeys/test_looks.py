"""The pages as a browser shows them: axe, no sideways scrolling, nothing that the policy had to block.

Phone and desktop, light and dark, left to right and right to left.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from governance import communities, people
from governance.models import Community, Person, Proposal
from tests.browser_help import DESK, PHONE, grave, let_in, listen, right_to_left, too_wide
from tests.factories import PASSWORD, make_community, make_dataset, make_keeper, make_person
from tests.journeys.walking import a_small_community, walk

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LOOKS = {
    "phone, light": (PHONE, "light", False),
    "phone, dark, right to left": (PHONE, "dark", True),
    "desk, dark": (DESK, "dark", False),
    "desk, light, right to left": (DESK, "light", True),
}


@pytest.fixture(params=LOOKS, ids=lambda look: look)
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    size, theme, is_rtl = LOOKS[request.param]
    context = browser.new_context(viewport=size, color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    opened = context.new_page()
    opened.is_rtl = is_rtl  # type: ignore[attr-defined]  # read by look()
    yield opened
    context.close()


def look(page: Page, address: str) -> dict[str, Any]:
    """Open a page and return everything that is wrong with it; empty is good."""
    told = listen(page)
    answer = page.goto(address)
    if page.is_rtl:  # type: ignore[attr-defined]  # set by the fixture
        right_to_left(page)
    # A 404 or 403 that was asked for is told by the console too.
    console = [line for line in told if "status of 4" not in line]
    found = {"axe": grave(page), "wider by": too_wide(page), "console": console}
    if answer is None or answer.status >= 500:
        found["status"] = answer and answer.status
    return {what: wrong for what, wrong in found.items() if wrong}


@pytest.fixture
def community() -> Community:
    return make_community(
        "saltmarsh", is_fictional=True, charter={"welcome": {"greeting": "Wethe na.", "words": "Come in."}}
    )


@pytest.fixture
def keeper(community: Community) -> Person:
    keeper, second = make_keeper(community), make_keeper(community)
    member = make_person(community)
    make_dataset(community, by=keeper, slug="tide-tales")
    communities.grant(community, person=member, role="steward", by=second)
    communities.invite(community, by=keeper, note="Ūna e’ Sarrow")
    people.issue_recovery(second, community=community, by=make_keeper(community))
    return keeper


def test_the_door_is_in_order(page: Page, live_server: Any, community: Community, keeper: Person) -> None:
    _, code = communities.invite(community, by=keeper)
    paths = ["/signin/", "/join/", f"/join/{code}/", "/recovery/", "/communities/founding/", "/nowhere/"]

    found = {path: look(page, live_server.url + path) for path in paths}

    assert not {path: wrong for path, wrong in found.items() if wrong}


def test_the_pages_of_a_keeper_are_in_order(page: Page, live_server: Any, community: Community, keeper: Person) -> None:
    let_in(page.context, live_server.url, keeper)
    somebody = make_person(community, "reviewer")
    base = "/communities/saltmarsh/"
    paths = ["/my/", "/me/", base, f"{base}today/", f"{base}people/", f"{base}people/{somebody.public_id}/"]
    vote = Proposal.objects.get(community=community).public_id
    paths += [f"{base}votes/", f"{base}votes/{vote}/", f"{base}charter/", f"{base}charter/change/"]
    paths += [f"{base}decided-together/", f"{base}hand-over/", f"{base}register/"]

    found = {path: look(page, live_server.url + path) for path in paths}

    assert not {path: wrong for path, wrong in found.items() if wrong}


@pytest.mark.slow
@pytest.mark.parametrize("look_at", ["phone, dark, right to left", "desk, light"])
def test_every_page_that_a_keeper_can_reach_is_in_order(look_at: str, live_server: Any, browser: Browser) -> None:
    community = a_small_community()
    keeper = make_person(community, "keeper", "steward", "reviewer", "contributor")
    pages, _ = walk(keeper)
    size, theme, is_rtl = LOOKS.get(look_at, (DESK, "light", False))
    context = browser.new_context(viewport=size, color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
    let_in(context, live_server.url, keeper)

    found = {}
    for path in pages:
        opened = context.new_page()
        opened.is_rtl = is_rtl  # type: ignore[attr-defined]  # read by look()
        found[path] = look(opened, live_server.url + path)
        opened.close()
    context.close()

    assert len(pages) > 25
    assert not {path: wrong for path, wrong in found.items() if wrong}


def test_every_component_is_in_order(page: Page, live_server: Any) -> None:
    assert not look(page, f"{live_server.url}/components/")


def test_an_error_on_a_form_is_in_order(page: Page, live_server: Any) -> None:
    page.goto(f"{live_server.url}/signin/")
    page.fill("[name=username]", "ilse.m")
    page.fill("[name=password]", "not this one")
    page.click("button.primary")

    assert page.get_by_role("alert").is_visible()
    assert not grave(page)


def test_everything_at_the_door_works_without_a_script(
    live_server: Any, browser: Browser, community: Community
) -> None:
    _, code = communities.invite(community, by=make_keeper(community))
    context = browser.new_context(viewport=PHONE, java_script_enabled=False)  # type: ignore[arg-type]
    page = context.new_page()

    page.goto(f"{live_server.url}/join/")
    page.fill("[name=code]", code.lower())
    page.click("button.primary")
    page.fill("[name=display_name]", "Ūna e’ Sarrow")
    page.fill("[name=username]", "una")
    page.fill("[name=password]", PASSWORD)
    page.click("button.primary")

    assert page.url == f"{live_server.url}/communities/saltmarsh/"
    page.goto(f"{live_server.url}/me/")
    page.click("button:has-text('Dark')")
    assert page.get_attribute("html", "data-theme") == "dark"
    page.click("button:has-text('Sign out')")
    assert page.url == f"{live_server.url}/signin/"
    context.close()


def test_the_door_can_be_walked_through_by_keyboard_alone(live_server: Any, browser: Browser) -> None:
    make_person(username="ilse.m", password=PASSWORD)
    context = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(f"{live_server.url}/signin/")

    page.keyboard.press("Tab")
    first = page.evaluate("document.activeElement.className")
    page.keyboard.press("Tab")
    page.keyboard.type("ilse.m")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{live_server.url}/my/")

    assert first == "skip"
    context.close()
