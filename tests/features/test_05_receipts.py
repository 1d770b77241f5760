"""Feature 5, deletion receipts and suspended grants: who does not answer is given nothing, until it answers."""

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client
from django.utils import timezone

from curation import pulls, receipts
from curation.models import Notice, Version
from curation.pulls import Denied
from governance import agreements, parties, policies, signing, withdrawals
from governance.kernel.errors import Invalid
from governance.models import Agreement, Token
from tests.curation.made import POLICY, open_dataset, published
from tests.curation.test_pulls import asked, grant
from tests.factories import make_dataset, make_person

pytestmark = pytest.mark.django_db

ALL = ["stop-use", "delete-copies", "report-derived", "acknowledge"]


@pytest.fixture(autouse=True)
def files(settings, tmp_path: Path) -> None:
    settings.FILES_ROOT = tmp_path / "files"


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.fixture
def withdrawn(key: Ed25519PrivateKey) -> tuple[Notice, list[tuple[Token, Version]]]:
    """A notice to a party with two more agreements, one on another dataset; and what it may pull under each."""
    version = published(open_dataset())
    token, _secret = grant(version)
    party = token.agreement.party
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    parties.change_key(party, public_key=pem, by=version.dataset.created_by)
    asked(token, version)
    teller = version.contributors.get().contributor
    later = published(version.dataset)
    elsewhere = published(open_dataset_of(version))
    others = [(more(token, later), later), (more(token, elsewhere), elsewhere)]
    withdrawals.open(teller, by=make_person(version.community, "steward"), channel="steward")
    return Notice.objects.get(), others


def test_an_overdue_receipt_denies_every_grant_of_the_party_and_a_signed_one_restores(
    withdrawn: tuple[Notice, list[tuple[Token, Version]]], key: Ed25519PrivateKey, client: Client
) -> None:
    notice, others = withdrawn
    before = [asked(token, version).decision for token, version in others]
    late = notice.deadline + timedelta(minutes=1)

    codes = []
    for token, version in others:
        with pytest.raises(Denied) as denied:
            asked(token, version, at=late)
        codes.append(denied.value.code)
    signed = signing.jws_by(key, receipts.statement(notice, acts=ALL), receipts.TYP)
    answer = client.post("/api/v1/receipts/", {"receipt": signed}, content_type="application/json")

    assert len(before) == 2
    assert codes == ["duty-violated", "duty-violated"]
    assert (answer.status_code, answer.json()["gaps"]) == (201, [])
    assert all(asked(token, version, at=late).decision for token, version in others)


def test_a_receipt_by_another_key_is_refused(
    withdrawn: tuple[Notice, list[tuple[Token, Version]]], client: Client
) -> None:
    notice, others = withdrawn
    late = notice.deadline + timedelta(minutes=1)
    signed = signing.jws_by(Ed25519PrivateKey.generate(), receipts.statement(notice, acts=ALL), receipts.TYP)

    answer = client.post("/api/v1/receipts/", {"receipt": signed}, content_type="application/json")
    with pytest.raises(Invalid) as refused:
        receipts.take_for(notice, signed)
    with pytest.raises(Denied) as denied:
        asked(*others[0], at=late)

    assert (answer.status_code, answer.json()["code"]) == (422, "signature-wrong")
    assert refused.value.code == "signature-wrong"
    assert denied.value.code == "duty-violated"


def more(token: Token, version: Version) -> Token:
    """One more agreement of the same party, with its token."""
    agreement = Agreement.objects.create(
        party=token.agreement.party,
        dataset=version.dataset,
        purpose="teaching",
        policy=policies.current(version.dataset),
        signed_by=version.dataset.created_by,
        in_force_at=timezone.now(),
        expires_at=timezone.now() + timedelta(days=90),
    )
    _row, secret = agreements.issue_token(agreement, by=version.dataset.created_by, label="other")
    return pulls.token_of(pulls.Credential(secret=secret))


def open_dataset_of(version: Version):
    """Another dataset of the same community."""
    from_ = version.dataset
    made = make_dataset(from_.community, from_.created_by)
    policies.revise(made, body=POLICY, by=from_.created_by)
    return made
