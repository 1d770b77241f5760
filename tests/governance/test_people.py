"""Signing in, changing one's own things, and coming back after a forgotten password."""

from datetime import timedelta

import pytest
from django.utils import timezone

from governance import people
from governance.kernel.errors import Conflict, Gone, Invalid, NotAllowed, Unavailable
from governance.models import Event, Person, RecoveryCode, SignInAttempt
from tests.factories import PASSWORD, make_community, make_keeper, make_person

pytestmark = pytest.mark.django_db

HERE = "192.0.2.7"


def wrong(name: str, address: str = HERE, **when: object) -> None:
    with pytest.raises(NotAllowed) as refused:
        people.sign_in(name, "not this one", address=address, **when)  # type: ignore[arg-type]
    assert refused.value.code == "wrong-credentials"


def test_the_right_name_and_password_let_in_whatever_the_case_of_the_name() -> None:
    person = make_person(username="ilse.m", password=PASSWORD)

    assert people.sign_in("  Ilse.M ", PASSWORD, address=HERE) == person


def test_a_wrong_name_and_a_wrong_password_are_refused_in_the_same_words() -> None:
    make_person(username="ilse.m", password=PASSWORD)

    with pytest.raises(NotAllowed) as one:
        people.sign_in("ilse.m", "not this one", address=HERE)
    with pytest.raises(NotAllowed) as other:
        people.sign_in("nobody", "not this one", address=HERE)

    assert str(one.value) == str(other.value)


def test_somebody_who_was_switched_off_does_not_get_in() -> None:
    person = make_person(username="ilse.m", password=PASSWORD)
    Person.objects.filter(pk=person.pk).update(is_active=False)

    with pytest.raises(NotAllowed):
        people.sign_in("ilse.m", PASSWORD, address=HERE)


def test_after_five_wrong_tries_even_the_right_password_has_to_wait_and_is_told_how_long() -> None:
    make_person(username="ilse.m", password=PASSWORD)
    now = timezone.now()
    for _ in range(5):
        wrong("ilse.m", now=now)

    with pytest.raises(Unavailable) as refused:
        people.sign_in("ilse.m", PASSWORD, address=HERE, now=now)

    assert refused.value.code == "too-many-attempts"
    assert refused.value.retry_after == people.FIRST_WAIT
    assert "30 s" in str(refused.value)


def test_the_wait_ends_by_itself_and_doubles_with_the_next_wrong_try() -> None:
    make_person(username="ilse.m", password=PASSWORD)
    now = timezone.now()
    for _ in range(5):
        wrong("ilse.m", now=now)
    later = now + timedelta(seconds=people.FIRST_WAIT)

    wrong("ilse.m", now=later)

    with pytest.raises(Unavailable) as refused:
        people.sign_in("ilse.m", PASSWORD, address=HERE, now=later)
    assert refused.value.retry_after == 2 * people.FIRST_WAIT


def test_somebody_elses_wrong_tries_from_elsewhere_do_not_lock_the_owner_out_at_once() -> None:
    make_person(username="ilse.m", password=PASSWORD)
    for _ in range(5):
        wrong("ilse.m", address="198.51.100.1")

    assert people.sign_in("ilse.m", PASSWORD, address=HERE).username == "ilse.m"


def test_one_account_guessed_at_from_many_addresses_is_throttled_too() -> None:
    make_person(username="ilse.m", password=PASSWORD)
    for number in range(20):
        wrong("ilse.m", address=f"198.51.100.{number}")

    with pytest.raises(Unavailable):
        people.sign_in("ilse.m", PASSWORD, address="198.51.100.99")


def test_one_address_that_tries_many_names_is_throttled_too() -> None:
    now = timezone.now()
    keys = people._keys("name", HERE)
    SignInAttempt.objects.bulk_create([SignInAttempt(key=keys[2], at=now) for _ in range(60)])

    with pytest.raises(Unavailable):
        people.sign_in("another", "not this one", address=HERE, now=now)


def test_signing_in_forgets_the_wrong_tries_before_it() -> None:
    make_person(username="ilse.m", password=PASSWORD)
    for _ in range(4):
        wrong("ilse.m")

    people.sign_in("ilse.m", PASSWORD, address=HERE)

    for _ in range(4):
        wrong("ilse.m")
    assert people.sign_in("ilse.m", PASSWORD, address=HERE)


def test_neither_names_nor_addresses_are_kept_in_clear() -> None:
    wrong("ilse.m")

    kept = " ".join(SignInAttempt.objects.values_list("key", flat=True))
    assert SignInAttempt.objects.count() == 3
    assert "ilse" not in kept
    assert HERE not in kept


@pytest.mark.parametrize("name", ["a", ".ilse", "ilse m", "ilse/m", "x" * 65])
def test_a_name_that_could_not_be_typed_or_read_aloud_is_refused_at_its_field(name: str) -> None:
    with pytest.raises(Invalid) as refused:
        people.new_person(username=name, display_name="Ilse", password=PASSWORD)

    assert [reason.path for reason in refused.value.reasons] == ["username"]


@pytest.mark.parametrize("name", ["ilse.m", "+4915112345", "ẹ̀kọ́", "हिन्दी1", "o_reed-2"])
def test_names_of_any_script_and_phone_numbers_are_welcome(name: str) -> None:
    assert people.new_person(username=name, display_name="Somebody", password=PASSWORD).pk


def test_all_that_is_wrong_with_a_new_account_is_told_at_once() -> None:
    with pytest.raises(Invalid) as refused:
        people.new_person(username="!", display_name=" ", password="short")

    assert {reason.path for reason in refused.value.reasons} == {"username", "display_name", "password"}


def test_two_people_cannot_have_the_same_name() -> None:
    make_person(username="ilse.m")

    with pytest.raises(Invalid) as refused:
        people.new_person(username="ILSE.M", display_name="Other", password=PASSWORD)

    assert refused.value.reasons[0].code == "username-taken"


def test_nobody_changes_somebody_elses_name_or_password() -> None:
    one, other = make_person(password=PASSWORD), make_person()

    with pytest.raises(NotAllowed):
        people.change(one, by=other, display_name="Mine")
    with pytest.raises(NotAllowed):
        people.change_password(one, by=other, old=PASSWORD, new="another quiet harbour")


def test_changing_the_password_needs_the_old_one_and_is_written_down() -> None:
    person = make_person(password=PASSWORD)

    with pytest.raises(Invalid):
        people.change_password(person, by=person, old="not this one", new="another quiet harbour")
    people.change_password(person, by=person, old=PASSWORD, new="another quiet harbour")

    person.refresh_from_db()
    assert person.check_password("another quiet harbour")
    assert Event.objects.filter(verb="person.change", actor=person.ref).count() == 1


def test_a_keepers_code_sets_a_new_password_once() -> None:
    community = make_community()
    keeper, member = make_keeper(community), make_person(community, password=PASSWORD)
    row, code = people.issue_recovery(member, community=community, by=keeper)

    assert people.use_recovery(code.lower().replace("-", " "), password="another quiet harbour") == member

    member.refresh_from_db()
    assert member.check_password("another quiet harbour")
    assert code not in row.code_hash
    with pytest.raises(Gone):
        people.use_recovery(code, password="a third quiet harbour")


def test_a_code_ends_by_itself_and_the_newer_one_ends_the_older() -> None:
    community = make_community()
    keeper, member = make_keeper(community), make_person(community)
    _, first = people.issue_recovery(member, community=community, by=keeper)
    _, second = people.issue_recovery(member, community=community, by=keeper)

    with pytest.raises(Gone):
        people.use_recovery(first, password="another quiet harbour")
    with pytest.raises(Gone):
        people.use_recovery(second, password="another quiet harbour", now=timezone.now() + timedelta(days=3))


def test_only_keepers_make_codes() -> None:
    community = make_community()
    steward, member = make_person(community, "steward"), make_person(community)

    with pytest.raises(NotAllowed):
        people.issue_recovery(member, community=community, by=steward)

    assert not RecoveryCode.objects.exists()


def test_the_account_of_somebody_with_duties_opens_only_when_a_second_keeper_agrees() -> None:
    community = make_community()
    first, second, steward = make_keeper(community), make_keeper(community), make_person(community, "steward")
    row, code = people.issue_recovery(steward, community=community, by=first)

    with pytest.raises(Conflict):
        people.use_recovery(code, password="another quiet harbour")
    with pytest.raises(NotAllowed):
        people.second_recovery(row, by=first)
    people.second_recovery(row, by=second)

    assert people.use_recovery(code, password="another quiet harbour") == steward


def test_keepers_of_one_community_cannot_open_an_account_that_has_duties_in_another() -> None:
    here, there = make_community(), make_community()
    keeper = make_keeper(here)
    both = make_person(there, "keeper")
    both.memberships.create(community=here, role="contributor")

    with pytest.raises(Conflict) as refused:
        people.issue_recovery(both, community=here, by=keeper)

    assert refused.value.code == "recovery-elsewhere"


def test_a_code_that_one_keeper_gave_does_not_open_the_duties_that_came_after_it() -> None:
    community = make_community()
    first, second, somebody = make_keeper(community), make_keeper(community), make_person(community)
    row, code = people.issue_recovery(somebody, community=community, by=first)
    somebody.memberships.create(community=community, role="steward")

    with pytest.raises(Conflict) as refused:
        people.use_recovery(code, password="another quiet harbour")
    people.second_recovery(row, by=second)

    assert refused.value.code == "second-keeper"
    assert people.use_recovery(code, password="another quiet harbour") == somebody


def test_a_code_does_not_open_an_account_that_has_duties_elsewhere_by_now() -> None:
    community = make_community()
    keeper, somebody = make_keeper(community), make_person(community)
    _, code = people.issue_recovery(somebody, community=community, by=keeper)
    somebody.memberships.create(community=make_community(), role="keeper")

    with pytest.raises(Conflict) as refused:
        people.use_recovery(code, password="another quiet harbour")

    assert refused.value.code == "recovery-elsewhere"


def test_with_two_keepers_one_alone_does_not_mend_the_others_password() -> None:
    community = make_community()
    first, second = make_keeper(community), make_keeper(community)
    elder, reviewer = make_person(community, "authority"), make_person(community, "reviewer")
    row, code = people.issue_recovery(second, community=community, by=first)

    with pytest.raises(Conflict):
        people.use_recovery(code, password="another quiet harbour")
    for nobody in (first, second, reviewer):
        with pytest.raises(NotAllowed):
            people.second_recovery(row, by=nobody)
    people.second_recovery(row, by=elder)

    assert people.use_recovery(code, password="another quiet harbour") == second


def test_where_nobody_can_be_the_second_the_code_waits_three_days_and_can_be_stopped() -> None:
    community = make_community()
    first, second = make_keeper(community), make_keeper(community)
    now = timezone.now()
    row, code = people.issue_recovery(second, community=community, by=first, now=now)

    with pytest.raises(Conflict) as early:
        people.use_recovery(code, password="another quiet harbour", now=now + timedelta(days=2, hours=23))
    assert people.recoveries_for(second) == [row]
    people.stop_recovery(row, by=second)
    with pytest.raises(Gone):
        people.use_recovery(code, password="another quiet harbour", now=now + timedelta(days=3, hours=1))
    _row, code = people.issue_recovery(second, community=community, by=first, now=now)

    assert early.value.code == "recovery-waits"
    assert people.use_recovery(code, password="another quiet harbour", now=now + timedelta(days=3, hours=1)) == second
