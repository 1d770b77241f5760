"""The pages of work: they work without script, say why, and show nobody what is not theirs."""

import gzip
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from annotations import flags, leases, reviews
from annotations.models import Annotation, Campaign, Flag, Lease, Review
from governance import holds
from governance.kernel import jobs
from governance.models import Hold, Media, Person, Sample
from tests.annotations.makers import CONFIG, answer, make_campaign, make_draft, member
from tests.factories import add_samples, make_contributor, make_person

pytestmark = pytest.mark.django_db


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def hidden(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found, name
    return found.group(1)


def send(client: Client, campaign: Campaign, html: str, **more: str) -> str:
    given = {"lease": hidden(html, "lease"), "client_id": hidden(html, "client_id"), **more}
    response = client.post(f"/tasks/{campaign.public_id}/", given, follow=True)
    return response.content.decode()


def test_a_member_answers_by_a_plain_form_and_gets_the_next_one() -> None:
    campaign = make_campaign(2, overlap=1)
    client = signed_in(member(campaign))
    html = client.get(f"/tasks/{campaign.public_id}/").content.decode()
    assert "tale 0" in html
    assert "What feeling does the speaker show?" in html
    assert 'data-key="3"' in html

    following = send(client, campaign, html, **{"a.feeling": "Sad", "seconds": "3.5"})

    assert (Annotation.objects.get().label, Annotation.objects.get().seconds) == ("Sad", 3.5)
    assert "tale 1" in following
    assert "Saved: Sad" in following
    last = send(client, campaign, following, **{"a.feeling": "Glad"})
    assert "Everything here has been answered" in last


def test_the_same_form_sent_twice_is_one_answer() -> None:
    campaign = make_campaign(2)
    client = signed_in(member(campaign))
    html = client.get(f"/tasks/{campaign.public_id}/").content.decode()

    send(client, campaign, html, **{"a.feeling": "Sad"})
    send(client, campaign, html, **{"a.feeling": "Sad"})

    assert Annotation.objects.count() == 1


def test_a_wrong_answer_comes_back_with_what_was_given_and_why() -> None:
    campaign = make_campaign(1)
    client = signed_in(member(campaign))
    html = client.get(f"/tasks/{campaign.public_id}/").content.decode()
    given = {
        "lease": hidden(html, "lease"),
        "client_id": hidden(html, "client_id"),
        "flag": "harmful",
        "flag_text": "oh",
    }

    response = client.post(f"/tasks/{campaign.public_id}/", given)
    html = response.content.decode()

    assert response.status_code == 422
    assert html.count("This must be answered; or skip it.") == 1
    assert '<option value="harmful" selected>' in html
    assert not Annotation.objects.exists()


def test_skip_undo_and_flag_are_one_post_each() -> None:
    campaign = make_campaign(4, overlap=1)
    person = member(campaign)
    client = signed_in(person)
    html = client.get(f"/tasks/{campaign.public_id}/").content.decode()

    client.post(f"/tasks/{campaign.public_id}/skip/", {"lease": hidden(html, "lease"), "reason": "not-sure"})
    html = client.get(f"/tasks/{campaign.public_id}/").content.decode()
    assert "tale 1" in html
    send(client, campaign, html, **{"a.feeling": "Sad"})
    html = client.post(f"/tasks/{campaign.public_id}/undo/", follow=True).content.decode()
    assert "tale 1" in html
    assert re.search(r'value="Sad"[^>]* checked', html)
    address = f"/tasks/{campaign.public_id}/flags/{hidden(html, 'lease')}/"
    assert client.post(address, {"kind": ""}).status_code == 422
    html = client.post(address, {"kind": "sacred", "text": "not now"}, follow=True).content.decode()

    assert "Sent to the keepers" in html
    assert "tale 1" not in html
    assert Flag.objects.get().text == "not now"
    assert set(Lease.objects.values_list("skip_reason", flat=True)) == {"not-sure", "flagged", ""}


def test_an_answer_and_a_flag_in_one_action() -> None:
    campaign = make_campaign(2)
    client = signed_in(member(campaign, "authority"))
    html = client.get(f"/tasks/{campaign.public_id}/").content.decode()

    send(client, campaign, html, **{"a.feeling": "Sad", "flag": "sacred", "flag_text": "closed season"})

    assert Flag.objects.get().annotation == Annotation.objects.get()
    assert Hold.objects.get().sample == Annotation.objects.get().sample


def test_who_speaks_with_authority_reads_that_it_rests_at_once() -> None:
    campaign = make_campaign(1)
    person = member(campaign, "authority")
    lease = leases.claim(campaign, by=person)
    assert lease is not None

    html = signed_in(person).get(f"/tasks/{campaign.public_id}/flags/{lease.public_id}/").content.decode()

    assert "Let it rest" in html
    assert "You speak as Elder" in html


def test_strangers_find_no_work_and_others_no_lease_of_mine() -> None:
    campaign = make_campaign(1)
    person = member(campaign)
    lease = leases.claim(campaign, by=person)
    assert lease is not None

    assert signed_in(make_person()).get(f"/tasks/{campaign.public_id}/").status_code == 404
    assert signed_in(member(campaign)).get(f"/tasks/{campaign.public_id}/flags/{lease.public_id}/").status_code == 404
    assert Client().get(f"/tasks/{campaign.public_id}/").status_code == 302


def test_a_first_page_weighs_at_most_fifteen_kilobytes() -> None:
    campaign = make_campaign(1)
    html = signed_in(member(campaign)).get(f"/tasks/{campaign.public_id}/").content
    files = [open(name, "rb").read() for name in ("static/core.css", "static/js/task.js")]  # noqa: SIM115  # small

    assert html.count(b"<script") == 1
    assert html.count(b"stylesheet") == 1
    assert b"style=" not in html
    assert sum(len(gzip.compress(part, 6)) for part in [html, *files]) <= 15 * 1024


def test_my_words_show_what_came_back_with_its_reason_and_never_the_reviewer() -> None:
    campaign = make_campaign(2, overlap=1)
    author, reviewer = member(campaign), make_person(campaign.community, "reviewer", username="zebedee")
    reviews.decide(answer(campaign, author), by=reviewer, verdict="reject", reason="misheard", text="She laughs.")
    answer(campaign, author, "Sad")

    html = signed_in(author).get(f"/communities/{campaign.community.slug}/words/").content.decode()

    assert "Heard or read differently" in html
    assert "She laughs." in html
    assert "1 came back" in html
    assert "zebedee" not in html.lower()
    only = signed_in(author).get(f"/communities/{campaign.community.slug}/words/?state=rejected").content.decode()
    assert only.count("tale ") == 1


def test_my_words_show_no_text_that_rests_and_what_was_answered_to_a_flag() -> None:
    campaign = make_campaign(1)
    author = member(campaign, "authority")
    made = answer(campaign, author)
    flag = flags.raise_flag(made.sample, by=author, kind="sacred")
    flags.resolve(flag, by=member(campaign, "keeper"), verdict="upheld", text="We agree.")

    html = signed_in(author).get(f"/communities/{campaign.community.slug}/words/").content.decode()

    assert "tale 0" not in html
    assert "What it was about rests now." in html
    assert "We agree." in html


def test_a_reviewer_sees_answers_side_by_side_without_names() -> None:
    campaign = make_campaign(1, overlap=2)
    one = answer(campaign, make_person(campaign.community, username="wenna"), "Glad")
    two = answer(campaign, make_person(campaign.community, username="mirren"), "Sad")
    client = signed_in(member(campaign, "reviewer"))

    html = client.get(f"/review/{campaign.public_id}/").content.decode()
    assert "Answer A" in html and "Answer B" in html
    assert "wenna" not in html.lower() and "mirren" not in html.lower()
    bad = client.post(
        f"/review/{campaign.public_id}/", {f"v.{one.public_id}": "accept", f"v.{two.public_id}": "reject"}
    )
    assert bad.status_code == 422
    done = client.post(
        f"/review/{campaign.public_id}/",
        {f"v.{two.public_id}": "reject", f"r.{two.public_id}": "spelling"},
        follow=True,
    )

    assert set(Review.objects.values_list("verdict", flat=True)) == {"accept", "reject"}
    assert "Nothing waits for a second look" in done.content.decode()


def test_contributors_do_not_open_the_review_page() -> None:
    campaign = make_campaign(1)

    assert signed_in(member(campaign)).get(f"/review/{campaign.public_id}/").status_code == 403


def desk(campaign: Campaign, tail: str = "") -> str:
    return f"/datasets/{campaign.community.slug}/{campaign.dataset.slug}/campaigns/{tail}"


def test_a_steward_tries_a_config_reads_its_faults_by_line_and_keeps_the_draft() -> None:
    campaign = make_draft(1)
    client = signed_in(member(campaign, "steward"))
    given = {"name": "Second one", "overlap": "2", "config": CONFIG.replace("Plain", "Sad")}

    html = client.post(desk(campaign, "new/"), given | {"check": "1"}).content.decode()
    assert "Line 7" in html and "stands here twice" in html
    good = client.post(desk(campaign, "new/"), given | {"config": CONFIG, "check": "1"}).content.decode()
    assert "The config holds" in good
    assert Campaign.objects.count() == 1
    response = client.post(desk(campaign, "new/"), given | {"config": CONFIG})

    assert response.status_code == 302
    assert Campaign.objects.get(slug="second-one").overlap == 2


def test_another_campaign_begins_with_the_config_of_one_that_is_there() -> None:
    campaign = make_draft(1, overlap=7, config=CONFIG.replace("Plain", "Furious"))

    html = signed_in(member(campaign, "steward")).get(desk(campaign, "new/?like=feelings")).content.decode()

    assert "Furious" in html
    assert 'value="7"' in html
    assert 'value="Feelings"' not in html


def test_the_starter_config_of_every_kind_of_dataset_holds() -> None:
    campaign = make_draft(1)
    client = signed_in(member(campaign, "keeper"))
    for modality in ("text", "audio", "image"):
        type(campaign.dataset).objects.update(modality=modality)
        html = client.get(desk(campaign, "new/")).content.decode()
        assert "What do you hear in it?" in html
        assert "Plain telling" in html.split("What people see")[1]


def test_a_steward_opens_pauses_and_closes_a_campaign_and_sees_how_it_goes() -> None:
    campaign = make_draft(2, overlap=1)
    client = signed_in(member(campaign, "steward"))

    opening = client.post(desk(campaign, "feelings/state/"), {"state": "open"}, follow=True).content.decode()
    assert "Preparing the questions" in opening
    jobs.work_waiting()
    campaign.refresh_from_db()
    answer(campaign, member(campaign))
    html = client.get(desk(campaign, "feelings/")).content.decode()
    assert "1 of 2 samples are done" in html
    add_samples(campaign.dataset, ["late one"])
    assert "One sample came since" in client.get(desk(campaign, "feelings/")).content.decode()
    client.post(desk(campaign, "feelings/state/"), {"state": "paused"})
    assert "1 of 2 opinions" in client.get(desk(campaign)).content.decode()
    client.post(desk(campaign, "feelings/state/"), {"state": "closed"})
    again = client.post(desk(campaign, "feelings/state/"), {"state": "paused"}, follow=True).content.decode()

    campaign.refresh_from_db()
    assert campaign.status == "closed"
    assert "changed while you were looking" in again


def test_contributors_see_campaigns_and_prepare_none() -> None:
    campaign = make_draft(1)
    client = signed_in(member(campaign))

    assert client.get(desk(campaign)).status_code == 200
    assert client.get(desk(campaign, "new/")).status_code == 403
    assert client.post(desk(campaign, "feelings/state/"), {"state": "open"}).status_code == 403
    assert signed_in(make_person()).get(desk(campaign)).status_code == 404


def test_a_keeper_answers_flags_and_others_do_not_see_them() -> None:
    campaign = make_campaign(1)
    flag = flags.raise_flag(Sample.objects.get(), by=member(campaign, "authority"), kind="sacred", text="not now")
    base = f"/datasets/{campaign.community.slug}/{campaign.dataset.slug}/flags/"
    client = signed_in(member(campaign, "keeper"))

    assert "rests until you answer" in client.get(base).content.decode()
    client.post(f"{base}{flag.public_id}/", {"verdict": "dismissed", "text": "The season is open."})
    again = client.post(f"{base}{flag.public_id}/", {"verdict": "upheld"}, follow=True).content.decode()

    assert "changed while you were looking" in again
    assert "The season is open." in client.get(base + "?state=answered").content.decode()
    assert Hold.objects.get().lifted_at is not None
    assert signed_in(member(campaign, "reviewer")).get(base).status_code == 403


def test_the_desk_is_told_what_needs_somebody() -> None:
    campaign = make_campaign(1, needs_review=True)
    flags.raise_flag(Sample.objects.get(), by=member(campaign), kind="harmful")
    answer(campaign, member(campaign))

    html = signed_in(member(campaign, "keeper")).get(f"/communities/{campaign.community.slug}/today/").content.decode()

    assert "flag on" in html
    assert "second look" in html


def test_a_sample_of_somebody_who_contributes_is_counted_in_their_words() -> None:
    campaign = make_campaign(0)
    person = member(campaign)
    add_samples(campaign.dataset, ["mine"], contributor=make_contributor(campaign.community, person=person))

    html = signed_in(person).get(f"/communities/{campaign.community.slug}/words/").content.decode()

    assert "1 piece here is yours" in html


@pytest.mark.parametrize(("tag", "mime", "other"), [("Audio", "audio/ogg", "<img"), ("Image", "image/png", "<audio")])
def test_a_recording_or_picture_comes_from_the_sample_and_never_from_an_address_in_the_data(
    tag: str, mime: str, other: str
) -> None:
    config = (
        f'<View><{tag} name="m" value="$clip"/><TextArea name="w" toName="m"/>'
        '<Rating name="r" toName="m" maxRating="3"/></View>'
    )
    campaign = make_campaign(2, overlap=1, config=config)
    with_file, _without = Sample.objects.order_by("pk")
    media = Media.objects.create(sha256="ab" * 32, size=3, mime=mime, suffix="bin")
    Sample.objects.filter(pk=with_file.pk).update(media=media)
    Sample.objects.update(data={"clip": "https://elsewhere.example/spy.png", "text": "x"})
    client = signed_in(member(campaign))

    html = client.get(f"/tasks/{campaign.public_id}/").content.decode()
    address = f"/datasets/{campaign.dataset.path}/samples/{with_file.uid}/media/"
    following = send(client, campaign, html, **{"a.r": "2", "a.w": "so"})

    assert f'src="{address}"' in html
    assert other not in html
    assert "elsewhere" not in html + following
    assert "There is no" in following
    assert Annotation.objects.get().label == "2"


def test_pages_that_list_ask_the_database_as_often_for_many_as_for_few() -> None:
    campaign = make_campaign(8, overlap=2)
    author, reviewer = member(campaign), member(campaign, "reviewer", "keeper")
    client, desk_client = signed_in(author), signed_in(reviewer)
    base = f"/datasets/{campaign.community.slug}/{campaign.dataset.slug}/"
    pages = [
        (client, f"/communities/{campaign.community.slug}/words/"),
        (desk_client, base + "campaigns/"),
        (desk_client, base + "campaigns/feelings/"),
        (desk_client, base + "flags/"),
        (desk_client, f"/review/{campaign.public_id}/"),
    ]

    def asked() -> list[int]:
        counts = []
        for one, path in pages:
            with CaptureQueriesContext(connection) as told:
                assert one.get(path).status_code == 200
            counts.append(len(told))
        return counts

    def give(n: int) -> None:
        for _ in range(n):
            made = answer(campaign, author)
            flags.raise_flag(made.sample, by=author, kind="technical")

    give(2)
    few = asked()
    give(5)
    for number in range(3):
        make_draft(0, dataset=campaign.dataset, slug=f"more-{number}")

    assert asked() == few
    assert max(few) <= 40


def test_what_rests_is_not_shown_again_to_whoever_had_it_in_hand() -> None:
    campaign = make_campaign(1)
    person = member(campaign)
    client, lease = signed_in(person), leases.claim(campaign, by=person)
    assert lease is not None
    holds.rest(Sample.objects.get(), by=campaign.created_by)

    work = f"/tasks/{campaign.public_id}/"
    empty = client.post(work, {"lease": lease.public_id, "client_id": "client-one"})
    whole = client.post(work, {"lease": lease.public_id, "client_id": "client-one", "a.feeling": "Glad"})
    flag = client.get(f"{work}flags/{lease.public_id}/")

    assert [answer.status_code for answer in (empty, whole, flag)] == [409, 409, 404]
    assert not any("tale 0" in answer.content.decode() for answer in (empty, whole, flag))
    assert not Annotation.objects.exists()


@pytest.mark.parametrize("after", ["9" * 30, "9" * 3900, "-1", "x"])
def test_a_made_up_place_in_the_review_begins_at_the_first(after: str) -> None:
    campaign = make_campaign(1)
    answer(campaign, member(campaign))

    page = signed_in(member(campaign, "reviewer")).get(f"/review/{campaign.public_id}/?after={after}")

    assert page.status_code == 200
    assert "tale 0" in page.content.decode()
