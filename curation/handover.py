"""Hand-over: everything of a community in one archive, composed here because only the highest floor knows everything.

The archive is a ZIP that any tool opens. ``manifest.json`` (and the same signed, ``manifest.jws``) counts every table and every
file; ``tables/`` has one file of JSON Lines for each kind of row, ``files/`` every file under its own SHA-256, ``log/`` the
community's events with their leaves, so that they can still be checked against the house's signed note, and ``keys/`` the public
keys with which everything that was ever signed here can be checked. It is never silently smaller: a kind of row is found by
its way to the community, or is named below with the reason why it stays behind, and a test fails for any that is neither.

No password travels. The house's private key is the operator's and signs for everybody in it, so it stays;
``docs/decisions`` says why.
"""

import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import IO, Any, TypeAlias

from celery import shared_task
from django.apps import apps
from django.core import serializers
from django.db import connection, models, transaction
from django.db.models import Q
from django.utils import timezone

from curation import storage
from curation.models import BuiltFile, HandOver
from governance import communities, documents, log, media, signing, votes
from governance.acts import act, record
from governance.kernel import jobs
from governance.kernel.digests import canonical, digest
from governance.kernel.errors import Conflict, Gone
from governance.kernel.jobs import Claim
from governance.kernel.words import _
from governance.models import Community, Document, Event, Import, Leaf, Media, Person, Proposal
from governance.roles import Machine, require

ModelType: TypeAlias = type[models.Model]

KIND = "hand-over"
FORMAT = "wellhouse/handover/1"
TYP = "handover+jwt"
PACKER = Machine("hand-over")
KEPT = timedelta(days=7)
CHUNK = 2000
FLOORS = ("governance", "annotations", "curation")

STAYS: Mapping[str, str] = {
    "governance.Event": "It is in log/events.jsonl, with its leaf: another house's tree cannot hold it as its own.",
    "governance.Leaf": "All leaves of the house's tree are in log/leaves.txt; they say nothing without their events.",
    "governance.Node": "Inner nodes of this house's tree, kept for speed: they follow from log/leaves.txt.",
    "governance.Checkpoint": "The newest signed note is in log/checkpoint.txt.",
    "governance.SignInAttempt": "Failed sign-ins at this house's door, kept for minutes.",
    "governance.FounderCode": "Codes of this house's operator.",
    "governance.Invitation": "Open codes lead to this house's door; keepers invite anew.",
    "governance.RecoveryCode": "Codes for passwords of this house; whoever arrives gets a new one.",
    "annotations.Lease": "Who is looking at which task this minute.",
    "annotations.QueueMark": "A note of the queue to itself, which it makes again.",
    "curation.HandOver": "The archives themselves.",
    "curation.Arrival": "How the community once came to this house; its keys are in keys/.",
}
"""Kinds of rows that stay behind, and why."""

SHARED: Mapping[str, ModelType] = {"governance.Person": Person, "governance.Media": Media}
"""Rows that belong to no community alone: those go along that something of the community names."""

NOT_SHOWN: Mapping[str, frozenset[str]] = {"governance.Person": frozenset({"password", "last_login"})}
"""Columns that never leave."""

WAYS: Mapping[str, tuple[str, ...]] = {
    "governance.Document": ("request__dataset__community", "agreement__party__community"),
    "governance.Verification": ("document__request__dataset__community", "document__agreement__party__community"),
}
"""Where a row has no way of foreign keys to the community that every row has, but one of several: kind -> lookups."""


@dataclass(frozen=True)
class Counted:
    """One file of the archive with what it holds."""

    path: str
    sha256: str
    size: int
    rows: int | None = None

    def to_json(self) -> dict[str, object]:
        """As the manifest names it."""
        said: dict[str, object] = {"path": self.path, "sha256": self.sha256, "size": self.size}
        return said if self.rows is None else said | {"rows": self.rows}


# -- asking ------------------------------------------------------------------------------------------------------------


def ask(community: Community, *, by: Person) -> HandOver | Proposal:
    """Ask for the archive: at once while there is one keeper, else as a vote under the charter's rule.

    Raises ``Conflict`` (``hand-over-under-way``) while another is being made.
    """
    require(by, "handover.start", community)
    if HandOver.objects.filter(community=community, status__in=("queued", "running")).exists():
        raise Conflict("hand-over-under-way", _("An archive is being made already."))
    if communities.keepers(community).count() >= 2:
        asked = timezone.now().isoformat()
        terms: dict[str, object] = {"asked_at": asked}
        return votes.propose(
            community=community,
            subject=(KIND, community.public_id, digest(terms)),
            title=_("Take everything of ours with us, as one archive"),
            rule_name=KIND,
            by=by,
            terms=terms,
        )
    with act(by, "handover.start", on=community) as details:
        row = _queue(community, by, None)
        details["object"] = row
    return row


@votes.when_passed(KIND)
def start(proposal: Proposal) -> None:
    """Queue the archive that was voted for, in the transaction that closes the vote."""
    row = _queue(proposal.community, proposal.proposed_by, proposal)
    record(Machine("votes"), "handover.start", row, {"proposal": proposal.public_id})


def _queue(community: Community, by: Person, proposal: Proposal | None) -> HandOver:
    row = HandOver.objects.create(community=community, asked_by=by, proposal=proposal)
    jobs.later(row)
    return row


def path_of(row: HandOver) -> Path:
    """Where the archive lies."""
    return media.root("handovers") / f"{row.public_id}.zip"


def fetch(row: HandOver, *, by: Person) -> Path:
    """Give the archive to a keeper; raises ``Gone`` (``hand-over-gone``) when it does not lie here any more."""
    with act(by, "handover.fetch", on=row):
        place = path_of(row)
        if row.status != HandOver.Status.DONE or row.gone_at is not None or not place.is_file():
            raise Gone("hand-over-gone", _("This archive does not lie here any more. Ask for a new one."))
    return place


@shared_task(name="wellhouse.remove_archives", ignore_result=True)
def remove_archives(now: datetime | None = None) -> int:
    """Remove archives that have lain here for a week; what they hold is here anyway."""
    now = now or timezone.now()
    gone = 0
    for row in HandOver.objects.filter(status=HandOver.Status.DONE, gone_at=None, finished_at__lt=now - KEPT):
        path_of(row).unlink(missing_ok=True)
        gone += HandOver.objects.filter(pk=row.pk, gone_at=None).update(gone_at=now)
    return gone


# -- what belongs to it ------------------------------------------------------------------------------------------------


def kinds() -> list[ModelType]:
    """Every kind of row of the three floors, those that others name first."""
    found = [model for model in apps.get_models() if model._meta.app_label in FLOORS and not model._meta.auto_created]
    ordered: list[ModelType] = []

    def place(model: ModelType, above: frozenset[ModelType]) -> None:
        if model in ordered or model in above:
            return
        for named in _named(model, must=True):
            if named in found:
                place(named, above | {model})
        for named in _named(model, must=False):
            # What may be empty comes first too, unless it cannot be without this one.
            if named in found and not (_needs(named) & (above | {model})):
                place(named, above | {model})
        ordered.append(model)

    for model in sorted(found, key=lambda one: one._meta.label):
        place(model, frozenset())
    return ordered


def ways_of(model: ModelType) -> tuple[str, ...]:
    """The lookups by one of which a row of ``model`` belongs to a community; none where it belongs to none.

    Found is the shortest way of foreign keys that every row has.
    """
    if model._meta.label in WAYS:
        return WAYS[model._meta.label]
    waiting: list[tuple[ModelType, tuple[str, ...]]] = [(model, ())]
    seen = {model}
    while waiting:
        at, steps = waiting.pop(0)
        for field in at._meta.concrete_fields:
            target = field.related_model
            if not isinstance(field, models.ForeignKey) or field.null or target in seen:
                continue
            if target is Community:
                return ("__".join((*steps, field.name)),)
            if isinstance(target, type) and target is not Person:
                seen.add(target)
                waiting.append((target, (*steps, field.name)))
    return ()


def rows_of(model: ModelType, community: Community) -> "models.QuerySet[Any]":
    """The rows of ``model`` that belong to ``community``."""
    manager = model._default_manager.order_by("pk")
    if model is Community:
        return manager.filter(pk=community.pk)
    ways = ways_of(model)
    if not ways:
        return manager.none()
    found = Q()
    for way in ways:
        found |= Q(**{way: community.pk})
    return manager.filter(found)


def unplaced() -> list[str]:
    """Kinds of rows that are neither exported nor named as staying behind: this must be empty."""
    taken = {model._meta.label for model in kinds() if model is Community or ways_of(model)}
    return sorted(model._meta.label for model in kinds() if model._meta.label not in taken | set(STAYS) | set(SHARED))


def _named(model: ModelType, *, must: bool) -> Iterator[ModelType]:
    """The kinds that rows of ``model`` name by foreign keys; with ``must`` only by those that cannot be empty."""
    for field in model._meta.concrete_fields:
        target = field.related_model
        if (
            isinstance(field, models.ForeignKey)
            and isinstance(target, type)
            and target is not model
            and not (must and field.null)
        ):
            yield target
    for many in model._meta.many_to_many:
        if isinstance(many.related_model, type):
            yield many.related_model


@cache
def _needs(model: ModelType) -> frozenset[ModelType]:
    """Every kind without which no row of ``model`` can be."""
    seen: set[ModelType] = set()
    waiting = [model]
    while waiting:
        new = set(_named(waiting.pop(), must=True)) - seen
        seen |= new
        waiting += new
    return frozenset(seen)


# -- packing -----------------------------------------------------------------------------------------------------------


def run(row: HandOver, claim: Claim) -> None:
    """Make the archive beside its place and move it there when it is whole."""
    place = path_of(row)
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = place.with_suffix(f".{claim.attempt}.part")
    try:
        with draft.open("wb") as target:
            manifest = write(row.community, target, progress=lambda done, total: claim.progress(done, total))
        size, sha256 = draft.stat().st_size, _sha256_of(draft)
        draft.replace(place)
    finally:
        draft.unlink(missing_ok=True)
    rows = sum(int(str(table["rows"])) for table in _tables(manifest))
    with claim.finish(done=rows, total=rows, sha256=sha256, size=size, rows=rows):
        record(PACKER, "handover.finish", row, {"sha256": sha256, "size": size, "rows": rows})


def write(community: Community, target: IO[bytes], progress: Any = None) -> dict[str, object]:
    """Write the archive of ``community`` to ``target`` and return its manifest; rows are streamed, nothing is loaded whole.

    All tables are read in one transaction, so that they fit together.
    """
    packed = _Packed(zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6))
    log.seal()
    is_alone = not connection.in_atomic_block
    taken = [model for model in kinds() if model._meta.label not in STAYS and model._meta.label not in SHARED]
    with transaction.atomic():
        if connection.vendor == "postgresql" and is_alone:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for number, model in enumerate(taken):
            packed.table(model, rows_of(model, community).iterator(chunk_size=CHUNK))
            if progress is not None:
                progress(number, len(taken))
        for label, model in SHARED.items():
            packed.table(model, _chunks(model, packed.named[label]))
        _write_log(packed, community)
    for path, place in _files(packed):
        packed.file(path, place)
    _write_keys(packed)
    packed.text("README.txt", README)
    manifest: dict[str, object] = {
        "format": FORMAT,
        "made_at": timezone.now().isoformat(),
        "origin": log.origin(),
        "community": {"id": community.public_id, "slug": community.slug, "name": community.name},
        "tables": [one.to_json() | {"kind": kind} for kind, one in packed.tables.items()],
        "files": [one.to_json() for one in packed.files],
        "missing_files": packed.missing,
        "stays": dict(STAYS),
        "not_shown": {label: sorted(columns) for label, columns in NOT_SHOWN.items()},
    }
    packed.zip.writestr("manifest.json", canonical(manifest))
    packed.zip.writestr("manifest.jws", signing.jws(manifest, TYP))
    packed.zip.close()
    return manifest


README = """This archive holds everything of one community, made by Wellhouse.

manifest.json   counts every table and every file, and names what stayed behind and why; manifest.jws is the same, signed
tables/         one file of JSON Lines for each kind of row
files/          recordings, pictures, papers, imports and files of versions, each under its SHA-256
log/            the community's events with their leaves; checkpoint.txt is the house's signed note over all leaves.txt
keys/           the public keys of the house, to check everything that it ever signed

Bring it into another Wellhouse:   manage.py handover_import ARCHIVE.zip
It holds things that are not for everybody. Keep it as you would keep what is in it.
"""


class _Packed:
    """An archive while it is written, with what is counted on the way."""

    def __init__(self, target: zipfile.ZipFile) -> None:
        self.zip = target
        self.tables: dict[str, Counted] = {}
        self.files: list[Counted] = []
        self.missing: list[dict[str, str]] = []
        self.named: dict[str, set[Any]] = {label: set() for label in SHARED}
        self.wanted: dict[tuple[str, str], Path] = {}

    def table(self, model: ModelType, rows: Iterable[models.Model]) -> None:
        """Write one table, noting which shared rows and files it names."""
        label = model._meta.label
        hidden = NOT_SHOWN.get(label, frozenset())
        fields = [f.name for f in (*model._meta.concrete_fields, *model._meta.many_to_many) if f.name not in hidden]
        shared = [
            (f, f.related_model._meta.label)
            for f in model._meta.concrete_fields
            if isinstance(f, models.ForeignKey) and f.related_model in SHARED.values()
        ]
        hashed, size, count = hashlib.sha256(), 0, 0
        path = f"tables/{label}.jsonl"
        with self.zip.open(path, "w", force_zip64=True) as file:
            for row in rows:
                for field, named in shared:
                    if (value := getattr(row, field.attname)) is not None:
                        self.named[named].add(value)
                for many in model._meta.many_to_many:
                    if many.related_model in SHARED.values():
                        self.named[many.related_model._meta.label] |= set(
                            getattr(row, many.name).values_list("pk", flat=True)
                        )
                self._want(row)
                line = serializers.serialize("jsonl", [row], fields=fields).encode()
                file.write(line)
                hashed.update(line)
                size, count = size + len(line), count + 1
        self.tables[label] = Counted(path, hashed.hexdigest(), size, count)

    def _want(self, row: models.Model) -> None:
        for folder, sha256, place in files_of(row):
            self.wanted[folder, sha256] = place

    def file(self, path: str, place: Path) -> None:
        """Write one file; one that is not held any more is named as missing."""
        if not place.is_file():
            self.missing.append({"path": path})
            return
        hashed, size = hashlib.sha256(), 0
        with self.zip.open(path, "w", force_zip64=True) as file, place.open("rb") as source:
            while block := source.read(media.BLOCK):
                file.write(block)
                hashed.update(block)
                size += len(block)
        self.files.append(Counted(path, hashed.hexdigest(), size))

    def lines(self, path: str, lines: Iterable[str]) -> None:
        """Write one file of lines."""
        hashed, size, count = hashlib.sha256(), 0, 0
        with self.zip.open(path, "w", force_zip64=True) as file:
            for line in lines:
                raw = f"{line}\n".encode()
                file.write(raw)
                hashed.update(raw)
                size, count = size + len(raw), count + 1
        self.files.append(Counted(path, hashed.hexdigest(), size, count))

    def text(self, path: str, content: str) -> None:
        """Write one small file."""
        raw = content.encode()
        self.zip.writestr(path, raw)
        self.files.append(Counted(path, hashlib.sha256(raw).hexdigest(), len(raw)))


def files_of(row: models.Model) -> Iterator[tuple[str, str, Path]]:
    """The files that a row names: folder, SHA-256, and where it lies here."""
    if isinstance(row, Media):
        yield "media", row.sha256, media.path_of(row.sha256)
    elif isinstance(row, Import) and row.stored_as:
        yield "imports", row.stored_as, media.path_of(row.stored_as, "imports")
    elif isinstance(row, Document):
        yield documents.FOLDER, row.sha256, media.path_of(row.sha256, documents.FOLDER)
    elif isinstance(row, BuiltFile) and not row.path.startswith("media/"):
        yield "versions", row.sha256, storage.versions().path(row.sha256)


def _files(packed: _Packed) -> Iterator[tuple[str, Path]]:
    for (folder, sha256), place in sorted(packed.wanted.items()):
        yield f"files/{folder}/{sha256}", place


def _chunks(model: ModelType, keys: set[Any]) -> Iterator[models.Model]:
    ordered = sorted(keys)
    for start in range(0, len(ordered), 500):
        yield from model._default_manager.filter(pk__in=ordered[start : start + 500]).order_by("pk")


def _write_log(packed: _Packed, community: Community) -> None:
    """The community's events with their leaves, all leaf hashes up to the newest signed note, and the note.

    An event that has no place yet is there too, with leaf null.
    """
    note = log.newest_checkpoint()
    size = note.size if note else 0
    events = Event.objects.filter(community=community.public_id).order_by("pk").values_list("leaf__index", "body")
    leaves = Leaf.objects.filter(index__lt=size).order_by("index").values_list("hash", flat=True)
    packed.lines(
        "log/events.jsonl",
        (
            json.dumps({"leaf": leaf if leaf is not None and leaf < size else None, "body": body}, ensure_ascii=False)
            for leaf, body in events.iterator(chunk_size=CHUNK)
        ),
    )
    packed.lines("log/leaves.txt", leaves.iterator(chunk_size=CHUNK))
    packed.text("log/checkpoint.txt", note.note if note else "")


def _write_keys(packed: _Packed) -> None:
    for keyid, pem in signing.public_keys().items():
        packed.text(f"keys/{keyid}.pem", pem)


def _tables(manifest: Mapping[str, object]) -> list[dict[str, object]]:
    tables = manifest["tables"]
    return list(tables) if isinstance(tables, list) else []


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
