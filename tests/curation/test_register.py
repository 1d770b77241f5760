"""The register of processing says what is true, where it was read, and nothing else."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from curation import register
from governance import parties, policies
from governance.models import Agreement, Dataset
from tests.factories import add_samples, give_consent, make_community, make_contributor, make_dataset, make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset() -> Dataset:
    dataset = make_dataset()
    body = {
        "purposes": ["teaching"], "organisations": ["non-profit"], "commercial": False, "prohibited": [], "expires_on": None,
        "terms": [], "note": "",
    }  # fmt: skip
    policies.revise(dataset, body=body, by=dataset.created_by)
    yes, no = make_contributor(dataset.community), make_contributor(dataset.community)
    give_consent(yes, "teaching")
    give_consent(no, "teaching", status="ConsentRefused")
    add_samples(dataset, ["one", "two"], contributor=yes)
    add_samples(dataset, ["three"], contributor=no)
    return dataset


def test_each_purpose_tells_its_rules_consents_and_recipients(dataset: Dataset) -> None:
    party = parties.add(dataset.community, name="School", kind="non-profit", contact="office", by=dataset.created_by)
    Agreement.objects.create(
        party=party, dataset=dataset, purpose="teaching", policy=dataset.policies.get(number=2), signed_by=dataset.created_by,
        expires_at=timezone.now() + timedelta(days=30), in_force_at=timezone.now(), place="NZ",
    )  # fmt: skip

    (one,) = register.of(dataset.community)
    said = register.document(dataset.community)["activities"][0]  # type: ignore[index]  # a list

    assert (one.purpose, one.is_allowed, one.consenting, one.contributors, one.samples) == ("teaching", True, 1, 2, 2)
    assert [(r.agreement.party.name, r.is_in_force, r.pulls) for r in one.recipients] == [("School", True, 0)]
    assert said["rules"]["source"] == {"kind": "policy-revision", "id": one.policy.public_id}
    assert said["recipients"][0]["place"] == "NZ"


def test_nothing_is_invented_where_nothing_was_said() -> None:
    community = make_community()
    make_dataset(community)

    assert register.of(community) == []
    said = register.document(community)
    assert said["controller"]["contact"] is None  # type: ignore[index]  # a dict
    assert said["activities"] == []


def test_it_is_a_page_and_json_for_the_desk_and_nothing_for_others(dataset: Dataset) -> None:
    page, door = (
        f"/communities/{dataset.community.slug}/register/",
        f"/api/v1/communities/{dataset.community.slug}/register/",
    )
    client = Client()

    client.force_login(make_person(dataset.community, "steward"))
    read, json_read = client.get(page), client.get(door)
    client.force_login(make_person(dataset.community))
    refused = client.get(page), client.get(door)

    assert read.status_code == 200 and "1 of 2 contributors say yes" in read.content.decode()
    assert json_read.json()["activities"][0]["purpose"] == "urn:wellhouse:purpose:teaching"
    assert [answer.status_code for answer in refused] == [404, 404]
