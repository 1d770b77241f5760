"""Parties: what is written of them is checked, and their keys are never lost."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from governance import parties, signing
from governance.kernel.errors import Conflict, Invalid, NotAllowed
from governance.models import Community, Event, Party, Person
from governance.roles import Outsider
from tests.factories import make_community, make_person

pytestmark = pytest.mark.django_db


def pem_of(key: object) -> str:
    public = key.public_key()  # type: ignore[attr-defined]
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture
def community() -> Community:
    return make_community()


@pytest.fixture
def steward(community: Community) -> Person:
    return make_person(community, "steward")


@pytest.fixture
def school(community: Community, steward: Person) -> Party:
    return parties.add(community, name="A school", kind="non-profit", by=steward)


def test_a_party_is_written_down_with_its_place_users_and_key(community: Community, steward: Person) -> None:
    key = Ed25519PrivateKey.generate()

    party = parties.add(
        community,
        name=" Quayside School ",
        kind="non-profit",
        email="data@school.example",
        webhook_url="https://school.example/notices",
        place="nz",
        institution="https://ror.example/1",
        users=["Ana", " ", "Tui "],
        public_key="\n" + pem_of(key) + "\n\n",
        by=steward,
    )

    party.refresh_from_db()
    assert (party.name, party.place, party.users) == ("Quayside School", "NZ", ["Ana", "Tui"])
    assert party.key_id == signing.keyid_of(key.public_key())
    assert parties.current_key(party) == {party.key_id: pem_of(key)}


def test_every_wrong_field_is_named_at_once(community: Community, steward: Person) -> None:
    with pytest.raises(Invalid) as refusal:
        parties.add(
            community,
            name=" ",
            kind="club",
            email="nobody",
            webhook_url="ftp://school.example",
            place="New Zealand",
            users=[str(n) for n in range(51)],
            public_key="ssh-ed25519 AAAA",
            by=steward,
        )

    found = {(reason.code, reason.path) for reason in refusal.value.reasons}
    assert found == {
        ("name-missing", "name"),
        ("organisation-unknown", "kind"),
        ("email-wrong", "email"),
        ("webhook-wrong", "webhook_url"),
        ("place-unknown", "place"),
        ("too-many-users", "users"),
        ("key-unreadable", "public_key"),
    }
    assert not Party.objects.exists()


def test_only_ed25519_keys_are_taken(community: Community, steward: Person) -> None:
    with pytest.raises(Invalid) as refusal:
        parties.add(
            community, name="A", kind="public", public_key=pem_of(generate_private_key(SECP256R1())), by=steward
        )

    assert refusal.value.code == "key-unreadable"


def test_a_changed_key_keeps_the_old_one_for_what_it_signed(school: Party, steward: Person) -> None:
    first, second = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    parties.change_key(school, public_key=pem_of(first), by=steward)
    signed = signing.jws_by(first, {"a": 1}, "receipt+jwt")

    parties.change_key(school, public_key=pem_of(second), by=steward)

    school.refresh_from_db()
    assert signing.read_jws(signed, "receipt+jwt", parties.keys_of(school)) == {"a": 1}
    with pytest.raises(Invalid):
        signing.read_jws(signed, "receipt+jwt", parties.current_key(school))


def test_a_key_in_other_hands_checks_nothing_any_more(school: Party, steward: Person) -> None:
    stolen = Ed25519PrivateKey.generate()
    parties.change_key(school, public_key=pem_of(stolen), by=steward)

    parties.change_key(school, public_key=pem_of(Ed25519PrivateKey.generate()), by=steward, is_compromised=True)

    assert signing.keyid_of(stolen.public_key()) not in parties.keys_of(school)
    assert len(parties.keys_of(school)) == 1


def test_a_key_is_never_taken_a_second_time(school: Party, steward: Person) -> None:
    first = pem_of(Ed25519PrivateKey.generate())
    parties.change_key(school, public_key=first, by=steward)
    parties.change_key(school, public_key=pem_of(Ed25519PrivateKey.generate()), by=steward)
    in_use = school.key_id

    with pytest.raises(Conflict) as refusal:
        parties.change_key(school, public_key=first, by=steward)

    school.refresh_from_db()
    assert refusal.value.code == "key-known"
    assert school.key_id == in_use and school.keys.get(retired_at=None).key_id == in_use


def test_a_code_brings_the_first_key_and_never_another_one(school: Party) -> None:
    theirs = Outsider(school.ref)
    parties.change_key(school, public_key=pem_of(Ed25519PrivateKey.generate()), by=theirs)

    for whoever in (theirs, Outsider("party:other")):
        with pytest.raises(NotAllowed) as refusal:
            parties.change_key(school, public_key=pem_of(Ed25519PrivateKey.generate()), by=whoever)
        assert refusal.value.code == "key-held"


def test_what_is_written_can_be_changed_and_the_log_says_what(school: Party, steward: Person) -> None:
    parties.change(school, by=steward, email="data@school.example", place="fr")

    assert (school.email, school.place, school.kind) == ("data@school.example", "FR", "non-profit")
    assert '"changed":["email","place"]' in Event.objects.get(verb="party.change").body
    with pytest.raises(NotAllowed):
        parties.change(school, by=make_person(school.community), place="DE")
