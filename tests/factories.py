"""Small makers of things for tests: plain functions, real rows, nothing hidden.

They go through the operations where the operation is the point of a test's arrangement (a dataset has a policy and a protocol
because ``datasets.register`` gave it one) and write rows directly where a test needs many.
"""

import hashlib
import itertools
from collections.abc import Sequence
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.utils import timezone

from governance import agreements, datasets, parties, signing
from governance.acts import record
from governance.kernel.digests import digest, sample_uid
from governance.kernel.text import normal_hash
from governance.models import (
    Agreement,
    Community,
    ConsentEvent,
    Contributor,
    Dataset,
    Membership,
    Party,
    Person,
    Sample,
)
from governance.roles import Machine

PASSWORD = "a quiet harbour"
_numbers = itertools.count(1)


def make_person(community: Community | None = None, *roles: str, username: str = "", password: str = "") -> Person:
    """A person; with ``roles`` (default: contributor) in ``community`` when one is given. Hashing is skipped without password."""
    number = next(_numbers)
    name = username or f"person{number}"
    person = Person(username=name, display_name=name.title())
    if password:
        person.set_password(password)
    else:
        person.set_unusable_password()
    person.save()
    if community is not None:
        for role in roles or ("contributor",):
            Membership.objects.create(person=person, community=community, role=role)
    return person


def make_community(slug: str = "", **fields: object) -> Community:
    """A community without members."""
    slug = slug or f"community-{next(_numbers)}"
    return Community.objects.create(slug=slug, name=slug.replace("-", " ").title(), **fields)


def make_keeper(community: Community) -> Person:
    """A keeper of ``community``."""
    return make_person(community, "keeper")


def make_dataset(
    community: Community | None = None, by: Person | None = None, slug: str = "", **fields: object
) -> Dataset:
    """A registered dataset, with the open protocol and the policy revision that registration gives."""
    community = community or make_community()
    by = by or make_keeper(community)
    slug = slug or f"dataset-{next(_numbers)}"
    return datasets.register(community, slug=slug, name=slug.title(), by=by, **fields)


def make_contributor(community: Community, name: str = "", person: Person | None = None) -> Contributor:
    """A contributor, without any consent."""
    return Contributor.objects.create(community=community, name=name or f"teller {next(_numbers)}", person=person)


def give_consent(contributor: Contributor, *purposes: str, status: str = "ConsentGiven", **fields: object) -> None:
    """Write one consent event for each purpose, and the line in the log without which there is no change."""
    record(Machine("factory"), "consent.record", contributor)
    for purpose in purposes or ("use",):
        ConsentEvent.objects.create(contributor=contributor, purpose=purpose, status=status, method="paper", **fields)


def add_samples(
    dataset: Dataset,
    texts: Sequence[str],
    contributor: Contributor | None = None,
    source: str = "stories.csv",
    labels: Sequence[str] | None = None,
) -> list[Sample]:
    """Samples with the given texts, in order, keyed by their number; without contributor they are unusable."""
    start = Sample.objects.filter(dataset=dataset, source=source).count()
    rows = []
    for number, text in enumerate(texts):
        key = str(start + number)
        rows.append(
            Sample(
                uid=sample_uid(dataset.key, source, key),
                dataset=dataset,
                source=source,
                key=key,
                content_hash=digest({"data": {dataset.text_column: text}, "media": None}),
                text_hash=normal_hash(text),
                contributor=contributor,
                protocol=dataset.default_protocol,
                data={dataset.text_column: text},
                imported_label=labels[number] if labels else "",
            )
        )
    return Sample.objects.bulk_create(rows)


def random_hash(seed: object) -> str:
    """A SHA-256 that depends on ``seed`` alone."""
    return hashlib.sha256(repr(seed).encode()).hexdigest()


PARTY_KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
"""The key that signs for every party that a test makes."""


def pem_of(key: Ed25519PrivateKey) -> str:
    """The public half of a key, in PEM."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def make_party(community: Community, by: Person, kind: str = "non-profit", **fields: object) -> Party:
    """A party that can sign."""
    given = {"name": f"School {next(_numbers)}", "public_key": pem_of(PARTY_KEY)} | fields
    return parties.add(community, kind=kind, by=by, **given)  # type: ignore[arg-type]  # a test's fields


def countersigned(agreement: Agreement) -> Agreement:
    """Put the party's signature under an agreement; a party without a key gets the tests' one."""
    if not agreement.party.key_id:
        parties.change_key(agreement.party, public_key=pem_of(PARTY_KEY), by=agreement.signed_by)
    jws = signing.jws_by(PARTY_KEY, agreement.document or {}, agreements.TYP)
    return agreements.countersign(agreement, signed=jws, by=agreements.outsider_of(agreement))


def make_agreement(dataset: Dataset, by: Person, *, party: Party | None = None, **changes: object) -> Agreement:
    """An agreement in force, signed by both: for teaching, 90 days, unless ``changes`` say otherwise."""
    wanted = {
        "purpose": "teaching",
        "is_commercial": False,
        "expires_at": timezone.now() + timedelta(days=90),
    } | changes
    signed = agreements.sign(party or make_party(dataset.community, by), dataset=dataset, by=by, **wanted)  # type: ignore[arg-type]
    return countersigned(signed)
