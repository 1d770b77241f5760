"""The demo, walked in a real browser by its people, from an answer to a version that a real client pulls.

The story is the one that ``make demo`` tells, with fewer stories in it so that the test is quick.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from annotations.models import Annotation, Campaign, Flag
from curation.demo import story
from curation.models import Version
from governance.models import Dataset, Event, Hold, Person
from tests.browser_help import DESK, PHONE, grave, listen, too_wide
from tests.journeys import steps

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture
def demo(transactional_db, monkeypatch) -> dict[str, object]:
    monkeypatch.setattr(story, "TALES", 220)
    return story.tell()


@pytest.fixture
def visit(browser: Browser, live_server, demo) -> Iterator[object]:
    """A function that signs somebody in by the form, on their own device, and returns the page."""
    opened: list[BrowserContext] = []

    def come(username: str, size: dict[str, int], **settings: object) -> Page:
        context = browser.new_context(viewport=size, base_url=live_server.url, **settings)
        opened.append(context)
        page = context.new_page()
        page.goto("/")
        page.get_by_label(re.compile("name", re.I)).first.fill(username)
        page.get_by_label(re.compile("password", re.I)).first.fill(demo["sign_in"]["keeper"]["password"])
        page.locator("button.primary").click()
        expect(page).not_to_have_url(re.compile("signin"))
        return page

    yield come
    for context in opened:
        context.close()


def test_the_line_in_a_browser(visit, demo, live_server, tmp_path):
    answers_by_keyboard(visit)
    answers_without_script(visit)
    an_elder_lets_one_rest(visit)
    a_reviewer_sends_one_back(visit)
    version = a_keeper_decides(visit)
    pulled(version, demo, live_server.url, tmp_path)
    the_log_tells_it(visit, version)


def open_work(page: Page) -> None:
    page.goto("/")
    campaign = Campaign.objects.get(slug="feeling")
    page.locator(f'a[href="/tasks/{campaign.public_id}/"]').first.click()
    expect(page.locator("input[name=lease]").first).to_be_attached()


def given(person: Person) -> int:
    return Annotation.objects.filter(annotator=person, standing="counts").count()


def answers_by_keyboard(visit) -> None:
    page = visit("pell", PHONE)
    told = listen(page)
    pell = Person.objects.get(username="pell")
    before = given(pell)
    open_work(page)
    assert too_wide(page) == 0
    assert grave(page) == []

    page.keyboard.press("2")
    page.keyboard.press("Control+Enter")

    expect(page.locator(".undo")).to_be_visible()
    assert given(pell) == before + 1
    assert Annotation.objects.filter(annotator=pell).latest("pk").label == "glad"

    page.locator(".undo button").click()
    page.wait_for_load_state()

    assert given(pell) == before
    assert told == []


def answers_without_script(visit) -> None:
    page = visit("pell", PHONE, java_script_enabled=False)
    pell = Person.objects.get(username="pell")
    before = given(pell)
    open_work(page)

    page.get_by_text("sad or longing").click()
    page.get_by_role("button", name=re.compile("Save and next")).click()

    expect(page.locator(".undo")).to_be_visible()
    assert given(pell) == before + 1


def an_elder_lets_one_rest(visit) -> None:
    page = visit("ilse", PHONE)
    open_work(page)
    holds = Hold.objects.filter(kind="flag", lifted_at=None).count()

    page.get_by_role("link", name=re.compile("should not be here", re.I)).click()
    page.locator("label", has_text=re.compile("sacred|restricted|not for everyone", re.I)).first.click()
    page.locator("button.primary").click()
    page.wait_for_load_state()

    assert Hold.objects.filter(kind="flag", lifted_at=None).count() == holds + 1
    assert Flag.objects.latest("pk").holds


def a_reviewer_sends_one_back(visit) -> None:
    page = visit("jory", DESK)
    campaign = Campaign.objects.get(slug="feeling")
    rejected = Annotation.objects.filter(standing="rejected").count()
    page.goto(f"/review/{campaign.public_id}/")
    assert grave(page) == []

    for answer in page.locator("section.card[aria-labelledby]").all():
        answer.get_by_text("Not right", exact=True).click()
        answer.locator("summary").first.click()
        answer.locator("select").select_option("wrong-answer")
        break
    for answer in page.locator("section.card[aria-labelledby]").all()[1:]:
        answer.get_by_text("Right", exact=True).click()
    page.get_by_role("button", name=re.compile("Save and next")).click()
    page.wait_for_load_state()

    assert Annotation.objects.filter(standing="rejected").count() == rejected + 1


def a_keeper_decides(visit) -> Version:
    page = visit("ona", DESK)
    version = Version.objects.get(dataset=Dataset.objects.get(slug="tide-tales"), status="proposed")
    address = f"/datasets/saltmarsh/tide-tales/versions/{version.number}/"
    page.goto(address)
    assert grave(page) == []
    assert too_wide(page) == 0

    for _ in range(version.check_runs.latest("pk").findings.filter(status__in=("block", "error")).count()):
        page.goto(address)
        page.locator("a", has_text="Answer").first.click()
        page.locator("textarea[name=reason]").first.fill("We know; it is a small collection, and the card says so.")
        page.get_by_role("button", name=re.compile("Accept it as", re.I)).first.click()
        page.wait_for_load_state()
    page.goto(address)
    page.locator("label", has_text=re.compile("^Yes")).first.click()
    page.get_by_role("button", name=re.compile("Write down my answer", re.I)).click()
    page.wait_for_load_state()
    story.drive()

    version.refresh_from_db()
    unmet = [c.sentence for c in story.versions.conditions(version) if c.met is not True]
    assert version.status == "published", unmet
    page.goto(address)
    expect(page.get_by_text(version.commit[:12]).first).to_be_attached()
    return version


def pulled(version: Version, demo: dict[str, object], base: str, tmp_path: Path) -> None:
    code = f"""
        import datasets, json
        found = datasets.load_dataset({version.dataset.path!r}, revision={version.tag!r})
        print(json.dumps({{k: v.num_rows for k, v in found.items()}}))
    """

    done = steps.pull(base, str(demo["token"]), code, tmp_path / "school")
    refused = steps.pull(base, str(demo["denied_token"]), code, tmp_path / "company")

    assert done.returncode == 0, done.stderr[-2000:]
    assert sum(json.loads(done.stdout.splitlines()[-1]).values()) == version.members.count()
    assert refused.returncode != 0
    assert "rules" in refused.stderr.lower() or "purpose" in refused.stderr.lower()


def the_log_tells_it(visit, version: Version) -> None:
    page = visit("tomas", DESK)
    page.goto("/communities/saltmarsh/log/")

    assert grave(page) == []
    assert Event.objects.filter(verb="pull.open", community=version.community.public_id).exists()
    expect(page.locator("main")).to_contain_text(re.compile("pull|drew", re.I))
