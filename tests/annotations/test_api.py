"""The JSON twins: the same operations, the same refusals, as problem documents."""

import pytest
from rest_framework.test import APIClient

from annotations import flags
from annotations.models import Annotation, Campaign, Flag, Lease
from governance import holds
from governance.kernel import jobs
from governance.models import Hold, Person, Sample
from tests.annotations.makers import CONFIG, answer, make_campaign, make_draft, member, picked
from tests.factories import make_person

pytestmark = pytest.mark.django_db


def signed_in(person: Person) -> APIClient:
    client = APIClient()
    client.force_login(person)
    return client


def base(campaign: Campaign) -> str:
    return f"/api/v1/datasets/{campaign.community.slug}/{campaign.dataset.slug}/"


def test_a_campaign_goes_from_draft_to_answer_by_json() -> None:
    dataset = make_draft(2).dataset
    campaign = Campaign.objects.get()
    steward, person = signed_in(member(campaign, "steward")), signed_in(member(campaign))
    given = {"slug": "by-json", "name": "By JSON", "config": CONFIG, "overlap": 1}

    made = steward.post(base(campaign) + "campaigns/", given, format="json")
    here = f"/api/v1/campaigns/{made.json()['id']}/"
    opened = steward.put(here + "state/", {"state": "open"}, format="json")
    jobs.work_waiting()
    claimed = person.post(here + "leases/").json()["lease"]
    sent = {"result": picked("Sad"), "client_id": "client-one", "seconds": 2.5}
    first = person.post(f"/api/v1/leases/{claimed['id']}/annotation/", sent, format="json")
    again = person.post(f"/api/v1/leases/{claimed['id']}/annotation/", sent, format="json")

    assert made.status_code == 201
    assert opened.status_code == 202
    assert claimed["data"] == {"text": "tale 0"}
    assert (first.status_code, first.json()["label"], first.json()["standing"]) == (201, "Sad", "counts")
    assert again.json()["id"] == first.json()["id"]
    assert {row["slug"] for row in steward.get(base(campaign) + "campaigns/").json()["results"]} == {
        "by-json",
        "feelings",
    }
    assert person.get(here).json()["dataset"] == dataset.path


def test_a_bad_config_is_a_problem_document_with_lines() -> None:
    campaign = make_draft(1)
    given = {"slug": "x", "name": "X", "config": CONFIG.replace("Plain", "Sad"), "overlap": 1}

    response = signed_in(member(campaign, "keeper")).post(base(campaign) + "campaigns/", given, format="json")

    assert response.status_code == 422
    assert response.headers["Content-Type"].startswith("application/problem+json")
    body = response.json()
    assert body["code"] == "campaign-invalid"
    assert [(error["code"], error["line"]) for error in body["errors"]] == [("choice-twice", 7)]


def test_a_bad_answer_is_a_problem_document_with_pointers() -> None:
    campaign = make_campaign(1)
    client = signed_in(member(campaign))
    lease = client.post(f"/api/v1/campaigns/{campaign.public_id}/leases/").json()["lease"]

    sent = {"result": picked("Angry"), "client_id": "client-one"}
    response = client.post(f"/api/v1/leases/{lease['id']}/annotation/", sent, format="json")
    strange = client.post(f"/api/v1/leases/{lease['id']}/annotation/", sent | {"result": {"a": 1}}, format="json")

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/result/0/value/choices/0"
    assert strange.status_code == 422
    assert not Annotation.objects.exists()


def test_an_empty_queue_says_why() -> None:
    campaign = make_campaign(1, overlap=1)
    answer(campaign, member(campaign))

    body = signed_in(member(campaign)).post(f"/api/v1/campaigns/{campaign.public_id}/leases/").json()

    assert body["lease"] is None
    assert "answered" in body["why"]


def test_heartbeat_skip_undo_review_and_flags_have_twins() -> None:
    campaign = make_campaign(3, overlap=1)
    author, reviewer, keeper = member(campaign), member(campaign, "reviewer"), member(campaign, "keeper", "authority")
    client = signed_in(author)
    first = client.post(f"/api/v1/campaigns/{campaign.public_id}/leases/").json()["lease"]["id"]
    assert client.post(f"/api/v1/leases/{first}/heartbeat/").status_code == 200
    assert client.post(f"/api/v1/leases/{first}/skip/", {"reason": "later"}, format="json").json()["state"] == 2
    made = answer(campaign, author)
    undone = client.delete(f"/api/v1/annotations/{made.public_id}/").json()
    assert undone["state"] == Lease.State.OPEN
    sent = {"result": picked(), "client_id": "client-two", "flag": {"kind": "harmful"}}
    kept = client.post(f"/api/v1/leases/{undone['id']}/annotation/", sent, format="json").json()["id"]

    verdict = {"verdict": "reject", "reason": "spelling"}
    mine = client.post(f"/api/v1/annotations/{kept}/review/", verdict, format="json")
    theirs = signed_in(reviewer).post(f"/api/v1/annotations/{kept}/review/", verdict, format="json")
    uid = Sample.objects.order_by("pk")[2].uid
    raised = signed_in(keeper).post(base(campaign) + f"samples/{uid}/flags/", {"kind": "sacred"}, format="json").json()
    listed = signed_in(keeper).get(base(campaign) + "flags/").json()["count"]
    resolved = signed_in(keeper).post(
        f"/api/v1/flags/{raised['id']}/resolution/", {"verdict": "dismissed"}, format="json"
    )

    assert mine.status_code == 403
    assert (theirs.status_code, "reviewer" in theirs.json()) == (201, False)
    assert raised["holds"] is True
    assert listed == 2
    assert resolved.json()["status"] == "dismissed"
    assert Hold.objects.get().lifted_at is not None
    assert signed_in(reviewer).get(base(campaign) + "flags/").status_code == 403


def test_strangers_find_nothing_and_who_is_not_signed_in_is_told_so() -> None:
    campaign = make_campaign(1)
    stranger = signed_in(make_person())
    mine = answer(campaign, member(campaign))
    flag = flags.raise_flag(Sample.objects.get(), by=member(campaign), kind="harmful")

    for address in (
        f"/api/v1/campaigns/{campaign.public_id}/leases/",
        f"/api/v1/leases/{Lease.objects.get().public_id}/heartbeat/",
        f"/api/v1/annotations/{mine.public_id}/review/",
        f"/api/v1/flags/{flag.public_id}/resolution/",
        base(campaign) + f"samples/{Sample.objects.get().uid}/flags/",
    ):
        given = {"verdict": "accept", "kind": "harmful"}
        assert stranger.post(address, given, format="json").status_code == 404, address
        assert APIClient().post(address, given, format="json").status_code in {401, 403}, address

    assert Flag.objects.count() == 1


@pytest.mark.parametrize("result", ["5", "true", '"Glad"', '{"a": 1}', "[1]", "[" * 3000 + "]" * 3000])
def test_an_answer_that_is_no_list_of_results_is_refused_and_breaks_nothing(result: str) -> None:
    campaign = make_campaign(1)
    person = signed_in(member(campaign))
    lease = person.post(f"/api/v1/campaigns/{campaign.public_id}/leases/").json()["lease"]

    sent = person.post(
        f"/api/v1/leases/{lease['id']}/annotation/",
        f'{{"client_id": "client-one", "result": {result}}}',
        content_type="application/json",
    )

    assert sent.status_code in {400, 422}
    assert not Annotation.objects.exists()


def test_a_sample_that_rests_cannot_be_answered_and_is_shown_to_nobody_who_had_it_in_hand() -> None:
    campaign = make_campaign(1)
    person = signed_in(member(campaign))
    lease = person.post(f"/api/v1/campaigns/{campaign.public_id}/leases/").json()["lease"]
    holds.rest(Sample.objects.get(), by=campaign.created_by)
    here = f"/api/v1/leases/{lease['id']}/"

    sent = person.post(here + "annotation/", {"result": picked(), "client_id": "client-one"}, format="json")
    beat = person.post(here + "heartbeat/")

    assert (sent.status_code, sent.json()["code"]) == (409, "sample-rests")
    assert not Annotation.objects.exists()
    assert beat.json()["data"] is None
    assert "tale 0" not in sent.content.decode() + beat.content.decode()


def test_undoing_an_answer_shows_nothing_that_came_to_rest_since() -> None:
    campaign = make_campaign(1)
    somebody = member(campaign)
    made = answer(campaign, somebody)
    holds.rest(Sample.objects.get(), by=campaign.created_by)

    undone = signed_in(somebody).delete(f"/api/v1/annotations/{made.public_id}/")

    assert undone.status_code == 200
    assert "tale 0" not in undone.content.decode()
