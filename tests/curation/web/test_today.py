"""Today: the work that is open to a member, and what needs a steward or keeper first."""

import pytest
from django.test import Client

from annotations.models import Annotation, Campaign, Flag, QueueSlot, Task
from curation.models import CheckRun, Finding
from curation.web.today import collect
from governance import communities
from governance.models import Community, Import, Person
from tests.factories import add_samples, make_community, make_dataset, make_keeper, make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def community() -> Community:
    return make_community("saltmarsh")


@pytest.fixture
def keeper(community: Community) -> Person:
    return make_keeper(community)


def browser_of(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def campaign_of(community: Community, by: Person, name: str, waiting: int, status: str = "open") -> Campaign:
    dataset = make_dataset(community, by=by)
    campaign = Campaign.objects.create(
        dataset=dataset,
        slug=name.lower(),
        name=name,
        config="<View/>",
        config_digest="0" * 64,
        status=status,
        created_by=by,
    )
    for seq, sample in enumerate(add_samples(dataset, [f"{name} {number}" for number in range(waiting)])):
        task = Task.objects.create(campaign=campaign, sample=sample)
        QueueSlot.objects.create(task=task, campaign=campaign, seq=seq, slots=2)
    return campaign


def answer(campaign: Campaign, by: Person) -> Annotation:
    task = Task.objects.filter(campaign=campaign).first()
    assert task is not None
    return Annotation.objects.create(
        campaign=campaign, task=task, sample=task.sample, annotator=by, client_id="1", result=[], config_digest="0" * 64
    )


def test_a_member_goes_on_where_they_stopped_and_may_choose_another(community: Community, keeper: Person) -> None:
    member = make_person(community)
    campaign_of(community, keeper, "Birds", 5)
    feeling = campaign_of(community, keeper, "Feeling", 2)
    answer(feeling, member)

    answered = browser_of(member).get("/my/")

    assert answered.context["first"].campaign == feeling
    assert [work.campaign.name for work in answered.context["others"]] == ["Birds"]
    assert "You have answered one. 2 wait for somebody." in answered.content.decode()


def test_campaigns_that_are_not_open_or_not_of_ones_community_are_no_work(community: Community, keeper: Person) -> None:
    member = make_person(community)
    elsewhere = make_community()
    campaign_of(community, keeper, "Draft", 1, status="draft")
    campaign_of(elsewhere, make_keeper(elsewhere), "Elsewhere", 1)

    answered = browser_of(member).get("/my/")

    assert answered.context["first"] is None
    assert "Nothing waits for you." in answered.content.decode()


def test_somebody_who_belongs_nowhere_yet_is_shown_the_way_in() -> None:
    page = browser_of(make_person()).get("/my/").content.decode()

    assert 'href="/join/"' in page


def test_what_rests_comes_before_what_can_wait_and_the_first_one_has_the_primary_button(
    community: Community, keeper: Person
) -> None:
    second, somebody = make_keeper(community), make_person(community)
    dataset = make_dataset(community, by=keeper, slug="tide-tales")
    communities.grant(community, person=somebody, role="steward", by=second)
    Flag.objects.create(sample=add_samples(dataset, ["one"])[0], raised_by=somebody, kind="sacred", holds=True)

    found = collect(keeper, community)
    page = browser_of(keeper).get("/communities/saltmarsh/today/").content.decode()

    assert "flag" in found[0].text
    assert [need.is_first for need in found] == [True] + [False] * (len(found) - 1)
    assert page.count("button primary") == 1


def test_a_contributor_is_shown_nothing_that_only_others_may_do(community: Community, keeper: Person) -> None:
    member = make_person(community)
    dataset = make_dataset(community, by=keeper)
    Flag.objects.create(sample=add_samples(dataset, ["one"])[0], raised_by=member, kind="sacred")
    Import.objects.create(
        dataset=dataset, by=keeper, filename="odd.csv", stored_as="x", format="csv", status=Import.Status.FAILED
    )

    assert collect(member, community) == []
    assert len(collect(keeper, community)) == 2


def test_the_balance_of_the_last_check_is_a_table_with_its_sentence(community: Community, keeper: Person) -> None:
    dataset = make_dataset(community, by=keeper)
    run = CheckRun.objects.create(dataset=dataset, status="done")
    Finding.objects.create(
        run=run,
        check_id="class_balance",
        check_version=1,
        params_hash="0" * 64,
        status="warn",
        metric={"counts": {"glad": 1204, "angry": 207}},
        reason="“angry” is thin.",
    )

    page = browser_of(keeper).get("/communities/saltmarsh/today/").content.decode()

    assert "“angry” is thin." in page
    assert "1,204" in page
    assert 'width="85.33%"' in page


def test_today_asks_no_more_questions_for_many_flags_than_for_one(
    community: Community, keeper: Person, django_assert_max_num_queries: object
) -> None:
    dataset = make_dataset(community, by=keeper)
    for sample in add_samples(dataset, [f"text {number}" for number in range(30)]):
        Flag.objects.create(sample=sample, raised_by=keeper, kind="technical")
    browser = browser_of(keeper)

    with django_assert_max_num_queries(40):  # type: ignore[operator]  # pytest-django's fixture
        browser.get("/communities/saltmarsh/today/")


def test_the_process_says_that_it_is_up_and_what_it_needs_that_is_down(client: Client, settings: object) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"  # type: ignore[attr-defined]  # nobody listens there

    up, ready = client.get("/healthz"), client.get("/readyz")

    assert up.status_code == 200
    assert ready.status_code == 503
    assert ready.json()["parts"] == {"database": "ok", "broker": "down", "storage": "ok"}


def test_with_a_broker_the_process_is_ready(client: Client, settings: object, redis_url: str) -> None:
    settings.REDIS_URL = redis_url  # type: ignore[attr-defined]  # pytest-django's settings

    assert client.get("/readyz").status_code == 200
