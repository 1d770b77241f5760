"""Small makers of things for tests: plain functions, real rows, nothing hidden.

They go through the operations where the operation is the point of a test's arrangement (a dataset has a policy and a protocol
because ``datasets.register`` gave it one) and write rows directly where a test needs many.
"""

import hashlib
import itertools
from collections.abc import Sequence

from governance import datasets
from governance.kernel.digests import digest, sample_uid
from governance.kernel.text import normal_hash
from governance.models import Community, ConsentEvent, Contributor, Dataset, Membership, Person, Sample

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
    """Write one consent event for each purpose."""
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
