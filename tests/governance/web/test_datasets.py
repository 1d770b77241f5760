"""Registering a dataset, as a page and as JSON."""

import pytest
from django.test import Client

from governance import policies
from governance.models import Community, Dataset, Event, Person
from tests.factories import make_community, make_dataset, make_person

pytestmark = pytest.mark.django_db
NEW = {"name": "River words", "slug": "river-words", "modality": "text", "language": "ha", "description": ""}


@pytest.fixture
def community() -> Community:
    return make_community()


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_a_steward_registers_a_dataset_that_allows_nothing(community: Community) -> None:
    steward = make_person(community, "steward")

    answer = signed_in(steward).post(f"/communities/{community.slug}/datasets/", NEW)

    made = Dataset.objects.get(community=community)
    assert answer.status_code == 302
    assert answer["Location"] == f"/datasets/{community.slug}/river-words/imports/"
    assert policies.current(made).body["purposes"] == []
    assert Event.objects.filter(verb="dataset.register", actor=steward.ref).count() == 1


def test_a_short_name_that_is_taken_is_told_and_nothing_typed_is_lost(community: Community) -> None:
    steward = make_person(community, "steward")
    make_dataset(community, by=steward, slug="river-words")

    answer = signed_in(steward).post(f"/communities/{community.slug}/datasets/", NEW)

    assert "already has a dataset" in answer.content.decode()
    assert 'value="River words"' in answer.content.decode()
    assert Dataset.objects.filter(community=community).count() == 1


def test_a_contributor_sees_the_list_and_registers_nothing(community: Community) -> None:
    make_dataset(community, slug="tales")
    client = signed_in(make_person(community, "contributor"))
    there = f"/communities/{community.slug}/datasets/"

    assert "Register it" not in client.get(there).content.decode()
    assert client.post(there, NEW).status_code == 403
    assert client.post(f"/api/v1{there}", NEW).status_code == 403
    assert not Dataset.objects.filter(slug="river-words").exists()


def test_for_a_stranger_there_is_no_such_page(community: Community) -> None:
    stranger = signed_in(make_person(make_community(), "keeper"))

    assert stranger.get(f"/communities/{community.slug}/datasets/").status_code == 404
    assert stranger.post(f"/api/v1/communities/{community.slug}/datasets/", NEW).status_code == 404


def test_a_program_registers_and_lists(community: Community) -> None:
    client = signed_in(make_person(community, "keeper"))
    there = f"/api/v1/communities/{community.slug}/datasets/"

    made = client.post(there, NEW, content_type="application/json")
    twice = client.post(there, NEW, content_type="application/json")
    listed = client.get(there)

    assert made.status_code == 201
    assert made.json()["slug"] == "river-words"
    assert twice.status_code == 409
    assert [one["slug"] for one in listed.json()["results"]] == ["river-words"]
