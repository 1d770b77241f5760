"""Asking for access: kept with a code, compared with the rules at once, answered once and never wider than the rules."""

import io
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from governance import agreements, asking, documents, policies
from governance.asking import Asked
from governance.kernel.errors import Conflict, Invalid, Missing, NotAllowed, Unavailable
from governance.models import AccessRequest, Dataset, Document, Event, Party, Person
from governance.odrl.policy import Body, Term
from tests.factories import PARTY_KEY, countersigned, make_dataset, make_person, pem_of

pytestmark = pytest.mark.django_db
RULES = Body(
    purposes=("speech-recognition", "teaching"),
    organisations=("non-profit", "public"),
    terms=(Term("agreement-months", 12), Term("ethics-approval")),
)
ETHICS = "urn:wellhouse:duty:ethics-approval"
ASKED = Asked(
    organisation="Quayside Language School",
    kind="non-profit",
    contact="Ragna Holt, head of courses",
    email="ragna@school.example",
    purpose="teaching",
    project="Evening classes",
    words="Lessons for grown-ups who lost the language.",
    months=6,
    place="NZ",
    public_key=pem_of(PARTY_KEY),
)
HERE = "192.0.2.7"


@pytest.fixture(autouse=True)
def files(settings: object, tmp_path: object) -> None:
    settings.FILES_ROOT = tmp_path  # type: ignore[attr-defined]


@pytest.fixture
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture
def steward(dataset: Dataset) -> Person:
    person = make_person(dataset.community, "steward")
    policies.revise(dataset, body=RULES, by=person)
    return person


@pytest.fixture
def request_(dataset: Dataset, steward: Person) -> AccessRequest:
    return asking.ask(dataset, ASKED, address=HERE)[0]


def paper(
    to: AccessRequest, by: object = None, data: bytes = b"%PDF-1.7 approved", title: str = "Board, 114"
) -> Document:
    return documents.add(
        to, file=io.BytesIO(data), size=len(data), duty=ETHICS, title=title, by=by or asking.asker_of(to)
    )


def test_a_request_is_kept_with_a_code_that_opens_it_and_that_nobody_else_knows(
    dataset: Dataset, steward: Person
) -> None:
    row, code = asking.ask(dataset, ASKED, address=HERE)

    assert asking.of_code(code.lower().replace("-", " "), address=HERE) == row
    assert code not in str(AccessRequest.objects.values())
    assert not any(ASKED.contact in event.body or code in event.body for event in Event.objects.all())


def test_the_rules_are_read_at_once_and_say_what_would_be_refused_today(dataset: Dataset, steward: Person) -> None:
    company = replace(ASKED, kind="for-profit", is_commercial=True, purpose="text-generation", months=18)

    row, _code = asking.ask(dataset, company, address=HERE)

    assert row.status == "open"
    assert {reason["code"] for reason in row.precheck["reasons"]} == {
        "purpose-not-permitted",
        "organisation-not-permitted",
        "commercial-not-permitted",
        "agreement-too-long",
    }
    assert row.precheck["before"] == [ETHICS]


def test_twelve_months_are_twelve_months_and_no_day_more(dataset: Dataset, steward: Person) -> None:
    assert asking.precheck(dataset, replace(ASKED, months=12)).fits
    assert not asking.precheck(dataset, replace(ASKED, months=13)).fits


def test_everything_that_cannot_be_read_is_named_at_once(dataset: Dataset, steward: Person) -> None:
    wrong = replace(
        ASKED, organisation="", kind="club", contact=" ", purpose="research", project="", words="", months=0,
        public_key="x", place="Mars", duo=("XYZ",),
    )  # fmt: skip

    with pytest.raises(Invalid) as refusal:
        asking.ask(dataset, wrong, address=HERE)

    assert {reason.path for reason in refusal.value.reasons} == {
        "organisation", "kind", "contact", "purpose", "project", "words", "months", "public_key", "place", "duo",
    }  # fmt: skip
    assert not AccessRequest.objects.exists()


def test_one_address_asks_five_times_an_hour_and_guesses_twenty_codes(dataset: Dataset, steward: Person) -> None:
    for _ in range(asking.FREE_ASKS):
        asking.ask(dataset, ASKED, address=HERE)
    with pytest.raises(Unavailable):
        asking.ask(dataset, ASKED, address=HERE)
    for _ in range(asking.FREE_CODES):
        with pytest.raises(Missing):
            asking.of_code("AAAA-AAAA-AAAA-AAAA", address=HERE)
    with pytest.raises(Unavailable):
        asking.of_code("AAAA-AAAA-AAAA-AAAA", address=HERE)

    assert asking.ask(dataset, ASKED, address="192.0.2.8")[0].status == "open"


def test_both_sides_speak_and_it_is_seen_whose_turn_it_is(request_: AccessRequest, steward: Person) -> None:
    asking.say(request_, body="Who are the learners?", by=steward)
    theirs = request_.is_our_turn
    asking.say(request_, body="Parents of our pupils.", by=asking.asker_of(request_))

    assert (theirs, request_.is_our_turn) == (False, True)
    assert [m.author for m in request_.messages.order_by("pk")] == [steward, None]
    with pytest.raises(Missing):
        asking.say(request_, body="Hello", by=asking.Outsider("access-request:other"))


def test_a_no_has_a_reason_and_is_said_once(request_: AccessRequest, steward: Person) -> None:
    with pytest.raises(Invalid):
        asking.decline(request_, reason="because", by=steward)
    asking.decline(request_, reason="now", words="After the winter.", by=steward)

    for second in (
        lambda: asking.decline(request_, reason="now", by=steward),
        lambda: asking.accept(request_, by=steward),
    ):
        with pytest.raises(Conflict):
            second()
    with pytest.raises(Conflict):
        asking.say(request_, body="But", by=asking.asker_of(request_))
    assert request_.answer.outcome == "decline"


def test_a_yes_draws_up_what_was_asked_and_becomes_an_agreement_when_both_sign(
    request_: AccessRequest, steward: Person
) -> None:
    agreement = asking.accept(request_, by=steward)
    drawn = agreement.signatures.count()
    agreements.sign_for_community(agreement, by=steward)
    countersigned(agreement)

    assert drawn == 0
    assert (agreement.purpose, agreement.project, agreement.place) == ("teaching", "Evening classes", "NZ")
    assert agreement.party.name == ASKED.organisation and agreement.party.email == ASKED.email
    assert agreements.is_verified(agreement)
    assert request_.status == "accepted" and request_.agreement == agreement


def test_a_steward_narrows_and_never_widens(dataset: Dataset, steward: Person) -> None:
    row, _code = asking.ask(dataset, ASKED, address=HERE)

    agreement = asking.accept(row, by=steward, months=60, is_commercial=True)

    assert not agreement.is_commercial
    assert agreement.expires_at < timezone.now() + timedelta(days=190)


def test_a_yes_beyond_the_rules_is_refused_whole_and_the_request_stays_open(dataset: Dataset, steward: Person) -> None:
    row, _code = asking.ask(dataset, replace(ASKED, kind="for-profit"), address=HERE)

    with pytest.raises(Invalid) as refusal:
        asking.accept(row, by=steward)

    row.refresh_from_db()
    assert refusal.value.code == "agreement-too-wide"
    assert row.status == "open" and not Party.objects.exists()


def test_only_the_desk_answers_and_looks_after(request_: AccessRequest, steward: Person) -> None:
    member = make_person(request_.community)

    with pytest.raises(NotAllowed):
        asking.accept(request_, by=member)
    with pytest.raises(NotAllowed):
        asking.decline(request_, reason="now", by=member)
    with pytest.raises(Invalid):
        asking.assign(request_, to=member, by=steward)
    assert asking.assign(request_, to=steward, by=steward).assigned_to == steward


def test_who_asks_takes_it_back(request_: AccessRequest) -> None:
    asking.take_back(request_, by=asking.asker_of(request_))

    assert request_.status == "taken-back"


def test_a_paper_counts_when_somebody_else_verified_it_and_until_its_day(
    request_: AccessRequest, steward: Person
) -> None:
    now = timezone.now()
    brought = paper(request_)
    agreement = asking.accept(request_, by=steward)
    before = documents.fulfilled(agreement, now)
    documents.verify(brought, is_good=True, valid_until=now.date() + timedelta(days=30), by=steward)

    assert before == ()
    assert documents.fulfilled(agreement, now) == (ETHICS,)
    assert documents.fulfilled(agreement, now + timedelta(days=31)) == ()
    assert agreements.fact_of(agreement).fulfilled == (ETHICS,)
    with pytest.raises(Conflict):
        documents.verify(brought, is_good=False, note="No.", by=steward)


def test_nobody_verifies_what_they_brought_and_a_no_says_why(request_: AccessRequest, steward: Person) -> None:
    mine = paper(request_, by=steward)
    theirs = paper(request_, data=b"%PDF-1.7 other")

    with pytest.raises(NotAllowed):
        documents.verify(mine, is_good=True, by=steward)
    with pytest.raises(Invalid):
        documents.verify(theirs, is_good=False, by=steward)


@pytest.mark.parametrize(
    ("data", "size", "code"),
    [
        (b"<svg onload=x>", None, "paper-kind"),
        (b"MZ\x90", None, "paper-kind"),
        (b"%PDF-1.7", 11 * 1024 * 1024, "paper-too-big"),
    ],
)
def test_a_paper_is_what_its_bytes_say_and_not_too_big(
    request_: AccessRequest, data: bytes, size: int | None, code: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        documents.add(
            request_,
            file=io.BytesIO(data),
            size=size or len(data),
            duty=ETHICS,
            title="approval.pdf",
            by=asking.asker_of(request_),
        )

    assert refusal.value.code == code
    assert not Document.objects.exists()


def test_a_stranger_brings_no_paper(request_: AccessRequest) -> None:
    with pytest.raises(Missing):
        paper(request_, by=asking.Outsider("access-request:other"))
