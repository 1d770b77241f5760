"""Erasure: thirty days after words were taken back, everything that holds them is destroyed.

A version's bytes never change; they are destroyed file by file, whole, wherever one of the samples is in the file. Names, sizes and
digests, the manifest and the tombstone stay, so that it can be proved what was published, and that it is gone. First the rows
are emptied, in one transaction; then files are removed, which can be done again by a second attempt; then it is written down.
Back-ups run out by themselves (docs/withdrawal.md says when).
"""

from collections import defaultdict
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from annotations import erasing as answers
from curation import storage
from curation.models import BuiltFile, Erasure, Member, Shard
from governance import erasing
from governance.acts import act
from governance.kernel import jobs
from governance.kernel.jobs import Claim
from governance.models import Sample, Withdrawal
from governance.roles import Machine

AFTER = timedelta(days=30)
"""How long somebody may change their mind, and the longest that we keep what was taken back."""

ERASER = Machine("erasures")


def start_due(at: datetime | None = None) -> int:
    """Queue the erasure of every withdrawal whose thirty days are over; return how many. For the sweep."""
    at = at or timezone.now()
    due = Withdrawal.objects.filter(at__lte=at - AFTER, purposes=[], contributor__isnull=False, erasure=None)
    started = 0
    for withdrawal in due.order_by("pk"):
        row, is_new = Erasure.objects.get_or_create(withdrawal=withdrawal)
        if is_new:
            jobs.later(row)
            started += 1
    return started


def run(row: Erasure, claim: Claim) -> None:
    """Destroy what is held of the samples of one withdrawal; done twice, it changes nothing more."""
    samples = _samples(row.withdrawal)
    claim.progress(0, len(samples))
    chosen = Sample.objects.filter(pk__in=samples)
    with transaction.atomic():
        erasing.empty(chosen, timezone.now())
        answers.empty(chosen)
    recordings = erasing.recordings(chosen)
    files = _destroy_shards(chosen) + erasing.destroy_recordings(recordings) + erasing.destroy_sources(chosen)
    # In a version a recording is the same file as the sample's own.
    in_versions = BuiltFile.objects.filter(path__startswith="media/", sha256__in=recordings, erased_at=None)
    in_versions.update(erased_at=timezone.now())
    with claim.finish(samples=len(samples), files=files), act(ERASER, "sample.erase", on=row.withdrawal) as details:
        erasing.forget_recordings(chosen)
        details |= {"samples": len(samples), "files": files}


def _samples(withdrawal: Withdrawal) -> list[int]:
    return list(erasing.erasable(withdrawal).order_by("pk").values_list("pk", flat=True))


def _destroy_shards(samples: QuerySet[Sample]) -> int:
    """Remove every shard, published or not, whose range of ids holds one of ``samples``; return how many were there."""
    held: dict[int, list[tuple[str, str]]] = defaultdict(list)
    members = Member.objects.filter(sample__in=samples.values("pk"))
    for version, split, uid in members.values_list("version_id", "split", "uid").iterator(chunk_size=5000):
        held[version].append((split, uid))
    gone, now = 0, timezone.now()
    for shard in Shard.objects.filter(build__version__in=list(held)).exclude(sha256="").select_related("build"):
        inside = held[shard.build.version_id]
        if any(split == shard.split and _is_in(uid, shard) for split, uid in inside):
            gone += storage.versions().destroy(shard.sha256)
            BuiltFile.objects.filter(version=shard.build.version_id, path=shard.path).update(erased_at=now)
    return gone


def _is_in(uid: str, shard: Shard) -> bool:
    return uid >= shard.first_uid and (not shard.last_uid or uid < shard.last_uid)
