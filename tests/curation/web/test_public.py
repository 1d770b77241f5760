"""The pages for pipelines: what a visitor sees, what only members see, and what is left of a version that is gone."""

from pathlib import Path

import pytest
from django.test import Client

from curation import pulls, takedowns
from curation.models import Takedown, Version
from curation.pulls import Denied
from governance import signing, withdrawals
from tests.curation.made import open_dataset, published
from tests.curation.test_pulls import grant
from tests.factories import make_dataset, make_person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def files(settings, tmp_path: Path) -> None:
    settings.FILES_ROOT = tmp_path / "files"


@pytest.fixture
def version() -> Version:
    return published(open_dataset())


@pytest.fixture
def keeper(version: Version) -> Client:
    client = Client()
    client.force_login(version.dataset.created_by)
    return client


def page(version: Version, rest: str = "") -> str:
    return f"/datasets/{version.dataset.path}/{rest}"


@pytest.mark.parametrize("rest", ["", "published/", "published/1/", "how-to-pull/"])
def test_a_visitor_reads_every_page_of_a_published_dataset(version: Version, client: Client, rest: str) -> None:
    answer = client.get(page(version, rest))

    assert answer.status_code == 200
    assert version.dataset.name in answer.content.decode()


def test_a_dataset_that_published_nothing_does_not_exist_for_visitors(client: Client) -> None:
    dataset = make_dataset()
    member = Client()
    member.force_login(dataset.created_by)

    assert client.get(f"/datasets/{dataset.path}/").status_code == 404
    assert member.get(f"/datasets/{dataset.path}/").status_code == 200


def test_the_page_of_a_version_gives_lines_that_work_and_hashes_that_hold(version: Version, client: Client) -> None:
    said = client.get(page(version, "published/1/")).content.decode()

    assert f'load_dataset("{version.dataset.path}", revision="v1")'.replace('"', "&quot;") in said.replace(
        '"', "&quot;"
    )
    assert version.commit in said
    assert all(file.sha256 in said for file in version.files.all())


def test_names_of_those_who_gave_are_on_no_page(version: Version, client: Client) -> None:
    teller = version.contributors.get().contributor

    said = "".join(client.get(page(version, rest)).content.decode() for rest in ("", "published/1/"))

    assert teller.name not in said
    assert "fewer than 10 people" in client.get(page(version)).content.decode()


def test_what_is_left_of_a_withdrawn_version_names_its_successor(version: Version, client: Client) -> None:
    teller = version.contributors.get().contributor
    published(version.dataset)

    withdrawals.open(teller, by=make_person(version.community, "steward"), channel="steward")
    answer = client.get(page(version, "published/1/"))

    said = answer.content.decode()
    assert answer.status_code == 410
    assert "was withdrawn" in said
    assert "Go to version 2" in said
    assert teller.name not in said


def test_the_public_key_on_the_page_is_the_one_that_signed(version: Version, client: Client) -> None:
    keyid = signing.current_keyid()

    answer = client.get(f"/keys/{keyid}.pem")

    assert answer.content.decode() == signing.public_keys()[keyid]
    assert client.get("/keys/nobody.pem").status_code == 404


def test_pulls_and_refusals_are_listed_for_members_only(version: Version, keeper: Client, client: Client) -> None:
    token, _ = grant(version)
    other, _ = grant(version, purpose="speech-synthesis")
    access = pulls.open_version(token, version, client="datasets/5.2.0")
    with pytest.raises(Denied):
        pulls.open_version(other, version)

    said = keeper.get(page(version, "pulls/")).content.decode()

    assert token.agreement.party.name in said
    assert "datasets/5.2.0" in said
    assert access.decision[:8] in said
    assert "Refused lately" in said
    assert client.get(page(version, "pulls/")).status_code == 302


def test_a_case_is_opened_and_ended_on_its_page(version: Version, keeper: Client) -> None:
    address = page(version, "versions/1/case/")

    empty = keeper.post(address, {"reason": ""})
    keeper.post(address, {"reason": "It quotes a letter."})
    closed = keeper.get(page(version, "published/1/"))
    keeper.post(f"{address}end/", {"outcome": "unfounded"})

    assert empty.status_code == 422
    assert closed.status_code == 410
    assert "is closed for now" in closed.content.decode()
    assert Takedown.objects.get().status == Takedown.Status.UNFOUNDED
    assert keeper.get(page(version, "published/1/")).status_code == 200


def test_a_case_page_shows_every_state(version: Version, keeper: Client) -> None:
    address, by = page(version, "versions/1/case/"), version.dataset.created_by
    before = keeper.get(address).content.decode()
    case = takedowns.open(version, by=by, reason="It quotes a letter.")
    during = keeper.get(address).content.decode()
    takedowns.close(case, by=by, upheld=True)
    after = keeper.get(address).content.decode()

    assert "Close version 1 now" in before
    assert "Unfounded: bring it back" in during
    assert "withdrawn for good" in after
    assert "upheld" in after
