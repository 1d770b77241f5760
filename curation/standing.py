"""How a version stands at this moment, for everybody alike: it can be pulled, it rests, or it is gone.

Nothing is told to a version when somebody takes their words back or a sample is held: this module *reads* it, at each question.
A version never shrinks; one sample of it that may not leave closes the whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from django.db.models import Count, Q

from curation.models import Member, Takedown, Tombstone, Version, VersionContributor
from governance import consents, holds, protocols, voices
from governance.consents import ConsentFacts
from governance.kernel.words import _
from governance.models import Dataset, Hold

OPEN, NOT_APPROVED, ON_HOLD, EMBARGOED = "open", "version-not-approved", "on-hold", "embargoed"
TAKEDOWN, WITHDRAWN, BY_LAW = "takedown-open", "version-withdrawn", "blocked-by-law"
GONE = frozenset({TAKEDOWN, WITHDRAWN, BY_LAW})

KIND = "version"

PUBLIC_REASON = _("Some people took back what they had given. They need no reason, and none is named.")
CASE_REASON = _("The community is looking into a complaint.")
LAW_REASON = _("Somebody demands it by law. The community did not decide this.")

IDS_AT_ONCE = 500


@dataclass(frozen=True)
class Stops:
    """How many samples of a version rest, how many were taken back, and since when."""

    held: int = 0
    taken_back: int = 0
    since: datetime | None = None


@dataclass(frozen=True)
class Standing:
    """The state of a version as a refusal's code, or ``open``; ``since`` is when a version that is gone went.

    ``held`` counts samples that rest, ``taken_back`` those that were taken back for good; ``blocked_by`` is the address of who
    demands by law that it be closed.
    """

    code: str
    since: datetime | None = None
    reason: str = ""
    held: int = 0
    taken_back: int = 0
    blocked_by: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it can be pulled by somebody whose agreement covers it."""
        return self.code == OPEN

    @property
    def is_gone(self) -> bool:
        """Whether it answers 410, or 451 where the law demands it."""
        return self.code in GONE


def of(version: Version, at: datetime | None = None) -> Standing:
    """Read how ``version`` stands at ``at`` (default: now)."""
    if version.status == Version.Status.WITHDRAWN:
        stone = Tombstone.objects.filter(version=version).first()
        reason = stone.public_reason if stone else PUBLIC_REASON
        blocked_by = stone.blocked_by if stone else ""
        return Standing(BY_LAW if blocked_by else WITHDRAWN, version.withdrawn_at, reason, blocked_by=blocked_by)
    if version.status != Version.Status.PUBLISHED:
        return Standing(NOT_APPROVED)
    stops = stops_in(version, at)
    if stops.taken_back:
        return Standing(WITHDRAWN, stops.since, PUBLIC_REASON, stops.held, stops.taken_back)
    case = Takedown.objects.filter(version=version, status=Takedown.Status.OPEN).first()
    if case is not None:
        if case.blocked_by:
            return Standing(BY_LAW, case.opened_at, LAW_REASON, stops.held, blocked_by=case.blocked_by)
        return Standing(TAKEDOWN, case.opened_at, CASE_REASON, stops.held)
    if stops.held:
        return Standing(ON_HOLD, held=stops.held)
    return Standing(EMBARGOED) if holds.open_on(KIND, version.public_id).exists() else Standing(OPEN)


def stops_in(version: Version, at: datetime | None = None) -> Stops:
    """Count what closes ``version``: samples taken back since it was frozen, and samples that rest or are not for everyone.

    Those of a group whose season has closed are among the last, and are told like any that rest: nobody outside learns of a group.
    A hold by withdrawal that was lifted later, after a new yes, still counts: the version stays closed, the next one may have
    them. Reads from the holds, which are few, to the members, which may be a million.
    """
    frozen = version.frozen_at or version.proposed_at
    taken_back = Q(kind=Hold.Kind.WITHDRAWAL, placed_at__gte=frozen)
    found = Hold.objects.filter(Q(lifted_at=None) | taken_back, community=version.dataset.community_id)
    rows = list(found.order_by("pk").values_list("sample_id", "contributor_id", "kind", "placed_at"))
    # Earlier before later, and what was taken back last, so that it wins.
    rows.sort(key=lambda row: row[2] == Hold.Kind.WITHDRAWAL)
    samples = {sample: (kind, at) for sample, _giver, kind, at in rows if sample}
    givers = {giver: (kind, at) for _sample, giver, kind, at in rows if giver}
    stops = [(samples[sample], 1) for sample in members_among(version, list(samples))]
    people = VersionContributor.objects.filter(version=version, contributor__in=list(givers))
    stops += [(givers[giver], n) for giver, n in people.values_list("contributor_id", "samples")]
    stops += [(givers[who], 1) for who in late_voices(version) if who in givers]
    gone = [(at, n) for (kind, at), n in stops if kind == Hold.Kind.WITHDRAWAL]
    held = sum(n for (kind, _at), n in stops if kind != Hold.Kind.WITHDRAWAL) + not_for_everyone(version, at)
    return Stops(held, sum(n for _at, n in gone), min((at for at, _n in gone), default=None))


def late_voices(version: Version) -> list[int | None]:
    """The voices in ``version`` that became known after it was frozen, as row keys; None is one that nobody knows."""
    late = voices.late(version.dataset, version.frozen_at or version.proposed_at)
    if not late:
        return []
    inside = set(members_among(version, [sample for sample, _who in late]))
    return [who for sample, who in late if sample in inside]


def not_for_everyone(version: Version, at: datetime | None = None) -> int:
    """Count the samples of ``version`` whose protocol lets them not leave at ``at``: not the open one, or out of season."""
    stamp, everyones, is_in_season = protocols.state_of(version.dataset, at)
    if version.members_root:
        by_protocol = _by_protocol(version.pk, version.public_id, version.members_root, stamp)
    else:
        found = Member.objects.filter(version=version).order_by().values_list("sample__protocol")
        by_protocol = tuple(found.annotate(Count("pk")))
    may_leave = frozenset({everyones} if is_in_season else ())
    if {protocol for protocol, _n in by_protocol} - {everyones}:
        may_leave = protocols.leaving(version.dataset, version.purposes, at)
    return sum(n for protocol, n in by_protocol if protocol not in may_leave)


@lru_cache(maxsize=4096)
def _by_protocol(pk: int, public_id: str, members_root: str, stamp: int) -> tuple[tuple[int | None, int], ...]:
    """Count the members of a frozen version by their samples' protocol, once for each change of who may see samples of its dataset.

    The change is counted in the transaction that makes it, so what is remembered under a count is never older than it.
    """
    found = Member.objects.filter(version=pk).order_by().values_list("sample__protocol").annotate(Count("pk"))
    return tuple(found)


def said_in(version: Version, purpose: str, at: datetime) -> ConsentFacts:
    """Count what every voice in ``version`` says to ``purpose`` at ``at``, those included who became known since."""
    pieces = dict(VersionContributor.objects.filter(version=version).values_list("contributor_id", "samples"))
    late = late_voices(version)
    for who in late:
        if who is not None:
            pieces[who] = pieces.get(who, 0) + 1
    return consents.snapshot(
        [*pieces, *(who for who in late if who is None)],
        purpose,
        at,
        pieces=pieces,
        inside=lambda samples: members_among(version, samples),
    )


def newest_open(dataset: Dataset, after: int = 0) -> Version | None:
    """Return the newest version that can be pulled: what ``main`` names."""
    published = dataset.versions.filter(status=Version.Status.PUBLISHED, number__gt=after).order_by("-number")
    found = published.select_related("dataset__community")
    return next((version for version in found if of(version).is_open), None)


def successor(version: Version) -> Version | None:
    """Return the newest version that can be pulled, if it is newer than ``version``."""
    return newest_open(version.dataset, after=version.number)


def members_among(version: Version, samples: list[int]) -> Iterator[int]:
    """Yield those of ``samples`` (ids) that ``version`` holds.

    The version is compared here and not in the query: without statistics SQLite would walk all members of the version.
    """
    for start in range(0, len(samples), IDS_AT_ONCE):
        found = Member.objects.filter(sample__in=samples[start : start + IDS_AT_ONCE])
        for holder, sample in found.values_list("version_id", "sample_id"):
            if holder == version.pk:
                yield sample
