"""Rules, agreements, votes, the log and withdrawals as JSON, over the same operations."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from governance import agreements, policies, votes
from governance.models import Dataset, Person, Sample
from governance.odrl.policy import Body
from tests.factories import add_samples, give_consent, make_contributor, make_dataset, make_person

pytestmark = pytest.mark.django_db
BODY = Body(purposes=("teaching",), organisations=("non-profit",)).to_json()
JSON = "application/json"


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def steward(dataset: Dataset, client: Client) -> Person:
    person = make_person(dataset.community, "steward")
    client.force_login(person)
    return person


def here(dataset: Dataset, rest: str = "") -> str:
    return f"/api/v1/communities/{dataset.community.slug}/{rest}"


def test_rules_are_revised_and_refused_with_every_reason(dataset: Dataset, steward: Person, client: Client) -> None:
    there = f"/api/v1/datasets/{dataset.path}/policies/"

    made = client.post(there, {"body": BODY, "note": "why", "over": 1}, JSON)
    late = client.post(there, {"body": BODY, "over": 1}, JSON)
    wrong = client.post(there, {"body": {**BODY, "purposes": ["sorcery"], "organisations": ["club"]}}, JSON)

    assert (made.status_code, made.json()["number"]) == (201, 2)
    assert (late.status_code, late.json()["code"]) == (409, "policy-moved-on")
    assert [one["code"] for one in wrong.json()["errors"]] == ["purpose-unknown", "organisation-unknown"]
    assert client.get(there).json()["results"][0]["odrl"]["conflict"] == "prohibit"
    assert client.get(there + "2/").json()["digest"] == policies.current(dataset).digest


def test_from_a_party_to_a_token_and_its_end(dataset: Dataset, steward: Person, client: Client) -> None:
    policies.revise(dataset, body=BODY, by=steward)
    end = (timezone.now() + timedelta(days=30)).isoformat()

    party = client.post(here(dataset, "parties/"), {"name": "A school", "kind": "non-profit"}, JSON).json()
    wanted = {"party": party["id"], "dataset": dataset.slug, "purpose": "teaching", "expires_at": end}
    agreement = client.post(here(dataset, "agreements/"), wanted, JSON).json()
    tokens = here(dataset, f"agreements/{agreement['id']}/tokens/")
    token = client.post(tokens, {"label": "class"}, JSON)
    listed = client.get(tokens).json()
    ended = client.delete(f"{tokens}{token.json()['id']}/")

    assert agreements.PREFIX in token.json()["secret"]
    assert token.headers["Cache-Control"] == "no-store"
    assert "secret" not in listed[0]
    assert ended.json()["revoked_at"]
    assert client.delete(here(dataset, f"agreements/{agreement['id']}/")).json()["ended_at"]


def test_a_ballot_is_cast(dataset: Dataset, steward: Person, client: Client) -> None:
    keeper = make_person(dataset.community, "keeper")
    proposal = votes.propose(
        community=dataset.community, subject=("thing", "t", "d" * 64), title="A thing", rule_name="version", by=keeper
    )

    cast = client.post(here(dataset, f"votes/{proposal.public_id}/ballots/"), {"choice": "yes"}, JSON)

    assert cast.status_code == 201
    assert client.get(here(dataset, "votes/")).json()["results"][0]["status"] == "passed"


def test_one_takes_back_ones_own_words(dataset: Dataset, client: Client) -> None:
    person = make_person(dataset.community)
    teller = make_contributor(dataset.community, person=person)
    give_consent(teller, "teaching")
    add_samples(dataset, ["one"], teller)
    client.force_login(person)

    opened = client.post(here(dataset, "withdrawals/"), {}, JSON)

    assert opened.status_code == 201
    assert not Sample.objects.not_held().exists()
    assert client.get(here(dataset, f"withdrawals/{opened.json()['id']}/")).status_code == 200


def test_the_log_is_listed(dataset: Dataset, steward: Person, client: Client) -> None:
    policies.revise(dataset, body=BODY, by=steward)

    lines = client.get(here(dataset, "log/"), {"verb": "policy.revise"}).json()["results"]

    assert [line["verb"] for line in lines] == ["policy.revise", "policy.revise"]


def test_strangers_find_nothing_and_the_nameless_must_sign_in(dataset: Dataset, client: Client) -> None:
    places = ["log/", "parties/", "agreements/", "votes/"]
    nameless = {client.get(here(dataset, place)).status_code for place in places}
    client.force_login(make_person())
    strange = {client.get(here(dataset, place)).status_code for place in places}

    assert nameless <= {401, 403}
    assert strange == {404}
