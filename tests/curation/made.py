"""Versions for tests, made row by row: frozen, approved, with the root that a build holds its members against."""

import json
from collections import Counter
from collections.abc import Sequence

from django.utils import timezone

from curation import builds
from curation.membership import members_root
from curation.models import Build, Member, Version, VersionContributor
from governance import policies
from governance.kernel import jobs
from governance.models import Contributor, Dataset, Sample
from tests.factories import add_samples, give_consent, make_contributor, make_dataset, make_keeper

LABELS = ("glad", "plain", "sad")
PURPOSES = ("teaching",)
POLICY = {
    "purposes": ["teaching"],
    "organisations": ["non-profit", "public"],
    "commercial": False,
    "prohibited": [],
    "expires_on": None,
    "terms": [],
    "note": "",
}


def split_of(number: int) -> str:
    """Eight in ten train, one validation, one test."""
    return {8: "validation", 9: "test"}.get(number % 10, "train")


def make_version(
    dataset: Dataset | None = None,
    samples: Sequence[Sample] | None = None,
    status: str = "approved",
    labels: Sequence[object] | None = None,
) -> Version:
    """An approved version over ``samples`` (default: 30 new ones of one consenting contributor), not yet built."""
    dataset = dataset or make_dataset()
    if samples is None:
        teller = make_contributor(dataset.community)
        give_consent(teller, *PURPOSES)
        start = dataset.samples.count()
        samples = add_samples(dataset, [f"story {start + i} ọ̀rọ̀" for i in range(30)], contributor=teller)
    number = (dataset.versions.order_by("-number").values_list("number", flat=True).first() or 0) + 1
    keeper = dataset.created_by
    now = timezone.now()
    version = Version.objects.create(
        dataset=dataset,
        number=number,
        status=status,
        purposes=list(PURPOSES),
        policy=policies.current(dataset),
        labels=list(LABELS),
        left_out={"consent-unknown": 2},
        proposed_by=keeper,
        frozen_at=now,
        approved_at=now,
    )
    members = [
        Member(
            version=version,
            sample=sample,
            uid=sample.uid,
            content_hash=sample.content_hash,
            label=json.dumps(labels[i] if labels else LABELS[i % 3]),
            split=split_of(i),
            n_votes=3,
            agreement=2 / 3,
        )
        for i, sample in enumerate(samples)
    ]
    Member.objects.bulk_create(members)
    givers = {sample.contributor_id for sample in samples if sample.contributor_id}
    for contributor in Contributor.objects.filter(pk__in=givers):
        count = sum(sample.contributor_id == contributor.pk for sample in samples)
        VersionContributor.objects.create(version=version, contributor=contributor, samples=count)
    version.counts = _counts(members, len(givers))
    rows = sorted((m.uid, m.content_hash, m.label, m.split) for m in members)
    version.members_root = members_root(rows)
    version.save()
    return version


def _counts(members: Sequence[Member], givers: int) -> dict[str, object]:
    """The numbers that freezing writes down for the pages."""
    by_label: dict[str, Counter[str]] = {split: Counter() for split in ("train", "validation", "test")}
    for member in members:
        label = json.loads(member.label)
        by_label[member.split].update(label if isinstance(label, list) else [str(label)])
    return {
        "members": len(members),
        "contributors": givers,
        "opinions": 3 * len(members),
        "splits": dict(Counter(member.split for member in members)),
        "labels": {split: dict(found) for split, found in by_label.items()},
    }


def build(version: Version) -> Build:
    """Build ``version`` in this process and return the finished request."""
    row = builds.start(version)
    jobs.work(jobs.label_of(row), row.pk)
    row.refresh_from_db()
    version.refresh_from_db()
    return row


def published(dataset: Dataset | None = None, **fields: object) -> Version:
    """A version that can be pulled."""
    version = make_version(dataset, **fields)  # type: ignore[arg-type]  # passed through
    row = build(version)
    assert row.status == "done", (row.error_code, row.message)
    return version


def open_dataset(slug: str = "") -> Dataset:
    """A dataset whose rules allow teaching."""
    dataset = make_dataset(slug=slug)
    policies.revise(dataset, body=POLICY, by=make_keeper(dataset.community))
    return dataset
