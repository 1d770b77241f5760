"""The two parties of the demo and what they sign, each with a key of its own that stays in the demo's secrets."""

from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.utils import timezone

from governance import agreements, parties, signing
from governance.models import Agreement, Dataset, Party, Person


def add(dataset: Dataset, *, name: str, kind: str, contact: str, by: Person) -> tuple[Party, Ed25519PrivateKey]:
    """Write down a party with a new key; the private half comes back."""
    key = Ed25519PrivateKey.generate()
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    party = parties.add(dataset.community, name=name, kind=kind, contact=contact, place="NZ", public_key=pem, by=by)
    return party, key


def agree(
    party: Party, key: Ed25519PrivateKey, dataset: Dataset, *, purpose: str, is_commercial: bool, by: Person
) -> Agreement:
    """Sign an agreement for a year, for both sides."""
    agreement = agreements.sign(
        party,
        dataset=dataset,
        purpose=purpose,
        is_commercial=is_commercial,
        expires_at=timezone.now() + timedelta(days=365),
        by=by,
    )
    signed = signing.jws_by(key, agreement.document or {}, agreements.TYP)
    return agreements.countersign(agreement, signed=signed, by=agreements.outsider_of(agreement))


def private_pem(key: Ed25519PrivateKey) -> str:
    """A private key as PEM, for the demo's secrets."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
