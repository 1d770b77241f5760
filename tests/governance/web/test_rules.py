"""The rules page: questions in, a revision out, and the meaning beside them."""

import pytest
from django.test import Client

from governance import policies
from governance.models import Dataset, Person
from governance.odrl.policy import Body, Term
from tests.factories import make_dataset, make_person

pytestmark = pytest.mark.django_db
ANSWERS = {
    "organisations": ["non-profit", "public"],
    "purposes": ["teaching", "research"],
    "commercial": "no",
    "prohibited": ["identification", "advertising"],
    "term-agreement-months": "12",
    "term-attribution": "Stories of the quay",
    "expires_on": "2028-01-01",
    "note": "Winter stories in winter.",
    "why": "The school asked.",
    "over": "1",
}


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def steward(dataset: Dataset, client: Client) -> Person:
    person = make_person(dataset.community, "steward")
    client.force_login(person)
    return person


def address(dataset: Dataset) -> str:
    return f"/datasets/{dataset.path}/rules/"


def test_the_page_says_what_the_rules_mean_to_three_askers(dataset: Dataset, steward: Person, client: Client) -> None:
    page = client.get(address(dataset)).content.decode()

    for asker in ("A language school", "A university", "A company"):
        assert asker in page
    assert page.count("may not</span>") == 3
    assert "Put into force" in page


def test_a_preview_changes_nothing_and_shows_what_would_change(
    dataset: Dataset, steward: Person, client: Client
) -> None:
    page = client.post(address(dataset), ANSWERS | {"do": "preview"}).content.decode()

    assert "for: teaching" in page
    assert "Against revision 1" in page and "wider" in page
    assert policies.current(dataset).number == 1


def test_answers_become_the_revision_in_force(dataset: Dataset, steward: Person, client: Client) -> None:
    answer = client.post(address(dataset), ANSWERS | {"do": "save"})

    revision = policies.current(dataset)
    assert answer.status_code == 302
    assert (revision.number, revision.note, revision.created_by) == (2, "The school asked.", steward)
    body = policies.body_of(revision)
    assert body.terms == (Term("agreement-months", 12), Term("attribution", "Stories of the quay"))
    assert body.expires_on.isoformat() == "2028-01-01"


def test_somebody_elses_newer_revision_is_not_overwritten(dataset: Dataset, steward: Person, client: Client) -> None:
    policies.revise(dataset, body=Body(purposes=("teaching",), organisations=("public",)), by=steward)

    answer = client.post(address(dataset), ANSWERS | {"do": "save"})

    assert answer.status_code == 422
    assert "Somebody changed the rules while you were writing" in answer.content.decode()
    assert policies.current(dataset).number == 2


def test_what_contradicts_itself_is_said_at_once(dataset: Dataset, steward: Person, client: Client) -> None:
    answer = client.post(address(dataset), ANSWERS | {"do": "save", "prohibited": ["teaching"]})

    assert answer.status_code == 422
    assert "allowed and forbidden at once" in answer.content.decode()
    assert policies.current(dataset).number == 1


def test_a_member_may_try_answers_and_not_put_them_into_force(dataset: Dataset, client: Client) -> None:
    client.force_login(make_person(dataset.community))

    assert "Put into force" not in client.get(address(dataset)).content.decode()
    assert client.post(address(dataset), ANSWERS | {"do": "save"}).status_code == 403
    assert policies.current(dataset).number == 1


def test_strangers_find_nothing(dataset: Dataset, client: Client) -> None:
    client.force_login(make_person())

    assert client.get(address(dataset)).status_code == 404
    assert client.get(address(dataset) + "1/").status_code == 404


def test_a_request_can_be_tried(dataset: Dataset, steward: Person, client: Client) -> None:
    client.post(address(dataset), ANSWERS | {"do": "save"})

    yes = client.get(address(dataset), {"kind": "public", "purpose": "language-research", "money": "no"})
    no = client.get(address(dataset), {"kind": "for-profit", "purpose": "text-generation", "money": "yes"})

    assert "Yes, with an agreement." in yes.content.decode()
    assert "No, for 3 reasons" in no.content.decode()


def test_every_revision_stays_to_be_read(dataset: Dataset, steward: Person, client: Client) -> None:
    client.post(address(dataset), ANSWERS | {"do": "save"})

    page = client.get(address(dataset) + "2/").content.decode()

    assert "Stories of the quay" in page and "Against revision 1" in page and "urn:wellhouse:profile" in page
    assert client.get(address(dataset) + "3/").status_code == 404
