"""The door: signing in and out, invitations, recovery, light and dark; and what nobody may see from outside."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from governance import communities, people
from governance.models import Community, Invitation, Membership, Person, Proposal
from governance.roles import roles_of
from tests.factories import PASSWORD, make_community, make_keeper, make_person

pytestmark = pytest.mark.django_db


def browser_of(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def community() -> Community:
    return make_community("saltmarsh")


@pytest.fixture
def keeper(community: Community) -> Person:
    return make_keeper(community)


def test_signing_in_leads_to_today_and_signing_out_to_the_door(client: Client) -> None:
    make_person(username="ilse.m", password=PASSWORD)

    came = client.post("/signin/", {"username": "ilse.m", "password": PASSWORD})
    inside = client.get("/my/")
    went = client.post("/signout/")

    assert came.headers["Location"] == "/"
    assert inside.status_code == 200
    assert went.headers["Location"] == "/signin/"
    assert client.get("/my/").status_code == 302


def test_signing_in_returns_to_where_one_wanted_to_go_but_never_to_another_host(client: Client) -> None:
    make_person(username="ilse.m", password=PASSWORD)
    given = {"username": "ilse.m", "password": PASSWORD}

    home = client.post("/signin/", given | {"next": "/my/"})
    away = client.post("/signin/", given | {"next": "https://elsewhere.example/"})

    assert home.headers["Location"] == "/my/"
    assert away.headers["Location"] == "/"


def test_a_wrong_password_keeps_the_name_forgets_the_password_and_says_what_to_do(client: Client) -> None:
    answer = client.post("/signin/", {"username": "ilse.m", "password": "not this one"})

    page = answer.content.decode()
    assert "do not fit together" in page
    assert 'value="ilse.m"' in page
    assert "not this one" not in page


def test_too_many_wrong_tries_answer_429_with_the_wait_in_words(client: Client) -> None:
    for _ in range(5):
        client.post("/signin/", {"username": "ilse.m", "password": "not this one"})

    answer = client.post("/signin/", {"username": "ilse.m", "password": "not this one"})

    assert answer.status_code == 429
    assert "Please wait 30 s" in answer.content.decode()


def test_behind_a_proxy_the_address_that_the_proxy_wrote_counts_not_what_the_visitor_made_up(
    client: Client, settings: object
) -> None:
    settings.TRUSTED_PROXIES = 1  # type: ignore[attr-defined]  # pytest-django's settings
    for number in range(5):
        forged = f"203.0.113.{number}, 192.0.2.7"
        client.post("/signin/", {"username": "ilse.m", "password": "not"}, headers={"X-Forwarded-For": forged})

    answer = client.post(
        "/signin/", {"username": "ilse.m", "password": "not"}, headers={"X-Forwarded-For": "203.0.113.99, 192.0.2.7"}
    )

    assert answer.status_code == 429


def test_an_invitation_is_accepted_with_name_and_password_and_opens_the_community(
    client: Client, community: Community, keeper: Person
) -> None:
    _, code = communities.invite(community, by=keeper, note="Ūna")

    shown = client.get(f"/join/{code}/").content.decode()
    came = client.post(f"/join/{code}/", {"display_name": "Ūna", "username": "una", "password": PASSWORD}, follow=True)

    assert "Saltmarsh invites you" in shown
    assert came.redirect_chain[-1][0] == "/communities/saltmarsh/"
    assert came.status_code == 200
    assert client.post(f"/join/{code}/").status_code == 410


def test_what_is_wrong_with_a_new_account_is_told_at_its_fields(
    client: Client, community: Community, keeper: Person
) -> None:
    make_person(username="una")
    _, code = communities.invite(community, by=keeper)

    answer = client.post(f"/join/{code}/", {"display_name": "Ūna", "username": "una", "password": "short"})

    page = answer.content.decode()
    assert page.count('aria-invalid="true"') == 1
    assert "too short" in page
    assert Invitation.objects.get().used_at is None


def test_somebody_with_an_account_joins_with_it(community: Community, keeper: Person) -> None:
    person = make_person()
    _, code = communities.invite(community, by=keeper)

    browser_of(person).post(f"/join/{code}/")

    assert roles_of(person, community) == {"contributor"}


def test_a_code_on_a_card_is_typed_and_leads_to_the_invitation(client: Client) -> None:
    answer = client.post("/join/", {"code": " k7qm-2vtx-9kcr-4h2b "})

    assert answer.headers["Location"] == "/join/k7qm-2vtx-9kcr-4h2b/"


@pytest.mark.parametrize("typed", ["/", "//", ".", "..", "%2e%2e"])
def test_a_code_without_a_sign_of_a_code_is_told_like_any_wrong_one(client: Client, typed: str) -> None:
    answer = client.post("/join/", {"code": typed})

    assert client.get(answer.headers["Location"]).status_code == 410


def test_a_keepers_code_gives_a_new_password_and_ends_every_other_session(
    client: Client, community: Community, keeper: Person
) -> None:
    member = make_person(community, username="ilse.m", password=PASSWORD)
    elsewhere = browser_of(member)
    _, code = people.issue_recovery(member, community=community, by=keeper)

    came = client.post("/recovery/", {"code": code, "password": "another quiet harbour"}, follow=True)

    assert came.context["me"] == member
    assert elsewhere.get("/my/").status_code == 302


def test_light_and_dark_are_kept_without_a_script_and_only_known_ones(client: Client) -> None:
    client.post("/look/", {"theme": "dark", "next": "/signin/"})
    dark = client.get("/signin/").content.decode()
    client.post("/look/", {"theme": '"><b>', "next": "/signin/"})
    device = client.get("/signin/").content.decode()

    assert 'data-theme="dark"' in dark
    assert "data-theme" not in device


def test_a_form_without_its_token_changes_nothing_and_says_what_to_do() -> None:
    client = Client(enforce_csrf_checks=True)

    answer = client.post("/signin/", {"username": "a", "password": "b"})

    assert answer.status_code == 403
    assert "Please send this once more" in answer.content.decode()


def community_pages(community: Community, person: Person, other: Person) -> list[str]:
    here = {"community": community.slug}
    return [
        reverse("community", kwargs=here),
        reverse("desk", kwargs=here),
        reverse("people", kwargs=here),
        reverse("person", kwargs=here | {"person": other.public_id}),
    ]


def test_for_somebody_from_elsewhere_no_page_of_the_community_exists(community: Community, keeper: Person) -> None:
    stranger = make_keeper(make_community("elsewhere"))

    found = {page: browser_of(stranger).get(page).status_code for page in community_pages(community, stranger, keeper)}

    assert set(found.values()) == {404}, found


def test_the_page_of_a_hidden_thing_and_of_nothing_are_word_for_word_the_same(
    community: Community, keeper: Person
) -> None:
    stranger = browser_of(make_keeper(make_community("elsewhere")))

    hidden = stranger.get("/communities/saltmarsh/people/").content.decode()
    nothing = stranger.get("/communities/saltmersh/people/").content.decode()

    assert hidden.replace("saltmarsh", "*") == nothing.replace("saltmersh", "*")


def test_every_change_by_somebody_from_elsewhere_is_a_404_and_changes_nothing(
    community: Community, keeper: Person
) -> None:
    stranger = browser_of(make_keeper(make_community("elsewhere")))
    row, _ = communities.invite(community, by=keeper)
    membership = Membership.objects.get(person=keeper)
    base = f"/communities/{community.slug}"
    posts = [
        f"{base}/invitations/",
        f"{base}/invitations/{row.public_id}/revocation/",
        f"{base}/people/{keeper.public_id}/roles/",
        f"{base}/people/{keeper.public_id}/roles/{membership.pk}/end/",
        f"{base}/people/{keeper.public_id}/recovery/",
        f"{base}/departure/",
    ]

    found = {post: stranger.post(post, {"role": "steward"}).status_code for post in posts}

    assert set(found.values()) == {404}, found
    row.refresh_from_db()
    assert row.revoked_at is None
    assert Membership.objects.current().filter(community=community).count() == 1


def test_members_who_are_no_keepers_see_people_but_neither_invitations_nor_buttons(
    community: Community, keeper: Person
) -> None:
    member = make_person(community)
    communities.invite(community, by=keeper, note="Ūna")

    page = browser_of(member).get("/communities/saltmarsh/people/").content.decode()
    refused = browser_of(member).post("/communities/saltmarsh/invitations/", {"role": "contributor"})

    assert str(keeper) in page
    assert "2 members." in page
    assert 'class="count' not in page
    assert "Ūna" not in page
    assert "Invite somebody" not in page
    assert refused.status_code == 403
    assert Invitation.objects.count() == 1


def test_an_invitations_code_is_shown_once_and_works(community: Community, keeper: Person, client: Client) -> None:
    keepers_browser = browser_of(keeper)

    card = keepers_browser.post("/communities/saltmarsh/invitations/", {"note": "Ūna", "role": "contributor"})

    code = re.search(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){3}", card.content.decode())
    assert code
    assert card.headers["Cache-Control"] == "no-store"
    assert client.get(f"/join/{code[0]}/").status_code == 200
    assert code[0] not in keepers_browser.get("/communities/saltmarsh/people/").content.decode()


def test_a_second_keeper_sees_what_waits_and_their_yes_puts_it_into_force(community: Community, keeper: Person) -> None:
    second, somebody = make_keeper(community), make_person(community)
    browser_of(keeper).post(f"/communities/saltmarsh/people/{somebody.public_id}/roles/", {"role": "steward"})
    proposal = Proposal.objects.get()

    today = browser_of(second).get("/communities/saltmarsh/today/").content.decode()
    browser_of(second).post(f"/communities/saltmarsh/role-changes/{proposal.public_id}/ballot/", {"choice": "yes"})

    assert "Read and vote" in today
    assert "steward" in roles_of(somebody, community)


def test_the_list_of_people_asks_the_same_number_of_questions_however_many_there_are(
    community: Community, keeper: Person, django_assert_max_num_queries: object
) -> None:
    browser = browser_of(keeper)
    for _ in range(40):
        make_person(community)

    with django_assert_max_num_queries(24):  # type: ignore[operator]  # pytest-django's fixture
        browser.get("/communities/saltmarsh/people/")


def test_pages_of_a_session_are_kept_by_no_cache(community: Community, keeper: Person) -> None:
    answer = browser_of(keeper).get("/communities/saltmarsh/people/")

    assert answer.headers["Cache-Control"] == "private, no-store"


def test_the_door_names_a_community_only_if_its_charter_greets_and_it_is_alone(client: Client) -> None:
    community = make_community("saltmarsh", charter={"welcome": {"words": "Come in out of the wind."}})
    alone = client.get("/signin/").content.decode()
    make_community("other")
    among = client.get("/signin/").content.decode()

    assert "Come in out of the wind." in alone
    assert community.name not in among


def test_leaving_is_one_step_and_what_was_ours_is_gone_at_once(community: Community, keeper: Person) -> None:
    member = make_person(community)
    browser = browser_of(member)

    browser.post("/communities/saltmarsh/departure/")

    assert browser.get("/communities/saltmarsh/").status_code == 404


def test_a_language_that_is_written_from_the_right_turns_the_whole_page(client: Client, settings: object) -> None:
    settings.LANGUAGES = [("en", "English"), ("ar", "Arabic")]  # type: ignore[attr-defined]  # pytest-django's settings

    client.post("/look/", {"language": "ar", "next": "/signin/"})
    page = client.get("/signin/").content.decode()

    assert '<html lang="ar" dir="rtl">' in page
    assert 'lang="ar" dir="rtl" aria-pressed="true">العربيّة</button>' in page
