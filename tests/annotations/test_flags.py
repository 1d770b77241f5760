"""Flags: typed, answered, and at once a hold when the authority speaks."""

import pytest

from annotations import flags, leases
from annotations.models import Flag
from governance import holds
from governance.kernel.errors import Conflict, Invalid, Missing, NotAllowed
from governance.models import Event, Hold, Sample
from tests.annotations.makers import make_campaign, member
from tests.factories import add_samples, make_dataset, make_person

pytestmark = pytest.mark.django_db


def test_an_authoritys_flag_rests_the_sample_at_once() -> None:
    campaign = make_campaign(1)
    sample = Sample.objects.get()

    flag = flags.raise_flag(sample, by=member(campaign, "authority"), kind="sacred")

    assert flag.holds
    assert Hold.objects.get().sample_id == sample.pk
    assert leases.claim(campaign, by=member(campaign)) is None
    assert Event.objects.filter(verb="flag.raise").count() == 1


def test_anybody_elses_flag_goes_to_the_keepers_and_holds_nothing() -> None:
    campaign = make_campaign(1)

    flag = flags.raise_flag(Sample.objects.get(), by=member(campaign), kind="personal", text=" a name ")

    assert (flag.holds, flag.text, flag.status) == (False, "a name", "open")
    assert not Hold.objects.exists()
    assert list(flags.open_blocking(campaign.dataset)) == [flag]


def test_the_same_flag_twice_is_one_flag() -> None:
    campaign = make_campaign(1)
    person = member(campaign)

    first = flags.raise_flag(Sample.objects.get(), by=person, kind="technical")
    again = flags.raise_flag(Sample.objects.get(), by=person, kind="technical")

    assert first.pk == again.pk
    assert not flags.open_blocking(campaign.dataset).exists()


def test_a_dismissed_flag_lifts_its_hold() -> None:
    campaign = make_campaign(1)
    flag = flags.raise_flag(Sample.objects.get(), by=member(campaign, "authority"), kind="sacred")

    flags.resolve(flag, by=member(campaign, "keeper"), verdict="dismissed", text="The season is open.")

    assert Hold.objects.get().lifted_at is not None
    assert leases.claim(campaign, by=member(campaign)) is not None


def test_an_upheld_flag_rests_the_sample_and_keeps_the_hold_that_was_there() -> None:
    campaign = make_campaign(2)
    first, second = Sample.objects.order_by("pk")
    keeper = member(campaign, "keeper")

    flags.resolve(flags.raise_flag(first, by=member(campaign), kind="harmful"), by=keeper, verdict="upheld")
    flags.resolve(
        flags.raise_flag(second, by=member(campaign, "authority"), kind="sacred"), by=keeper, verdict="upheld"
    )

    assert Hold.objects.filter(lifted_at=None).count() == 2
    assert leases.claim(campaign, by=member(campaign)) is None


def test_a_flag_is_answered_once_and_by_the_desk_only() -> None:
    campaign = make_campaign(1)
    flag = flags.raise_flag(Sample.objects.get(), by=member(campaign), kind="harmful")

    with pytest.raises(NotAllowed):
        flags.resolve(flag, by=member(campaign, "reviewer"), verdict="upheld")
    with pytest.raises(Invalid):
        flags.resolve(flag, by=member(campaign, "steward"), verdict="maybe")
    flags.resolve(flag, by=member(campaign, "steward"), verdict="dismissed")
    with pytest.raises(Conflict):
        flags.resolve(Flag.objects.get(), by=member(campaign, "steward"), verdict="upheld")


def test_nobody_flags_what_they_cannot_see_or_with_a_reason_that_is_none() -> None:
    campaign = make_campaign(1)

    with pytest.raises(Missing):
        flags.raise_flag(Sample.objects.get(), by=make_person(), kind="harmful")
    with pytest.raises(Invalid):
        flags.raise_flag(Sample.objects.get(), by=member(campaign), kind="boring")


def test_a_flags_hold_ends_with_its_flag_and_not_behind_its_back() -> None:
    dataset = make_dataset()
    elder = make_person(dataset.community, "authority")
    steward = make_person(dataset.community, "steward")
    sample = add_samples(dataset, ["one"])[0]
    flag = flags.raise_flag(sample, by=elder, kind="sacred")
    hold = Hold.objects.get(sample=sample)

    with pytest.raises(Conflict) as refused:
        holds.lift(hold, by=steward)
    still_rests = Hold.objects.filter(pk=hold.pk, lifted_at=None).exists()
    flags.resolve(flag, by=steward, verdict="dismissed")

    assert refused.value.code == "hold-has-flag"
    assert still_rests
    assert not Hold.objects.filter(sample=sample, lifted_at=None).exists()
