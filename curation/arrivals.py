"""Arrival: bringing a community in from an archive that another house made (``curation.handover``).

Everything is held against the manifest before anything is written: each table's and each file's SHA-256, the number of rows, the
signature, and the log's leaves against the old house's note. Then all rows come in one transaction, or none. Nothing that is here
already is changed: a community that is here is refused, a username that is taken gets a number behind it, and nobody's password
travels; whoever arrives gets a code for a new one.

The old house's keys come along to check what it signed. They are kept beside the arrival and make nobody here trust them.
"""

import base64
import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import IntegrityError, models, transaction
from django.utils import timezone

from curation import handover, storage
from curation.models import Arrival
from governance import documents, log, media, signing
from governance.acts import record
from governance.codes import hash_code, new_code
from governance.kernel.digests import Tree, canonical, leaf_hash, sha256
from governance.kernel.errors import Conflict, Invalid
from governance.kernel.words import _
from governance.models import Community, Media, Membership, Person, RecoveryCode, Request
from governance.roles import Machine

PORTER = Machine("arrivals")
CODES_LIVE = timedelta(days=14)
CHUNK = 1000
FOLDERS = frozenset({"media", "imports", "versions", documents.FOLDER})


@dataclass
class Arrived:
    """What came: the community, a code for each new person (shown once), and who is called otherwise here."""

    arrival: Arrival
    codes: list[tuple[str, str, str]] = field(default_factory=list)
    """Username, display name, code."""
    renamed: dict[str, str] = field(default_factory=dict)
    rows: int = 0


def bring(archive: Path, *, trusted: Mapping[str, str] | None = None) -> Arrived:
    """Bring in what ``archive`` holds; with ``trusted`` (key id -> PEM) its manifest must be signed by one of these.

    Raises ``Invalid`` (``archive-unreadable``, ``archive-changed``, ``archive-other-form``, ``signature-wrong``) and ``Conflict``
    (``community-here``, ``archive-collides``); then nothing has come in.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            manifest = read_manifest(opened, trusted)
            check(opened, manifest)
            _keep_files(opened, manifest)
            with transaction.atomic():
                return _bring(opened, manifest)
    except (zipfile.BadZipFile, KeyError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise _unreadable() from error
    except IntegrityError as error:
        raise Conflict(
            "archive-collides", _("Something of this archive is here already under the same name, so nothing came in.")
        ) from error


# -- holding it against its manifest -----------------------------------------------------------------------------------


def read_manifest(opened: zipfile.ZipFile, trusted: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the manifest, signed by the archive's own key or, better, by one that is ``trusted``."""
    raw = opened.read("manifest.json")
    keys = {Path(name).stem: opened.read(name).decode() for name in opened.namelist() if name.startswith("keys/")}
    signed = signing.read_jws(opened.read("manifest.jws").decode(), handover.TYP, keys if trusted is None else trusted)
    if canonical(signed) != raw or signed.get("format") != handover.FORMAT:
        raise _changed("manifest.json")
    return signed


def check(opened: zipfile.ZipFile, manifest: Mapping[str, Any]) -> None:
    """Hold every table and file against the manifest, and the log's leaves against the signed note."""
    named = {one["path"]: one for one in (*manifest["tables"], *manifest["files"])}
    for path in opened.namelist():
        if path not in named and path not in ("manifest.json", "manifest.jws"):
            raise _changed(path)
    for path, said in named.items():
        hashed, size, lines = hashlib.sha256(), 0, 0
        with opened.open(path) as file:
            while block := file.read(media.BLOCK):
                hashed.update(block)
                size, lines = size + len(block), lines + block.count(b"\n")
        if (hashed.hexdigest(), size) != (said["sha256"], said["size"]) or said.get("rows", lines) != lines:
            raise _changed(path)
    check_log(opened)


def check_log(opened: zipfile.ZipFile) -> int:
    """Return how many events stand in the old house's tree; raises ``Invalid`` when one does not, or the note is not signed."""
    note = opened.read("log/checkpoint.txt").decode()
    if not note:
        return 0
    keys = [
        signing.raw_of(signing.load_public(opened.read(n).decode())) for n in opened.namelist() if n.startswith("keys/")
    ]
    size, root = log.read_note(note, keys)
    leaves = [bytes.fromhex(line) for line in opened.read("log/leaves.txt").decode().split()]
    tree = Tree()
    for hashed in leaves:
        tree.append(hashed)
    if tree.size != size or tree.root != root:
        raise _changed("log/leaves.txt")
    count = 0
    with opened.open("log/events.jsonl") as file:
        for line in file:
            event = json.loads(line)
            if event["leaf"] is not None and leaf_hash(event["body"].encode()) != leaves[event["leaf"]]:
                raise _changed("log/events.jsonl")
            count += event["leaf"] is not None
    return count


def _keep_files(opened: zipfile.ZipFile, manifest: Mapping[str, Any]) -> None:
    """Put the files to their places; each is named by its own hash, so one that is here already is the same."""
    for said in manifest["files"]:
        parts = said["path"].split("/")
        if parts[0] != "files":
            continue
        if len(parts) != 3 or parts[1] not in FOLDERS or parts[2] != said["sha256"]:
            raise _changed(said["path"])
        with opened.open(said["path"]) as file:
            if parts[1] == "versions":
                with storage.versions().scratch() as place:
                    _copy(file, place)
                    storage.versions().adopt(place, parts[2])
            else:
                media.keep(file, parts[1])  # type: ignore[arg-type]  # a readable binary file


def _copy(source: Any, place: Path) -> None:
    with place.open("wb") as target:
        while block := source.read(media.BLOCK):
            target.write(block)


# -- writing the rows --------------------------------------------------------------------------------------------------


@dataclass
class _Loading:
    """What is known while rows come in: old key -> new key for each kind, and what must be filled in at the end."""

    opened: zipfile.ZipFile
    keys: dict[str, dict[Any, Any]] = field(default_factory=dict)
    later: list[tuple[type[models.Model], Any, str, str, Any]] = field(default_factory=list)
    many: list[tuple[type[models.Model], Any, str, list[Any]]] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)
    rows: int = 0


def _bring(opened: zipfile.ZipFile, manifest: Mapping[str, Any]) -> Arrived:
    named = manifest["community"]
    here = Community.objects.filter(slug=named["slug"]) | Community.objects.filter(public_id=named["id"])
    if here.exists():
        raise Conflict("community-here", _("A community with this name is here already, so nothing came in."))
    tables = {one["kind"]: one for one in manifest["tables"]}
    kinds = {model._meta.label: model for model in (*handover.SHARED.values(), *handover.kinds())}
    if unknown := sorted(set(tables) - set(kinds)):
        raise _other_form(", ".join(unknown))
    loading = _Loading(opened)
    for label, model in kinds.items():
        if label in tables:
            _load(loading, model, tables[label])
    _fill_in(loading)
    community = Community.objects.get(public_id=named["id"])
    arrival = Arrival.objects.create(
        community=community,
        manifest={key: value for key, value in manifest.items() if key != "files"},
        manifest_sha256=sha256(opened.read("manifest.json")),
        keys={Path(n).stem: opened.read(n).decode() for n in opened.namelist() if n.startswith("keys/")},
        checkpoint=opened.read("log/checkpoint.txt").decode(),
    )
    details: dict[str, object] = {
        "manifest": arrival.manifest_sha256,
        "origin": manifest["origin"],
        "rows": loading.rows,
    }
    record(PORTER, "handover.arrive", community, details)
    return Arrived(arrival, _codes(loading, community), loading.renamed, loading.rows)


def _load(loading: _Loading, model: type[models.Model], said: Mapping[str, Any]) -> None:
    """Write one table in chunks and remember the new keys; refuses when fewer rows came in than the manifest counts."""
    known = loading.keys.setdefault(model._meta.label, {})
    waiting: list[tuple[Any, models.Model]] = []
    count = 0
    for old, fields in _lines(loading.opened, said["path"], model):
        count += 1
        if (same := _already(model, old, fields)) is not None:
            known[old] = same
            continue
        waiting.append((old, _row(loading, model, old, fields)))
        if len(waiting) >= CHUNK:
            _write(loading, model, waiting)
    _write(loading, model, waiting)
    if count != said["rows"] or len(known) != count:
        raise _changed(said["path"])
    loading.rows += count


def _lines(opened: zipfile.ZipFile, path: str, model: type[models.Model]) -> Iterator[tuple[Any, dict[str, Any]]]:
    with opened.open(path) as file:
        for line in file:
            read = json.loads(line)
            if read["model"] != model._meta.label_lower:
                raise _changed(path)
            yield read["pk"], read["fields"]


def _already(model: type[models.Model], old: Any, fields: Mapping[str, Any]) -> Any:
    """The key of a shared row that is here already: a person who came with another community, a file that others use."""
    if model is Person:
        return Person.objects.filter(public_id=fields["public_id"]).values_list("pk", flat=True).first()
    if model is Media:
        return Media.objects.filter(pk=old).values_list("pk", flat=True).first()
    return None


def _row(loading: _Loading, model: type[models.Model], old: Any, fields: Mapping[str, Any]) -> models.Model:
    values: dict[str, Any] = {}
    key = model._meta.pk
    columns = {one.name: one for one in model._meta.concrete_fields}
    many = {one.name for one in model._meta.many_to_many}
    if unknown := sorted(set(fields) - set(columns) - many):
        raise _other_form(f"{model._meta.label}: {', '.join(unknown)}")
    for name, value in fields.items():
        if name in many:
            loading.many.append((model, old, name, value))
            continue
        column = columns[name]
        if isinstance(column, models.ForeignKey):
            values[column.attname] = _new_key(loading, model, old, column, value)
        elif isinstance(column, models.BinaryField):
            values[name] = base64.b64decode(value) if value is not None else None
        else:
            values[name] = value if isinstance(column, models.JSONField) else column.to_python(value)
    if key is not None and not isinstance(key, models.AutoField):
        if isinstance(key, models.ForeignKey):
            values.setdefault(key.attname, _new_key(loading, model, old, key, old))
        else:
            values[key.name] = key.to_python(old)
    if issubclass(model, Request) and values.get("status") in ("queued", "running"):
        values |= {"status": "failed", "message": "", "error_code": "handed-over", "lease_until": None}
    row = model(**values)
    if isinstance(row, Person):
        _greet(loading, row)
    return row


def _new_key(
    loading: _Loading, model: type[models.Model], old: Any, column: "models.ForeignKey[Any, Any]", value: Any
) -> Any:
    """The key that a named row has here; what has not come yet is filled in at the end, where it may be empty till then."""
    target = column.related_model._meta.label
    if value is None or target in handover.STAYS:
        return None
    if target in loading.keys and value in loading.keys[target]:
        return loading.keys[target][value]
    if not column.null:
        raise Invalid(
            "archive-changed",
            _("The archive names something that it does not hold: {what}."),
            what=f"{model._meta.label}.{column.name}",
        )
    loading.later.append((model, old, column.attname, target, value))
    return None


def _greet(loading: _Loading, person: Person) -> None:
    """Let nobody in with a password of the other house, nor under a name that is taken here."""
    person.set_unusable_password()
    asked, number = person.username, 1
    taken = {one.username for one in loading.people}
    while person.username in taken or Person.objects.filter(username=person.username).exists():
        number += 1
        person.username = f"{asked[:58]}-{number}"
    if person.username != asked:
        loading.renamed[asked] = person.username
    loading.people.append(person)


def _write(loading: _Loading, model: type[models.Model], waiting: list[tuple[Any, models.Model]]) -> None:
    made = model._default_manager.bulk_create([row for _old, row in waiting])
    known = loading.keys[model._meta.label]
    known |= {old: row.pk for (old, _row), row in zip(waiting, made, strict=True)}
    waiting.clear()


def _fill_in(loading: _Loading) -> None:
    """Set what named a row that came later, and the many-to-many sets."""
    for model, old, column, target, value in loading.later:
        if value not in loading.keys.get(target, {}):
            raise Invalid(
                "archive-changed",
                _("The archive names something that it does not hold: {what}."),
                what=f"{model._meta.label}.{column}",
            )
        model._default_manager.filter(pk=loading.keys[model._meta.label][old]).update(
            **{column: loading.keys[target][value]}
        )
    for model, old, name, values in loading.many:
        relation = model._meta.get_field(name)
        target = relation.related_model._meta.label  # type: ignore[union-attr]  # a model
        row = model._default_manager.get(pk=loading.keys[model._meta.label][old])
        getattr(row, name).set([loading.keys[target][value] for value in values])


def _codes(loading: _Loading, community: Community) -> list[tuple[str, str, str]]:
    """A code for each new person who belongs to the community, with which they set a password here."""
    now = timezone.now()
    members = set(Membership.objects.current(now).filter(community=community).values_list("person", flat=True))
    found = []
    for person in loading.people:
        if person.pk in members and person.is_active:
            code = new_code()
            # It works at once: nobody here could be the second before anybody has come in.
            RecoveryCode.objects.create(
                person=person,
                community=community,
                code_hash=hash_code(code),
                issued_by=person,
                works_from=now,
                created_at=now,
                expires_at=now + CODES_LIVE,
            )
            found.append((person.username, person.display_name, code))
    return sorted(found)


def _unreadable() -> Invalid:
    return Invalid("archive-unreadable", _("This is no archive of a hand-over, or a part of it cannot be read."))


def _changed(path: str) -> Invalid:
    return Invalid(
        "archive-changed", _("This archive is not as it was made: {path} differs from the manifest."), path=path
    )


def _other_form(what: str) -> Invalid:
    return Invalid(
        "archive-other-form",
        _("This archive was made by another release of Wellhouse: {what} is not known here."),
        what=what,
    )
