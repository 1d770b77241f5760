"""Withdrawals: held before the answer leaves, by whoever may, and nobody is asked why."""

import pytest

from governance import consents, holds, withdrawals
from governance.kernel.errors import Conflict, Invalid, Missing, NotAllowed, Unavailable
from governance.models import ConsentEvent, Contributor, Dataset, Event, Hold, Person, Sample, Withdrawal
from governance.roles import Machine, Outsider
from tests.factories import add_samples, give_consent, make_contributor, make_dataset, make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def person(dataset: Dataset) -> Person:
    return make_person(dataset.community)


@pytest.fixture
def teller(dataset: Dataset, person: Person) -> Contributor:
    teller = make_contributor(dataset.community, person=person)
    give_consent(teller, "teaching", "research")
    add_samples(dataset, ["one", "two", "three"], teller)
    return teller


def state(teller: Contributor, purpose: str) -> dict[str, int]:
    return consents.snapshot([teller.pk], purpose).counts


def test_taking_everything_back_holds_it_and_counts_at_once(
    dataset: Dataset, teller: Contributor, person: Person
) -> None:
    withdrawal = withdrawals.open(teller, by=person, channel="self")

    assert not Sample.objects.filter(contributor=teller).not_held().exists()
    assert state(teller, "teaching")["withdrawn"] == state(teller, "research")["withdrawn"] == 1
    assert withdrawals.touched(withdrawal).count() == 3
    event = Event.objects.get(verb="withdrawal.open")
    assert event.object_id == withdrawal.public_id
    assert teller.name not in event.body


def test_taking_back_one_purpose_leaves_the_words_and_the_other_purposes(teller: Contributor, person: Person) -> None:
    withdrawals.open(teller, by=person, channel="self", purposes=["teaching"])

    assert Sample.objects.filter(contributor=teller).not_held().count() == 3
    assert state(teller, "teaching")["withdrawn"] == 1
    assert state(teller, "language-research")["valid"] == 1


def test_taking_back_some_pieces_holds_only_those(dataset: Dataset, teller: Contributor, person: Person) -> None:
    stranger = add_samples(dataset, ["four"], make_contributor(dataset.community), source="b.csv")[0]
    mine = Sample.objects.filter(contributor=teller).first()
    chosen = Sample.objects.filter(pk__in=[mine.pk, stranger.pk])

    withdrawal = withdrawals.open(teller, by=person, channel="self", samples=chosen)

    assert list(withdrawals.touched(withdrawal)) == [mine]
    assert Sample.objects.not_held().filter(pk=stranger.pk).exists()
    assert state(teller, "teaching")["valid"] == 1


def test_taking_back_nothing_is_said_so(dataset: Dataset, teller: Contributor, person: Person) -> None:
    with pytest.raises(Invalid) as refusal:
        withdrawals.open(teller, by=person, channel="self", samples=Sample.objects.none())

    assert refusal.value.code == "nothing-to-take-back"
    assert not Withdrawal.objects.exists()


@pytest.mark.parametrize(
    ("role", "channel"), [("representative", "representative"), ("steward", "steward"), ("keeper", "steward")]
)
def test_others_may_do_it_on_somebodys_behalf(teller: Contributor, role: str, channel: str) -> None:
    by = make_person(teller.community, role)

    withdrawals.open(teller, by=by, channel=channel)

    assert state(teller, "teaching")["withdrawn"] == 1


@pytest.mark.parametrize("channel", ["self", "representative", "steward", "receipt", "form"])
def test_nobody_takes_back_the_words_of_others(teller: Contributor, channel: str) -> None:
    other = make_person(teller.community, "contributor", "reviewer")

    for by in (other, Outsider("receipt:somebody-else"), Machine("sweep")):
        with pytest.raises(NotAllowed):
            withdrawals.open(teller, by=by, channel=channel)

    assert not Hold.objects.exists()


def test_the_code_of_the_receipt_is_enough(teller: Contributor) -> None:
    code = consents.issue_receipt(teller, by=make_person(teller.community, "steward"))

    withdrawal = withdrawals.open_with_code(code.lower().replace("-", " "), address="1.2.3.4")

    assert withdrawal.channel == "receipt"
    assert not Sample.objects.filter(contributor=teller).not_held().exists()


def test_guessing_codes_has_to_wait(teller: Contributor) -> None:
    for _ in range(withdrawals.FREE_CODES):
        with pytest.raises(Missing):
            withdrawals.open_with_code("AAAA-BBBB", address="1.2.3.4")

    with pytest.raises(Unavailable) as refusal:
        withdrawals.open_with_code("AAAA-BBBB", address="1.2.3.4")

    assert refusal.value.code == "too-many-codes"
    with pytest.raises(Missing):
        withdrawals.open_with_code("AAAA-BBBB", address="5.6.7.8")


def test_a_nameless_form_opens_a_case_and_holds_nothing(teller: Contributor) -> None:
    case = withdrawals.open_case(teller.community, note="My grandmother's song.", address="1.2.3.4")

    assert not case.holds_now
    assert not Hold.objects.exists()
    assert ConsentEvent.objects.filter(status="ConsentWithdrawn").count() == 0


def test_nameless_forms_are_throttled(teller: Contributor) -> None:
    for number in range(withdrawals.FREE_CASES):
        withdrawals.open_case(teller.community, note=f"case {number}", address="1.2.3.4")

    with pytest.raises(Unavailable):
        withdrawals.open_case(teller.community, note="one more", address="1.2.3.4")


def test_a_keeper_confirms_afterwards_and_cannot_call_it_unfounded(teller: Contributor, person: Person) -> None:
    keeper = make_person(teller.community, "keeper")
    withdrawal = withdrawals.open(teller, by=person, channel="self")

    with pytest.raises(Invalid):
        withdrawals.close(withdrawal, by=keeper, outcome="unfounded")
    withdrawals.close(withdrawal, by=keeper)

    assert withdrawal.outcome == "confirmed"
    assert not Sample.objects.filter(contributor=teller).not_held().exists()
    with pytest.raises(Conflict):
        withdrawals.close(withdrawal, by=keeper)


def test_what_was_taken_back_comes_back_only_with_a_new_yes(teller: Contributor, person: Person) -> None:
    keeper = make_person(teller.community, "keeper")
    withdrawals.open(teller, by=person, channel="self")
    hold = Hold.objects.get()

    with pytest.raises(Conflict) as refusal:
        holds.lift(hold, by=keeper)
    give_consent(teller, "teaching")
    holds.lift(hold, by=keeper)

    assert refusal.value.code == "hold-needs-consent"
    assert Sample.objects.filter(contributor=teller).not_held().count() == 3
