"""Feature 9: protocol groups inside the community, any/all, seasons, keepers, no operator bypass.

*Test:* a superuser without membership gets 404, not 403, in list, detail, search, count, export, task queue, thumbnail,
websocket and admin; closing a season empties an already open queue.
"""

from datetime import datetime, timedelta
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from annotations import leases
from annotations.models import Annotation, Campaign, Lease
from annotations.web.serializers import LeaseSerializer
from curation import checking, standing
from curation.models import CheckRun, Finding
from governance import media, protocols, samples
from governance.kernel.errors import Conflict
from governance.models import Media, Person, ProtocolGroup, Sample
from tests.annotations.makers import answer, claimed, make_campaign, picked
from tests.curation.made import make_version
from tests.factories import add_samples, make_community, make_dataset, make_keeper, make_person

pytestmark = pytest.mark.django_db

SECRET = "the song of the ebb"


@pytest.fixture
def campaign(tmp_path, settings) -> Campaign:
    """Work over one open sample and two of a strict group whose only keeper is a plain member of the community."""
    settings.FILES_ROOT = tmp_path
    community = make_community("saltmarsh")
    keeper = make_keeper(community)
    dataset = make_dataset(community, keeper, "tide-tales")
    add_samples(dataset, ["a tale for all", SECRET, SECRET + ", again"])
    made = make_campaign(0, dataset=dataset, overlap=1)
    group = protocols.found(community, name="ebb singers", by=keeper, first_keeper=make_person(community))
    mine = protocols.protocol_of(community, [group])
    Sample.objects.filter(data__text__startswith=SECRET).update(protocol=mine)
    return made


def the_group() -> ProtocolGroup:
    return ProtocolGroup.objects.get(name="ebb singers")


def insider() -> Person:
    return the_group().memberships.get().person


def secret() -> Sample:
    return Sample.objects.filter(data__text=SECRET).get()


def browser(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def superuser(campaign: Campaign, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Somebody who runs the machine: every flag that a framework knows is up, and no membership is theirs."""
    for flag in ("is_superuser", "is_staff", "is_admin"):
        monkeypatch.setattr(Person, flag, True, raising=False)
    for can in ("has_perm", "has_perms", "has_module_perms"):
        monkeypatch.setattr(Person, can, lambda *_args: True, raising=False)
    return browser(make_person())


def test_a_superuser_without_membership_gets_404_as_for_what_does_not_exist(superuser: Client, campaign: Campaign):
    uid, version = secret().uid, make_version(campaign.dataset, [Sample.objects.first()])
    run = checking.start(campaign.dataset, by=campaign.created_by)
    finding = Finding.objects.create(
        run=run, check_id="pii", check_version="1", status="warn", evidence=[{"ids": [uid]}]
    )
    here, api = "/datasets/saltmarsh/tide-tales/", "/api/v1/datasets/saltmarsh/tide-tales/"
    lease = claimed(campaign, make_person(campaign.community))
    addresses = {
        "list": [f"{here}samples/", f"{api}samples/", f"{here}campaigns/", f"{here}versions/", f"{api}versions/"],
        "detail": [f"{here}samples/{uid}/", f"{api}samples/{uid}/", f"/api/v1/versions/{version.public_id}/"],
        "search": [f"{here}samples/?q=ebb", f"/communities/saltmarsh/log/?words={uid}"],
        "count": ["/communities/saltmarsh/", "/communities/saltmarsh/today/", f"{here}campaigns/{campaign.slug}/"],
        "export": [
            f"{here}quality/findings.csv",
            f"{here}findings/{finding.public_id}/evidence.csv",
            f"/api/v1/findings/{finding.public_id}/",
        ],
        "task queue": [
            f"/tasks/{campaign.public_id}/",
            f"/review/{campaign.public_id}/",
            f"/api/v1/campaigns/{campaign.public_id}/",
        ],
        "thumbnail": [f"{here}samples/{uid}/media/"],
        "websocket": ["/ws/", f"/ws/campaigns/{campaign.public_id}/"],
        "admin": ["/admin/", "/admin/governance/sample/", "/admin/login/"],
    }

    for what, paths in addresses.items():
        for path in paths:
            answer_here = superuser.get(path)
            assert answer_here.status_code == 404, (what, path)
            assert "ebb singers" not in answer_here.content.decode(), (what, path)
            assert SECRET not in answer_here.content.decode(), (what, path)
            other = path.replace("saltmarsh", "nowhere").replace(uid, "0" * 32)
            elsewhere = superuser.get(other)
            # But for the address itself, which the page repeats, nobody can tell one from the other.
            assert without(answer_here.content, path) == without(elsewhere.content, other), (what, path)
    for post in (f"/api/v1/campaigns/{campaign.public_id}/leases/", f"/api/v1/leases/{lease.public_id}/heartbeat/"):
        assert superuser.post(post).status_code == 404


def without(page: bytes, path: str) -> str:
    return page.decode().replace(path, "").replace(quote(path), "")


def test_no_account_can_be_given_a_flag_that_opens_anything():
    columns = {field.name for field in Person._meta.get_fields()}

    assert not columns & {"is_superuser", "is_staff", "is_admin", "groups", "user_permissions"}
    assert not hasattr(Person.objects, "create_superuser")
    assert not [r for r in get_resolver().reverse_dict if isinstance(r, str) and r.startswith(("admin", "ws"))]


def test_a_keeper_of_the_community_outside_the_group_finds_no_trace_of_it(campaign: Campaign):
    keeper, uid = browser(campaign.created_by), secret().uid
    secret_media = Media.objects.create(sha256="a" * 64, size=4, mime="audio/wav", suffix="wav")
    media.path_of("a" * 64).parent.mkdir(parents=True, exist_ok=True)
    media.path_of("a" * 64).write_bytes(b"RIFF")
    Sample.objects.filter(uid=uid).update(media=secret_media)
    here, api = "/datasets/saltmarsh/tide-tales/", "/api/v1/datasets/saltmarsh/tide-tales/"

    assert keeper.get(f"{here}samples/{uid}/").status_code == 404
    assert keeper.get(f"{here}samples/{uid}/media/").status_code == 404
    assert keeper.get(f"{api}samples/{uid}/").status_code == 404
    assert [one["data"]["text"] for one in keeper.get(f"{api}samples/").json()["results"]] == ["a tale for all"]
    assert keeper.get(f"{api}samples/").json()["count"] == 1
    listed = keeper.get(f"{here}samples/").content.decode()
    assert "1 sample is open to you" in listed
    assert uid not in listed
    assert "No sample fits" in keeper.get(f"{here}samples/?q=ebb").content.decode()
    assert "of 1 samples are done" in keeper.get(f"{here}campaigns/{campaign.slug}/").content.decode()
    assert leases.claim(campaign, by=campaign.created_by).task.sample.text == "a tale for all"
    kept = browser(insider()).get(f"{here}samples/{uid}/media/")
    assert (kept.status_code, kept.headers["Cache-Control"]) == (200, "private, no-store")


def test_evidence_that_names_a_sample_of_the_group_is_shown_to_its_people_only(campaign: Campaign):
    uid, open_uid = secret().uid, Sample.objects.get(data__text="a tale for all").uid
    run = checking.start(campaign.dataset, by=campaign.created_by)
    CheckRun.objects.filter(pk=run.pk).update(status="done")
    rows = [{"ids": [uid]}, {"ids": [open_uid]}, {"ids": [open_uid, uid]}]
    finding = Finding.objects.create(
        run=run, check_id="pii", check_version="1", status="warn", evidence=rows, evidence_total=3
    )
    here = "/datasets/saltmarsh/tide-tales/"
    doors = [
        f"{here}findings/{finding.public_id}/",
        f"{here}findings/{finding.public_id}/evidence.csv",
        f"{here}quality/findings.csv",
        f"/api/v1/findings/{finding.public_id}/",
    ]

    for door in doors:
        assert uid not in browser(campaign.created_by).get(door).content.decode(), door
        assert open_uid[:8] in browser(campaign.created_by).get(door).content.decode(), door
        assert uid[:8] in browser(insider()).get(door).content.decode(), door


def test_closing_a_season_empties_an_already_open_queue(campaign: Campaign):
    me = insider()
    first = answer(campaign, me)
    held = claimed(campaign, me)
    assert held.task.sample.text.startswith(SECRET)
    assert browser(me).get(f"/tasks/{campaign.public_id}/").content.decode().count(SECRET)

    protocols.close_now(the_group(), by=me)

    page = browser(me).get(f"/tasks/{campaign.public_id}/").content.decode()
    assert SECRET not in page
    assert "Everything here has been answered" in page
    assert leases.claim(campaign, by=me) is None
    with pytest.raises(Conflict) as late:
        leases.require_shown(held)
    assert late.value.code == "moved-on"
    assert browser(me).post(f"/api/v1/leases/{held.public_id}/heartbeat/").json()["code"] == "moved-on"
    assert LeaseSerializer(Lease.objects.get(pk=held.pk)).data["data"] is None
    sent = browser(me).post(
        f"/api/v1/leases/{held.public_id}/annotation/",
        {"result": picked(), "client_id": "late-answer"},
        content_type="application/json",
    )
    assert (sent.status_code, sent.json()["code"]) == (409, "moved-on")
    assert list(Annotation.objects.all()) == [first]
    assert browser(me).get(f"/datasets/saltmarsh/tide-tales/samples/{secret().uid}/").status_code == 404

    protocols.open_now(the_group(), by=me)

    assert claimed(campaign, me).task.sample.text.startswith(SECRET)


def test_a_season_that_closes_by_the_clock_needs_no_job(campaign: Campaign):
    me, group = insider(), the_group()
    today = timezone.localdate()
    protocols.set_window(group, by=me, opens_on=today, closes_on=today)
    assert claimed(campaign, me)
    tomorrow = timezone.now() + timedelta(days=1)

    assert Sample.objects.visible_to(me).count() == 3
    assert [sample.text for sample in Sample.objects.visible_to(me, tomorrow)] == ["a tale for all"]
    leases.reap(tomorrow)
    assert claimed_at(campaign, me, tomorrow) == "a tale for all"


def claimed_at(campaign: Campaign, by: Person, now: datetime) -> str:
    lease = leases.claim(campaign, by=by, now=now)
    assert lease is not None
    return lease.task.sample.text


def test_a_closed_season_holds_the_versions_that_contain_its_samples_until_it_opens(campaign: Campaign):
    keeper = campaign.created_by
    version = make_version(campaign.dataset, list(Sample.objects.filter(data__text="a tale for all")), "published")
    everyone = ProtocolGroup.objects.get(is_open=True)
    assert standing.of(version).is_open

    protocols.close_now(everyone, by=keeper)

    closed = standing.of(version)
    assert (closed.code, closed.held) == ("on-hold", 1)
    assert not samples.usable(campaign.dataset, ["teaching"]).exists()
    protocols.open_now(everyone, by=keeper)
    assert standing.of(version).is_open


def test_a_sample_that_became_a_groups_own_holds_the_version_that_has_it(campaign: Campaign):
    keeper = campaign.created_by
    one = Sample.objects.filter(data__text="a tale for all")
    version = make_version(campaign.dataset, list(one), "published")
    assert standing.of(version).is_open

    protocols.protect(campaign.dataset, samples=one, groups=[], by=keeper)

    assert standing.of(version).code == "on-hold"
