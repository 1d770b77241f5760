"""Campaigns: drafted with a config that holds, opened by a job, paused, closed."""

import pytest

from annotations import campaigns, labelstudio, opening
from annotations.models import Campaign, Opening, QueueSlot, Task
from governance.kernel import jobs
from governance.kernel.errors import Conflict, Invalid, Missing, NotAllowed
from governance.models import Event
from tests.annotations.makers import CONFIG, make_campaign, make_draft, member
from tests.factories import add_samples, make_person

pytestmark = pytest.mark.django_db


def test_a_draft_knows_its_label_and_its_classes() -> None:
    campaign = make_draft()

    assert campaign.status == Campaign.Status.DRAFT
    assert campaign.label_control == "feeling"
    assert campaign.labels == ["Glad", "Sad", "Plain"]
    assert Event.objects.filter(verb="campaign.create", object_id=campaign.public_id).count() == 1


def test_every_fault_of_a_draft_is_told_at_once() -> None:
    dataset = make_draft().dataset
    config = CONFIG.replace('value="$text"', 'value="$words"').replace("Plain", "Sad")

    with pytest.raises(Invalid) as caught:
        campaigns.create(dataset, slug="Not Good", name=" ", config=config, overlap=0, by=dataset.created_by)

    assert {reason.code for reason in caught.value.reasons} == {
        "slug-wrong",
        "name-wrong",
        "overlap-wrong",
        "choice-twice",
    }


def test_a_column_that_no_sample_has_is_named_with_its_line() -> None:
    dataset = make_draft().dataset

    with pytest.raises(Invalid) as caught:
        campaigns.create(
            dataset,
            slug="other",
            name="Other",
            config=CONFIG.replace("$text", "$words"),
            overlap=1,
            by=dataset.created_by,
        )

    assert [(reason.code, reason.line) for reason in caught.value.reasons] == [("column-missing", 3)]


def test_a_second_campaign_of_the_same_name_is_a_conflict() -> None:
    dataset = make_draft().dataset

    with pytest.raises(Conflict) as caught:
        campaigns.create(dataset, slug="feelings", name="F", config=CONFIG, overlap=1, by=dataset.created_by)

    assert caught.value.code == "campaign-exists"


def test_opening_is_a_job_that_fills_the_queue() -> None:
    campaign = make_draft(5, overlap=3)

    opening = campaigns.open(campaign, by=campaign.created_by)
    again = campaigns.open(campaign, by=campaign.created_by)
    campaign.refresh_from_db()
    before = campaign.status
    jobs.work_waiting()
    campaign.refresh_from_db()
    opening.refresh_from_db()

    assert again.pk == opening.pk
    assert (before, campaign.status) == ("draft", "open")
    assert (opening.done, opening.total) == (5, 5)
    assert list(QueueSlot.objects.values_list("slots", flat=True)) == [3] * 5
    assert len(set(QueueSlot.objects.values_list("seq", flat=True))) == 5
    assert Event.objects.filter(verb="campaign.ready", object_id=campaign.public_id).count() == 1


def test_opening_again_adds_what_came_since_and_nothing_twice() -> None:
    campaign = make_campaign(3)
    add_samples(campaign.dataset, ["one more", "and another"])

    campaigns.open(campaign, by=campaign.created_by)
    jobs.work_waiting()

    assert Task.objects.filter(campaign=campaign).count() == 5
    assert QueueSlot.objects.filter(campaign=campaign).count() == 5


def test_a_job_that_was_killed_halfway_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("annotations.opening.CHUNK", 2)
    campaign = make_draft(5)
    campaigns.open(campaign, by=campaign.created_by)
    first = campaign.dataset.samples.order_by("pk")[1].pk
    opening.enqueue(campaign, 0, first)
    Opening.objects.update(cursor=first)
    jobs.work_waiting()

    assert Task.objects.filter(campaign=campaign).count() == 5
    assert QueueSlot.objects.filter(campaign=campaign).count() == 5


def test_a_config_that_label_studio_refuses_does_not_open(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = make_draft(1)

    class Refusing:
        def __init__(self, config: str) -> None:
            raise ValueError("no such tag")

    monkeypatch.setattr(labelstudio, "LabelInterface", Refusing)
    opening = campaigns.open(campaign, by=campaign.created_by)
    jobs.work_waiting()
    campaign.refresh_from_db()
    opening.refresh_from_db()

    assert campaign.status == Campaign.Status.DRAFT
    assert (opening.status, opening.error_code) == ("failed", "config-refused")
    assert "no such tag" in opening.message


def test_a_paused_campaign_opens_again_and_a_closed_one_never() -> None:
    campaign = make_campaign(2)
    by = campaign.created_by

    campaigns.pause(campaign, by=by)
    campaigns.open(campaign, by=by)
    campaign.refresh_from_db()
    assert campaign.status == Campaign.Status.OPEN
    jobs.work_waiting()
    campaigns.close(campaign, by=by)

    assert not QueueSlot.objects.filter(campaign=campaign).exists()
    assert set(campaign.tasks.values_list("status", flat=True)) == {"closed"}
    with pytest.raises(Conflict):
        campaigns.open(campaign, by=by)
    with pytest.raises(Conflict):
        campaigns.pause(campaign, by=by)


def test_only_keepers_and_stewards_prepare_work_and_strangers_find_nothing() -> None:
    campaign = make_draft(1)

    with pytest.raises(NotAllowed):
        campaigns.open(campaign, by=member(campaign, "reviewer"))
    with pytest.raises(Missing):
        campaigns.open(campaign, by=make_person())
