"""What became of words, read for people: which versions they went out in, who pulled, who was told, who answered, what stays.

Nothing is computed that is not written down: pulls, notices, deliveries and receipts are rows, and only committed ones are seen.
Each question takes the same few queries however many there are.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils import timezone

from curation import erasures, receipts
from curation.models import Delivery, Erasure, Notice, Pull, Receipt, RevocationEntry, Version, VersionContributor
from governance.models import Contributor, Party, Withdrawal

ANSWERED, WAITS, LATE = "answered", "waits", "late"


@dataclass
class Told:
    """One party that was told, of which versions, and what it said."""

    party: Party
    deadline: datetime
    notices: list[Notice] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)
    purposes: list[str] = field(default_factory=list)
    told: list[datetime] = field(default_factory=list)
    failed: int = 0
    receipts: list[Receipt] = field(default_factory=list)

    @property
    def answered_at(self) -> datetime | None:
        """When its last answer came; None while one is missing."""
        times = [notice.answered_at for notice in self.notices]
        return max((at for at in times if at), default=None) if all(times) else None

    @property
    def state(self) -> str:
        """answered, waits or late."""
        if self.answered_at:
            return ANSWERED
        return LATE if self.deadline < timezone.now() else WAITS

    @property
    def did(self) -> list[dict[str, str]]:
        """What it did with copies and with what was made of them."""
        rows = [one for r in self.receipts for one in (*r.said.get("copies", ()), *r.said.get("derived", ()))]
        return [one for one in rows if one.get("act") != receipts.UNDOABLE]

    @property
    def undone(self) -> list[dict[str, str]]:
        """What it says cannot be undone."""
        return [one for receipt in self.receipts for one in receipts.undone(receipt)]


@dataclass(frozen=True)
class Went:
    """One version that words went out in: how many pieces, who pulled it, and since when it is closed for them."""

    version: Version
    pieces: int
    pulls: tuple[Pull, ...]
    closed_at: datetime | None


@dataclass(frozen=True)
class Aftermath:
    """What followed one withdrawal."""

    entries: tuple[RevocationEntry, ...]
    touched: tuple[tuple[Version, int], ...]
    told: tuple[Told, ...]
    following: tuple[Version, ...]
    erasure: Erasure | None
    erased_by: datetime

    @property
    def late(self) -> tuple[Told, ...]:
        """Who should have answered by now."""
        return tuple(one for one in self.told if one.state == LATE)

    @property
    def answered(self) -> int:
        """How many have answered everything."""
        return sum(one.state == ANSWERED for one in self.told)

    @property
    def reached(self) -> int:
        """How many were reached at least once."""
        return sum(bool(one.told) for one in self.told)

    @property
    def is_replaced(self) -> bool:
        """Whether a version without the samples is out, or none is needed."""
        return not self.touched or any(version.published_at for version in self.following)


def of(withdrawal: Withdrawal) -> Aftermath:
    """Read what followed ``withdrawal``."""
    found = RevocationEntry.objects.filter(origin_kind="withdrawal", origin_id=withdrawal.public_id)
    entries = tuple(found.select_related("version__dataset__community").order_by("seq"))
    touched = tuple((entry.version, len(_samples(entry))) for entry in entries)
    highest = {entry.version.dataset_id: entry.version.number for entry in entries}
    following = Version.objects.filter(dataset__in=list(highest), proposed_at__gte=withdrawal.at)
    return Aftermath(
        entries=entries,
        touched=touched,
        told=tuple(_told(Notice.objects.filter(entry__in=[entry.pk for entry in entries]))),
        following=tuple(following.exclude(status__in=("rejected", "failed")).select_related("dataset__community")),
        erasure=Erasure.objects.filter(withdrawal=withdrawal).first(),
        erased_by=withdrawal.at + erasures.AFTER,
    )


def journey(contributor: Contributor) -> list[Went]:
    """Return every version that ever left with words of ``contributor``, newest first, with exactly the pulls of it."""
    held = VersionContributor.objects.filter(contributor=contributor).exclude(version__commit="")
    rows = list(held.select_related("version__dataset__community").order_by("-version__published_at", "-version_id"))
    versions = [row.version_id for row in rows]
    pulls: dict[int, list[Pull]] = defaultdict(list)
    related = ("token__agreement__party",)
    for pull in Pull.objects.filter(version__in=versions).select_related(*related).order_by("opened_at", "pk"):
        pulls[pull.version_id].append(pull)
    closed = dict(
        RevocationEntry.objects.filter(version__in=versions, kind=RevocationEntry.Kind.WITHDRAWN)
        .order_by("-seq")
        .values_list("version_id", "at")
    )
    return [
        Went(
            row.version,
            row.samples,
            tuple(pulls[row.version_id]),
            closed.get(row.version_id) or row.version.withdrawn_at,
        )
        for row in rows
    ]


def told_about(contributor: Contributor) -> list[Told]:
    """Return everybody who was told of something that ``contributor`` took back, and what they answered."""
    own = list(contributor.withdrawals.values_list("public_id", flat=True))
    by_withdrawal = Q(entry__origin_kind="withdrawal", entry__origin_id__in=own)
    by_answer = Q(entry__origin_kind="consent", entry__origin_id=contributor.public_id)
    return _told(Notice.objects.filter(by_withdrawal | by_answer))


def _told(found: "QuerySet[Notice]") -> list[Told]:
    by_party: dict[int, Told] = {}
    rows = list(found.select_related("party", "entry__version__dataset__community").order_by("party__name", "pk"))
    owner = {notice.pk: notice.party_id for notice in rows}
    for notice in rows:
        one = by_party.setdefault(notice.party_id, Told(notice.party, notice.deadline))
        one.notices.append(notice)
        one.versions.append(notice.entry.version)
        one.deadline = min(one.deadline, notice.deadline) if notice.answered_at is None else one.deadline
    for attempt in Delivery.objects.filter(notice__in=list(owner)).order_by("pk"):
        one = by_party[owner[attempt.notice_id]]
        if attempt.status == Delivery.Status.DONE and attempt.finished_at:
            one.told.append(attempt.finished_at)
        one.failed += attempt.status == Delivery.Status.FAILED
    for receipt in Receipt.objects.filter(notice__in=list(owner)).order_by("pk"):
        by_party[owner[receipt.notice_id]].receipts.append(receipt)
    _purposes(by_party)
    return list(by_party.values())


def _purposes(by_party: dict[int, Told]) -> None:
    versions = {version.pk for one in by_party.values() for version in one.versions}
    drawn = Pull.objects.filter(version__in=versions, token__agreement__party__in=list(by_party))
    pairs: Iterable[tuple[int, str]] = drawn.values_list("token__agreement__party", "token__agreement__purpose")
    for party, purpose in sorted(set(pairs)):
        by_party[party].purposes.append(purpose)


def _samples(entry: RevocationEntry) -> list[object]:
    found = entry.said["samples"]
    return found if isinstance(found, list) else []
