"""The rules page: questions in, a revision out, and the meaning beside them."""

import json

import pytest
from django.test import Client

from governance import policies
from governance.models import Dataset, Person
from governance.odrl.duo import DuoTerm
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


def community_address(dataset: Dataset) -> str:
    return f"/communities/{dataset.community.slug}/rules/"


def test_the_community_writes_rules_of_its_own_that_every_dataset_must_pass(
    dataset: Dataset, steward: Person, client: Client
) -> None:
    given = ANSWERS | {"do": "save", "over": "0", "purposes": ["teaching"], "organisations": ["public"]}
    policies.revise(dataset, body=Body(("research", "teaching"), ("public",)), by=steward, over=1)

    answered = client.post(community_address(dataset), given)

    assert answered.status_code == 302
    assert policies.community_current(dataset.community).number == 1
    tried = client.get(
        address(dataset), {"kind": "public", "purpose": "language-research", "money": "no"}
    ).content.decode()
    assert "No, for one reason" in tried
    assert "for: teaching" in client.get(address(dataset)).content.decode()


def test_the_page_says_where_the_community_forbids_what_the_dataset_allows(
    dataset: Dataset, steward: Person, client: Client
) -> None:
    above = Body(("use",), ("public",), prohibited=("ancestry-research", "advertising", "identification"))
    policies.revise_community(dataset.community, body=above, by=steward, over=0)
    policies.revise(dataset, body=Body(("research",), ("public",)), by=steward, over=1)

    page = client.get(address(dataset)).content.decode()

    assert "These rules allow what the community forbids: research on ancestry" in page
    assert "forbids: advertising" not in page


def test_any_two_revisions_can_be_compared(dataset: Dataset, steward: Person, client: Client) -> None:
    policies.revise(dataset, body=Body(("teaching",), ("public",)), by=steward, over=1)
    policies.revise(dataset, body=Body(("teaching", "research"), ("public",)), by=steward, over=2)

    page = client.get(address(dataset) + "compare/", {"from": "3", "to": "1"}).content.decode()

    assert "From revision 3 to revision 1" in page
    assert "tighter" in page
    assert client.get(address(dataset) + "compare/", {"from": "3", "to": "9"}).status_code == 404
    assert client.get(address(dataset) + "compare/", {"from": "x"}).status_code == 404


def test_a_revision_can_be_taken_away_as_odrl(dataset: Dataset, steward: Person, client: Client) -> None:
    answered = client.get(address(dataset) + "1/odrl.jsonld")

    assert answered.headers["Content-Type"] == "application/ld+json"
    assert "attachment" in answered.headers["Content-Disposition"]
    assert json.loads(answered.content)["conflict"] == "prohibit"


def their_policy(*constraints: dict[str, object]) -> str:
    wanted = {"leftOperand": "purpose", "operator": "isA", "rightOperand": {"@id": "urn:wellhouse:purpose:teaching"}}
    rule = {"target": "urn:d", "action": "use", "constraint": [wanted, *constraints]}
    return json.dumps({
        "@context": "http://www.w3.org/ns/odrl.jsonld",
        "@type": "Set",
        "uid": "urn:theirs",
        "conflict": "prohibit",
        "permission": [rule],
    })  # fmt: skip


def test_a_policy_of_others_becomes_answers_and_nothing_is_in_force(
    dataset: Dataset, steward: Person, client: Client
) -> None:
    page = client.post(address(dataset) + "import/", {"pasted": their_policy()}).content.decode()

    assert "All of it could be said." in page
    assert 'value="teaching"' in page and "for: teaching" in page
    assert policies.current(dataset).number == 1


def test_what_a_policy_of_others_asks_and_nobody_can_tell_is_flagged_and_allows_nothing(
    dataset: Dataset, steward: Person, client: Client
) -> None:
    odd = {"leftOperand": "deliveryChannel", "operator": "eq", "rightOperand": "post"}

    page = client.post(address(dataset) + "import/", {"pasted": their_policy(odd)}).content.decode()

    assert "odrl:deliveryChannel" in page
    assert "could not be taken over as they were" in page
    assert page.count("may not</span>") == 3


@pytest.mark.parametrize("given", [{}, {"pasted": "no policy"}, {"pasted": "{}"}])
def test_what_is_no_policy_is_said_on_the_page(dataset: Dataset, steward: Person, client: Client, given: dict) -> None:  # type: ignore[type-arg]
    answered = client.post(address(dataset) + "import/", given)

    assert answered.status_code == 422
    assert 'role="alert"' in answered.content.decode()


def test_duo_terms_of_a_revision_survive_a_change_of_the_answers(
    dataset: Dataset, steward: Person, client: Client
) -> None:
    policies.revise(
        dataset, body=Body(("research",), ("public",), duo=(DuoTerm("GRU"), DuoTerm("RS"))), by=steward, over=1
    )
    form = client.get(address(dataset)).context["form"]

    client.post(address(dataset), ANSWERS | {"do": "save", "over": "2", "duo": form["duo"].value()})

    assert policies.body_of(policies.current(dataset)).duo == (DuoTerm("GRU"), DuoTerm("RS"))


def test_strangers_find_nothing_on_any_page_of_rules(dataset: Dataset, client: Client) -> None:
    client.force_login(make_person(make_dataset(slug="elsewhere").community, "keeper"))

    for page in ("", "1/", "1/odrl.jsonld", "import/", "compare/?from=1&to=1"):
        assert client.get(address(dataset) + page).status_code == 404
        assert client.get(community_address(dataset) + page).status_code == 404
