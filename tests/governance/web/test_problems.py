"""Refusals at the edge: one table, problem details for machines, a friendly page for people."""

import json
from pathlib import Path

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import DataError
from django.http import HttpResponse
from django.test import Client, RequestFactory
from rest_framework import exceptions as rest

from curation.config import problems
from curation.config.middleware import Refusals
from governance.kernel import errors
from governance.kernel.errors import Conflict, Gone, Invalid, Missing, NotAllowed, Reason, Unavailable
from governance.web.guide import blocks
from tests.factories import make_community, make_person

ROOT = Path(__file__).resolve().parents[3]


def request(path: str = "/somewhere/", **headers: str) -> object:
    made = RequestFactory().get(path, headers=headers)
    made.user = AnonymousUser()
    return made


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (NotAllowed("role-missing", "No."), 403),
        (Missing("not-found", "No."), 404),
        (Conflict("already-proposed", "No."), 409),
        (Gone("code-unknown", "No."), 410),
        (Invalid("invalid", "No."), 422),
        (Unavailable("too-many-attempts", "No.", retry_after=7), 503),
    ],
)
def test_each_kind_has_its_status_as_problem_details(refusal: errors.Refusal, status: int) -> None:
    answer = problems.answer(request("/api/v1/x/"), refusal)  # type: ignore[arg-type]  # a request of the factory

    body = json.loads(answer.content)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    if not isinstance(refusal, Missing):
        assert body["code"] == refusal.code
        assert body["type"].endswith(f"/problems/{refusal.code}/")
    assert ("Retry-After" in answer.headers) == isinstance(refusal, Unavailable)


def test_every_kind_of_refusal_stands_in_the_table() -> None:
    assert set(problems.STATUS) == set(errors.Refusal.__subclasses__())


def test_all_reasons_are_told_with_their_places() -> None:
    reasons = [Reason("a", "First."), Reason("b", "Line {line} is odd.", path="/3", line=4, values={"line": 4})]
    answer = problems.answer(request("/api/v1/x/"), Invalid("rows", reasons=reasons))  # type: ignore[arg-type]

    body = json.loads(answer.content)

    assert body["detail"] == "First. Line 4 is odd."
    assert body["errors"][1] == {"code": "b", "detail": "Line 4 is odd.", "pointer": "/3", "line": 4}


def test_a_person_gets_a_page_with_the_sentence_and_a_way_on() -> None:
    answer = problems.answer(request(), Conflict("already-proposed", "Somebody was faster."))  # type: ignore[arg-type]

    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Somebody was faster." in page
    assert 'href="/problems/already-proposed/"' in page


def test_the_way_back_leads_to_no_other_host() -> None:
    evil = request(Referer="https://elsewhere.example/x")
    ours = request(Referer="http://testserver/my/?a=1")

    away = problems.answer(evil, Conflict("x", "No."))  # type: ignore[arg-type]
    home = problems.answer(ours, Conflict("x", "No."))  # type: ignore[arg-type]

    assert "elsewhere.example" not in away.content.decode()
    assert 'href="/my/?a=1"' in home.content.decode()


def test_somebody_who_is_not_signed_in_is_led_to_the_door_and_back() -> None:
    answer = problems.answer(request("/my/?a=1&b=2"), NotAllowed("role-missing", "No."))  # type: ignore[arg-type]

    assert answer.status_code == 302
    assert answer.headers["Location"] == "/signin/?next=%2Fmy%2F%3Fa%3D1%26b%3D2"


@pytest.mark.django_db
def test_what_is_nowhere_is_a_friendly_404_for_people_and_a_problem_for_machines(client: Client) -> None:
    page = client.get("/nowhere/")
    machine = client.get("/nowhere/", headers={"Accept": "application/json"})

    assert page.status_code == machine.status_code == 404
    assert "There is nothing here for you to see" in page.content.decode()
    assert machine.json()["code"] == "not-found"


def test_a_broken_page_has_a_number_that_stands_in_the_log_and_tells_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer = problems.broken(request("/somewhere/secret"))  # type: ignore[arg-type]

    number = caplog.records[0].args[0]  # type: ignore[index]  # the arguments of the log line
    assert answer.status_code == 500
    assert str(number) in answer.content.decode()


def test_errors_of_rest_framework_are_problem_details_with_pointers() -> None:
    wrong = rest.ValidationError(
        {"name": ["Missing."], "rows": [{"label": ["Unknown."]}], "non_field_errors": ["Odd."]}
    )

    answer = problems.drf_handler(wrong, {})

    assert answer is not None
    assert answer.status_code == 400
    told = {(error.get("pointer"), error["detail"]) for error in answer.data["errors"]}
    assert told == {("/name", "Missing."), ("/rows/0/label", "Unknown."), (None, "Odd.")}


@pytest.mark.django_db
def test_a_program_that_is_not_signed_in_gets_401_and_a_person_is_led_to_the_door(client: Client) -> None:
    machine = client.get("/communities/somewhere/", headers={"Accept": "application/json"})
    person = client.get("/communities/somewhere/")

    assert machine.status_code == 401
    assert machine.json()["code"] == "not-signed-in"
    assert "WWW-Authenticate" in machine.headers
    assert person.headers["Location"] == "/signin/?next=%2Fcommunities%2Fsomewhere%2F"


def test_an_api_view_answers_401_to_nobody() -> None:
    answer = problems.drf_handler(rest.NotAuthenticated(), {})

    assert answer is not None
    assert answer.status_code == 401
    assert "WWW-Authenticate" in answer


def test_a_throttled_machine_is_told_when_to_come_back() -> None:
    answer = problems.drf_handler(rest.Throttled(wait=3.2), {})

    assert answer is not None
    assert (answer.status_code, answer["Retry-After"], answer.data["code"]) == (429, "4", "too-many-requests")


def test_every_code_of_rest_framework_has_its_page() -> None:
    missing = [code for code in set(problems.CODES.values()) if not (ROOT / f"docs/problems/{code}.md").is_file()]

    assert not missing


@pytest.mark.django_db
def test_the_page_of_a_code_is_served_and_no_other_file(client: Client) -> None:
    known = client.get("/problems/not-found/")
    other = client.get("/problems/..%2f..%2fREADME/")

    assert known.status_code == 200
    assert "<code>not-found</code>" in known.content.decode()
    assert other.status_code == 404


def test_a_markdown_page_becomes_headings_lists_and_text() -> None:
    text = "# code\n\nWhat **happened**.\n\n## What to do\n\n- ask\n- wait for\n  a while\n"

    assert blocks(text) == [
        ("text", ["What happened."]),
        ("heading", ["What to do"]),
        ("list", ["ask", "wait for a while"]),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("rest", ["people/%00/", "votes/%00/", "log/?words=%00", "contributors/?who=%00"])
def test_a_sign_that_no_database_keeps_breaks_nothing(client: Client, rest: str) -> None:
    community = make_community()
    client.force_login(make_person(community, "keeper"))

    for address in (f"/communities/{community.slug}/{rest}", f"/api/v1/communities/{community.slug}/{rest}"):
        assert client.get(address).status_code < 500


def test_what_the_database_cannot_hold_was_sent_wrongly_and_broke_nothing() -> None:
    page = Refusals(lambda _request: HttpResponse()).process_exception(request("/x/"), DataError("no NUL"))  # type: ignore[arg-type]
    told = problems.drf_handler(DataError("too long"), {})

    assert page is not None
    assert told is not None
    assert (page.status_code, told.status_code, told.data["code"]) == (400, 400, "unreadable")
    assert "NUL" not in page.content.decode()
