"""The work of a build: members to shards to documents to manifest to signature, visible all at once or not at all.

The build's row plans: it reads every member once, computes their root (and refuses when it is not the one that was voted on),
learns the kinds of the columns and cuts the shards. Each shard is a row of its own that any worker may take; the build works on
them too, and on those whose worker died. Then it writes the documents over the finished shards, and publishes in one short
transaction. Files lie in storage under their hash before anybody can see them; a build that was killed halfway left nothing
visible, and the next attempt goes on with the shards that are whole.
"""

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow.parquet as pq
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from curation import revocations, storage
from curation.exporters import card, croissant, manifest, parquet, policy
from curation.exporters._facts import RESERVED, Column, Facts, File
from curation.membership import leaf
from curation.models import Build, BuiltFile, CheckRun, Finding, Member, Shard, Version
from governance import media, policies, signing
from governance.acts import act
from governance.kernel import jobs
from governance.kernel.digests import Tree, canonical, leaf_hash, sha256
from governance.kernel.errors import Conflict
from governance.kernel.jobs import Claim, label_of
from governance.kernel.moves import must_move
from governance.kernel.words import _
from governance.models import SampleRevision
from governance.odrl.usage import duo_that_fit
from governance.odrl.words import describe
from governance.roles import Machine

ROWS_AT_ONCE = 1000
WAIT_SECONDS = 0.2
DOCUMENTS = (policy, croissant, card)
BUILDER = Machine("builder")


@dataclass(frozen=True)
class Row:
    """One member with the content that was frozen; ``media`` is (sha256, suffix, kind) or None."""

    uid: str
    content_hash: str
    label: str
    split: str
    n_votes: int
    agreement: float | None
    data: Mapping[str, object]
    media: tuple[str, str, str] | None

    @property
    def media_path(self) -> str | None:
        """The path of its media file in the version."""
        return f"media/{self.media[0]}.{self.media[1].lstrip('.')}" if self.media else None


def run(build: Build, claim: Claim) -> None:
    """Build the version of ``build``; publish it, or for a published one compare.

    Raises ``Conflict``: ``members-changed``, ``recipe-changed``, ``build-differs``, ``shard-failed``.
    """
    if not build.plan:
        _plan(build, claim)
    _work_on_shards(build, claim)
    described = facts(build)
    files = _shard_files(build) + _media_files(build.version)
    files += [_document(module.PATH, module.render(described, files)) for module in DOCUMENTS]
    content = manifest.render(described, files)
    commit = manifest.commit(content)
    if build.version.status == Version.Status.PUBLISHED and build.version.commit != commit:
        raise Conflict(
            "build-differs", _("The same members and recipe gave other bytes than the published version has.")
        )
    envelope = signing.sign(manifest.statement(content, described, files), manifest.PAYLOAD_TYPE)
    files += [_document(manifest.PATH, content), _document(manifest.SIGNATURE, canonical(envelope))]
    _publish(build, claim, commit, sha256(content), files)


def run_shard(shard: Shard, claim: Claim) -> None:
    """Write one shard and keep it under its hash."""
    build = Build.objects.select_related("version").get(pk=shard.build_id)
    config = _config(shard.path)
    columns = columns_of(build.version, build.plan)[config]
    members = build.version.members.filter(split=shard.split, uid__gte=shard.first_uid)
    if shard.last_uid:
        members = members.filter(uid__lt=shard.last_uid)
    store = storage.versions()
    with store.scratch() as path:
        written = parquet.write(_values(_rows(members), config, columns), columns, path)
        store.adopt(path, written.sha256)
    with claim.finish(sha256=written.sha256, size=written.size, rows=written.rows, done=written.rows):
        pass


def recipe(version: Version) -> dict[str, object]:
    """Everything that, with the members, decides the bytes. Raises ``Conflict`` when another writer was agreed on."""
    agreed = dict(version.recipe)
    if "files" in agreed and agreed["files"] != parquet.RECIPE:
        raise Conflict(
            "recipe-changed",
            _("This version was proposed with another writer of files. Install that one, or propose a new version."),
        )
    own = {"files": parquet.RECIPE, "public_url": settings.PUBLIC_URL, "frozen_at": _frozen_at(version)}
    return own | agreed


def columns_of(version: Version, plan: Mapping[str, object]) -> dict[str, tuple[Column, ...]]:
    """Return the columns of every config of a version, the default one first."""
    kinds = plan["columns"]
    assert isinstance(kinds, dict)  # written by _plan
    data = tuple(Column(_outside(name), str(kind), description=_("As it came")) for name, kind in kinds.items())
    head = Column("sample_id", "string", required=True, description=_("Stays the same from version to version"))
    tail = (
        _label_column(version, str(plan["label"])),
        Column("n_votes", "int64", required=True, description=_("How many people said so or otherwise")),
        Column("agreement", "float64", description=_("Share of them that agrees with the label, 0 to 1")),
    )
    media_kinds = plan["media"]
    assert isinstance(media_kinds, list)  # written by _plan
    path = (Column("media", "string", description=_("Path of its file in this version")),) if media_kinds else ()
    configs = {"default": (head, *data, *path, *tail)}
    for kind in media_kinds:
        configs[kind] = (head, *data, Column("media", kind, description=_("The recording or picture itself")), *tail)
    return configs


def facts(build: Build) -> Facts:
    """Return what the documents of a version may say; nothing in it depends on when it is built."""
    version = build.version
    dataset, community, revision = version.dataset, version.community, version.policy
    return Facts(
        community=community.slug,
        community_title=community.name,
        dataset=dataset.slug,
        title=dataset.name,
        description=dataset.description,
        version=version.number,
        frozen_at=_frozen_at(version),
        public_url=str(recipe(version)["public_url"]),
        members_root=version.members_root,
        n_members=int(build.plan["members"]),
        policy_revision=revision.number,
        configs=columns_of(version, build.plan),
        recipe=recipe(version),
        policy=revision.odrl,
        duo=tuple(name.shorthand for name in duo_that_fit(policies.body_of(revision))),
        purposes=tuple(sorted(version.purposes)),
        rules=_rules(version),
        warnings=_warnings(version),
        excluded={code: count for code, count in sorted(version.left_out.items()) if count},
        language=dataset.language,
        contact=community.contact,
        predecessor=_predecessor(version),
        fictional=community.is_fictional,
        revocations=revocations.address(dataset),
        revocation_key=revocations.key_of(version),
    )


# The plan


def _plan(build: Build, claim: Claim) -> None:
    """Read every member once, hold the root against the one that was voted on, and cut the shards."""
    version = build.version
    recipe(version)
    tree, kinds, labels = Tree(), dict[str, str](), set[str]()
    prefixes: Counter[tuple[str, str, int]] = Counter()
    sizes: Counter[tuple[str, str]] = Counter()
    n = 0
    for n, row in enumerate(_rows(version.members.all()), start=1):
        tree.append(leaf_hash(leaf((row.uid, row.content_hash, row.label, row.split))))
        for name, value in row.data.items():
            kinds[name] = parquet.join(kinds.get(name, ""), parquet.kind_of(value))
        labels.add(row.label[:1])
        prefixes["default", row.split, int(row.uid[:4], 16)] += 1
        if row.media:
            prefixes[row.media[2], row.split, int(row.uid[:4], 16)] += 1
            sizes[row.media[2], row.split] += _place(row.media[0]).stat().st_size
        if n % 10_000 == 0:
            claim.progress(0, message=_("reading the members"))
    if tree.root.hex() != version.members_root:
        raise _members_changed()
    plan = {
        "members": n,
        "columns": {name: kinds[name] or "string" for name in sorted(kinds, key=str.encode)},
        "label": "list" if "[" in labels else "one",
        "media": sorted({config for config, _split, _prefix in prefixes} - {"default"}),
    }
    with transaction.atomic():
        claim.progress(0, n)
        Build.objects.filter(pk=build.pk).update(plan=plan)
        for shard in _cut(build, prefixes, sizes):
            shard.save()
            jobs.later(shard)
    build.plan = plan


def _cut(build: Build, prefixes: Counter[tuple[str, str, int]], sizes: Counter[tuple[str, str]]) -> Iterator[Shard]:
    """Yield a row for each shard that holds anything."""
    for config, split in sorted({(config, split) for config, split, _prefix in prefixes}):
        rows = {prefix: n for (c, s, prefix), n in prefixes.items() if (c, s) == (config, split)}
        count = parquet.n_shards(sum(rows.values()), int(str(parquet.RECIPE["shard_rows"])))
        if config != "default":
            count = parquet.n_shards(sizes[config, split], int(str(parquet.RECIPE["media_shard_bytes"])))
        for index in range(count):
            held = sum(n for prefix, n in rows.items() if prefix * count // 65536 == index)
            first, last = parquet.key_range(index, count)
            path = parquet.shard_path(config, split, index, count)
            if held or count == 1:
                yield Shard(build=build, path=path, split=split, first_uid=first, last_uid=last, total=held)


# The shards


def _work_on_shards(build: Build, claim: Claim) -> None:
    """Work on whatever shard is free until all are done; wait for those that other workers hold."""
    for failed in build.shards.filter(status=Shard.Status.FAILED):
        with transaction.atomic():
            jobs.again(failed)
    while True:
        states = Counter(build.shards.values_list("status", flat=True))
        claim.progress(states["done"], states.total(), _("writing files"))
        if states["failed"]:
            broken = build.shards.filter(status=Shard.Status.FAILED).order_by("path").first()
            raise Conflict(
                "shard-failed", _("One file could not be written. {why}"), why=broken.message if broken else ""
            )
        if states["done"] == states.total():
            break
        open_shards = build.shards.exclude(status=Shard.Status.DONE).order_by("path")
        if not any(jobs.work(label_of(shard), shard.pk) for shard in open_shards):
            time.sleep(WAIT_SECONDS)
    written = sum(shard.rows for shard in build.shards.all() if _config(shard.path) == "default")
    if written != build.plan["members"]:
        raise _members_changed()


def _members_changed() -> Conflict:
    return Conflict(
        "members-changed",
        _("The members are not the ones that were voted on, so nothing was built. Propose a new version."),
    )


def _rows(members: "QuerySet[Member]") -> Iterator[Row]:
    """Yield members in order of their ids, with the content that was frozen."""
    found = members.order_by("uid").values_list(
        "uid",
        "content_hash",
        "label",
        "split",
        "n_votes",
        "agreement",
        "sample_id",
        "sample__content_hash",
        "sample__data",
        "sample__media__sha256",
        "sample__media__suffix",
        "sample__media__mime",
    )
    iterator = found.iterator(ROWS_AT_ONCE)
    while chunk := list(islice(iterator, ROWS_AT_ONCE)):
        earlier = _earlier([(row[6], row[1]) for row in chunk if row[1] != row[7]])
        for row in chunk:
            data, sha, suffix, mime = row[8:] if row[1] == row[7] else earlier[row[6], row[1]]
            kept = (sha, suffix, mime.split("/")[0]) if sha else None
            yield Row(*row[:6], data, kept)


def _earlier(wanted: list[tuple[int, str]]) -> dict[tuple[int, str], tuple[dict[str, object], str, str, str]]:
    """Return the frozen content of samples that changed since, by (sample, content hash)."""
    if not wanted:
        return {}
    revisions = SampleRevision.objects.filter(sample__in=[pk for pk, _hash in wanted])
    fields = ("sample_id", "content_hash", "data", "media__sha256", "media__suffix", "media__mime")
    found = {(pk, digest): tuple(rest) for pk, digest, *rest in revisions.values_list(*fields)}
    if any(pair not in found for pair in wanted):
        raise _members_changed()
    return found


def _values(rows: Iterable[Row], config: str, columns: tuple[Column, ...]) -> Iterator[tuple[object, ...]]:
    """Yield the rows of one config as tuples in the order of its columns."""
    names = next((c.names for c in columns if c.name == "label"), ())
    numbers = {name: i for i, name in enumerate(names)}
    for row in rows:
        if config != "default" and (row.media is None or row.media[2] != config):
            continue
        known: dict[str, object] = {_outside(name): value for name, value in row.data.items()}
        known |= {
            "sample_id": row.uid,
            "n_votes": row.n_votes,
            "agreement": row.agreement,
            "media": _media(row, config),
        }
        known["label"] = _label(row.label, numbers)
        yield tuple(known.get(column.name) for column in columns)


def _media(row: Row, config: str) -> object:
    """The media column: a path in the default config, the bytes with their path where `datasets` decodes them."""
    if row.media is None or config == "default":
        return row.media_path
    return {"bytes": _place(row.media[0]).read_bytes(), "path": row.media_path}


def _place(sha256: str) -> Path:
    """Where a recording or picture lies; raises ``Conflict`` (``media-not-held``) when its bytes are gone."""
    place = media.path_of(sha256)
    if not place.is_file():
        raise Conflict(
            "media-not-held", _("A recording or picture of this version is not in storage: {sha}"), sha=sha256
        )
    return place


def _label(text: str, numbers: Mapping[str, int]) -> object:
    """A label as it is written: a number (or numbers) behind which its name stands, else the words themselves."""
    label = json.loads(text)
    if isinstance(label, list):
        return [numbers[name] for name in label] if numbers else label
    return label if label is None or not numbers else numbers[label]


def _label_column(version: Version, shape: str) -> Column:
    """The label's column: of a class where the campaign named classes, else text."""
    kind = "string" if not version.labels else "class_labels" if shape == "list" else "class_label"
    return Column("label", kind, names=tuple(version.labels), description=_("What people said, brought together"))


def _outside(name: str) -> str:
    """The name of a data column in a version: its own, unless that is one of ours."""
    return f"source_{name}" if name in RESERVED else name


def _config(path: str) -> str:
    """The config that a shard's path belongs to."""
    folder = path.split("/")[0]
    return "default" if folder == "data" else folder


# The documents and the end


def _shard_files(build: Build) -> list[File]:
    """The finished shards as files."""
    store = storage.versions()
    files = []
    for shard in build.shards.order_by("path"):
        metadata = pq.read_metadata(store.path(shard.sha256))
        uncompressed = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
        config = _config(shard.path)
        files.append(File(shard.path, shard.size, shard.sha256, config, shard.split, shard.rows, uncompressed))
    return files


def _media_files(version: Version) -> list[File]:
    """The media of all members as files, each once; their bytes lie in storage already."""
    found = {row.media_path: row.media[0] for row in _rows(version.members.exclude(sample__media=None)) if row.media}
    return [File(path, _place(sha).stat().st_size, sha) for path, sha in sorted(found.items()) if path]


def _document(path: str, content: bytes) -> File:
    """Keep a document and return it as a file."""
    return File(path, len(content), storage.versions().put(content))


def _publish(build: Build, claim: Claim, commit: str, manifest_sha256: str, files: list[File]) -> None:
    """Make the version visible, whole, in one short transaction; of a published version only the build's end is written."""
    version = build.version
    rows = [_built(version, file) for file in files]
    with claim.finish(commit=commit, manifest_sha256=manifest_sha256):
        if version.status == Version.Status.PUBLISHED:
            return
        with act(BUILDER, "version.publish", on=version) as details:
            BuiltFile.objects.bulk_create(rows, batch_size=500)
            now = timezone.now()
            must_move(version, Version.Status.PUBLISHED, commit=commit, published_at=now)
            revocations.list_successor(version, now)
            details |= {"commit": commit, "members_root": version.members_root, "files": len(rows)}


def _built(version: Version, file: File) -> BuiltFile:
    """One row for one file, with the ids under which clients know it."""
    large = manifest.is_large(file.path)
    if large:
        oid = manifest.blob_oid(manifest.pointer(file.sha256, file.size))
    else:
        oid = manifest.blob_oid(storage.versions().path(file.sha256).read_bytes())
    return BuiltFile(version=version, path=file.path, size=file.size, sha256=file.sha256, git_oid=oid, is_lfs=large)


# What the facts are made of


def _frozen_at(version: Version) -> str:
    """The moment that the version's files bear instead of a build time."""
    at = version.frozen_at or version.proposed_at
    return at.isoformat().replace("+00:00", "Z")


def _rules(version: Version) -> tuple[str, ...]:
    """The policy in plain words, a question and its answer each."""
    return tuple(f"{question} {answer}" for question, answer in describe(policies.body_of(version.policy)))


def _warnings(version: Version) -> tuple[str, ...]:
    """What the checks warned of when it was approved, and what a named approver let stand, with the reason."""
    runs = CheckRun.objects.filter(version=version, members_root=version.members_root, status=CheckRun.Status.DONE)
    if version.approved_at:
        runs = runs.filter(finished_at__lte=version.approved_at)
    run = runs.order_by("-pk").first()
    found = Finding.objects.filter(run=run, status=Finding.Status.WARN).order_by("check_id", "scope") if run else ()
    warned = [f"{finding.check_id}: {finding.reason}" if finding.reason else finding.check_id for finding in found]
    let_stand = [
        _("{check}: let stand by {name}, because: {reason}").format(check=o.check_id, name=o.by, reason=o.reason)
        for o in version.overrides.select_related("by").order_by("check_id", "pk")
    ]
    return (*warned, *let_stand)


def _predecessor(version: Version) -> int | None:
    """The number of the version that stood before this one was frozen."""
    earlier = version.dataset.versions.filter(number__lt=version.number, published_at__lt=version.frozen_at)
    return earlier.order_by("-number").values_list("number", flat=True).first()
