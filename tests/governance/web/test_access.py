"""Parties, agreements and tokens in the browser; votes too."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from governance import agreements, decisions, parties, policies, votes
from governance.decisions import VersionFacts
from governance.models import Agreement, Dataset, Decision, Party, Person, Proposal, Token
from governance.odrl.decide import ConsentFact
from governance.odrl.policy import Body
from tests.factories import make_agreement, make_dataset, make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def steward(dataset: Dataset, client: Client) -> Person:
    person = make_person(dataset.community, "steward")
    client.force_login(person)
    policies.revise(dataset, body=Body(purposes=("teaching",), organisations=("non-profit",)), by=person)
    return person


def address(dataset: Dataset, rest: str) -> str:
    return f"/communities/{dataset.community.slug}/{rest}"


def signed(dataset: Dataset, by: Person) -> Agreement:
    return make_agreement(dataset, by)


def test_from_a_party_to_a_token_that_is_shown_once(dataset: Dataset, steward: Person, client: Client) -> None:
    there = address(dataset, "parties/")
    day = (timezone.now() + timedelta(days=60)).date().isoformat()

    client.post(there, {"do": "party", "name": "A school", "kind": "non-profit", "contact": ""})
    party = Party.objects.get()
    sign = {
        "party": party.public_id,
        "dataset": dataset.public_id,
        "purpose": "teaching",
        "from_version": "1",
        "expires_at": day,
    }
    client.post(there, {"do": "agreement", **sign})
    agreement = Agreement.objects.get()
    made = client.post(there, {"do": "token", "agreement": agreement.public_id, "label": "evening class"})
    again = client.get(there)

    secret = re.search(r'value="(wh_pull_[^"]+)"', made.content.decode()).group(1)
    assert agreements.token_of(secret).agreement == agreement
    assert made.headers["Cache-Control"].find("no-store") >= 0
    assert secret not in again.content.decode()
    assert "evening class" in again.content.decode()


def test_an_agreement_wider_than_the_rules_is_refused_with_the_reason(
    dataset: Dataset, steward: Person, client: Client
) -> None:
    party = parties.add(dataset.community, name="Northbank", kind="for-profit", by=steward)
    sign = {"party": party.public_id, "dataset": dataset.public_id, "purpose": "text-generation", "from_version": "1"}

    answer = client.post(address(dataset, "parties/"), {"do": "agreement", **sign, "expires_at": "2099-01-01"})

    page = answer.content.decode()
    assert answer.status_code == 422
    assert "The rules do not allow the purpose" in page and "kind of organisation" in page
    assert not Agreement.objects.exists()


def test_ending_can_be_undone_for_half_a_minute(dataset: Dataset, steward: Person, client: Client) -> None:
    agreement = signed(dataset, steward)
    token, secret = agreements.issue_token(agreement, by=steward, label="x")

    client.post(address(dataset, f"tokens/{token.public_id}/end/"))
    ended = Token.objects.get().revoked_at
    client.post(address(dataset, f"tokens/{token.public_id}/end/"), {"undo": "1"})
    client.post(address(dataset, f"agreements/{agreement.public_id}/end/"))
    page = client.get(address(dataset, "parties/")).content.decode()

    assert ended is not None
    assert agreements.token_of(secret)
    assert Agreement.objects.get().ended_at is not None
    assert "Undo" in page


def test_members_look_and_do_not_touch(dataset: Dataset, steward: Person) -> None:
    agreement = signed(dataset, steward)
    member = Client()
    member.force_login(make_person(dataset.community))

    assert "End it" not in member.get(address(dataset, "parties/")).content.decode()
    assert member.post(address(dataset, f"agreements/{agreement.public_id}/end/")).status_code == 403
    stranger = Client()
    stranger.force_login(make_person())
    assert stranger.get(address(dataset, "parties/")).status_code == 404
    assert stranger.post(address(dataset, f"agreements/{agreement.public_id}/end/")).status_code == 404


def test_a_decision_is_shown_with_its_reasons_and_replayed(dataset: Dataset, steward: Person, client: Client) -> None:
    agreement = signed(dataset, steward)
    version = VersionFacts("version", "f" * 32, "d", 1, "published", dataset, ConsentFact(valid=1, withdrawn=1))
    facts = decisions.facts_for(agreement, version_facts=version)
    decision = decisions.decide(agreement=agreement, subject=("version", "f" * 32, "d"), facts=facts)

    page = client.get(address(dataset, f"decisions/{decision.public_id}/")).content.decode()
    Decision.objects.update(outcome="permit", reasons=[])
    forged = client.get(address(dataset, f"decisions/{decision.public_id}/")).content.decode()

    assert "consent-withdrawn" in page and "the same answer" in page
    assert "replays differently" in forged


def test_a_vote_is_read_and_answered(dataset: Dataset, steward: Person, client: Client) -> None:
    keeper = make_person(dataset.community, "keeper")
    proposal = votes.propose(
        community=dataset.community, subject=("thing", "t", "d" * 64), title="A thing", rule_name="version", by=keeper
    )
    there = address(dataset, f"votes/{proposal.public_id}/")

    listed = client.get(address(dataset, "votes/")).content.decode()
    stale = client.post(there, {"choice": "yes", "reason": "", "digest": "e" * 64})
    client.post(there, {"choice": "yes", "reason": "I read it.", "digest": "d" * 64})
    after = client.get(there).content.decode()

    proposal.refresh_from_db()
    assert "Read and vote" in listed
    assert stale.status_code == 422 and "has changed since you looked" in stale.content.decode()
    assert proposal.status == Proposal.Status.PASSED
    assert "I read it." in after and "passed" in after


def test_the_proposer_looks_and_has_no_buttons(dataset: Dataset, steward: Person, client: Client) -> None:
    votes.propose(
        community=dataset.community, subject=("thing", "t", "d" * 64), title="A thing", rule_name="version", by=steward
    )
    there = address(dataset, f"votes/{Proposal.objects.get().public_id}/")

    assert 'name="choice"' not in client.get(there).content.decode()
    assert client.post(there, {"choice": "yes", "digest": "d" * 64}).status_code == 403
