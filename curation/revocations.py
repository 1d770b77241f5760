"""The revocation list: one signed, gap-free list a dataset, of what must no longer be used in which version.

An entry is appended in the transaction of the withdrawal (or case) that it tells of, behind the lock of the list's one row, so
that numbers have no gap on either database. Entries never change: each holds the digest of the one before, and what happens to a
version later (another takes its place) is an entry of its own. The list is signed when it is read, so that its ``nextUpdate`` is
fresh although no job runs; a client whose list is too old must not go on.

An entry names samples by ``HMAC-SHA256(key of the version, sample id)``, cut to 128 bits. The key stands in the manifest of
the version, which only those who pulled it have: they recognise their own rows, and nobody else learns anything, not even
whether two entries of two versions are about the same sample.
"""

import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from curation import notices, standing, successions
from curation.models import Member, RevocationEntry, RevocationList, Takedown, Tombstone, Version
from governance import consents, signing, withdrawals
from governance.acts import act
from governance.kernel.digests import canonical, sha256
from governance.models import Contributor, Dataset, Leaf, Sample, Withdrawal
from governance.roles import Machine

FORMAT = "wellhouse/revocations/1"
TYP = "revocations+jwt"
FRESH = timedelta(days=7)
"""How long a list may be believed: a client asks again at least once a week."""
STEP_SECONDS = 300
"""The list's ``thisUpdate`` moves in steps of this, so that it is signed once a step and not once a reader."""

SCRIBE = Machine("revocations")
Kind = RevocationEntry.Kind
STOP, DELETE, DERIVED, ANSWER = "stop-use", "delete-copies", "report-derived", "acknowledge"
ACTS: Mapping[str, Sequence[str]] = {
    Kind.WITHDRAWN: (STOP, DELETE, DERIVED, ANSWER),
    Kind.PURPOSE: (STOP, DELETE, DERIVED, ANSWER),
    Kind.CASE: (STOP,),
    Kind.CLEARED: (),
    Kind.UPHELD: (STOP, DELETE, DERIVED, ANSWER),
    Kind.LEGAL: (STOP, DELETE, DERIVED, ANSWER),
    Kind.SUPERSEDED: (),
}
"""What each kind of entry asks of whoever holds a copy; what is to be answered has a deadline."""


# Names that only holders recognise


def key_of(version: Version) -> str:
    """Return the key, in hex, by which holders of ``version`` recognise their rows; it stands in the manifest.

    It follows from the dataset's own secret key, so that the same version always has the same one.
    """
    return hmac.new(version.dataset.key.encode(), f"{FORMAT}/{version.tag}".encode(), hashlib.sha256).hexdigest()


def mark(key: str, uid: str) -> str:
    """Return the name of a sample in the entries of one version; ``key`` is the version's, in hex."""
    return "hmac:" + hmac.new(bytes.fromhex(key), uid.encode(), hashlib.sha256).hexdigest()[:32]


# Appending


def append(
    version: Version,
    kind: str,
    *,
    at: datetime,
    origin: tuple[str, str] = ("", ""),
    uids: Iterable[str] = (),
    purposes: Sequence[str] = (),
    superseded_by: int | None = None,
) -> RevocationEntry:
    """Append one entry in the caller's transaction, and tell whoever pulled ``version``.

    Without ``uids`` the entry is about the whole version; with ``purposes`` only about use for these and what is related to them
    (``stops`` spells out which that are).
    """
    acts = list(ACTS[kind])
    deadline = at + notices.time_to_answer(version.community) if ANSWER in acts else None
    key = key_of(version)
    with act(SCRIBE, "revocation.append", on=version, at=at) as details:
        head = _locked(version.dataset)
        body: dict[str, object] = {
            "seq": head.seq + 1,
            "prev": f"sha256:{head.head}" if head.head else None,
            "version": version.number,
            "commit": version.commit,
            "kind": str(kind),
            "at": text_of(at),
            "samples": sorted(mark(key, uid) for uid in uids),
            "purposes": sorted(purposes),
            "stops": sorted(notices.related(purposes)),
            "act": acts,
            "deadline": text_of(deadline) if deadline else None,
            "supersededBy": superseded_by,
        }
        written = canonical(body)
        entry = RevocationEntry.objects.create(
            dataset=version.dataset,
            version=version,
            seq=head.seq + 1,
            kind=kind,
            body=written.decode(),
            digest=sha256(written),
            at=at,
            deadline=deadline,
            origin_kind=origin[0],
            origin_id=origin[1],
        )
        RevocationList.objects.filter(pk=head.pk).update(seq=entry.seq, head=entry.digest)
        details |= {"object": entry, "version": version.public_id, "seq": entry.seq, "digest": entry.digest}
    if deadline is not None:
        notices.tell(entry)
    return entry


@withdrawals.when_opened
def list_withdrawal(withdrawal: Withdrawal) -> None:
    """List what a withdrawal touches, in every version that was ever published, in the transaction of the withdrawal."""
    origin = ("withdrawal", withdrawal.public_id)
    _list(withdrawals.touched(withdrawal), withdrawal.purposes, withdrawal.at, origin)


@consents.when_taken_back
def list_answer(contributor: Contributor, purposes: Sequence[str], at: datetime, sample: Sample | None) -> None:
    """List what an answer touches that was recorded as taken back, on paper or by phone: these uses, the words stay."""
    heard = Sample.objects.with_voice(contributor)
    heard = heard if sample is None else heard.filter(pk=sample.pk)
    _list(heard, purposes, at, ("consent", contributor.public_id))


def _list(samples: QuerySet[Sample], purposes: Sequence[str], at: datetime, origin: tuple[str, str]) -> None:
    touched: dict[int, list[str]] = defaultdict(list)
    found = Member.objects.filter(sample__in=samples.values("pk"))
    for holder, uid in found.exclude(version__commit="").values_list("version_id", "uid").iterator(chunk_size=5000):
        touched[holder].append(uid)
    versions = Version.objects.filter(pk__in=list(touched)).select_related("dataset__community")
    kind = Kind.PURPOSE if purposes else Kind.WITHDRAWN
    # In one order everywhere, so that two withdrawals at once wait for each other and never in a ring.
    for version in versions.order_by("dataset_id", "number"):
        append(version, kind, at=at, origin=origin, uids=touched[version.pk], purposes=purposes)
    for dataset in Dataset.objects.filter(pk__in={version.dataset_id for version in versions}).order_by("pk"):
        if (newest := standing.newest_open(dataset)) is not None:
            list_successor(newest, at)
        successions.queue(dataset)


def list_case(case: Takedown, kind: str, at: datetime) -> RevocationEntry:
    """List what happened to a whole version by a case, in the case's transaction."""
    return append(case.version, kind, at=at, origin=("takedown", case.public_id))


def list_successor(version: Version, at: datetime) -> None:
    """List that ``version``, which can be pulled, takes the place of those that were closed before it."""
    closed = version.dataset.revocations.filter(kind__in=[Kind.WITHDRAWN, Kind.PURPOSE, Kind.UPHELD, Kind.LEGAL])
    told = version.dataset.revocations.filter(kind=Kind.SUPERSEDED).values("version")
    waiting = Version.objects.filter(pk__in=closed.values("version"), number__lt=version.number).exclude(pk__in=told)
    for earlier in waiting.select_related("dataset__community").order_by("number"):
        append(earlier, Kind.SUPERSEDED, at=at, superseded_by=version.number)
        Tombstone.objects.filter(version=earlier, successor=None).update(successor=version)


def _locked(dataset: Dataset) -> RevocationList:
    RevocationList.objects.get_or_create(dataset=dataset)
    return RevocationList.objects.select_for_update().get(dataset=dataset)


# Publishing


def payload(dataset: Dataset, *, after: int = 0, at: datetime | None = None) -> dict[str, object]:
    """Return the list as it stands, from entry ``after`` + 1 on, with how long it may be believed."""
    at = _step(at or timezone.now())
    with transaction.atomic():
        head = RevocationList.objects.filter(dataset=dataset).first()
        seq = head.seq if head else 0
        rows = dataset.revocations.filter(seq__gt=after, seq__lte=seq).order_by("seq").values_list("body", "digest")
        entries = [json.loads(body) for body, _digest in rows]
        before = dataset.revocations.filter(seq=after).values_list("digest", flat=True).first()
    return {
        "format": FORMAT,
        "dataset": dataset.path,
        "seq": seq,
        "prev": f"sha256:{before}" if before else None,
        "head": f"sha256:{head.head}" if head and head.head else None,
        "thisUpdate": text_of(at),
        "nextUpdate": text_of(at + FRESH),
        "entries": entries,
    }


def signed(dataset: Dataset, *, after: int = 0, at: datetime | None = None) -> str:
    """Return the list as a compact JWS by the house; the same within a step of five minutes, unless an entry came."""
    at = at or timezone.now()
    seq = RevocationList.objects.filter(dataset=dataset).values_list("seq", flat=True).first() or 0
    name = f"revocations:{dataset.public_id}:{seq}:{after}:{int(_step(at).timestamp())}:{signing.current_keyid()}"
    kept = cache.get(name)
    if kept is None:
        kept = signing.jws(payload(dataset, after=after, at=at), TYP)
        cache.set(name, kept, STEP_SECONDS)
    return str(kept)


def address(dataset: Dataset) -> str:
    """Return where the list of ``dataset`` is published."""
    return f"{settings.PUBLIC_URL}/api/datasets/{dataset.path}/withdrawals"


def told_of(version: Version) -> dict[str, object]:
    """Return what a tombstone says of the list: what holders have to do, until when, and where it stands in the log."""
    asked = version.revocations.filter(kind__in=[kind for kind in Kind if ACTS[kind]])
    entry = asked.order_by("-seq").first()
    if entry is None:
        return {"revocations": address(version.dataset), "duties": list(ACTS[Kind.WITHDRAWN]), "logLeaf": None}
    leaf = Leaf.objects.filter(event__object_kind="revocation-entry", event__object_id=entry.public_id).first()
    return {
        "revocations": address(version.dataset),
        "revocation": entry.seq,
        "duties": list(ACTS[entry.kind]),
        "deadline": text_of(entry.deadline) if entry.deadline else None,
        "logLeaf": leaf.index if leaf else None,
    }


def text_of(at: datetime) -> str:
    """Return an instant as the list writes it: UTC, to the second."""
    return at.astimezone(timezone.get_default_timezone()).strftime("%Y-%m-%dT%H:%M:%SZ")


def _step(at: datetime) -> datetime:
    return at - timedelta(seconds=at.timestamp() % STEP_SECONDS)
