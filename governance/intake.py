"""The import job: a file of rows becomes samples, in chunks, each whole, each in the log.

A chunk is read, shaped (identity, hashes, contributor) outside any transaction, and written in one short transaction together
with its counts, its place in the file and its event, which carries a Merkle root over what was written. A worker that is killed
leaves whole chunks; the next one reads the file again from its beginning, skips what is counted, and goes on. The file is
never held in memory, and neither is what was seen of it (``Seen``).

Same place, same content: unchanged. Same place, other content: a new revision; the old one is kept. What a re-import may not
do is say that a sample is somebody else's: that row is refused.
"""

import csv
import hashlib
import io
import json
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from json.encoder import encode_basestring
from pathlib import Path
from typing import NamedTuple

import rfc8785
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from governance import contributors, media, protocols, voices
from governance.acts import act
from governance.formats import IMPORTERS
from governance.kernel import jobs
from governance.kernel.digests import canonical
from governance.kernel.errors import Invalid
from governance.kernel.registry import Registry
from governance.kernel.text import normal_hash
from governance.kernel.words import _
from governance.models import Contributor, Dataset, Import, Media, Sample, SampleRevision
from governance.roles import Machine
from governance.sheets import ROLES, VOICES, BadRow, Chunk, Settings, settle_roles

MACHINE = Machine("intake")
MEASURES = Registry("governance.measures")
ROWS_SQLITE = 2_000
ROWS_POSTGRES = 5_000
JOURNAL_PAGES = 16_000
KEPT_UPLOADS = timedelta(days=8)
PAUSE_SECONDS = 0.01
"""After a chunk on SQLite, so that a person who is saving an answer gets the one write lock (platform.md, section 7)."""
RESERVED = frozenset({"sample_id", "label", "n_votes", "agreement", "media", "split"})
"""Columns that a version's rows have of their own (rulings.md, 5); a data column of that name gets ``source_`` before it."""
KNOWN_CONTRIBUTORS = 50_000
SINGLE = frozenset({"id", "text", "media", "label", "split", "contributor"})
ESCAPED = ("=", "+", "-", "@", "\t", "\r")
COLUMNS = (
    "uid",
    "source",
    "key",
    "revision",
    "content_hash",
    "text_hash",
    "contributor_id",
    "protocol_id",
    "data",
    "media_id",
    "source_split",
    "imported_label",
    "groups",
    "added_at",
    "dataset_id",
    "imported_id",
)


class Shaped(NamedTuple):
    """A row as it will stand in the table, in the order of ``COLUMNS``; ``data`` and ``groups`` are JSON text."""

    uid: str
    source: str
    key: str
    revision: int
    content_hash: str
    text_hash: str
    contributor_id: int | None
    protocol_id: int | None
    data: str
    media_id: str | None
    source_split: str
    imported_label: str
    groups: str
    added_at: str
    dataset_id: int
    imported_id: int


class Heard(NamedTuple):
    """Who else is heard in the sample of a line, as (row key or None, role)."""

    line: int
    people: tuple[tuple[int | None, str], ...]


@dataclass
class Tally:
    """What became of the rows so far."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    cursor: int = 0
    linked: int = 0
    voices: int = 0
    kept: list[tuple[str, str]] = field(default_factory=list)


def run_import(row: Import, claim: jobs.Claim) -> None:
    """Bring the file of ``row`` in; raises ``Invalid`` when nothing of it can be used."""
    importer = IMPORTERS[row.format]
    path = media.path_of(row.stored_as, "imports")
    given = row.settings
    wanted = Settings(**{name: str(given.get(name) or "") for name in ("delimiter", "quoting", "encoding", "sheet")})
    columns = importer.columns(path, wanted)
    roles = settle_roles(columns.roles, given.get("roles") or {})
    shaper = Shaper(row, columns.names, roles)

    def chunks() -> Iterator[Chunk]:
        return gather(importer.chunks(path, columns.settings, columns.names), rows_at_once())

    with Report(row) as report, long_journal():
        if row.is_all_or_nothing and row.cursor == 0 and not row.is_dry_run:
            tally = _pass(row, claim, shaper, chunks(), columns.total, report, writing=False)
            if tally.refused:
                _finish(row, claim, Tally(refused=tally.refused), report, kept_none=True)
                return
            shaper.seen.forget()
        tally = _pass(row, claim, shaper, chunks(), columns.total, report, writing=not row.is_dry_run)
        _finish(row, claim, tally, report)
    forget_uploads(timezone.now())


def forget_uploads(now: datetime) -> int:
    """Remove files that somebody chose and never brought in; return how many. Their token ended a day before."""
    gone = 0
    for path in media.root("imports").glob("??/??/*"):
        is_old = path.stat().st_mtime < (now - KEPT_UPLOADS).timestamp()
        if is_old and not Import.objects.filter(stored_as=path.name).exists():
            path.unlink(missing_ok=True)
            gone += 1
    return gone


@contextmanager
def long_journal() -> Iterator[None]:
    """Let SQLite's journal grow to 64 MB meanwhile: a page of the index that many chunks touch is copied back once."""
    if connection.vendor != "sqlite":
        yield
        return
    with connection.cursor() as cursor:
        before = cursor.execute("PRAGMA wal_autocheckpoint").fetchone()[0]
        cursor.execute(f"PRAGMA wal_autocheckpoint={JOURNAL_PAGES}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA wal_autocheckpoint={int(before)}")


def rows_at_once() -> int:
    """How many rows a chunk has on this database."""
    return ROWS_SQLITE if connection.vendor == "sqlite" else ROWS_POSTGRES


def gather(chunks: Iterator[Chunk], size: int) -> Iterator[Chunk]:
    """Join small chunks until they hold ``size`` rows, good or refused."""
    rows: list[Sequence[object]] = []
    lines: list[int] = []
    bad: list[BadRow] = []
    done = 0
    for chunk in chunks:
        if not rows and not bad and len(chunk.rows) + len(chunk.bad) >= size:
            yield chunk
            continue
        rows += chunk.rows
        lines += chunk.lines
        bad += chunk.bad
        done = chunk.done
        if len(rows) + len(bad) >= size:
            yield Chunk(rows, lines, bad, done)
            rows, lines, bad = [], [], []
    if rows or bad:
        yield Chunk(rows, lines, bad, done)


def _pass(
    row: Import,
    claim: jobs.Claim,
    shaper: "Shaper",
    chunks: Iterator[Chunk],
    total: int,
    report: "Report",
    *,
    writing: bool,
) -> Tally:
    """Go through the file once; write, or only look. Skips what an earlier attempt has counted."""
    tally = Tally(row.new, row.changed, row.unchanged, row.refused, row.cursor) if writing else Tally()
    counted = row.cursor if writing else 0
    place = 0
    store = writer()
    for chunk in chunks:
        place += len(chunk.rows) + len(chunk.bad)
        refused = list(chunk.bad)
        shaped, lines = shaper.shape(chunk, refused, writing=writing)
        if place <= counted:
            continue
        tally.cursor = place
        if writing:
            heard = shaper.heard(shaped, lines)
            _write(row, claim, shaped, lines, refused, tally, report, store, (chunk.done, total), heard)
        else:
            _look(row, shaped, lines, refused, tally)
            tally.refused += len(refused)
            report.add(refused)
            claim.progress(chunk.done, total)
    return tally


def _write(
    row: Import,
    claim: jobs.Claim,
    shaped: list[Shaped],
    lines: list[int],
    refused: list[BadRow],
    tally: Tally,
    report: "Report",
    store: Callable[[list[Shaped]], int],
    progress: tuple[int, int],
    heard: Mapping[str, "Heard"],
) -> None:
    """Write one chunk: rows, voices, counts, place and event, whole or not at all."""
    before = (tally.new, tally.changed, tally.voices)
    tally.kept = []
    with transaction.atomic():
        inserted = store(shaped) if shaped else 0
        tally.new += inserted
        if inserted == len(shaped):
            tally.kept = [(one.uid, one.content_hash) for one in shaped]
        else:
            _settle(row, shaped, lines, refused, inserted, tally)
        if heard:
            tally.voices += _bring_voices(row, heard, {bad.line for bad in refused})
        tally.refused += len(refused)
        size = report.add(refused)
        held = Import.objects.filter(pk=row.pk, attempt=claim.attempt, status=Import.Status.RUNNING)
        if not held.update(
            new=tally.new,
            changed=tally.changed,
            unchanged=tally.unchanged,
            refused=tally.refused,
            cursor=tally.cursor,
            done=progress[0],
            total=progress[1],
            lease_until=timezone.now() + jobs.LEASE,
            settings={**row.settings, "report_bytes": size},
        ):
            raise jobs.Lost("lease-lost", _("Another worker has taken this over."))
        if tally.kept or tally.voices > before[2]:
            with act(MACHINE, "import.chunk", on=row) as details:
                numbers: dict[str, object] = {
                    "new": tally.new - before[0],
                    "changed": tally.changed - before[1],
                    "to": tally.cursor,
                }
                details |= _told(row, {"rows": len(tally.kept)} | numbers) | {"root": chunk_root(tally.kept)}
                if heard:
                    details |= _told(row, {"voices": tally.voices - before[2]})
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        time.sleep(PAUSE_SECONDS)


def _bring_voices(row: Import, heard: Mapping[str, "Heard"], refused: set[int]) -> int:
    """Write who else is heard in the samples of a chunk; a refused row says nothing of anybody."""
    wanted = {uid: said for uid, said in heard.items() if said.line not in refused}
    found = Sample.objects.filter(dataset=row.dataset_id, uid__in=wanted, erased_at=None).values_list("uid", "pk")
    return voices.bring((pk, who, role) for uid, pk in found for who, role in wanted[uid].people)


def _told(row: Import, numbers: dict[str, object]) -> dict[str, object]:
    """What an event tells of numbers: nothing, where the samples are not for everyone who can read the log."""
    return {} if "groups" in row.settings else numbers


def chunk_root(kept: Sequence[tuple[str, str]]) -> str:
    """Return the RFC 9162 root, in hex, over (uid, content hash) in the order given; a leaf is both, one after the other.

    Built level by level, which gives the same tree as ``digests.root_of`` (an odd last node moves up) in a third of the time.
    """
    sha256 = hashlib.sha256
    level = [sha256(b"\0" + (uid + content).encode()).digest() for uid, content in kept]
    while len(level) > 1:
        odd = [level.pop()] if len(level) % 2 else []
        pairs = iter(level)
        level = [sha256(b"\1" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)] + odd
    return level[0].hex() if level else sha256(b"").hexdigest()


def _settle(
    row: Import, shaped: list[Shaped], lines: list[int], refused: list[BadRow], inserted: int, tally: Tally
) -> None:
    """Sort out a chunk of which some rows were there already: unchanged, a new revision, or refused."""
    known = {
        one.uid: one
        for one in Sample.objects.select_for_update().filter(
            dataset=row.dataset_id, uid__in=[one.uid for one in shaped]
        )
    }
    same = 0
    for line, one in zip(lines, shaped, strict=True):
        old = known[one.uid]
        reason = _not_again(old.contributor_id, old.erased_at, one, line)
        if reason is not None:
            refused.append(reason)
        elif old.content_hash == one.content_hash:
            same += 1
            tally.linked += _fill(old, one)
            if old.imported_id == row.pk:
                tally.kept.append((one.uid, one.content_hash))
        else:
            _revise(old, one)
            tally.changed += 1
            tally.kept.append((one.uid, one.content_hash))
    tally.unchanged += same - inserted


def _not_again(owner: int | None, erased_at: datetime | None, one: Shaped, line: int) -> BadRow | None:
    if erased_at is not None:
        message = _("This was taken back and erased. It cannot come back by an import.")
        return BadRow(line, "", "sample-erased", message)
    if owner is None or one.contributor_id is None or owner == one.contributor_id:
        return None
    message = _("This sample is here already as somebody else's. A keeper has to say whose it is.")
    return BadRow(line, "", "contributor-differs", message)


def _fill(old: Sample, one: Shaped) -> int:
    """Add what was not known before (whose it is, split, label); return 1 when it became somebody's."""
    found: dict[str, object] = {}
    for name in ("contributor_id", "source_split", "imported_label"):
        if not getattr(old, name) and getattr(one, name):
            found[name] = getattr(one, name)
    if found:
        Sample.objects.filter(pk=old.pk).update(**found)
    return "contributor_id" in found


def _revise(old: Sample, one: Shaped) -> None:
    """Keep the old content and put the new one in its place."""
    SampleRevision.objects.create(
        sample=old, revision=old.revision, content_hash=old.content_hash, data=old.data, media_id=old.media_id
    )
    Sample.objects.filter(pk=old.pk, revision=old.revision).update(
        revision=F("revision") + 1,
        content_hash=one.content_hash,
        text_hash=one.text_hash,
        data=json.loads(one.data),
        media_id=one.media_id,
        contributor_id=old.contributor_id or one.contributor_id,
        source_split=one.source_split or old.source_split,
        imported_label=one.imported_label,
        groups=json.loads(one.groups),
        imported_id=one.imported_id,
    )


def _look(row: Import, shaped: list[Shaped], lines: list[int], refused: list[BadRow], tally: Tally) -> None:
    """Count what would become of a chunk, writing nothing."""
    uids = [one.uid for one in shaped]
    found = Sample.objects.filter(dataset=row.dataset_id, uid__in=uids).values_list(
        "uid", "content_hash", "contributor_id", "erased_at"
    )
    known = {uid: (content, owner, erased_at) for uid, content, owner, erased_at in found}
    for line, one in zip(lines, shaped, strict=True):
        if one.uid not in known:
            tally.new += 1
            continue
        content, owner, erased_at = known[one.uid]
        reason = _not_again(owner, erased_at, one, line)
        if reason is not None:
            refused.append(reason)
        elif content == one.content_hash:
            tally.unchanged += 1
        else:
            tally.changed += 1


def _finish(row: Import, claim: jobs.Claim, tally: Tally, report: "Report", *, kept_none: bool = False) -> None:
    report.close(keep=bool(tally.refused))
    name = report.path.name if tally.refused else ""
    said: dict[str, int] = {
        "new": tally.new,
        "changed": tally.changed,
        "unchanged": tally.unchanged,
        "refused": tally.refused,
    }
    message = _("Nothing was kept, since not all rows are good.") if kept_none else ""
    with (
        claim.finish(**said, cursor=tally.cursor, report=name, message=message),
        act(MACHINE, "import.finish", on=row) as details,
    ):
        details |= _told(row, {**said}) | {"dry_run": row.is_dry_run, "kept_none": kept_none}


# Shaping: from cells to a row of the table


class Shaper:
    """Turns rows of a file into rows of the table; knows which column holds what, and whom the file has named so far."""

    def __init__(self, row: Import, names: Sequence[str], roles: Mapping[str, str]) -> None:
        self.row = row
        self.dataset: Dataset = row.dataset
        self.names = tuple(names)
        self.one = str(row.settings.get("contributor") or "").strip()
        unknown = sorted(set(roles) - set(names))
        if unknown:
            message = _("This file has no column called {names}. It has: {known}.")
            raise Invalid("no-such-column", message, names=", ".join(unknown), known=", ".join(names)[:500])
        held = {role: place for place, name in enumerate(names) if (role := roles.get(name, "leave")) in SINGLE}
        if self.one:
            held.pop("contributor", None)
        self.id, self.text, self.media = held.get("id"), held.get("text"), held.get("media")
        self.label, self.split, self.contributor = held.get("label"), held.get("split"), held.get("contributor")
        self.groups = [(place, name) for place, name in enumerate(names) if roles.get(name) == "group"]
        self.fields = _fields(names, roles, self.dataset.text_column)
        self.voices = [(place, VOICES[roles[name]]) for place, name in enumerate(names) if roles.get(name) in VOICES]
        self.separator = str(row.settings.get("voice_separator") or ";")
        self.said: dict[int, list[tuple[str, str]]] = {}
        self.root = _media_root(row)
        self.seen = Seen()
        self.people: dict[str, int | None] = {"": None}
        protocol = protocols.of_import(row)
        self.protocol = protocol.pk if protocol else None
        self.added_at = connection.ops.adapt_datetimefield_value(timezone.now())
        self.identity = hashlib.blake2b(f"{self.dataset.key}\0{row.filename}\0".encode(), digest_size=16)
        if self.text is None and self.media is None:
            raise Invalid("nothing-to-hold", _("Say which column holds the text, or the recording or picture."))
        if self.media is not None and self.root is None:
            raise Invalid("no-media-folder", _("A column names files, so we need the folder that holds them."))

    def shape(self, chunk: Chunk, refused: list[BadRow], *, writing: bool) -> tuple[list[Shaped], list[int]]:
        """Return the rows of ``chunk`` as they will stand, and their lines; what cannot stand is added to ``refused``."""
        self.said = self._said_by(chunk, refused) if self.voices else {}
        self._meet(chunk.rows, writing=writing)
        found: list[tuple[int, str, str, str, int | None, str, str | None, str, str, str]] = []
        text_at, id_at, fields, people, one = self.text, self.id, self.fields, self.people, self.one
        plain = self.media is self.label is self.split is None and not self.groups
        contributor_at, sha256 = self.contributor, hashlib.sha256
        encode: Callable[[object], str] = encode_basestring  # type: ignore[assignment]  # refuses what is no text
        owner, key = people.get(one), ""
        voiceless = {bad.line for bad in refused} if self.voices else set()
        for line, cells in zip(chunk.lines, chunk.rows, strict=True):
            if line in voiceless:
                continue
            try:
                text = cells[text_at] if text_at is not None else ""
                if type(text) is not str:
                    text = self._said(text)
                image, split, label, groups = None, "", "", "[]"
                if not plain:
                    image, split, label, groups = self._beside(cells, writing=writing)
                if image is None and (not text or text.isspace()):
                    raise Unfit(
                        "empty-sample",
                        _("The text is empty, and there is no recording or picture. One of them is needed."),
                    )
                try:
                    data = "{" + ",".join([name + encode(cells[at]) for at, name in fields]) + "}"
                except TypeError:
                    data = self._mixed(cells)
                about = f'"{image}"' if image else "null"
                content = sha256(f'{{"data":{data},"media":{about}}}'.encode()).hexdigest()
                if id_at is not None:
                    key = self._key(cells[id_at])
                if contributor_at is not None:
                    name = cells[contributor_at]
                    owner = people[name] if type(name) is str and name in people else people[self._name(name)]
            except Unfit as unfit:
                refused.append(BadRow(line, unfit.column, unfit.code, unfit.message, unfit.values))
                continue
            found.append((line, key, content, normal_hash(text), owner, data, image, split, label, groups))
        return self._identified(found, refused)

    def _identified(
        self, found: list[tuple[int, str, str, str, int | None, str, str | None, str, str, str]], refused: list[BadRow]
    ) -> tuple[list[Shaped], list[int]]:
        """Give each row its identity: the id column, else its content and which of its likes in this file it is."""
        by_id = self.id is not None
        marks = [one[1] for one in found] if by_id else [one[2] for one in found]
        source, dataset, imported = self.row.filename, self.dataset.pk, self.row.pk
        protocol, added_at, copy = self.protocol, self.added_at, self.identity.copy
        make = Shaped._make
        shaped: list[Shaped] = []
        lines: list[int] = []
        for nth, (line, key, content, text_hash, owner, data, image, split, label, groups) in zip(
            self.seen.count(marks), found, strict=True
        ):
            if by_id and nth > 1:
                message = _("The number “{key}” stood in an earlier row already. Give each row its own.")
                refused.append(BadRow(line, self.names[self.id or 0], "duplicate-id", message, {"key": key[:80]}))
                continue
            if not by_id:
                key = f"{content}:{nth}"
            identity = copy()
            identity.update(key.encode())
            row = (identity.hexdigest(), source, key, 1, content, text_hash, owner, protocol, data, image)
            shaped.append(make((*row, split, label, groups, added_at, dataset, imported)))
            lines.append(line)
        return shaped, lines

    def _meet(self, rows: Sequence[Sequence[object]], *, writing: bool) -> None:
        """Learn the ids of the contributors that these rows name; those who are new are added when ``writing``."""
        if self.contributor is not None:
            names = {self._plain_name(cells[self.contributor]) for cells in rows}
        else:
            names = {self.one}
        names |= {name for voices in self.said.values() for name, _role in voices}
        strange = {name for name in names - self.people.keys() if len(name) <= contributors.NAME_LENGTH}
        if not strange:
            return
        if len(self.people) > KNOWN_CONTRIBUTORS:
            self.people = {"": None}
            strange = {name for name in names if name and len(name) <= contributors.NAME_LENGTH}
        if writing:
            found = {name: one.pk for name, one in contributors.get_or_add(self.dataset.community, strange).items()}
        else:
            known = Contributor.objects.filter(community=self.dataset.community_id, name__in=strange)
            found = dict(known.values_list("name", "pk"))
        self.people.update({name: found.get(name) for name in strange})

    def heard(self, shaped: Sequence[Shaped], lines: Sequence[int]) -> dict[str, Heard]:
        """Return the further voices of the rows that :meth:`shape` returned last, by uid, without those who gave them."""
        found = {}
        for one, line in zip(shaped, lines, strict=True):
            told = ((self.people.get(name), role) for name, role in self.said.get(line, ()))
            people = tuple((who, role) for who, role in told if who is None or who != one.contributor_id)
            if people:
                found[one.uid] = Heard(line, people)
        return found

    def _said_by(self, chunk: Chunk, refused: list[BadRow]) -> dict[int, list[tuple[str, str]]]:
        """Return (name, role) of the further voices by line; an empty name is somebody unknown. A name too long refuses its row."""
        said: dict[int, list[tuple[str, str]]] = {}
        for line, cells in zip(chunk.lines, chunk.rows, strict=True):
            for place, role in self.voices:
                try:
                    for part in self._parts(cells[place]):
                        name = self._name(part)
                        unknown = name.casefold() in voices.UNKNOWN_NAMES
                        said.setdefault(line, []).append(("" if unknown else name, role))
                except Unfit as unfit:
                    refused.append(BadRow(line, self.names[place], unfit.code, unfit.message, unfit.values))
                    said.pop(line, None)
                    break
        return said

    def _parts(self, cell: object) -> list[object]:
        if isinstance(cell, list):
            return [part for part in cell if str(part or "").strip()]
        return [part for part in self._plain_name(cell).split(self.separator) if part.strip()]

    @staticmethod
    def _plain_name(cell: object) -> str:
        return "" if cell is None else str(cell).strip()

    def _name(self, cell: object) -> str:
        name = self._plain_name(cell)
        if len(name) > contributors.NAME_LENGTH:
            raise Unfit(
                "name-too-long", _("A contributor's name has at most {most} letters."), most=contributors.NAME_LENGTH
            )
        return name

    @staticmethod
    def _key(cell: object) -> str:
        key = cell.strip() if type(cell) is str else "" if cell is None else str(cell).strip()
        if 0 < len(key) <= 255:
            return key
        if not key:
            raise Unfit("id-missing", _("The column that numbers the samples is empty here."))
        raise Unfit("id-too-long", _("A sample's number has at most 255 characters."))

    def _said(self, cell: object) -> str:
        if isinstance(cell, dict | list):
            raise Unfit("not-text", _("Where the text should be there is a list or an object."))
        return "" if cell is None else str(cell)

    def _mixed(self, cells: Sequence[object]) -> str:
        """The canonical JSON of cells that are not all text; what is missing is left out."""
        parts = []
        for at, name in self.fields:
            cell = cells[at]
            if cell is None:
                continue
            if at == self.text and not isinstance(cell, str):
                cell = str(cell)
            try:
                parts.append(name + (encode_basestring(cell) if isinstance(cell, str) else canonical(cell).decode()))
            except (rfc8785.CanonicalizationError, UnicodeError, RecursionError):
                raise Unfit("not-json", _("A number here is too large, or something is no JSON.")) from None
        return "{" + ",".join(parts) + "}"

    def _beside(self, cells: Sequence[object], *, writing: bool) -> tuple[str | None, str, str, str]:
        """What stands beside the text: the file's hash, the split, the label, the groups."""
        image = self._file(cells[self.media], writing=writing) if self.media is not None else None
        split = _short(cells[self.split], 32, "split") if self.split is not None else ""
        label = _label(cells[self.label]) if self.label is not None else ""
        pairs = [f"{name}={cells[at]}" for at, name in self.groups if cells[at] not in (None, "")]
        return image, split, label, json.dumps(pairs, ensure_ascii=False) if pairs else "[]"

    def _file(self, cell: object, *, writing: bool) -> str | None:
        """Keep the file that a cell names and return its hash; it must lie in the folder and be a recording or picture."""
        name = "" if cell is None else str(cell).strip()
        if not name or self.root is None:
            return None
        try:
            path = (self.root / name).resolve()
            inside = path.is_relative_to(self.root) and path.is_file()
        except (OSError, ValueError):
            inside = False
        if not inside:
            raise Unfit("media-missing", _("The file “{name}” is not in the folder."), name=name[:120])
        with path.open("rb") as file:
            kind = media.sniff(file.read(16))
        if kind is None:
            raise Unfit("media-kind", _("The file “{name}” is no recording or picture that we know."), name=name[:120])
        if not writing:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        return _keep_media(path, kind)


class Unfit(Exception):
    """A cell that cannot stand; becomes a refused row."""

    def __init__(self, code: str, message: str, column: str = "", **values: object) -> None:
        super().__init__(code)
        self.code, self.message, self.column, self.values = code, message, column, values


def _keep_media(path: Path, kind: tuple[str, str]) -> str:
    """Keep a recording or picture by its hash, measured once."""
    digest, size = media.keep(path)
    if not Media.objects.filter(pk=digest).exists():
        mime, suffix = kind
        try:
            measured = MEASURES[mime.partition("/")[0]].measure(media.path_of(digest))
        except Invalid as refusal:
            raise Unfit(refusal.code, str(refusal)) from None
        row = Media(sha256=digest, size=size, mime=mime, suffix=suffix, **measured)
        Media.objects.bulk_create([row], ignore_conflicts=True)
    return digest


def _short(cell: object, most: int, column: str) -> str:
    found = "" if cell is None else str(cell).strip()
    if len(found) > most:
        raise Unfit("cell-too-long", _("This has more than {most} letters."), column, most=most)
    return found


def _label(cell: object) -> str:
    """The label as it is kept: the word; several as a JSON list; several people's answers only if more than half agree."""
    if type(cell) is str and len(cell) <= 255:
        return cell.strip()
    if isinstance(cell, list) and cell and all(isinstance(one, dict) and "value" in one for one in cell):
        answers = Counter(_label(one["value"]) for one in cell)
        best, votes = answers.most_common(1)[0]
        return best if votes * 2 > len(cell) else ""
    if isinstance(cell, list):
        return _short(json.dumps(cell, ensure_ascii=False) if cell else "", 255, "label")
    return _short(cell, 255, "label")


def _fields(names: Sequence[str], roles: Mapping[str, str], text_column: str) -> list[tuple[int, str]]:
    """The columns that are kept, as (place, ``"name":``), in the order of canonical JSON (UTF-16 code units)."""
    kept: dict[str, int] = {}
    for place, name in enumerate(names):
        role = roles.get(name, "leave")
        if role == "text":
            field = text_column
        elif role == "data":
            field = f"source_{name}" if name in RESERVED or name == text_column else name
        elif role in ROLES:
            continue
        else:
            field = role
        if field in kept:
            message = _("Two columns would be kept under the name “{name}”: {first} and {second}.")
            raise Invalid("bad-mapping", message, name=field, first=names[kept[field]], second=name)
        kept[field] = place
    ordered = sorted(kept, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
    return [(kept[name], encode_basestring(name) + ":") for name in ordered]


def _media_root(row: Import) -> Path | None:
    given = str(row.settings.get("media_root") or "")
    return Path(given).resolve(strict=True) if given else None


class Seen:
    """How often a mark has been met, in flat memory: a private database that spills to disk when it grows.

    Marks are kept as 64-bit hashes: among twenty million the chance that any two are taken for one is about 1 in 100,000.
    """

    def __init__(self) -> None:
        self._base = sqlite3.connect("", isolation_level=None)
        self._base.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-16000;")
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self._base.executescript(
            "DROP TABLE IF EXISTS seen; CREATE TABLE seen (mark INTEGER PRIMARY KEY, n INTEGER NOT NULL);"
        )

    def count(self, marks: Sequence[str]) -> list[int]:
        """Return for each of ``marks``, in order, the how-manieth of its kind it is (from 1)."""
        hashed = list(map(hash, marks))
        gaps = ",".join("?" * len(hashed))
        known = dict(self._base.execute(f"SELECT mark, n FROM seen WHERE mark IN ({gaps})", hashed).fetchall())  # noqa: S608  # gaps only
        numbers = []
        for mark in hashed:
            known[mark] = number = known.get(mark, 0) + 1
            numbers.append(number)
        self._base.execute("BEGIN")
        self._base.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?)", known.items())
        self._base.execute("COMMIT")
        return numbers


# Writing: the two databases


def writer() -> Callable[[list[Shaped]], int]:
    """Return the function that inserts rows which are not there yet, and says how many those were."""
    return _insert_sqlite if connection.vendor == "sqlite" else _insert_postgres


_NAMES = ", ".join(f'"{name}"' for name in COLUMNS)
_TABLE = f'"{Sample._meta.db_table}"'


def _insert_sqlite(rows: list[Shaped]) -> int:
    gaps = ", ".join(["%s"] * len(COLUMNS))
    with connection.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {_TABLE} ({_NAMES}) VALUES ({gaps}) ON CONFLICT (dataset_id, uid) DO NOTHING",  # noqa: S608  # our names
            rows,
        )
        return int(cursor.rowcount)


def _insert_postgres(rows: list[Shaped]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMP TABLE arriving ON COMMIT DROP AS SELECT {_NAMES} FROM {_TABLE} WITH NO DATA"  # noqa: S608  # our names
        )
        with cursor.cursor.copy(f"COPY arriving ({_NAMES}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute(
            f"INSERT INTO {_TABLE} ({_NAMES}) SELECT {_NAMES} FROM arriving ON CONFLICT (dataset_id, uid) DO NOTHING"  # noqa: S608  # our names
        )
        inserted = int(cursor.rowcount)
        cursor.execute("DROP TABLE arriving")
    return inserted


# The report of refused rows


class Report:
    """The CSV of refused rows: line, column, code, message. A second attempt goes on where the last whole chunk ended."""

    def __init__(self, row: Import) -> None:
        self.path = media.root("reports") / f"{row.public_id}.csv"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        kept = int(row.settings.get("report_bytes") or 0) if row.cursor else 0
        self._file = self.path.open("r+b" if kept and self.path.exists() else "wb")
        self._file.truncate(kept)
        self._file.seek(0, os.SEEK_END)
        if self._file.tell() == 0:
            self._write([("line", "column", "code", "message")])

    def __enter__(self) -> "Report":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def add(self, refused: Sequence[BadRow]) -> int:
        """Write refused rows and return the size of the report."""
        if refused:
            ordered = sorted(refused, key=lambda row: row.line)
            self._write([(row.line, row.column, row.code, str(row)) for row in ordered])
        return self._file.tell()

    def close(self, *, keep: bool = True) -> None:
        """Flush to disk; safe more than once. An empty report is not kept."""
        if not self._file.closed:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            if not keep:
                self.path.unlink()

    def _write(self, rows: Sequence[Sequence[object]]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text).writerows([[escaped(cell) for cell in row] for row in rows])
        self._file.write(text.getvalue().encode())
        self._file.flush()


def escaped(cell: object) -> object:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(ESCAPED) else cell
