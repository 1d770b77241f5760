"""Consent records in the form of ISO/IEC TS 27560:2023 by its DPV profile (DPVCG guide, 2024-08-01): checked, read, written.

Pure: JSON in, JSON or findings out. A record has one data subject, one process for each separately revocable purpose (nesting
shares what is common), a list of status events for each, and every entity that it names. :func:`faults` says everything that is
missing; :func:`states` reads what a record says; :func:`document` writes one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from governance.kernel.words import _

Json: TypeAlias = Mapping[str, object]

PROFILE = "dpv-27560:record-2"
"""The profile's own id, which is a draft; a setting names another."""
PURPOSE_IRI = "urn:wellhouse:purpose:"
SAMPLE_IRI = "urn:wellhouse:sample:"
MAX_DEPTH = 8
CONTEXT = {
    "dpv": "https://w3id.org/dpv#",
    "pd": "https://w3id.org/dpv/pd#",
    "loc": "https://w3id.org/dpv/loc#",
    "dct": "http://purl.org/dc/terms/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "dpv-27560": "https://w3id.org/dpv/schema/dpv-27560#",
    "wh": "urn:wellhouse:",
}
STATUSES = frozenset(
    {
        "ConsentRequested",
        "ConsentRequestDeferred",
        "ConsentGiven",
        "RenewedConsentGiven",
        "ConsentRefused",
        "ConsentExpired",
        "ConsentInvalidated",
        "ConsentRevoked",
        "ConsentWithdrawn",
        "ConsentUnknown",
    }
)
VALID = frozenset({"ConsentGiven", "RenewedConsentGiven"})
MUST = {
    "dpv:hasPurpose": _("the purpose"),
    "dpv:hasProcessing": _("what is done"),
    "dpv:hasPersonalData": _("which personal data"),
    "dpv:hasStorageCondition": _("where and how long it is kept"),
    "dpv:hasJurisdiction": _("under which law"),
    "dpv:hasRecipient": _("who receives it"),
    "dpv:hasDataController": _("who is responsible"),
    "dpv:hasLegalBasis": _("on which basis"),
    "dpv:hasConsentControl": _("how it is taken back"),
    "dpv:hasConsentStatus": _("what was said"),
}
"""What every leaf process must have, itself or from the process around it."""


@dataclass(frozen=True)
class Fault:
    """Something that a record lacks or says wrongly: where (a JSON pointer), a stable code, a sentence."""

    path: str
    code: str
    message: str


@dataclass(frozen=True)
class Said:
    """One status event: what was said when and how, and until when it holds (None: until taken back)."""

    status: str
    at: datetime
    until: datetime | None = None
    how: str = ""
    evidence: str = ""


@dataclass(frozen=True)
class Process:
    """One separately revocable purpose: its name, what lies above it in DPV, the sample that it is about (or all), its history."""

    purpose: str
    title: str
    broader: str
    history: tuple[Said, ...]
    sample: str = ""


@dataclass(frozen=True)
class Entity:
    """Somebody whom a record names."""

    ref: str
    name: str
    address: str
    contact: str


@dataclass(frozen=True)
class Subject:
    """Everything of a record but its processes."""

    record: str
    ref: str
    created: datetime
    language: str
    controller: Entity
    operator: Entity
    recipients: str
    notice: str
    notice_sha256: str
    location: str
    jurisdiction: str
    how_to_withdraw: str
    personal_data: tuple[str, ...] = ("pd:Voice",)
    profile: str = PROFILE
    collective: tuple[str, ...] = field(default=())


# Checking


def faults(document: object, *, profile: str | None = None) -> list[Fault]:
    """Return everything that is wrong with a record; empty when it fits. With ``profile`` it must conform to exactly that."""
    if not isinstance(document, Mapping):
        return [Fault("", "record-not-object", _("A consent record is a JSON object."))]
    return list(_faults(document, profile))


def _faults(document: Json, profile: str | None) -> Iterator[Fault]:
    said = document.get("dct:conformsTo")
    if not said or (profile is not None and said != profile):
        yield Fault("/dct:conformsTo", "record-profile", _("The record does not say to which profile it conforms."))
    if not document.get("dpv:hasIdentifier"):
        yield Fault("/dpv:hasIdentifier", "record-id", _("The record has no number of its own."))
    subject = document.get("dpv:hasDataSubject")
    if not isinstance(subject, Mapping) or not isinstance(subject.get("dpv:hasIdentifier"), str):
        message = _("A record is about exactly one person, by a pseudonym.")
        yield Fault("/dpv:hasDataSubject", "record-subject", message)
    notice = document.get("dpv:hasNotice")
    if not isinstance(notice, Mapping) or not notice.get("dct:identifier"):
        yield Fault("/dpv:hasNotice", "record-notice", _("The record does not name the notice that was read."))
    if not document.get("dct:created"):
        yield Fault("/dct:created", "record-created", _("The record does not say when it was made."))
    entities = document.get("dpv:hasEntity")
    declared = entities if isinstance(entities, Mapping) else {}
    processes = _list(document.get("dpv:hasProcess"))
    if not processes:
        yield Fault("/dpv:hasProcess", "record-process", _("The record names no purpose at all."))
    for nth, process in enumerate(processes):
        yield from _process_faults(process, {}, declared, f"/dpv:hasProcess/{nth}", 0)


def _process_faults(process: object, around: Json, declared: Json, path: str, depth: int) -> Iterator[Fault]:
    if not isinstance(process, Mapping) or depth > MAX_DEPTH:
        yield Fault(path, "record-process", _("A process is a JSON object."))
        return
    own = {**around, **{key: value for key, value in process.items() if key != "dpv:hasProcess"}}
    inner = _list(process.get("dpv:hasProcess"))
    if inner:
        if "dpv:hasConsentStatus" in process:
            message = _("A status stands beside nested processes: nobody could say for which of them it is.")
            yield Fault(f"{path}/dpv:hasConsentStatus", "record-status-place", message)
        for nth, one in enumerate(inner):
            yield from _process_faults(one, own, declared, f"{path}/dpv:hasProcess/{nth}", depth + 1)
        return
    for key, words in MUST.items():
        if not own.get(key):
            yield Fault(f"{path}/{key}", "record-missing", _("The record does not say {what}.").format(what=words))
    if len(_list(own.get("dpv:hasPurpose"))) > 1:
        message = _("Two purposes in one process could not be taken back apart.")
        yield Fault(f"{path}/dpv:hasPurpose", "record-purposes", message)
    yield from _storage_faults(own, path)
    yield from _entity_faults(own, declared, path)
    for nth, status in enumerate(_list(own.get("dpv:hasConsentStatus"))):
        yield from _status_faults(status, f"{path}/dpv:hasConsentStatus/{nth}")


def _storage_faults(own: Json, path: str) -> Iterator[Fault]:
    stored = [one for one in _list(own.get("dpv:hasStorageCondition")) if isinstance(one, Mapping)]
    kinds = {kind for one in stored for kind in _types(one)}
    for kind, key in (("dpv:StorageLocation", "dpv:hasLocation"), ("dpv:StorageDuration", "dpv:hasDuration")):
        if stored and (kind not in kinds or not any(one.get(key) for one in stored if kind in _types(one))):
            message = _("Both the place and the time of keeping must be said.")
            yield Fault(f"{path}/dpv:hasStorageCondition", "record-storage", message)
    controls = [one for one in _list(own.get("dpv:hasConsentControl")) if isinstance(one, Mapping)]
    if controls and not any("dpv:WithdrawConsent" in _types(c) and c.get("dpv:isExercisedAt") for c in controls):
        yield Fault(f"{path}/dpv:hasConsentControl", "record-withdrawal", _("How to take it back must be said."))


def _entity_faults(own: Json, declared: Json, path: str) -> Iterator[Fault]:
    for key in ("dpv:hasDataController", "dpv:hasRecipient"):
        for ref in _list(own.get(key)):
            entity = declared.get(ref) if isinstance(ref, str) else ref
            if not isinstance(entity, Mapping):
                message = _("“{ref}” is named and nowhere described.").format(ref=str(ref)[:80])
                yield Fault(f"{path}/{key}", "record-entity", message)
            elif key == "dpv:hasDataController" and not all(
                entity.get(f"dpv:{name}") for name in ("hasName", "hasAddress", "hasContact")
            ):
                message = _("Who is responsible needs a name, an address and a way to reach them.")
                yield Fault(f"{path}/{key}", "record-controller", message)


def _status_faults(status: object, path: str) -> Iterator[Fault]:
    known = _types(status) & {f"dpv:{name}" for name in STATUSES} if isinstance(status, Mapping) else frozenset()
    if not isinstance(status, Mapping) or len(known) != 1:
        yield Fault(path, "record-status", _("An event has exactly one status of DPV."))
        return
    if _moment(status.get("dpv:isIndicatedAtTime")) is None:
        yield Fault(f"{path}/dpv:isIndicatedAtTime", "record-time", _("An event says when it was."))
    if known & {f"dpv:{name}" for name in VALID} and not status.get("dpv:hasDuration"):
        yield Fault(f"{path}/dpv:hasDuration", "record-duration", _("A yes says how long it holds."))


# Reading


def states(document: Json) -> list[Process]:
    """Return what a record says, one :class:`Process` for each leaf, histories in the order of time.

    Read it only after :func:`faults` found nothing: what does not fit is left out here.
    """
    return [
        found for process in _list(document.get("dpv:hasProcess")) for found in _leaves(process, {}) if found.history
    ]


def subject_of(document: Json) -> str:
    """The pseudonym of the person whom a record is about."""
    subject = document.get("dpv:hasDataSubject")
    return str(subject.get("dpv:hasIdentifier", "")) if isinstance(subject, Mapping) else ""


def _leaves(process: object, around: Json, depth: int = 0) -> Iterator[Process]:
    if not isinstance(process, Mapping) or depth > MAX_DEPTH:
        return
    own = {**around, **{key: value for key, value in process.items() if key != "dpv:hasProcess"}}
    inner = _list(process.get("dpv:hasProcess"))
    for one in inner:
        yield from _leaves(one, own, depth + 1)
    if inner:
        return
    purpose = next((one for one in _list(own.get("dpv:hasPurpose")) if isinstance(one, Mapping)), {})
    history = [said for status in _list(own.get("dpv:hasConsentStatus")) if (said := _said(status)) is not None]
    about = str(own.get("wh:sample") or "")
    yield Process(
        purpose=str(purpose.get("@id", "")).removeprefix(PURPOSE_IRI),
        title=str(purpose.get("skos:prefLabel", "")),
        broader=str(purpose.get("skos:broader", "")),
        history=tuple(sorted(history, key=lambda said: said.at)),
        sample=about.removeprefix(SAMPLE_IRI),
    )


def _said(status: object) -> Said | None:
    if not isinstance(status, Mapping):
        return None
    name = next((kind.removeprefix("dpv:") for kind in _types(status) if kind.removeprefix("dpv:") in STATUSES), "")
    at = _moment(status.get("dpv:isIndicatedAtTime"))
    if not name or at is None:
        return None
    return Said(
        name,
        at,
        until=_until(status.get("dpv:hasDuration"), at),
        how=str(status.get("dpv:isExercisedAt") or ""),
        evidence=str(status.get("wh:evidenceHash") or ""),
    )


def _until(duration: object, at: datetime) -> datetime | None:
    """The end that a duration names: a moment, or a number of days, months or years after ``at``; None is no end."""
    if not isinstance(duration, Mapping):
        return None
    value = str(duration.get("rdf:value") or "")
    if (moment := _moment(value)) is not None:
        return moment
    if len(value) < 3 or value[0] != "P" or not value[1:-1].isdigit():
        return None
    number = int(value[1:-1])
    months = {"M": number, "Y": number * 12}.get(value[-1])
    if months is not None and months <= 12 * 500:
        year, month = divmod(at.month - 1 + months, 12)
        return at.replace(year=at.year + year, month=month + 1, day=min(at.day, 28))
    return None


# Writing


def document(subject: Subject, processes: Sequence[Process]) -> dict[str, object]:
    """Return the record of one person: what is common stands once, each purpose is a process of its own inside."""
    return {
        "@context": CONTEXT,
        "dct:conformsTo": subject.profile,
        "dpv:hasIdentifier": subject.record,
        "dpv:hasDataSubject": {"@type": ["dpv:DataSubject"], "dpv:hasIdentifier": subject.ref},
        "dct:created": _time(subject.created),
        "dct:creator": subject.operator.ref,
        "dct:language": subject.language,
        "dpv:hasEntity": {
            subject.operator.ref: _entity(subject.operator),
            subject.controller.ref: _entity(subject.controller),
            "group:AgreementHolders": {
                "@type": ["dpv:Entity"],
                "rdfs:subClassOf": ["dpv:Recipient"],
                "skos:prefLabel": subject.recipients,
            },
        },
        "dpv:hasNotice": {
            "@type": ["dpv:ConsentNotice"],
            "dct:identifier": subject.notice,
            "dct:language": subject.language,
            "wh:sha256": subject.notice_sha256,
        },
        "dpv:hasProcess": [
            {
                "dpv:hasDataController": [subject.controller.ref],
                "dpv:hasRecipient": [subject.operator.ref, "group:AgreementHolders"],
                "dpv:hasPersonalData": list(subject.personal_data),
                "dpv:hasDataSource": [{"@type": ["dpv:DataSubjectDataSource"]}],
                "dpv:hasStorageCondition": [
                    {"@type": ["dpv:StorageLocation"], "dpv:hasLocation": subject.location},
                    {
                        "@type": ["dpv:StorageDuration"],
                        "dpv:hasDuration": {
                            "@type": "dpv:UntilEventDuration",
                            "rdf:value": "consent withdrawn or expired",
                        },
                    },
                ],
                "dpv:hasLegalBasis": ["dpv:ExplicitlyExpressedConsent"],
                "dpv:hasJurisdiction": subject.jurisdiction,
                "dpv:hasConsentControl": [
                    {"@type": ["dpv:WithdrawConsent"], "dpv:isExercisedAt": subject.how_to_withdraw}
                ],
                "dpv:hasProcess": [_process(one) for one in processes],
            }
        ],
        **({"wh:collectiveDecision": [{"@id": ref} for ref in subject.collective]} if subject.collective else {}),
    }


def _process(one: Process) -> dict[str, object]:
    purpose: dict[str, object] = {
        "@id": PURPOSE_IRI + one.purpose,
        "@type": ["dpv:Purpose"],
        "skos:prefLabel": one.title,
    }
    if one.broader:
        purpose["skos:broader"] = one.broader
    found: dict[str, object] = {
        "dpv:hasPurpose": [purpose],
        "dpv:hasProcessing": ["dpv:Collect", "dpv:Store", "dpv:Use"],
        "dpv:hasConsentStatus": [_status(said) for said in one.history],
    }
    return found | ({"wh:sample": SAMPLE_IRI + one.sample} if one.sample else {})


def _status(said: Said) -> dict[str, object]:
    kinds = [f"dpv:{said.status}", *(["dpv:ExplicitlyExpressedConsent"] if said.status in VALID else [])]
    found: dict[str, object] = {
        "@type": kinds,
        "dpv:isIndicatedAtTime": _time(said.at),
        "dpv:isExercisedAt": said.how,
    }
    if said.status in VALID:
        until = said.until
        found["dpv:hasDuration"] = (
            {"@type": ["dpv:UntilTimeDuration"], "rdf:value": _time(until)}
            if until
            else {"@type": ["dpv:UntilEventDuration"], "rdf:value": "consent withdrawn"}
        )
    if said.evidence:
        found["wh:evidenceHash"] = said.evidence
    return found


def _entity(one: Entity) -> dict[str, object]:
    return {
        "@type": ["dpv:Organisation"],
        "dpv:hasName": one.name,
        "dpv:hasAddress": one.address,
        "dpv:hasContact": one.contact,
    }


def _time(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _moment(value: object) -> datetime | None:
    """A moment with its zone, from a string or a typed literal; None for anything else."""
    text = value.get("@value") if isinstance(value, Mapping) else value
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else [] if value is None else [value]


def _types(one: Json) -> frozenset[str]:
    return frozenset(str(kind) for kind in _list(one.get("@type")))
