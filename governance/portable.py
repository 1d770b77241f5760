"""Everything of one person, to take with them and to bring in elsewhere: a zip of JSON, JSON Lines and their recordings.

``portable.json`` says what is inside. ``samples/NNNN.jsonl`` are the samples in which they are heard, one file for each dataset,
source and role, as the importer of JSON Lines reads them; ``media/`` holds recordings and pictures by their hash; ``consents/``
the records of what they said (ISO/IEC TS 27560); ``withdrawals.json`` and ``annotations.jsonl`` the rest. Of others nothing is in
it: no name, no answer, not who else is heard.
"""

import hashlib
import json
import re
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO

from django.apps import apps
from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from governance import consent_exchange, contributors, media, samples, voices
from governance.acts import act
from governance.kernel import jobs
from governance.kernel.digests import sample_uid
from governance.kernel.errors import Invalid, Missing, NotAllowed
from governance.kernel.words import _
from governance.models import (
    Community,
    Contribution,
    Contributor,
    Dataset,
    Import,
    Person,
    PersonExport,
    Sample,
    Withdrawal,
)
from governance.roles import DESK, Machine, roles_of

MACHINE = Machine("portable")
FORMAT = "wellhouse/person/1"
KEPT = timedelta(days=7)
GIVER = "giver"
FILES = re.compile(
    r"portable\.json|withdrawals\.json|annotations\.jsonl|consents/\d{4}\.json|samples/\d{4}\.jsonl"
    r"|media/[0-9a-f]{64}\.[a-z0-9]{1,5}"
)
MOST_FILES = 200_000
PLAIN = 16 * 1024**2
"""Bytes that a JSON file inside may have; samples and media are read in parts."""


def ask(community: Community, *, by: Person, contributor: Contributor | None = None) -> PersonExport:
    """Ask for everything of ``by`` in ``community``, or, for a keeper or steward, of ``contributor`` on their behalf.

    Raises ``NotAllowed`` (``export-not-yours``).
    """
    if contributor is not None and not (roles_of(by, community) & DESK or contributor.person_id == by.pk):
        raise NotAllowed("export-not-yours", _("Only the person themselves, a keeper or a steward can ask for this."))
    if contributor is not None and contributor.community_id != community.pk:
        raise Missing("not-found", _("There is nothing here for you."))
    with act(by, "export.ask", on=community) as details:
        asked = PersonExport.objects.create(
            held_by=community, person=None if contributor else by, contributor=contributor, by=by
        )
        details |= {"object": asked, "whose": contributor.ref if contributor else by.ref}
        jobs.later(asked)
    return asked


def file_of(export: PersonExport) -> Path:
    """Where the file of an export lies."""
    return media.root("exports") / f"{export.public_id}.zip"


def run_export(row: PersonExport, claim: jobs.Claim) -> None:
    """Write the file of ``row``: whole beside its place, then renamed."""
    place = file_of(row)
    place.parent.mkdir(parents=True, exist_ok=True)
    forget(place.parent)
    people = list(_people(row))
    beside = place.with_suffix(".part")
    with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as file:
        _write(file, row, people, claim)
    beside.chmod(0o640)
    beside.replace(place)
    with claim.finish(size=place.stat().st_size), act(MACHINE, "export.finish", on=row) as details:
        details |= {"people": len(people), "bytes": place.stat().st_size}


def forget(folder: Path) -> None:
    """Remove what was asked for more than a week ago."""
    oldest = (timezone.now() - KEPT).timestamp()
    for path in folder.glob("*"):
        if path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)


def _people(row: PersonExport) -> QuerySet[Contributor]:
    held = Contributor.objects.filter(community=row.held_by).select_related("community").order_by("pk")
    return held.filter(pk=row.contributor_id) if row.contributor_id else held.filter(person=row.person)


def _write(file: zipfile.ZipFile, row: PersonExport, people: list[Contributor], claim: jobs.Claim) -> None:
    listed: list[dict[str, object]] = []
    written: set[str] = set()
    total = sum(Sample.objects.with_voice(one).count() for one in people)
    done = 0
    for number, one in enumerate(people):
        record = consent_exchange.record_of(one)
        file.writestr(f"consents/{number:04}.json", json.dumps(record, ensure_ascii=False, indent=1))
        for dataset, source, role, rows in _groups(one):
            name = f"samples/{len(listed):04}.jsonl"
            uids = []
            with file.open(name, "w", force_zip64=True) as out:
                for sample in rows:
                    out.write(json.dumps(_row(sample), ensure_ascii=False).encode() + b"\n")
                    uids.append([sample.key, sample.uid])
                    done += 1
                    if done % 500 == 0:
                        claim.progress(done, total)
            for sample in rows.exclude(media=None).select_related("media"):
                _write_media(file, sample, written)
            listed.append(
                {
                    "file": name,
                    "person": number,
                    "role": role,
                    "dataset": dataset.path,
                    "source": source,
                    "text_column": dataset.text_column,
                    "modality": dataset.modality,
                    "samples": uids,
                }
            )
    file.writestr("withdrawals.json", json.dumps(_withdrawals(people), indent=1))
    with file.open("annotations.jsonl", "w", force_zip64=True) as out:
        for said in _annotations(row, people):
            out.write(json.dumps(said, ensure_ascii=False).encode() + b"\n")
    about = {
        "format": FORMAT,
        "community": row.held_by.name,
        "made_at": timezone.now().isoformat(),
        "people": [
            {"ref": one.ref, "name": one.name, "record": f"consents/{n:04}.json"} for n, one in enumerate(people)
        ],
        "files": listed,
    }
    file.writestr("portable.json", json.dumps(about, ensure_ascii=False, indent=1))


def _groups(one: Contributor) -> Iterator[tuple[Dataset, str, str, QuerySet[Sample]]]:
    """Yield what they are heard in, by dataset, source and role."""
    own = Sample.objects.filter(erased_at=None).select_related("media").order_by("pk")
    given = own.filter(contributor=one)
    voiced = Contribution.objects.filter(contributor=one)
    roles = sorted(set(voiced.values_list("role", flat=True)))
    parts = [(GIVER, given)] + [
        (role, own.exclude(contributor=one).filter(pk__in=voiced.filter(role=role).values("sample"))) for role in roles
    ]
    for role, rows in parts:
        for dataset, source in rows.order_by("dataset", "source").values_list("dataset", "source").distinct():
            held = Dataset.objects.select_related("community").get(pk=dataset)
            yield held, source, role, rows.filter(dataset=dataset, source=source)


def _row(sample: Sample) -> dict[str, object]:
    found: dict[str, object] = {"wellhouse_key": sample.key, **sample.data}
    if sample.media is not None:
        found["wellhouse_media"] = f"media/{sample.media.sha256}.{sample.media.suffix}"
    if sample.imported_label:
        found["wellhouse_label"] = sample.imported_label
    return found


def _write_media(file: zipfile.ZipFile, sample: Sample, written: set[str]) -> None:
    if sample.media is None or sample.media.sha256 in written:
        return
    path = media.path_of(sample.media.sha256)
    if path.is_file():
        file.write(path, f"media/{sample.media.sha256}.{sample.media.suffix}", zipfile.ZIP_STORED)
        written.add(sample.media.sha256)


def _withdrawals(people: list[Contributor]) -> list[dict[str, object]]:
    rows = Withdrawal.objects.filter(contributor__in=people).select_related("dataset__community").order_by("pk")
    return [
        {
            "at": row.at.isoformat(),
            "channel": row.channel,
            "dataset": row.dataset.path if row.dataset else None,
            "purposes": row.purposes,
        }
        for row in rows
    ]


def _annotations(row: PersonExport, people: list[Contributor]) -> Iterator[dict[str, object]]:
    """Their own answers; the floor above is asked by name, since nothing here knows it."""
    who = {one.person_id for one in people if one.person_id} | ({row.person_id} if row.person_id else set())
    model = apps.get_model("annotations", "Annotation")
    found = model._default_manager.filter(annotator__in=who, campaign__dataset__community=row.held_by)
    for at, campaign, uid, label, result, standing in (
        found.order_by("pk")
        .values_list("created_at", "campaign__name", "sample__uid", "label", "result", "standing")
        .iterator(chunk_size=1000)
    ):
        yield {
            "at": at.isoformat(),
            "campaign": campaign,
            "sample": uid,
            "label": label,
            "result": result,
            "standing": standing,
        }


# Bringing it in elsewhere


@dataclass(frozen=True)
class Brought:
    """What became of a file that somebody brought with them."""

    contributors: int
    new: int
    unchanged: int
    refused: int
    answers: int


def bring(path: Path, *, into: Dataset, by: Person, name: str = "") -> Brought:
    """Bring what ``ask`` wrote elsewhere into a dataset here: samples, whose they are, and what was said about them.

    ``name`` is how this community calls the person; left out, the name that they bring. Raises ``Invalid`` (``export-unfit``).
    """
    try:
        with zipfile.ZipFile(path) as file, tempfile.TemporaryDirectory() as folder:
            return _bring(file, Path(folder), into, by, name.strip())
    except (zipfile.BadZipFile, json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise Invalid("export-unfit", _("This is no file that somebody took with them from a Wellhouse.")) from error


def _bring(file: zipfile.ZipFile, folder: Path, into: Dataset, by: Person, name: str) -> Brought:
    _require_fit(file)
    about = json.loads(_read(file, "portable.json"))
    if about["format"] != FORMAT:
        raise Invalid("export-unfit", _("This is no file that somebody took with them from a Wellhouse."))
    _unpack_media(file, folder)
    counts = {"new": 0, "unchanged": 0, "refused": 0}
    renamed: dict[str, str] = {}
    people = []
    for person in about["people"]:
        called = name or str(person["name"])
        known = into.community.contributors.filter(name=called).first()
        people.append(known or contributors.add(into.community, name=called, by=by))
    for part in about["files"]:
        row = _bring_samples(file, part, folder, into, by, people[part["person"]])
        for what in counts:
            counts[what] += getattr(row, what)
        renamed |= {uid: sample_uid(into.key, str(part["source"]), str(key)) for key, uid in part["samples"]}
        if part["role"] != GIVER:
            uids = [renamed[uid] for _key, uid in part["samples"]]
            found = Sample.objects.filter(dataset=into, uid__in=uids).values_list("pk", flat=True)
            with act(by, "voice.add", on=into) as details:
                n = voices.bring((pk, people[part["person"]].pk, str(part["role"])) for pk in found)
                details |= {"voices": n, "contributor": people[part["person"]].ref}
    answers = 0
    for person, contributor in zip(about["people"], people, strict=True):
        record = json.loads(_read(file, str(person["record"])))
        answers += consent_exchange.take_in(contributor, _with_names(record, renamed), by=by).new
    return Brought(len(people), **counts, answers=answers)


def _require_fit(file: zipfile.ZipFile) -> None:
    """Only names that we write ourselves, not too many and not too large: nothing leaves the folder, nothing fills the disk."""
    inside = file.infolist()
    size = sum(one.file_size for one in inside)
    unfit = any(not FILES.fullmatch(one.filename) for one in inside)
    if unfit or len(inside) > MOST_FILES or size > settings.IMPORT_MAX_BYTES:
        raise Invalid("export-unfit", _("This is no file that somebody took with them from a Wellhouse."))


def _read(file: zipfile.ZipFile, name: str) -> bytes:
    with file.open(name) as opened:
        found = opened.read(PLAIN + 1)
    if len(found) > PLAIN:
        raise Invalid("export-unfit", _("This is no file that somebody took with them from a Wellhouse."))
    return found


def _unpack_media(file: zipfile.ZipFile, folder: Path) -> None:
    (folder / "media").mkdir()
    for one in file.infolist():
        if one.filename.startswith("media/"):
            with file.open(one) as source:
                digest = _copy(source, folder / one.filename)
            if digest != one.filename.removeprefix("media/").partition(".")[0]:
                raise Invalid("export-unfit", _("A recording or picture inside is not what its name says."))


def _copy(source: IO[bytes], target: Path) -> str:
    hashed = hashlib.sha256()
    with target.open("wb") as out:
        while block := source.read(1 << 20):
            hashed.update(block)
            out.write(block)
    return hashed.hexdigest()


def _bring_samples(
    file: zipfile.ZipFile, part: dict[str, object], folder: Path, into: Dataset, by: Person, contributor: Contributor
) -> Import:
    name = str(part["file"])
    path = folder / name.replace("/", "-")
    with file.open(name) as source:
        _copy(source, path)
    roles = {str(part["text_column"]): "text", "wellhouse_key": "id", "wellhouse_media": "media"}
    roles["wellhouse_label"] = "label"
    columns = _columns(path)
    given: dict[str, object] = {
        "roles": {column: roles.get(column, "data") for column in columns},
        "media_root": str(folder),
    }
    if part["role"] == GIVER:
        given["contributor"] = contributor.name
    row = samples.start_import(
        into, path=path, filename=str(part["source"]), format="jsonl", settings=given, by=by, here=True
    )
    jobs.work(jobs.label_of(row), row.pk)
    row.refresh_from_db()
    if row.status == Import.Status.FAILED:
        raise Invalid("export-unfit", row.message)
    return row


def _columns(path: Path) -> Iterable[str]:
    found: dict[str, None] = {}
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            found |= dict.fromkeys(json.loads(line))
    return list(found)


def _with_names(record: object, renamed: dict[str, str]) -> object:
    """The record with the names that its samples have here."""
    text = json.dumps(record)
    return json.loads(re.sub(r"urn:wellhouse:sample:([0-9a-f]{32})", lambda m: _renamed(m, renamed), text))


def _renamed(match: re.Match[str], renamed: dict[str, str]) -> str:
    return f"urn:wellhouse:sample:{renamed.get(match[1], match[1])}"
