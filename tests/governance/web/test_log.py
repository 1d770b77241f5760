"""The log page and what can be taken away from it."""

import json

import pytest
from django.test import Client

from governance import log, policies, signing
from governance.models import Community, Dataset, Event, Person
from governance.odrl.policy import Body
from tests.factories import make_dataset, make_person

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def keeper(dataset: Dataset, client: Client) -> Person:
    keeper = make_person(dataset.community, "keeper")
    client.force_login(keeper)
    policies.revise(dataset, body=Body(purposes=("teaching",), organisations=("public",)), by=keeper)
    return keeper


def address(community: Community, rest: str = "") -> str:
    return f"/communities/{community.slug}/log/{rest}"


def test_lines_are_sentences_with_their_place(dataset: Dataset, keeper: Person, client: Client) -> None:
    log.seal()

    page = client.get(address(dataset.community)).content.decode()

    assert f"{keeper.display_name} put revision 2 of the rules into force" in page
    assert "as written, and in its place" in page


def test_lines_can_be_searched(dataset: Dataset, keeper: Person, client: Client) -> None:
    log.seal()
    there = address(dataset.community)

    rules = client.get(there, {"what": "rules"}).content.decode()
    people = client.get(there, {"what": "people"}).content.decode()
    number = client.get(there, {"words": str(log.sealed_size() - 1)}).content.decode()
    later = client.get(there, {"since": "2999-01-01"}).content.decode()

    assert "put revision 2" in rules and "registered a dataset" not in rules
    assert "put revision 2" not in people
    assert "put revision 2" in number
    assert "No line fits that" in later


@pytest.mark.parametrize("words", ["²", "9" * 30, "9" * 3900, "٣"])
def test_a_number_that_no_line_has_finds_nothing(dataset: Dataset, keeper: Person, client: Client, words: str) -> None:
    answer = client.get(address(dataset.community), {"words": words})

    assert answer.status_code == 200
    assert "No line fits that" in answer.content.decode()


def test_a_community_reads_its_own_lines_only(dataset: Dataset, keeper: Person, client: Client) -> None:
    other = make_dataset()
    line = Event.objects.filter(community=other.community.public_id).first()

    assert client.get(address(other.community)).status_code == 404
    assert client.get(address(dataset.community, f"{line.pk}/proof/")).status_code == 404


def test_the_proof_of_a_line_checks_elsewhere(dataset: Dataset, keeper: Person, client: Client) -> None:
    line = Event.objects.filter(verb="policy.revise").latest("pk")

    answer = client.get(address(dataset.community, f"{line.pk}/proof/"))

    assert "attachment" in answer.headers["Content-Disposition"]
    assert log.check_proof(json.loads(answer.content), [signing.public_raw()]).ok


def test_whoever_watches_can_fetch_seal_and_keys(dataset: Dataset, keeper: Person) -> None:
    log.seal()
    nobody = Client()

    seal, keys = nobody.get("/log/checkpoint/"), nobody.get("/log/keys/")

    raw = signing.raw_of(
        signing.load_public(keys.content.decode()[:200].split("-----END")[0] + "-----END PUBLIC KEY-----\n")
    )
    assert log.read_note(seal.content.decode(), [raw])[0] == log.sealed_size()


def test_the_page_looks_through_the_whole_log_when_asked(dataset: Dataset, keeper: Person, client: Client) -> None:
    log.seal()

    assert "The log is whole." in client.get(address(dataset.community), {"look": "1"}).content.decode()


def test_the_list_costs_the_same_whatever_it_shows(
    dataset: Dataset, keeper: Person, client: Client, django_assert_max_num_queries: object
) -> None:
    for number in range(30):
        body = Body(purposes=("teaching",), organisations=("public",), note=str(number))
        policies.revise(dataset, body=body, by=keeper)

    with django_assert_max_num_queries(20):
        assert client.get(address(dataset.community)).status_code == 200
