"""Asking for access in the browser, from the public page to a token, without an account."""

import base64
import io
import re
from pathlib import Path

import pytest
from django.test import Client

from curation.models import Version
from governance import agreements, policies
from governance.models import AccessRequest, Agreement, Document, Person
from governance.odrl.policy import Body
from tests.curation.made import open_dataset, published
from tests.factories import PARTY_KEY, make_person, pem_of

pytestmark = pytest.mark.django_db
ASKED = {
    "organisation": "Quayside Language School",
    "kind": "non-profit",
    "contact": "Ragna Holt, head of courses",
    "email": "ragna@school.example",
    "institution": "",
    "project": "Evening classes",
    "words": "Lessons for grown-ups.",
    "purpose": "teaching",
    "is_commercial": "no",
    "months": "6",
    "place": "NZ",
    "users": "Ana\nTui",
    "public_key": "",
    "webhook_url": "",
}


@pytest.fixture(autouse=True)
def files(settings: object, tmp_path: Path) -> None:
    settings.FILES_ROOT = tmp_path / "files"  # type: ignore[attr-defined]


@pytest.fixture
def version() -> Version:
    return published(open_dataset())


@pytest.fixture
def steward(version: Version) -> Person:
    return make_person(version.community, "steward")


def ask(version: Version, client: Client, **changes: str) -> str:
    """Ask, and return the code that the answer shows."""
    answer = client.post(f"/datasets/{version.dataset.path}/ask/", ASKED | changes | {"do": "send"})
    assert answer.status_code == 200, answer.content.decode()
    return re.search(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){3}", answer.content.decode())[0]


def desk(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_what_the_rules_say_is_told_before_anything_is_sent(version: Version, client: Client) -> None:
    there = f"/datasets/{version.dataset.path}/ask/"

    page = client.post(there, ASKED | {"kind": "for-profit", "is_commercial": "yes", "do": "check"}).content.decode()

    assert "2 things would refuse it today" in page
    assert "earn money" in page and "kind of organisation" in page
    assert not AccessRequest.objects.exists()


def test_every_mistake_is_named_at_its_field(version: Version, client: Client) -> None:
    answer = client.post(
        f"/datasets/{version.dataset.path}/ask/", ASKED | {"place": "Mars", "public_key": "x", "do": "send"}
    )

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "country code" in page and 'href="#id_public_key"' in page


def test_from_the_question_to_a_pull_without_an_account(version: Version, steward: Person) -> None:
    asker, here = Client(), f"/communities/{version.community.slug}/"
    code = ask(version, asker)
    row = AccessRequest.objects.get()
    at_desk = desk(steward)
    assert "Quayside Language School" in at_desk.get(here + "requests/").content.decode()
    at_desk.post(f"{here}requests/{row.public_id}/", {"do": "say", "body": "Who are the learners?"})
    asker = Client()
    asker.post("/asked/", {"code": code})
    assert "Who are the learners?" in asker.get("/asked/mine/").content.decode()
    asker.post("/asked/mine/", {"do": "say", "body": "Parents."})

    at_desk.post(
        f"{here}requests/{row.public_id}/",
        {"do": "accept", "months": "6", "from_version": "1", "role": "controller", "at_end": "delete"},
    )
    agreement = Agreement.objects.get()
    at_desk.post(f"{here}agreements/{agreement.public_id}/", {"do": "sign"})
    asker.post("/asked/mine/", {"do": "key", "public_key": pem_of(PARTY_KEY)})
    made = asker.post("/asked/mine/", {"do": "token", "label": "class"}).content.decode()
    secret = re.search(r'value="(wh_pull_[^"]+)"', made)[1]
    file = f"/datasets/{version.dataset.path}/resolve/{version.tag}/README.md"
    early = Client().get(file, headers={"authorization": f"Bearer {secret}"}).status_code
    tbs = asker.get("/asked/mine/tbs/").content
    bare = base64.b64encode(PARTY_KEY.sign(tbs)).decode()
    asker.post("/asked/mine/", {"do": "sign", "signed": bare})

    assert early == 403
    assert Client().get(file, headers={"authorization": f"Bearer {secret}"}).status_code == 200
    assert agreements.is_verified(Agreement.objects.get())
    assert "in force" in asker.get("/asked/mine/").content.decode()
    assert "Lessons" in at_desk.get(f"{here}requests/{row.public_id}/").content.decode()
    shown = asker.get("/asked/mine/odrl/").json()
    assert shown["agreement"]["@type"] == "Agreement" and set(shown["signatures"]) == {"community", "party"}
    for address in ("/asked/mine/print/", f"{here}agreements/{agreement.public_id}/print/"):
        assert "cannot do" in (asker if "asked" in address else at_desk).get(address).content.decode()


def test_a_no_is_read_with_its_reason_by_the_code(version: Version, steward: Person) -> None:
    asker = Client()
    ask(version, asker)
    row = AccessRequest.objects.get()
    there = f"/communities/{version.community.slug}/requests/{row.public_id}/"

    without = desk(steward).post(there, {"do": "decline", "reason": "", "words": ""})
    desk(steward).post(there, {"do": "decline", "reason": "now", "words": "After the winter."})

    page = asker.get("/asked/mine/").content.decode()
    assert without.status_code == 422
    assert "Not at this time" in page and "After the winter." in page


def test_a_yes_beyond_the_rules_says_every_reason_on_the_page(version: Version, steward: Person) -> None:
    ask(version, Client(), kind="for-profit")
    row = AccessRequest.objects.get()
    there = f"/communities/{version.community.slug}/requests/{row.public_id}/"

    answer = desk(steward).post(
        there, {"do": "accept", "months": "6", "from_version": "1", "role": "controller", "at_end": "delete"}
    )

    assert answer.status_code == 422
    assert "kind of organisation" in answer.content.decode()
    assert not Agreement.objects.exists() and AccessRequest.objects.get().status == "open"


def test_a_paper_is_sent_by_code_read_by_the_desk_and_by_nobody_else(version: Version, steward: Person) -> None:
    asker = Client()
    ask(version, asker)
    file = io.BytesIO(b"%PDF-1.7 <script>alert(1)</script>")
    file.name = "../../approval.html"
    wanted = {"do": "paper", "duty": "urn:wellhouse:duty:ethics-approval", "title": "Board 114", "file": file}
    asker.post("/asked/mine/", wanted)
    paper = Document.objects.get()
    there = f"/communities/{version.community.slug}/papers/{paper.public_id}/"

    answer = desk(steward).get(there)
    desk(steward).post(there + "verification/", {"verdict": "good", "valid_until": "2099-01-01"})

    assert answer["Content-Disposition"] == f'attachment; filename="paper-{paper.public_id[:8]}.pdf"'
    assert answer["Content-Type"] == "application/pdf"
    assert desk(make_person(version.community)).get(there).status_code == 404
    assert desk(make_person()).get(there).status_code == 404
    assert Document.objects.get().verification.is_good


def test_requests_are_for_the_desk_and_unknown_to_others(version: Version, steward: Person) -> None:
    ask(version, Client())
    row = AccessRequest.objects.get()
    here = f"/communities/{version.community.slug}/requests/"

    for client in (desk(make_person(version.community)), desk(make_person())):
        assert client.get(here).status_code == 404
        assert client.get(f"{here}{row.public_id}/").status_code == 404
        assert client.post(f"{here}{row.public_id}/", {"do": "decline", "reason": "now"}).status_code == 404


def test_without_a_code_there_is_no_request(version: Version) -> None:
    ask(version, Client())

    for address in ("/asked/mine/", "/asked/mine/end/"):
        assert Client().post(address, {"do": "take-back"})["Location"] == "/asked/"
    assert Client().get("/asked/mine/tbs/").status_code == 404
    assert Client().post("/asked/", {"code": "AAAA-AAAA-AAAA-AAAA"}).status_code == 422
    assert AccessRequest.objects.get().status == "open"


def test_a_dataset_that_shows_nothing_outside_cannot_be_asked_for(client: Client) -> None:
    hidden = open_dataset()

    assert client.get(f"/datasets/{hidden.path}/ask/").status_code == 404


def test_requests_are_found_by_name_and_by_state(version: Version, steward: Person) -> None:
    ask(version, Client())
    ask(version, Client(), organisation="Marsh End College")
    here = f"/communities/{version.community.slug}/requests/"

    found = desk(steward).get(here + "?q=marsh").content.decode()
    declined = desk(steward).get(here + "?state=declined").content.decode()

    assert "Marsh End College" in found and "Quayside" not in found
    assert "Marsh End College" not in declined


def test_an_agreement_without_a_request_is_signed_with_a_code_of_its_own(version: Version, steward: Person) -> None:
    here = f"/communities/{version.community.slug}/"
    policies.revise(version.dataset, body=Body(purposes=("teaching",), organisations=("non-profit",)), by=steward)
    at_desk = desk(steward)
    at_desk.post(here + "parties/", {"do": "party", "name": "A school", "kind": "non-profit", "contact": ""})
    party = version.community.parties.get()
    wanted = {
        "party": party.public_id,
        "dataset": version.dataset.public_id,
        "purpose": "teaching",
        "from_version": "1",
    }
    at_desk.post(here + "parties/", {"do": "agreement", **wanted, "expires_at": "2099-01-01"})
    agreement = Agreement.objects.get()
    page = at_desk.post(f"{here}agreements/{agreement.public_id}/", {"do": "code"}).content.decode()
    code = re.search(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){3}", page)[0]
    outside = Client()

    outside.post("/asked/", {"code": code})
    outside.post("/asked/mine/", {"do": "key", "public_key": pem_of(PARTY_KEY)})
    second = outside.post("/asked/mine/", {"do": "key", "public_key": pem_of(PARTY_KEY)})
    outside.post(
        "/asked/mine/",
        {"do": "sign", "signed": base64.b64encode(PARTY_KEY.sign(outside.get("/asked/mine/tbs/").content)).decode()},
    )

    assert second.status_code == 422 and "There is a key already" in second.content.decode()
    assert agreements.is_verified(Agreement.objects.get())


def test_a_grant_rests_and_goes_on_by_the_page(version: Version, steward: Person) -> None:
    test_from_the_question_to_a_pull_without_an_account(version, steward)
    agreement = Agreement.objects.get()
    grant = agreement.grants.get()
    there = f"/communities/{version.community.slug}/agreements/{agreement.public_id}/"

    desk(steward).post(there, {"do": "rest", "grant": grant.public_id, "note": "We speak first."})
    resting = agreements.fact_of(agreement).suspended_because
    desk(steward).post(there, {"do": "resume", "grant": grant.public_id})

    assert resting == "suspended"
    assert agreements.fact_of(agreement).suspended_because == ""
    confirm = desk(steward).get(there + "end/").content.decode()
    assert "End it now" in confirm and Agreement.objects.get().ended_at is None
