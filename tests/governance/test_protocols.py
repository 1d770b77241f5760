"""Protocol groups: who lets whom in, when they are open, whose samples are whose, against a plain telling of the rules."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotations import queue
from governance import communities, protocols
from governance.kernel.errors import Conflict, Invalid, Missing, NotAllowed
from governance.models import (
    Community,
    Dataset,
    Event,
    GroupMembership,
    Membership,
    Person,
    ProtocolGroup,
    Sample,
    SeasonWindow,
)
from tests.factories import add_samples, make_community, make_contributor, make_dataset, make_keeper, make_person

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


@pytest.fixture
def community() -> Community:
    return make_community()


@pytest.fixture
def keeper(community: Community) -> Person:
    return make_keeper(community)


@pytest.fixture
def singer(community: Community) -> Person:
    return make_person(community)


@pytest.fixture
def group(community: Community, keeper: Person, singer: Person) -> ProtocolGroup:
    return protocols.found(community, name="ebb singers", by=keeper, first_keeper=singer)


@pytest.fixture
def dataset(community: Community, keeper: Person) -> Dataset:
    return make_dataset(community, keeper)


def refused(code: str, act, *args, **kwargs) -> None:
    with pytest.raises((Conflict, Invalid, Missing, NotAllowed)) as caught:
        act(*args, **kwargs)
    assert caught.value.code == code


def test_a_group_is_its_own_from_the_first_day(group, community, keeper, singer):
    other, friend = make_keeper(community), make_person(community)

    refused("not-found", protocols.admit, group, person=friend, by=keeper)
    refused("not-found", protocols.close_now, group, by=other)
    protocols.admit(group, person=friend, by=singer)

    assert GroupMembership.objects.get(person=friend).granted_by == singer
    refused("not-group-keeper", protocols.close_now, group, by=friend)


def test_nobody_lets_themselves_in_and_two_keepers_can_step_in_where_nobody_is_left(group, community, keeper, singer):
    protocols.release(GroupMembership.objects.get(group=group), by=singer)
    assert list(protocols.orphans(community).filter(is_open=False)) == [group]

    refused("not-oneself", protocols.admit, group, person=keeper, by=keeper)
    protocols.admit(group, person=singer, by=keeper, is_keeper=True)

    refused("not-found", protocols.admit, group, person=keeper, by=keeper)
    refused("not-found", protocols.admit, group, person=make_person(), by=singer)


def test_whoever_leaves_the_community_leaves_its_groups_and_comes_back_to_none(group, community, singer):
    communities.leave(community, by=singer)
    Membership.objects.create(person=singer, community=community, role="contributor")

    assert not GroupMembership.objects.current().filter(person=singer).exists()


def test_a_groups_name_is_known_to_its_people_alone_and_events_name_no_person(group, community, keeper, singer):
    friend = make_person(community)
    protocols.admit(group, person=friend, by=singer)

    assert group in protocols.known_to(friend, community)
    assert group not in protocols.known_to(keeper, community)
    told = [event.body for event in Event.objects.filter(verb__startswith="group.")]
    assert len(told) == 2
    assert not [body for body in told if "ebb singers" in body or friend.public_id in body]


def test_one_person_is_in_a_group_once(group, community, singer):
    friend = make_person(community)
    protocols.admit(group, person=friend, by=singer)

    refused("in-group", protocols.admit, group, person=friend, by=singer)
    protocols.admit(group, person=friend, by=singer, is_keeper=True)

    assert [row.is_keeper for row in GroupMembership.objects.current().filter(person=friend)] == [True]


@pytest.mark.parametrize(
    ("first", "last", "open_on", "closed_on"),
    [
        (date(2026, 4, 1), date(2026, 9, 30), date(2027, 6, 1), date(2027, 10, 1)),
        (date(2026, 11, 1), date(2026, 2, 28), date(2027, 1, 5), date(2027, 3, 1)),
        (date(2026, 5, 5), date(2026, 5, 5), date(2028, 5, 5), date(2028, 5, 6)),
    ],
)
def test_a_season_that_comes_every_year_opens_by_the_day(group, singer, first, last, open_on, closed_on):
    protocols.set_window(group, by=singer, opens_on=first, closes_on=last, is_yearly=True, now=NOW)

    noon = {day: datetime(day.year, day.month, day.day, 12, tzinfo=UTC) for day in (open_on, closed_on)}

    assert protocols.is_in_season(group, noon[open_on])
    assert not protocols.is_in_season(group, noon[closed_on])


def test_a_season_of_dates_holds_both_days_whole(group, singer):
    protocols.set_window(group, by=singer, opens_on=date(2026, 6, 20), closes_on=date(2026, 6, 21), now=NOW)

    at = [
        datetime(2026, 6, 19, 23, 59, tzinfo=UTC) + timedelta(minutes=m) for m in (0, 1, 2 * 24 * 60, 2 * 24 * 60 + 1)
    ]

    assert [protocols.is_in_season(group, moment) for moment in at] == [False, True, True, False]


def test_days_that_make_no_season_are_refused(group, singer):
    refused(
        "season-days", protocols.set_window, group, by=singer, opens_on=date(2026, 6, 2), closes_on=date(2026, 6, 1)
    )
    refused("season-days", protocols.set_window, group, by=singer, opens_on=date(2026, 6, 2), is_yearly=True)
    refused("season-open", protocols.open_now, group, by=singer)
    protocols.close_now(group, by=singer)
    refused("season-closed", protocols.close_now, group, by=singer)


def test_a_window_taken_back_closes_at_once(group, singer):
    window = protocols.set_window(group, by=singer, opens_on=date(2020, 1, 1))
    assert protocols.is_in_season(group)

    protocols.drop_window(window, by=singer)

    assert not protocols.is_in_season(group)
    refused("moved-on", protocols.drop_window, window, by=singer)


def test_keepers_of_the_community_and_of_the_group_see_nothing_while_it_is_closed(group, dataset, keeper, singer):
    (sample,) = add_samples(dataset, ["a tale"])
    Sample.objects.update(protocol=protocols.protocol_of(dataset.community, [group]))
    assert sample in Sample.objects.visible_to(singer)

    protocols.close_now(group, by=singer)

    assert not Sample.objects.visible_to(singer).exists()
    assert not Sample.objects.visible_to(keeper).exists()


def test_a_teller_keeps_their_own_words_in_a_closed_season(group, dataset, singer):
    teller = make_person(dataset.community)
    add_samples(dataset, ["a tale"], contributor=make_contributor(dataset.community, person=teller))
    Sample.objects.update(protocol=protocols.protocol_of(dataset.community, [group]))

    protocols.close_now(group, by=singer)

    assert Sample.objects.visible_to(teller).count() == 1


# Whose samples are whose


def test_narrowing_needs_the_desk_and_widening_a_keeper_of_the_group(group, dataset, keeper, singer, community):
    steward = make_person(community, "steward")
    protocols.admit(group, person=steward, by=singer)
    add_samples(dataset, ["one", "two"])
    every, none = Sample.objects.all(), []

    refused("role-missing", protocols.protect, dataset, samples=every, groups=[group], by=singer)
    assert protocols.protect(dataset, samples=every, groups=[group], by=steward) == 2
    assert protocols.protect(dataset, samples=every, groups=none, by=keeper) == 0
    everyone = ProtocolGroup.objects.get(is_open=True)
    refused("not-group-keeper", protocols.protect, dataset, samples=every, groups=[everyone], by=steward)
    refused("not-group-keeper", protocols.protect, dataset, samples=every, groups=none, by=steward)
    assert protocols.protect(dataset, samples=every, groups=[everyone], by=singer) == 2
    assert protocols.protect(dataset, samples=every, groups=none, by=steward) == 2
    assert protocols.protect(dataset, samples=every, groups=[everyone], by=steward) == 0
    assert protocols.protect(dataset, samples=every, groups=[everyone], by=keeper) == 2


def test_a_group_that_one_does_not_know_cannot_be_given_anything(group, dataset, keeper):
    add_samples(dataset, ["one"])

    refused("not-found", protocols.protect, dataset, samples=Sample.objects.all(), groups=[group], by=keeper)


GROUPS = st.frozensets(st.integers(0, 3), min_size=1)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(new_all=st.booleans(), new=GROUPS, old_all=st.booleans(), old=GROUPS)
def test_narrower_means_that_everybody_who_passes_the_new_passes_the_old(new_all, new, old_all, old):
    def passes(needs_all: bool, groups: frozenset[int], who: frozenset[int]) -> bool:
        return groups <= who if needs_all else bool(groups & who)

    people = [frozenset(i for i in range(4) if bits >> i & 1) for bits in range(16)]
    truth = all(passes(old_all, old, who) for who in people if passes(new_all, new, who))

    assert protocols.is_narrower((new_all, new), (old_all, old)) == truth


# visible_to against a plain oracle


@st.composite
def worlds(draw):
    """Three groups with mode and season, three people, and samples with sets of groups, any or all, or none."""
    groups = [
        {
            "open": draw(st.booleans()),
            "season": draw(
                st.sampled_from(["none", "empty", "now", "past", "ahead", "this-day", "other-day", "ended"])
            ),
            "people": draw(st.frozensets(st.integers(0, 2))),
        }
        for _ in range(3)
    ]
    samples = draw(st.lists(st.tuples(st.booleans(), st.frozensets(st.integers(0, 2)), st.integers(-1, 2)), max_size=6))
    keepers = draw(st.frozensets(st.integers(0, 2)))
    return groups, samples, keepers


def may_see(person: int, groups, sample, keepers, is_member: bool) -> bool:
    needs_all, wanted, teller = sample
    if teller == person:
        return True
    if not is_member:
        return False
    if not wanted:
        return person in keepers

    def lets_in(number: int) -> bool:
        group = groups[number]
        return group["season"] in {"none", "now", "this-day"} and (group["open"] or person in group["people"])

    answers = [lets_in(number) for number in wanted]
    return all(answers) if needs_all else any(answers)


SEASONS = {
    "now": {"opens_at": NOW - timedelta(days=1), "closes_at": NOW + timedelta(days=1)},
    "past": {"opens_at": NOW - timedelta(days=9), "closes_at": NOW},
    "ahead": {"opens_at": NOW + timedelta(seconds=1)},
    "this-day": {"opens_at": NOW - timedelta(days=400), "first_day": 1201, "last_day": 615},
    "other-day": {"opens_at": NOW - timedelta(days=400), "first_day": 616, "last_day": 614},
    "ended": {"opens_at": NOW - timedelta(days=1), "ended_at": NOW},
}


# Each world is rolled back inside one transaction, and PostgreSQL reads over what was rolled back: fewer of them there.
WORLDS = 60 if connection.vendor == "sqlite" else 12


@settings(max_examples=WORLDS, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds(), gone=st.integers(-1, 2))
def test_what_is_seen_is_what_a_plain_telling_of_the_rules_says(world, gone):
    groups, samples, keepers = world
    community = make_community()
    dataset = make_dataset(community)
    long_ago = NOW - timedelta(days=500)
    people = [make_person() for _ in range(3)]
    for number, person in enumerate(people):
        ended = NOW if number == gone else None
        role = "keeper" if number in keepers else "contributor"
        Membership.objects.create(person=person, community=community, role=role, valid_from=long_ago, valid_to=ended)
    rows = []
    for number, group in enumerate(groups):
        row = ProtocolGroup.objects.create(
            community=community, name=f"g{number}", is_open=group["open"], has_season=group["season"] != "none"
        )
        for who in group["people"]:
            GroupMembership.objects.create(group=row, person=people[who], valid_from=long_ago)
        if group["season"] in SEASONS:
            SeasonWindow.objects.create(group=row, set_by=people[0], **SEASONS[group["season"]])
        rows.append(row)
    tellers = [make_contributor(community, person=person) for person in people]
    made = add_samples(dataset, [f"tale {i}" for i in range(len(samples))])
    for one, (needs_all, wanted, teller) in zip(made, samples, strict=True):
        one.protocol = protocols.protocol_of(community, [rows[i] for i in wanted], needs_all=needs_all)
        one.contributor = tellers[teller] if teller >= 0 else None
        one.save(update_fields=["protocol", "contributor"])

    for number, person in enumerate(people):
        expected = {
            one.uid
            for one, told in zip(made, samples, strict=True)
            if may_see(number, groups, told, keepers, number != gone)
        }
        seen = Sample.objects.visible_to(person, NOW)
        assert set(seen.values_list("uid", flat=True)) == expected
        assert seen.count() == len(expected)
        own = {one.uid for one, told in zip(made, samples, strict=True) if told[2] == number}
        assert {one.uid for one in made if _is_offered(one, person)} == expected - own


def _is_offered(sample: Sample, person: Person) -> bool:
    """Whether the statement that hands out tasks, compiled once for everybody, would hand this one out."""
    offered, params = queue._offerable_to(person, NOW)
    sql = f"SELECT 1 FROM (SELECT %s AS sample_id) t WHERE EXISTS ({offered})"
    with queue.connection.cursor() as cursor:
        cursor.execute(sql, [sample.pk, *params])
        return cursor.fetchone() is not None
