"""The pages of groups: members read what is theirs, a group's keepers act, and nobody else finds anything."""

import json

import pytest
from django.test import Client

from governance import protocols
from governance.models import GroupMembership, Person, ProtocolGroup, Sample
from tests.factories import add_samples, make_community, make_dataset, make_keeper, make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def group() -> ProtocolGroup:
    community = make_community("saltmarsh")
    dataset = make_dataset(community, make_person(community, "keeper", username="ona"), "tide-tales")
    add_samples(dataset, ["one tale", "two tales", "three songs"])
    singer = make_person(community, username="singer")
    return protocols.found(community, name="ebb singers", by=dataset.created_by, first_keeper=singer)


def browser(username: str) -> Client:
    client = Client()
    client.force_login(Person.objects.get(username=username))
    return client


def test_a_member_reads_their_own_groups_and_nobody_elses_name(group):
    make_person(group.community, username="pike")
    here = "/communities/saltmarsh/groups/"

    assert "ebb singers" in browser("singer").get(here).content.decode()
    for other in ("ona", "pike"):
        assert "ebb singers" not in browser(other).get(here).content.decode()
        assert browser(other).get(f"{here}{group.public_id}/").status_code == 404
        assert browser(other).post(f"{here}{group.public_id}/season/", {"state": "closed"}).status_code == 404


def test_a_keeper_of_the_group_lets_in_and_out_and_closes_it(group):
    pike, client = make_person(group.community, username="pike"), browser("singer")
    here = f"/communities/saltmarsh/groups/{group.public_id}/"

    client.post(f"{here}people/", {"person": pike.public_id})
    row = GroupMembership.objects.get(person=pike)
    assert "Pike" in client.get(here).content.decode()
    client.post(f"{here}season/", {"state": "closed"})
    assert not protocols.is_in_season(group)
    assert "closed for now" in browser("pike").get(here).content.decode()
    client.post(f"{here}windows/", {"opens_on": "2020-11-01", "closes_on": "2021-02-28", "is_yearly": "on"})
    assert "every year from 1 November to 28 February" in client.get(here).content.decode()
    client.post(f"{here}windows/{group.windows.get().public_id}/end/")
    client.post(f"{here}season/", {"state": "always"})
    assert protocols.is_in_season(group)
    client.post(f"{here}people/{row.public_id}/end/")
    assert browser("pike").get(here).status_code == 404


def test_a_group_that_nobody_keeps_gets_a_keeper_without_telling_its_name(group):
    browser("singer").post(
        f"/communities/saltmarsh/groups/{group.public_id}/people/{GroupMembership.objects.get().public_id}/end/"
    )
    client, here = browser("ona"), f"/communities/saltmarsh/groups/{group.public_id}/"

    assert group.public_id in client.get("/communities/saltmarsh/groups/").content.decode()
    page = client.get(here).content.decode()
    assert "ebb singers" not in page
    client.post(f"{here}people/", {"person": Person.objects.get(username="singer").public_id, "is_keeper": "on"})

    assert GroupMembership.objects.current().get().person.username == "singer"
    assert client.get(here).status_code == 404


def test_what_a_search_finds_is_given_to_the_keepers_alone_and_back(group):
    client, here = browser("ona"), "/datasets/saltmarsh/tide-tales/protection/"
    assert "2 samples that you found" in client.get(f"{here}?q=tale").content.decode()

    client.post(f"{here}?q=tale", {"needs": "any"})

    assert sorted(s.text for s in Sample.objects.filter(protocol=None)) == ["one tale", "two tales"]
    everyone = ProtocolGroup.objects.get(is_open=True)
    uid = Sample.objects.get(data__text="one tale").uid
    client.post(f"{here}?uid={uid}", {"needs": "any", "groups": everyone.public_id})
    assert [s.text for s in Sample.objects.filter(protocol=None)] == ["two tales"]
    assert client.get(f"{here}?uid={'0' * 32}").status_code == 404
    make_person(group.community, username="pike")
    assert browser("pike").get(here).status_code == 403


def test_a_program_does_the_same(group):
    make_keeper(group.community)
    singer, ona = browser("singer"), browser("ona")
    here, kind = f"/api/v1/communities/saltmarsh/groups/{group.public_id}/", {"content_type": "application/json"}

    assert [row["name"] for row in singer.get("/api/v1/communities/saltmarsh/groups/").json()["results"]] == [
        protocols.known_to(Person.objects.get(username="ona"), group.community).get().name,
        "ebb singers",
    ]
    assert ona.get(f"{here}people/").status_code == 404
    assert singer.put(f"{here}season/", json.dumps({"state": "closed"}), **kind).json()["is_open_now"] is False
    uids = [s.uid for s in Sample.objects.all() if "tale" in s.text]
    done = ona.post(
        "/api/v1/datasets/saltmarsh/tide-tales/protection/", json.dumps({"samples": uids, "groups": []}), **kind
    )
    assert done.json() == {"changed": 2}
    missing = ona.post(
        "/api/v1/datasets/saltmarsh/tide-tales/protection/",
        json.dumps({"samples": [*uids, "0" * 32], "groups": []}),
        **kind,
    )
    assert missing.status_code == 404
