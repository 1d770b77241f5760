"""Break-glass: two keepers, a reason, a time; everybody sees it, and each sample is written down before it is shown."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from governance import breakglass, protocols
from governance.kernel.errors import Conflict, Gone, Invalid, Missing, NotAllowed
from governance.models import BreakGlass, Dataset, Event, Membership, Person, Sample
from tests.factories import add_samples, make_community, make_dataset, make_keeper, make_person

pytestmark = pytest.mark.django_db
NOW = datetime(2036, 6, 15, 12, tzinfo=UTC)


@pytest.fixture
def dataset() -> Dataset:
    """A dataset with an open sample and a closed one, in a community with three keepers."""
    community = make_community("saltmarsh")
    dataset = make_dataset(community, make_keeper(community), "tide-tales")
    add_samples(dataset, ["for all", "the song of the ebb"])
    group = protocols.found(
        community, name="ebb singers", by=dataset.created_by, first_keeper=make_person(community, username="singer")
    )
    Sample.objects.filter(data__text="the song of the ebb").update(protocol=protocols.protocol_of(community, [group]))
    return dataset


def keepers(dataset: Dataset) -> tuple[Person, Person]:
    return dataset.created_by, make_keeper(dataset.community)


def asked(dataset: Dataset, person: Person, by: Person, now: datetime | None = None, hours: int = 2) -> BreakGlass:
    return breakglass.ask(dataset, person=person, reason="A grave is named in it.", hours=hours, by=by, now=now)


def refused(code: str, act, *args, **kwargs) -> None:
    with pytest.raises((Conflict, Gone, Invalid, Missing, NotAllowed)) as caught:
        act(*args, **kwargs)
    assert caught.value.code == code


def browser(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_one_keeper_opens_nothing_and_who_shall_look_does_not_agree(dataset):
    one, other = keepers(dataset)
    opening = asked(dataset, other, by=one)

    refused("second-keeper-needed", breakglass.second, opening, by=one)
    refused("second-keeper-needed", breakglass.second, opening, by=other)
    refused("role-missing", breakglass.second, opening, by=make_person(dataset.community, "steward"))
    refused("not-found", breakglass.second, opening, by=make_keeper(make_community()))
    assert not breakglass.samples(opening).exists()


def test_two_keepers_open_it_until_the_clock_says(dataset):
    one, other = keepers(dataset)
    helper = make_person(dataset.community)
    opening = breakglass.second(asked(dataset, helper, by=one, now=NOW), by=other, now=NOW)
    last = NOW + timedelta(hours=2) - timedelta(microseconds=1)

    assert [sample.text for sample in breakglass.samples(opening, last)] == ["the song of the ebb"]
    assert breakglass.see(opening, breakglass.samples(opening, last).get().uid, by=helper, now=last)
    assert not breakglass.samples(opening, NOW + timedelta(hours=2)).exists()
    refused("breakglass-over", breakglass.see, opening, "x", by=helper, now=NOW + timedelta(hours=2))
    refused("not-found", breakglass.see, opening, "x", by=one, now=last)


def test_nothing_else_knows_of_it(dataset):
    one, other = keepers(dataset)
    helper = make_person(dataset.community)
    breakglass.second(asked(dataset, helper, by=one), by=other)

    assert [sample.text for sample in Sample.objects.visible_to(helper)] == ["for all"]


def test_each_sample_is_written_down_before_it_is_shown_and_the_log_tells(dataset):
    one, other = keepers(dataset)
    helper = make_person(dataset.community)
    opening = breakglass.second(asked(dataset, helper, by=one), by=other)
    uid = Sample.objects.get(data__text="the song of the ebb").uid
    base = f"/communities/saltmarsh/break-glass/{opening.public_id}/samples/"

    listed = browser(helper).get(base).content.decode()
    assert "the song of the ebb" not in listed
    assert opening.views.count() == 0
    shown = [browser(helper).get(f"{base}{uid}/") for _ in range(2)]

    assert "the song of the ebb" in shown[0].content.decode()
    assert "no-store" in shown[0].headers["Cache-Control"]
    assert [view.sample.uid for view in opening.views.all()] == [uid]
    verbs = Event.objects.filter(verb__startswith="breakglass").order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["breakglass.ask", "breakglass.second", "breakglass.see"]
    assert uid not in Event.objects.get(verb="breakglass.see").body
    assert browser(one).get(f"{base}{uid}/").status_code == 404


def test_the_whole_community_sees_it_at_once_and_afterwards(dataset):
    one, other = keepers(dataset)
    member, stranger = browser(make_person(dataset.community)), browser(make_person())
    opening = asked(dataset, make_person(dataset.community), by=one)
    pages = ["/communities/saltmarsh/", "/communities/saltmarsh/people/", "/datasets/saltmarsh/tide-tales/samples/"]
    assert not [page for page in pages if "A grave is named in it." in member.get(page).content.decode()]

    breakglass.second(opening, by=other)

    assert all("A grave is named in it." in member.get(page).content.decode() for page in pages)
    assert "A grave" not in stranger.get("/datasets/saltmarsh/tide-tales/").content.decode()
    breakglass.end(opening, by=other)
    assert "A grave" not in member.get(pages[0]).content.decode()
    assert "A grave is named in it." in member.get("/communities/saltmarsh/break-glass/").content.decode()


def test_what_rests_stays_at_rest(dataset):
    one, other = keepers(dataset)
    opening = breakglass.second(asked(dataset, make_person(dataset.community), by=one), by=other)
    sample = Sample.objects.get(data__text="the song of the ebb")
    sample.holds.create(
        community=dataset.community, kind="keeper", subject_kind="sample", subject_id=sample.uid, reason="x"
    )

    assert not breakglass.samples(opening).exists()


def test_it_ends_when_any_keeper_says_so_and_a_question_dies_by_itself(dataset):
    one, other = keepers(dataset)
    helper = make_person(dataset.community)
    opening = breakglass.second(asked(dataset, helper, by=one), by=other)

    breakglass.end(opening, by=one)

    refused("not-found", breakglass.opening_of, helper, dataset.community, opening.public_id)
    refused("moved-on", breakglass.end, opening, by=one)
    old = asked(dataset, helper, by=one, now=NOW)
    refused("moved-on", breakglass.second, old, by=other, now=NOW + timedelta(hours=24))
    gone = asked(dataset, helper, by=one)
    Membership.objects.filter(person=one).update(valid_to=timezone.now())
    refused("asker-left", breakglass.second, gone, by=other)


def test_what_the_rules_of_it_are_the_database_keeps_too(dataset):
    one, other = keepers(dataset)
    opening = asked(dataset, other, by=one)

    for wrong in ({"hours": 25}, {"seconded_by": one, "opened_at": NOW, "ends_at": NOW}, {"seconded_by": other}):
        with pytest.raises(IntegrityError), transaction.atomic():
            BreakGlass.objects.filter(pk=opening.pk).update(**wrong)
    refused("hours-wrong", asked, dataset, other, by=one, hours=25)


def test_a_person_who_left_looks_at_nothing(dataset):
    one, other = keepers(dataset)
    helper = make_person(dataset.community)
    opening = breakglass.second(asked(dataset, helper, by=one), by=other)

    Membership.objects.filter(person=helper).update(valid_to=timezone.now())

    refused("not-found", breakglass.opening_of, helper, dataset.community, opening.public_id)
