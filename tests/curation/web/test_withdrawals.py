"""What people and parties see of a withdrawal: the desk, the person's own page, the letter's page, a case without a name."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client
from django.utils import timezone

from clients.wellhouse_client import sign_receipt
from curation import aftermaths, notices, receipts, takedowns
from curation.models import Delivery, Notice, Pull, Receipt, Takedown, Version
from governance import consents, parties, votes, withdrawals
from governance.kernel.errors import NotAllowed
from governance.models import Contributor, Event, Withdrawal
from tests.curation.made import open_dataset, published
from tests.curation.test_pulls import asked, grant
from tests.factories import make_person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def files(settings, tmp_path: Path) -> None:
    settings.FILES_ROOT = tmp_path / "files"


@pytest.fixture
def version() -> Version:
    """A version that one party pulled twice; its teller has an account."""
    version = published(open_dataset())
    token, _ = grant(version)
    asked(token, version)
    Pull.objects.update(closed_at=timezone.now(), last_at=timezone.now() - timedelta(hours=1))
    asked(token, version)
    teller = version.contributors.get().contributor
    teller.person = make_person(version.community)
    teller.save()
    return version


@pytest.fixture
def teller(version: Version) -> Contributor:
    return version.contributors.get().contributor


@pytest.fixture
def notice(version: Version, teller: Contributor) -> Notice:
    assert teller.person is not None
    withdrawals.open(teller, by=teller.person, channel="self")
    return Notice.objects.get()


def answered(notice: Notice, **fields: str) -> dict[str, str]:
    return {"do": "answer", "copies": "the training server", "deleted": "on", "none_made": "on", **fields}


def letter(notice: Notice) -> str:
    return notices.address(notice).removeprefix("http://127.0.0.1:8000")


def test_the_persons_page_lists_exactly_the_pulls_in_the_log(
    version: Version, teller: Contributor, client: Client
) -> None:
    other = published(open_dataset())
    strange, _ = grant(other)
    asked(strange, other)
    client.force_login(teller.person)

    page = client.get(f"/communities/{version.community.slug}/words/where/").content.decode()

    told = re.findall(r"<li>(.*?) pulled it for", page)
    in_log = [e for e in Event.objects.filter(verb="pull.open") if version.public_id in e.body]
    assert len(told) == len(in_log) == 2
    assert set(told) == {Pull.objects.filter(version=version).first().token.agreement.party.name}


def test_the_persons_page_takes_the_same_few_queries_however_much_there_is(
    version: Version, teller: Contributor, notice: Notice, django_assert_num_queries
) -> None:
    more = published(version.dataset, samples=list(version.dataset.samples.all()[:10]))
    token, _ = grant(more)
    pull = Pull.objects.first()
    Pull.objects.create(token=token, version=more, decision=pull.decision, snapshot_hash=pull.snapshot_hash)

    with django_assert_num_queries(3):
        went = aftermaths.journey(teller)
    with django_assert_num_queries(5):
        told = aftermaths.told_about(teller)

    assert len(went) == 2
    assert len(told) == 1


def test_what_cannot_be_undone_is_shown_to_the_person_as_it_was_said(
    version: Version, teller: Contributor, notice: Notice, client: Client
) -> None:
    client.post(
        letter(notice),
        {
            **answered(notice),
            "none_made": "",
            "name_1": "reader 3",
            "act_1": "cannot-undo",
            "reason_1": "given to 40 phones",
        },
    )
    client.force_login(teller.person)

    page = client.get(f"/communities/{version.community.slug}/words/where/").content.decode()

    assert "Cannot be undone:" in page
    assert "given to 40 phones" in page
    assert "forgot" not in page


def test_the_person_sees_the_same_with_the_code_of_the_receipt(
    version: Version, teller: Contributor, client: Client
) -> None:
    code = consents.issue_receipt(teller, by=version.dataset.created_by)

    right = client.post("/withdraw/where/", {"code": code})
    wrong = client.post("/withdraw/where/", {"code": "AAAA-BBBB"})

    assert "2 pulled" not in right.content.decode()
    assert right.content.decode().count("pulled it for") == 2
    assert wrong.status_code == 422
    assert not Withdrawal.objects.exists()


def test_the_desk_sees_who_holds_copies_and_what_must_be_true(version: Version, notice: Notice, client: Client) -> None:
    keeper = make_person(version.community, "keeper")
    client.force_login(keeper)
    row = Withdrawal.objects.get()
    address = f"/communities/{version.community.slug}/withdrawals/{row.public_id}/"

    before = client.get(address).content.decode()
    Notice.objects.update(deadline=timezone.now() - timedelta(days=1))
    late = client.get(address).content.decode()

    assert notice.party.name in before
    assert "We do not know." in before
    assert "Everyone answered" in before
    assert "1 answer is late" in late
    assert "Write once more" in late


def test_the_desk_writes_once_more_and_a_stranger_cannot(version: Version, notice: Notice, client: Client) -> None:
    row = Withdrawal.objects.get()
    notice.party.email = "mara@quayside.example"
    notice.party.save()
    address = f"/communities/{version.community.slug}/withdrawals/{row.public_id}/remind/{notice.public_id}/"

    client.force_login(make_person(version.community, "contributor"))
    stranger = client.post(address).status_code
    client.force_login(make_person(version.community, "steward"))
    client.post(address)

    assert stranger == 404
    assert Delivery.objects.filter(round=1).count() == 1


def test_a_party_without_a_key_answers_on_the_letters_page(notice: Notice, client: Client) -> None:
    page = client.get(letter(notice))
    client.post(letter(notice), {"do": "seen"})
    nothing_said = client.post(letter(notice), {"do": "answer", "deleted": "on"})
    client.post(letter(notice), answered(notice))

    notice.refresh_from_db()
    receipt = Receipt.objects.get()
    assert page.status_code == 200
    assert nothing_said.status_code == 422
    assert notice.answered_at is not None
    assert receipt.is_by_code
    assert receipt.said["copies"] == [{"what": "the training server", "act": "deleted"}]


def test_a_party_with_a_key_takes_the_text_away_and_sends_it_signed(
    version: Version, notice: Notice, client: Client
) -> None:
    key = Ed25519PrivateKey.generate()
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    parties.change_key(notice.party, public_key=pem, by=version.dataset.created_by)

    page = client.post(letter(notice), answered(notice) | {"do": "prepare"}).content.decode()
    unsigned = Receipt.objects.count()
    statement = receipts.statement(notice, acts=["stop-use"])
    half = client.post(letter(notice), {"do": "signed", "receipt": sign_receipt(statement, key)})
    notice.refresh_from_db()
    still = notice.answered_at
    whole = receipts.statement(notice, acts=["stop-use", "delete-copies", "report-derived", "acknowledge"])
    client.post(letter(notice), {"do": "signed", "receipt": sign_receipt(whole, key)})

    notice.refresh_from_db()
    assert "wellhouse_client.py sign" in page
    assert "in-toto.io/Statement/v1" in page
    assert (unsigned, half.status_code, still) == (0, 302, None)
    assert receipts.gaps(notice, Receipt.objects.first().said) == ["delete-copies", "report-derived", "acknowledge"]
    assert notice.answered_at is not None
    with pytest.raises(NotAllowed):
        receipts.take_by_code(notice, acts=["stop-use"])


def test_a_wrong_code_finds_no_letter(notice: Notice, client: Client) -> None:
    assert client.get(f"/answers/{notice.public_id}/{'a' * 16}/").status_code == 404
    assert client.get(f"/answers/{'0' * 32}/{notices.code_of(notice)}/").status_code == 404


def test_anybody_can_ask_for_a_case_and_nothing_closes_before_a_keeper_says_so(
    version: Version, client: Client
) -> None:
    token, _ = grant(version)
    address = f"/datasets/{version.dataset.path}/published/{version.number}/ask/"

    client.post(address, {"reason": "My grandmother's name is in it. Ring 0100 555 034."})
    open_still = asked(token, version).decision
    case = Takedown.objects.get()
    client.force_login(make_person(version.community, "steward"))
    desk = client.get(f"/datasets/{version.dataset.path}/versions/{version.number}/case/").content.decode()
    client.post(
        f"/datasets/{version.dataset.path}/versions/{version.number}/case/{case.public_id}/", {"outcome": "open"}
    )

    case.refresh_from_db()
    assert open_still
    assert "grandmother" in desk
    assert case.status == "open"


def test_a_demand_by_law_answers_451_and_names_who_makes_it(version: Version, client: Client) -> None:
    _token, secret = grant(version)
    keeper = make_person(version.community, "keeper")
    court = "https://court.example/orders/7"
    case = takedowns.open(version, by=keeper, reason="An order.", kind="legal", blocked_by=court)
    address = f"/datasets/{version.dataset.path}/resolve/{version.tag}/README.md"
    shown = {"authorization": f"Bearer {secret}"}

    first = client.get(address, headers=shown)
    page = client.get(f"/datasets/{version.dataset.path}/published/{version.number}/")
    takedowns.close(case, by=keeper, upheld=True)
    after = client.get(address, headers=shown)

    assert {first.status_code, page.status_code, after.status_code} == {451}
    assert first["Link"] == page["Link"] == after["Link"] == f'<{court}>; rel="blocked-by"'
    assert first["X-Error-Code"] == "RevisionNotFound"
    assert after.json()["blockedBy"] == court


def test_where_the_charter_asks_a_case_ends_by_vote(version: Version) -> None:
    community = version.community
    community.charter = {"rules": {"takedown": {"who": ["steward"], "threshold": 1}}}
    community.save()
    keeper, steward = make_person(community, "keeper"), make_person(community, "steward")
    case = takedowns.open(version, by=keeper, reason="It quotes a letter.")

    takedowns.close(case, by=keeper, upheld=True)
    case.refresh_from_db()
    before = (case.status, case.proposal.status)
    votes.cast(case.proposal, by=steward, choice="yes")

    case.refresh_from_db()
    version.refresh_from_db()
    assert before == ("open", "open")
    assert (case.status, version.status) == ("upheld", "withdrawn")
