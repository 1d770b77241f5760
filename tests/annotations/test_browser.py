"""The task page in a real browser: without script, by keyboard alone, on a phone, and when the connection falls."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from annotations.models import Annotation, Campaign, Flag, Lease
from governance.models import Person
from tests.annotations.makers import CONFIG, answer, make_campaign, member
from tests.browser_help import PHONE, grave, let_in, listen, right_to_left, too_wide

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

WITH_WORDS = CONFIG.replace(
    "</View>", '  <Rating name="sure" toName="text" maxRating="3"/>\n  <TextArea name="why" toName="text"/>\n</View>'
)


@pytest.fixture
def opened(browser: Browser, live_server: LiveServer) -> Iterator[Any]:
    """Return a function that opens a phone's page as a person, with or without script."""
    contexts: list[BrowserContext] = []

    def one(person: Person, path: str, **options: Any) -> Page:
        context = browser.new_context(viewport=PHONE, **options)  # type: ignore[arg-type]  # a size
        contexts.append(context)
        context.set_default_timeout(15_000)
        let_in(context, live_server.url, person)
        page = context.new_page()
        page.goto(live_server.url + path)
        return page

    yield one
    for context in contexts:
        context.close()


def work(campaign: Campaign) -> str:
    return f"/tasks/{campaign.public_id}/"


def test_everything_works_without_script(opened: Any) -> None:
    campaign = make_campaign(4, overlap=1)
    page = opened(member(campaign), work(campaign), java_script_enabled=False)

    page.get_by_text("Sad").click()
    page.get_by_role("button", name="Save and next").click()
    expect(page.get_by_text("Saved: Sad")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_label("Sad")).to_be_checked()
    page.get_by_role("button", name="Save and next").click()
    expect(page.get_by_text("tale 1")).to_be_visible()
    page.get_by_role("button", name="Skip", exact=True).click()
    expect(page.get_by_text("tale 2")).to_be_visible()
    page.get_by_role("link", name="This should not be here").click()
    page.get_by_text("Harmful").click()
    page.get_by_role("button", name="Send to the keepers").click()
    expect(page.get_by_text("tale 3")).to_be_visible()

    assert Annotation.objects.filter(standing="counts").get().label == "Sad"
    assert Flag.objects.get().kind == "harmful"


def test_a_task_is_done_by_keys_alone_and_a_key_in_a_text_is_a_letter(opened: Any) -> None:
    campaign = make_campaign(5, overlap=1, config=WITH_WORDS)
    page = opened(member(campaign), work(campaign))
    told = listen(page)

    page.keyboard.press("2")
    page.keyboard.press("6")
    page.get_by_role("textbox", name="why").focus()
    page.keyboard.type("1-!")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Saved: Sad, 3 / 3, 1-!")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(page.get_by_label("Sad")).to_be_checked()
    page.keyboard.press("1")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("tale 1")).to_be_visible()
    page.keyboard.press("-")
    expect(page.get_by_text("tale 2")).to_be_visible()
    page.keyboard.press("!")
    expect(page.get_by_text("What is wrong?")).to_be_visible()

    assert Annotation.objects.filter(standing="counts").get().label == "Glad"
    assert Annotation.objects.filter(standing="counts").get().seconds is not None
    assert Lease.objects.filter(state=Lease.State.SKIPPED).count() == 1
    assert told == []


def test_keys_can_be_switched_off(opened: Any) -> None:
    campaign = make_campaign(1)
    page = opened(member(campaign), work(campaign))

    page.get_by_text("Keys", exact=True).click()
    page.get_by_text("Use keys on this device").click()
    page.reload()
    page.locator("body").press("2")

    expect(page.get_by_label("Sad")).not_to_be_checked()


def test_a_draft_survives_a_reload_and_is_gone_once_it_is_kept(opened: Any) -> None:
    campaign = make_campaign(2, overlap=1, config=WITH_WORDS)
    page = opened(member(campaign), work(campaign))

    page.get_by_text("Sad").click()
    page.get_by_role("textbox", name="why").fill("half a thought")
    expect(page.get_by_role("status").first).to_have_text("Kept on this device")
    page.reload()
    expect(page.get_by_label("Sad")).to_be_checked()
    expect(page.get_by_role("textbox", name="why")).to_have_value("half a thought")
    page.get_by_role("button", name="Save and next").click()
    expect(page.get_by_text("tale 1")).to_be_visible()

    assert page.evaluate("Object.keys(localStorage).filter(key => key.startsWith('draft:'))") == []


def test_what_is_sent_without_a_connection_stays_and_goes_when_it_is_back(opened: Any) -> None:
    campaign = make_campaign(2, overlap=1)
    page = opened(member(campaign), work(campaign))

    page.get_by_text("Sad").click()
    page.context.set_offline(True)
    page.get_by_role("button", name="Save and next").click()
    expect(page.get_by_role("status").first).to_contain_text("No connection")
    page.context.set_offline(False)
    page.get_by_role("button", name="Save and next").click()
    expect(page.get_by_text("Saved: Sad")).to_be_visible()

    assert Annotation.objects.count() == 1


def test_saving_is_in_reach_on_the_smallest_phone_and_nothing_is_grave_for_axe(opened: Any) -> None:
    campaign = make_campaign(3, overlap=2, config=WITH_WORDS, instructions="Listen to how it is told.")
    reviewer = member(campaign, "reviewer", "steward", "authority")
    answer(campaign, member(campaign))
    answer(campaign, reviewer)
    base = f"/datasets/{campaign.community.slug}/{campaign.dataset.slug}/"
    pages = [
        work(campaign),
        f"/review/{campaign.public_id}/",
        f"/communities/{campaign.community.slug}/words/",
        f"{base}campaigns/",
        f"{base}campaigns/feelings/",
        f"{base}campaigns/new/",
        f"{base}flags/",
    ]
    for scheme in ("light", "dark"):
        page = opened(reviewer, work(campaign), color_scheme=scheme)
        expect(page.get_by_role("button", name="Save and next")).to_be_in_viewport(ratio=1)
        host = page.url.split("/tasks/")[0]
        for path in pages:
            told = listen(page)
            page.goto(host + path)
            assert grave(page) == [], (scheme, path)
            assert too_wide(page) == 0, (scheme, path)
            right_to_left(page)
            assert too_wide(page) == 0, (scheme, path, "rtl")
            assert told == [], (scheme, path)
