"""Consent records out and in: what somebody said here as a record that other software reads, and such a record taken in.

A record that comes in only adds: each event that is not here yet is written as it was said, in the order of time; nothing that
is newer here is undone, since a no that stands is never overtaken by an older yes.
"""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from governance import consent_records
from governance.acts import act
from governance.consent_records import Entity, Process, Said, Subject
from governance.kernel.errors import Invalid, Reason
from governance.kernel.words import _
from governance.models import ConsentEvent, Contributor, Person, Sample
from governance.odrl.purposes import STANDARD

PERSONAL_DATA = {"text": "pd:Opinion", "audio": "pd:Voice", "image": "pd:Picture"}
METHODS = frozenset(ConsentEvent.Method.values)


@dataclass(frozen=True)
class Taken:
    """What became of the events of a record: written, here already, or left out because something newer stands."""

    new: int
    known: int
    older: int


def record_of(contributor: Contributor, *, now: datetime | None = None) -> dict[str, object]:
    """Return everything that ``contributor`` ever said as one record of ISO/IEC TS 27560 in its DPV profile."""
    now = now or timezone.now()
    events = list(contributor.consent_events.select_related("sample", "notice").order_by("pk"))
    by_process: dict[tuple[str, str], list[ConsentEvent]] = {}
    for event in events:
        by_process.setdefault((event.purpose, event.sample.uid if event.sample else ""), []).append(event)
    processes = [
        Process(
            purpose=purpose,
            title=STANDARD[purpose].title if purpose in STANDARD else purpose,
            broader=STANDARD.dpv(purpose, commercial=False) or "dpv:Purpose",
            history=tuple(
                Said(event.status, event.at, event.expires_at, event.method, event.evidence_hash) for event in found
            ),
            sample=sample,
        )
        for (purpose, sample), found in by_process.items()
    ]
    return consent_records.document(_subject(contributor, events, now), processes)


def _subject(contributor: Contributor, events: list[ConsentEvent], now: datetime) -> Subject:
    community = contributor.community
    contact = community.contact or _("ask any keeper of the community")
    notice = next((event.notice for event in reversed(events) if event.notice), None)
    kinds = Sample.objects.with_voice(contributor).values_list("dataset__modality", flat=True).distinct().order_by()
    return Subject(
        record=contributor.public_id,
        ref=contributor.ref,
        created=now,
        language=notice.language if notice else next((e.language for e in reversed(events) if e.language), "und"),
        controller=Entity(f"community:{community.slug}", community.name, contact, contact),
        operator=Entity("org:operator", settings.OPERATOR_NAME, settings.PUBLIC_URL, settings.PUBLIC_URL),
        recipients="Parties that signed an agreement for this purpose",
        notice=f"notice:{community.slug}-v{notice.version}-{notice.language}" if notice else "notice:not-kept-here",
        notice_sha256=notice.sha256 if notice else "",
        location=settings.STORAGE_LOCATION,
        jurisdiction=settings.JURISDICTION or f"The law of {community.name}",
        how_to_withdraw=(
            f"{settings.PUBLIC_URL}/withdraw/ with the code of the receipt, or in person, by phone, or through a "
            "representative; free of charge, without a reason"
        ),
        personal_data=tuple(sorted({PERSONAL_DATA[kind] for kind in kinds})) or ("pd:Identifying",),
        profile=settings.CONSENT_PROFILE,
    )


def take_in(contributor: Contributor, document: object, *, by: Person) -> Taken:
    """Write down what a record says that is not here yet, for ``contributor``.

    Raises ``Invalid``: ``record-unfit`` with every fault, ``unknown-purpose`` and ``sample-not-theirs`` for what nobody knows here.
    """
    found = consent_records.faults(document)
    if found or not isinstance(document, dict):
        reasons = [Reason("record-unfit", fault.message, path=fault.path) for fault in found]
        raise Invalid("record-unfit", reasons=reasons)
    processes = consent_records.states(document)
    samples = _samples(contributor, processes)
    with act(by, "consent.take-in", on=contributor.community) as details:
        taken = Taken(0, 0, 0)
        for process in processes:
            taken = _take_process(contributor, process, samples.get(process.sample), by, taken)
        details |= {"contributor": contributor.ref, "new": taken.new, "known": taken.known, "older": taken.older}
    return taken


def _samples(contributor: Contributor, processes: list[Process]) -> dict[str, Sample]:
    """The samples that a record names, all of which are here and theirs, and every purpose known."""
    wanted = {process.sample for process in processes if process.sample}
    found = {one.uid: one for one in Sample.objects.with_voice(contributor).filter(uid__in=wanted)}
    reasons = [
        Reason(
            "unknown-purpose", _("There is no use called “{purpose}”."), values={"purpose": one.purpose or one.title}
        )
        for one in processes
        if one.purpose not in STANDARD
    ]
    reasons += [
        Reason("sample-not-theirs", _("They are not heard in this sample."), path=uid)
        for uid in sorted(wanted - found.keys())
    ]
    if reasons:
        raise Invalid(reasons[0].code, reasons=reasons)
    return found


def _take_process(contributor: Contributor, process: Process, sample: Sample | None, by: Person, taken: Taken) -> Taken:
    here = contributor.consent_events.filter(purpose=process.purpose, sample=sample)
    known = set(here.values_list("status", "at"))
    newest = here.order_by("-at").values_list("at", flat=True).first()
    new, old, older = taken.new, taken.known, taken.older
    for said in process.history:
        if (said.status, said.at) in known:
            old += 1
            continue
        is_yes = said.status in ConsentEvent.VALID
        # At the same moment a no wins: whoever said both has not said yes.
        if newest is not None and (said.at < newest or (is_yes and said.at == newest)):
            older += 1
            continue
        ConsentEvent.objects.create(
            contributor=contributor,
            sample=sample,
            purpose=process.purpose,
            status=said.status,
            at=said.at,
            expires_at=said.until if is_yes else None,
            method=said.how if said.how in METHODS else ConsentEvent.Method.IMPORTED,
            recorded_by=by,
            evidence_hash=said.evidence if len(said.evidence) == 64 else "",
        )
        new += 1
    return Taken(new, old, older)
