"""A walk through all pages that somebody can reach by links, from Today on."""

import re
from urllib.parse import urljoin, urlsplit

from django.test import Client
from django.urls import Resolver404, resolve

from annotations.models import Campaign
from governance import communities
from governance.models import Community, Person
from tests.factories import add_samples, give_consent, make_community, make_contributor, make_dataset, make_keeper

LINK = re.compile(r"<a\b[^>]*\bhref=\"([^\"]*)\"")
FORM = re.compile(r"<form\b[^>]*\baction=\"([^\"]*)\"|\bformaction=\"([^\"]*)\"")


def a_small_community() -> Community:
    """A community with a keeper, a dataset of two samples, an open campaign and an invitation."""
    community = make_community("saltmarsh")
    keeper = make_keeper(community)
    dataset = make_dataset(community, by=keeper, slug="tide-tales")
    teller = make_contributor(community, "Ilse")
    give_consent(teller, "use")
    add_samples(dataset, ["Sela tun marrowe.", "Wethe na."], teller, labels=["glad", "plain"])
    Campaign.objects.create(
        dataset=dataset,
        slug="feeling",
        name="How does it feel?",
        config='<View><Text name="t" value="$text"/><Choices name="c" toName="t"><Choice value="glad"/></Choices></View>',
        config_digest="0" * 64,
        status="open",
        created_by=keeper,
    )
    communities.invite(community, by=keeper)
    return community


def walk(person: Person, start: str = "/my/", most: int = 120) -> tuple[list[str], dict[str, str]]:
    """Follow the links of ``person``'s pages.

    Return the addresses of the pages that were found, and what is wrong: address -> what, and the page that led there.
    """
    client = Client(raise_request_exception=False)
    client.force_login(person)
    waiting, seen, pages, wrong = [(start, "")], {start}, [], {}
    while waiting and len(seen) < most:
        address, origin = waiting.pop(0)
        answer = client.get(address)
        if answer.status_code >= 400:
            wrong[address] = f"{answer.status_code}, from {origin}"
            continue
        if answer.status_code in (301, 302):
            found = [answer.headers["Location"]]
        elif "text/html" in answer.headers.get("Content-Type", ""):
            pages.append(address)
            page = answer.content.decode()
            found = LINK.findall(page)
            for pair in FORM.findall(page):
                _check_form(urljoin(address, (pair[0] or pair[1]).replace("&amp;", "&")), address, wrong)
        else:
            found = []
        for link in found:
            there = urljoin(address, link.replace("&amp;", "&"))
            parts = urlsplit(there)
            if parts.scheme or parts.netloc or not parts.path.startswith("/"):
                continue
            plain = parts.path + (f"?{parts.query}" if parts.query else "")
            if plain not in seen:
                seen.add(plain)
                waiting.append((plain, address))
    return pages, wrong


def _check_form(action: str, origin: str, wrong: dict[str, str]) -> None:
    try:
        resolve(urlsplit(action).path)
    except Resolver404:
        wrong[action] = f"no such address, a form of {origin}"
