"""Taking words back in the browser: one step, held before the next page."""

import pytest
from django.test import Client

from governance import consents
from governance.models import Contributor, Dataset, Hold, Person, Sample, Withdrawal
from governance.web import needs
from tests.factories import add_samples, give_consent, make_contributor, make_dataset, make_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def person(dataset: Dataset, client: Client) -> Person:
    person = make_person(dataset.community)
    client.force_login(person)
    return person


@pytest.fixture
def teller(dataset: Dataset, person: Person) -> Contributor:
    teller = make_contributor(dataset.community, name="Ilse", person=person)
    give_consent(teller, "teaching")
    add_samples(dataset, ["The winter boats", "The grey seal"], teller)
    return teller


def address(dataset: Dataset, rest: str) -> str:
    return f"/communities/{dataset.community.slug}/{rest}"


def free(teller: Contributor) -> int:
    return Sample.objects.filter(contributor=teller).not_held().count()


def test_everything_is_taken_back_in_one_step(dataset: Dataset, teller: Contributor, client: Client) -> None:
    page = client.get(address(dataset, "words/withdraw/")).content.decode()
    answer = client.post(address(dataset, "words/withdraw/"), {"which": "all", "do": "take"}, follow=True)

    assert "The winter boats" in page and "You need no reason" in page
    assert free(teller) == 0
    assert "2 pieces rest." in answer.content.decode()


@pytest.mark.usefixtures("teller")
def test_nothing_is_chosen_for_taking_back_before_the_person_chooses(dataset: Dataset, client: Client) -> None:
    first = client.get(address(dataset, "words/withdraw/")).content.decode()
    among_the_pieces = client.get(address(dataset, "words/withdraw/?page=1")).content.decode()

    assert 'value="all" id="wa" required>' in first
    assert 'value="some" id="ws" required>' in first
    assert 'value="some" id="ws" required checked>' in among_the_pieces


def test_some_pieces_are_taken_back(dataset: Dataset, teller: Contributor, client: Client) -> None:
    piece = Sample.objects.filter(contributor=teller).first()

    client.post(address(dataset, "words/withdraw/"), {"which": "some", "piece": [piece.uid], "do": "take"})

    assert free(teller) == 1
    assert Hold.objects.get().sample == piece


def test_nothing_chosen_takes_nothing_back_and_says_so(dataset: Dataset, teller: Contributor, client: Client) -> None:
    answer = client.post(address(dataset, "words/withdraw/"), {"which": "some", "do": "take"})

    assert "Choose at least one piece" in answer.content.decode()
    assert free(teller) == 2


def test_one_use_is_stopped_and_the_words_stay(dataset: Dataset, teller: Contributor, client: Client) -> None:
    client.post(address(dataset, "words/withdraw/"), {"purpose": "teaching", "do": "purpose"})

    assert free(teller) == 2
    assert consents.snapshot([teller.pk], "teaching").withdrawn == 1


def test_somebody_without_words_is_told_about_the_code(dataset: Dataset, person: Person, client: Client) -> None:
    assert "I have a code" in client.get(address(dataset, "words/withdraw/")).content.decode()


def test_the_code_of_the_receipt_is_enough_without_signing_in(dataset: Dataset, teller: Contributor) -> None:
    code = consents.issue_receipt(teller, by=make_person(dataset.community, "steward"))
    nobody = Client()

    wrong = nobody.post("/withdraw/", {"code": "AAAA-BBBB", "do": "code"})
    right = nobody.post("/withdraw/", {"code": code, "do": "code"})

    assert wrong.status_code == 422 and "We do not know this code" in wrong.content.decode()
    assert "Done. Your words rest." in right.content.decode()
    assert "Ilse" not in right.content.decode()
    assert free(teller) == 0


def test_without_a_code_the_keepers_look_and_nobody_learns_who_is_here(dataset: Dataset, teller: Contributor) -> None:
    nobody = Client()

    here = nobody.post("/withdraw/", {"community": dataset.community.name, "note": "My song", "do": "case"})
    not_here = nobody.post("/withdraw/", {"community": "Elsewhere", "note": "My song", "do": "case"})

    assert here.content.decode().split("csrf")[0] == not_here.content.decode().split("csrf")[0]
    assert Withdrawal.objects.get().channel == "form"
    assert free(teller) == 2


def test_a_steward_takes_back_for_somebody_who_rang(dataset: Dataset, teller: Contributor) -> None:
    desk = Client()
    desk.force_login(make_person(dataset.community, "steward"))

    missed = desk.post(address(dataset, "withdrawals/"), {"name": "Nobody", "purpose": ""})
    done = desk.post(address(dataset, "withdrawals/"), {"name": "ilse", "purpose": "", "note": "by phone"}, follow=True)

    assert missed.status_code == 422
    assert "Ilse" in done.content.decode()
    assert free(teller) == 0


def test_others_see_no_withdrawal_but_their_own(dataset: Dataset, teller: Contributor, client: Client) -> None:
    client.post(address(dataset, "words/withdraw/"), {"which": "all", "do": "take"})
    mine = address(dataset, f"withdrawals/{Withdrawal.objects.get().public_id}/")
    other = Client()
    other.force_login(make_person(dataset.community, "reviewer"))

    assert client.get(mine).status_code == 200
    assert other.get(mine).status_code == 404
    assert other.get(address(dataset, "withdrawals/")).status_code == 404
    assert other.get(address(dataset, "holds/")).status_code == 404


def test_a_keeper_confirms_and_lifts_only_with_a_new_yes(dataset: Dataset, teller: Contributor, client: Client) -> None:
    client.post(address(dataset, "words/withdraw/"), {"which": "all", "do": "take"})
    hold, withdrawal = Hold.objects.get(), Withdrawal.objects.get()
    keeper = Client()
    keeper.force_login(make_person(dataset.community, "keeper"))

    keeper.post(address(dataset, f"withdrawals/{withdrawal.public_id}/close/"), {"outcome": "confirmed"})
    refused = keeper.post(address(dataset, f"holds/{hold.public_id}/lift/"), follow=True)
    give_consent(teller, "teaching")
    keeper.post(address(dataset, f"holds/{hold.public_id}/lift/"))

    withdrawal.refresh_from_db()
    assert withdrawal.outcome == "confirmed"
    assert "only after they have said yes again" in refused.content.decode()
    assert free(teller) == 2


def test_a_nameless_case_is_what_a_keeper_must_look_at_first(
    dataset: Dataset, teller: Contributor, client: Client
) -> None:
    keeper = make_person(dataset.community, "keeper")
    client.post(address(dataset, "words/withdraw/"), {"which": "all", "do": "take"})
    Client().post("/withdraw/", {"community": dataset.community.name, "note": "My song", "do": "case"})

    found = needs.needs(keeper, dataset.community)

    assert [one.text for one in sorted(found, key=lambda one: one.weight)] == [
        "Somebody without a name asks to take words back",
        "Words were taken back",
    ]
    assert needs.needs(make_person(dataset.community, "reviewer"), dataset.community) == []
