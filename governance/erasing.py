"""Erasure on this floor: the content of samples is emptied, their recordings and the files that they came in are destroyed.

The row of an erased sample stays, with its id and its content hash: the hash proves what was promised, the id keeps a later import
of the same file from bringing the content back. What floors above made of it they erase themselves.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import F, QuerySet

from governance import media
from governance.models import Hold, Import, Media, Sample, SampleRevision, Withdrawal
from governance.withdrawals import touched

IDS_AT_ONCE = 500


def erasable(withdrawal: Withdrawal) -> QuerySet[Sample]:
    """Return the samples of a withdrawal that still rest because of it; what was given again meanwhile stays."""
    found = touched(withdrawal)
    if withdrawal.purposes:
        return found.none()
    still = Hold.objects.filter(origin_kind="withdrawal", origin_id=withdrawal.public_id, lifted_at=None)
    if still.filter(contributor__isnull=False).exists():
        return found
    return found.filter(pk__in=still.exclude(sample=None).values("sample"))


def empty(samples: QuerySet[Sample], at: datetime) -> None:
    """Take the words out of the rows, earlier revisions too, in the caller's transaction.

    Recordings are named until they are gone.
    """
    SampleRevision.objects.filter(sample__in=samples.values("pk")).update(data={})
    samples.update(
        data={}, text_hash="", imported_label="", groups=[], source_split="", key=F("uid"), erased_at=at, revision=F("revision") + 1
    )  # fmt: skip


def recordings(samples: QuerySet[Sample]) -> set[str]:
    """Return the SHA-256 of the recordings and pictures that belong to nobody else's samples."""
    own = set(samples.exclude(media=None).values_list("media_id", flat=True))
    own |= set(
        SampleRevision.objects.filter(sample__in=samples.values("pk"))
        .exclude(media=None)
        .values_list("media_id", flat=True)
    )
    others = Sample.objects.filter(media__in=own, erased_at=None).values_list("media_id", flat=True)
    earlier = SampleRevision.objects.filter(media__in=own, sample__erased_at=None).values_list("media_id", flat=True)
    return own - set(others) - set(earlier)


def destroy_recordings(shas: Iterable[str]) -> int:
    """Remove recordings and pictures for good, and what was drawn from them; return how many were there."""
    gone = 0
    for sha in shas:
        path = media.path_of(sha)
        gone += path.is_file()
        path.unlink(missing_ok=True)
        Media.objects.filter(pk=sha).update(peaks=None)
    return gone


def forget_recordings(samples: QuerySet[Sample]) -> None:
    """Take the names of destroyed recordings off the rows."""
    SampleRevision.objects.filter(sample__in=samples.values("pk")).update(media=None)
    samples.update(media=None)


def destroy_sources(samples: QuerySet[Sample]) -> int:
    """Remove the files that the samples were read from, and the reports of rows that were refused; return how many there were."""
    imports = Import.objects.filter(dataset__in=samples.values("dataset"), filename__in=samples.values("source"))
    unread = Import.objects.filter(status__in=("queued", "running")).values("stored_as")
    gone = 0
    for stored, report in imports.exclude(stored_as__in=unread).values_list("stored_as", "report"):
        paths = [media.path_of(stored, "imports")] if stored else []
        paths += [media.root("reports") / report] if report else []
        for path in paths:
            gone += path.is_file()
            path.unlink(missing_ok=True)
    return gone
