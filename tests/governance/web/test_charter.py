"""The charter, what is decided together, and votes with lent voices and secrets, as pages and by the API."""

import pytest
from django.test import Client

from governance import charters, collective, votes
from governance.models import Community, Dataset, Person, Proposal
from tests.factories import make_dataset, make_keeper, make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def keeper(dataset: Dataset) -> Person:
    return dataset.created_by


def at(dataset: Dataset, there: str) -> str:
    return f"/communities/{dataset.community.slug}/{there}"


def seen_by(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def filled(client: Client, where: str, **changes: object) -> dict[str, object]:
    """The fields of the charter's form as the page gives them, with changes."""
    form = client.get(where).context["form"]
    given = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in (given | changes).items() if value is not None and value is not False}


def test_every_member_reads_the_charter_and_a_stranger_finds_nothing(dataset: Dataset, keeper: Person) -> None:
    charters.change(dataset.community, body={"text": "We decide slowly."}, by=keeper)

    page = seen_by(make_person(dataset.community)).get(at(dataset, "charter/"))

    assert page.status_code == 200
    assert b"We decide slowly." in page.content
    assert b"A version of a dataset" in page.content
    assert seen_by(make_person()).get(at(dataset, "charter/")).status_code == 404
    assert seen_by(make_person(dataset.community)).get(at(dataset, "charter/change/")).status_code == 403


def test_what_would_change_is_shown_first_and_the_others_vote_on_it(dataset: Dataset, keeper: Person) -> None:
    second = make_keeper(dataset.community)
    client = seen_by(keeper)
    where = at(dataset, "charter/change/")
    fields = filled(
        client, where, **{"text": "Slowly.", "policy-asked": "on", "policy-threshold": "1", "why": "Meeting"}
    )

    preview = client.post(where, {**fields, "do": "preview"})
    proposed = client.post(where, {**fields, "do": "save"})
    proposal = Proposal.objects.get()
    read = seen_by(second).get(proposed.headers["Location"])
    seen_by(second).post(proposed.headers["Location"], {"choice": "yes", "digest": proposal.subject_digest})

    assert preview.status_code == 200 and "New rules for a dataset" in preview.content.decode()
    assert proposed.status_code == 302
    assert "What changes if it passes" in read.content.decode() and "Slowly." in read.content.decode()
    body = charters.body_of(Community.objects.get(pk=dataset.community.pk))
    assert body == {"text": "Slowly.", "rules": {"policy": {}}}


def test_what_cannot_be_is_told_at_its_field(dataset: Dataset, keeper: Person) -> None:
    client = seen_by(keeper)
    where = at(dataset, "charter/change/")

    page = client.post(where, filled(client, where, **{"version-secret": "on", "groups": "shore: nobody"}))
    secret = client.post(where, filled(client, where, **{"version-secret": "on"}))

    assert (page.status_code, secret.status_code) == (422, 422)
    assert "Nobody here is called nobody" in page.content.decode()
    assert secret.context["form"].errors.keys() == {"version-max_open_hours"}


def test_an_old_charter_stays_readable(dataset: Dataset, keeper: Person) -> None:
    charters.change(dataset.community, body={"text": "First."}, by=keeper)
    charters.change(dataset.community, body={"text": "Second."}, by=keeper)

    page = seen_by(keeper).get(at(dataset, "charter/2/"))

    assert "First." in page.content.decode()
    assert seen_by(keeper).get(at(dataset, "charter/9/")).status_code == 404


def test_a_decision_of_all_is_asked_voted_and_shown_with_its_signature(dataset: Dataset, keeper: Person) -> None:
    second = make_keeper(dataset.community)
    asked = seen_by(keeper).post(
        at(dataset, "decided-together/"),
        {"dataset": dataset.public_id, "answer": "yes", "purposes": ["teaching"], "minutes": "page 12"},
    )
    proposal = Proposal.objects.get()
    seen_by(second).post(asked.headers["Location"], {"choice": "yes", "digest": proposal.subject_digest})
    made = dataset.collective_decisions.get()

    page = seen_by(make_person(dataset.community)).get(at(dataset, f"decided-together/{made.public_id}/"))
    door = seen_by(keeper).get(f"/api/v1/communities/{dataset.community.slug}/collective-decisions/").json()

    assert made.token in page.content.decode()
    assert collective.verify(door["results"][0]["token"])["outcome"] == "given"
    assert seen_by(make_person()).get(at(dataset, f"decided-together/{made.public_id}/")).status_code == 404


def test_the_api_asks_the_community_too(dataset: Dataset, keeper: Person) -> None:
    door = f"/api/v1/communities/{dataset.community.slug}/collective-decisions/"

    answer = seen_by(keeper).post(
        door, {"dataset": dataset.slug, "purposes": ["teaching"]}, content_type="application/json"
    )

    assert answer.status_code == 202
    assert Proposal.objects.get().public_id == answer.json()["proposal"]


def vote_under(dataset: Dataset, by: Person, **rule: object) -> Proposal:
    community = dataset.community
    community.charter = {"rules": {"thing": {"who": ["keeper", "steward"], "threshold": 2, **rule}}}
    community.save()
    return votes.propose(
        community=community, subject=("thing", "t1", "d" * 64), title="A thing", rule_name="thing", by=by
    )


def test_a_secret_vote_tells_how_many_and_not_what(dataset: Dataset, keeper: Person) -> None:
    steward, other = make_person(dataset.community, "steward"), make_person(dataset.community, "steward")
    proposal = vote_under(dataset, keeper, secret=True, max_open_hours=24)
    votes.cast(proposal, by=steward, choice="no", reason="I fear it.")

    page = seen_by(other).get(at(dataset, f"votes/{proposal.public_id}/")).content.decode()
    listed = seen_by(other).get(at(dataset, "votes/")).content.decode()
    door = seen_by(other).get(f"/api/v1/communities/{dataset.community.slug}/votes/").json()["results"][0]
    ballots = (
        seen_by(other).get(f"/api/v1/communities/{dataset.community.slug}/votes/{proposal.public_id}/ballots/").json()
    )

    assert "have answered, of 2 who may" in page and str(steward) in page
    assert "I fear it." not in page and "I fear it." not in listed
    assert (door["tally"]["no"], door["answered"]) == (0, 1)
    assert ballots in ([], {"results": []}) or ballots.get("results") == []


def test_a_voice_is_lent_used_and_taken_back_on_the_page(dataset: Dataset, keeper: Person) -> None:
    away, holder = make_person(dataset.community, "steward"), make_person(dataset.community, "steward")
    make_person(dataset.community, "steward")
    proposal = vote_under(dataset, keeper, proxies=1)
    where = at(dataset, f"votes/{proposal.public_id}/")

    seen_by(away).post(where + "proxy/", {"holder": holder.public_id, "note": "I am at sea."})
    page = seen_by(holder).get(where).content.decode()
    answer = {"choice": "yes", "digest": proposal.subject_digest, "for_person": away.public_id}
    seen_by(holder).post(where, answer)
    counted = votes.state(proposal).yes
    shown = seen_by(keeper).get(where).content.decode()
    seen_by(away).post(where + "proxy/end/")

    assert "I am at sea." in page and f"Answer for {away}" in page
    assert counted == 1 and f"Said for them by {holder}" in shown
    assert votes.state(proposal).yes == 0
    assert seen_by(holder).post(where, answer).status_code == 404


def test_programs_read_the_charter_and_propose_the_next(dataset: Dataset, keeper: Person) -> None:
    door = f"/api/v1/communities/{dataset.community.slug}/charter/"
    next_one = {"body": {"text": "Slowly."}, "over": 1}
    stranger = seen_by(make_person()).get(door).status_code

    alone = seen_by(keeper).put(door, next_one, content_type="application/json")
    make_keeper(dataset.community)
    asked = seen_by(keeper).put(door, {"body": {"text": "More slowly."}}, content_type="application/json")
    broken = seen_by(keeper).put(door, {"body": {"rules": {"war": {}}}}, content_type="application/json")
    read = seen_by(make_person(dataset.community)).get(door).json()

    assert (stranger, alone.status_code, asked.status_code, broken.status_code) == (404, 200, 202, 422)
    assert asked.json()["proposal"] == Proposal.objects.get().public_id
    assert (read["number"], read["body"]) == (2, {"text": "Slowly."})
    assert read["rules"]["version"]["is_asked"] and read["rules"]["version"]["says"]
