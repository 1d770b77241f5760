"""Access by program: asked for, answered, signed by both and drawn, without a page."""

from pathlib import Path

import pytest
from django.test import Client

from curation.models import Version
from governance import agreements, signing
from governance.models import AccessRequest, Agreement, Person
from tests.curation.made import open_dataset, published
from tests.factories import PARTY_KEY, make_person, pem_of

pytestmark = pytest.mark.django_db
JSON = "application/json"
ASKED = {
    "organisation": "Quayside Language School",
    "kind": "non-profit",
    "contact": "Ragna Holt",
    "project": "Evening classes",
    "words": "Lessons for grown-ups.",
    "purpose": "teaching",
    "months": 6,
    "place": "NZ",
    "users": ["Ana"],
}


@pytest.fixture(autouse=True)
def files(settings: object, tmp_path: Path) -> None:
    settings.FILES_ROOT = tmp_path / "files"  # type: ignore[attr-defined]


@pytest.fixture
def version() -> Version:
    return published(open_dataset())


@pytest.fixture
def steward(version: Version, client: Client) -> Person:
    person = make_person(version.community, "steward")
    client.force_login(person)
    return person


def test_from_the_question_to_a_pull_by_program(version: Version, steward: Person, client: Client) -> None:
    outside, here = Client(), f"/api/v1/communities/{version.community.slug}/"
    there = f"/api/v1/datasets/{version.dataset.path}/access-requests/"
    dry = outside.post(there + "?dry=1", ASKED | {"kind": "for-profit"}, JSON).json()
    kept = AccessRequest.objects.count()
    asked = outside.post(there, ASKED, JSON)
    code = {"X-Access-Code": asked.json()["code"]}

    listed = client.get(here + "requests/?status=open").json()["results"]
    answered = client.post(f"{here}requests/{listed[0]['id']}/answer/", {"outcome": "accept", "months": 3}, JSON)
    agreement = f"{here}agreements/{answered.json()['agreement']}/"
    ours = client.post(agreement + "signatures/", {}, JSON)
    outside.post("/api/v1/asked/key/", {"public_key": pem_of(PARTY_KEY)}, JSON, headers=code)
    text = outside.get("/api/v1/asked/agreement/", headers=code).json()
    jws = signing.jws_by(PARTY_KEY, text["agreement"], agreements.TYP)
    theirs = outside.post("/api/v1/asked/signature/", {"signed": jws}, JSON, headers=code)
    token = outside.post("/api/v1/asked/tokens/", {"label": "class"}, JSON, headers=code)

    assert dry["precheck"]["reasons"][0]["code"] == "organisation-not-permitted" and kept == 0
    assert asked.status_code == 201 and asked["Cache-Control"] == "no-store"
    assert ours.json()["in_force_at"] is None and theirs.json()["in_force_at"]
    file = f"/datasets/{version.dataset.path}/resolve/{version.tag}/README.md"
    assert Client().get(file, headers={"authorization": f"Bearer {token.json()['secret']}"}).status_code == 200
    assert client.get(agreement + "document/").json()["is_verified"]
    grant = client.get(agreement + "grants/").json()[0]["id"]
    rests = client.post(f"{agreement}grants/{grant}/suspension/", {"note": "We speak first."}, JSON).json()
    goes_on = client.delete(f"{agreement}grants/{grant}/suspension/").json()
    assert (rests["rests_because"], goes_on["rests_because"]) == (["suspended"], [])


def test_a_request_is_for_the_desk_and_for_its_code(version: Version, steward: Person) -> None:
    made = Client().post(f"/api/v1/datasets/{version.dataset.path}/access-requests/", ASKED, JSON).json()
    here = f"/api/v1/communities/{version.community.slug}/requests/"
    member = Client()
    member.force_login(make_person(version.community))

    seen = [member.get(here), member.get(f"{here}{made['id']}/"), Client().get("/api/v1/asked/")]

    assert [answer.status_code for answer in seen] == [404, 404, 404]
    assert Client().get(here).status_code in (401, 403)
    assert Client().get("/api/v1/asked/", headers={"X-Access-Code": made["code"]}).json()["status"] == "open"


def test_what_cannot_be_read_is_refused_with_every_reason(version: Version) -> None:
    wrong = ASKED | {"purpose": "research", "place": "Mars"}

    answer = Client().post(f"/api/v1/datasets/{version.dataset.path}/access-requests/", wrong, JSON)

    assert answer.status_code == 422
    assert {"place-unknown", "purpose-too-broad"} <= {reason["code"] for reason in answer.json()["errors"]}


def test_a_party_is_changed_and_its_key_has_a_door_of_its_own(
    version: Version, steward: Person, client: Client
) -> None:
    here = f"/api/v1/communities/{version.community.slug}/parties/"
    made = client.post(here, {"name": "A school", "kind": "non-profit"}, JSON).json()

    changed = client.patch(f"{here}{made['id']}/", {"place": "fr", "public_key": "x"}, JSON).json()
    keyed = client.post(f"{here}{made['id']}/keys/", {"public_key": pem_of(PARTY_KEY)}, JSON).json()

    assert (changed["place"], changed["key_id"]) == ("FR", "")
    assert keyed["key_id"] == signing.keyid_of(PARTY_KEY.public_key())
    assert not Agreement.objects.exists()
