"""The manifest: manifest.json, which names every other file and is itself the version's identity.

Reads the facts of a version and all its files; yields canonical JSON (RFC 8785) with files sorted by path: path, size,
SHA-256; the root over the members; the recipe; the policy revision; what was left out, by reason; where withdrawals are
listed and the key to recognise one's own rows there. No build time, so that the
same members and recipe give the same manifest. The commit is the first 40 hex digits of its SHA-256. The manifest does not
list itself, nor ``manifest.dsse.json``: its signature, an in-toto Statement with the predicate of SLSA provenance.

Source: in-toto Statement v1, SLSA provenance v1, DSSE; commit by digest as in Quilt and lakeFS.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence

from curation.exporters._facts import SPLITS, Facts, File, shards_of
from governance.kernel.digests import canonical, sha256
from governance.kernel.words import _

TITLE = _("Manifest")
STAGE = "seal"
PATH = "manifest.json"
SIGNATURE = "manifest.dsse.json"
FORMAT = "urn:wellhouse:manifest:1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
LFS_MARKS = (".parquet",)


def render(facts: Facts, files: Sequence[File]) -> bytes:
    """Return manifest.json over ``files`` (every other file of the version), as canonical JSON."""
    listed = [
        {"path": f.path, "size": f.size, "sha256": f.sha256, **({"rows": f.rows} if f.split else {})}
        for f in sorted(files, key=lambda f: f.path.encode())
    ]
    counted = {split: sum(f.rows for f in found) for split, found in shards_of(tuple(files), "default").items()}
    return canonical(
        {
            "format": FORMAT,
            "dataset": facts.repo,
            "version": facts.version,
            "tag": facts.tag,
            "frozen_at": facts.frozen_at,
            "members": facts.n_members,
            "members_root": facts.members_root,
            "splits": {split: counted.get(split, 0) for split in SPLITS},
            "policy_revision": facts.policy_revision,
            "purposes": sorted(facts.purposes),
            "excluded": dict(facts.excluded),
            "recipe": dict(facts.recipe),
            "revocations": {
                "format": "wellhouse/revocations/1",
                "list": facts.revocations,
                "key": facts.revocation_key,
            },
            "files": listed,
        }
    )


def commit(manifest: bytes) -> str:
    """Return the commit of a version: the first 40 hex digits of the SHA-256 of its manifest."""
    return sha256(manifest)[:40]


def statement(manifest: bytes, facts: Facts, files: Sequence[File]) -> bytes:
    """Return the in-toto Statement that is signed: the manifest and every file as subjects, the recipe as predicate."""
    subjects = [{"name": PATH, "digest": {"sha256": sha256(manifest)}}]
    subjects += [{"name": f.path, "digest": {"sha256": f.sha256}} for f in sorted(files, key=lambda f: f.path.encode())]
    return canonical(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": subjects,
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {
                "buildDefinition": {
                    "buildType": FORMAT,
                    "externalParameters": {"dataset": facts.repo, "version": facts.version},
                    "internalParameters": dict(facts.recipe),
                    "resolvedDependencies": [
                        {"name": "members", "digest": {"sha256": facts.members_root}},
                        {"name": "policy", "annotations": {"revision": facts.policy_revision}},
                    ],
                },
                "runDetails": {"builder": {"id": facts.public_url}},
            },
        }
    )


def payload(envelope: Mapping[str, object]) -> bytes:
    """Return what a DSSE envelope carries, signatures unseen; raises ``ValueError`` for anything else."""
    if envelope.get("payloadType") != PAYLOAD_TYPE or not isinstance(envelope.get("payload"), str):
        raise ValueError(PAYLOAD_TYPE)
    return base64.b64decode(str(envelope["payload"]), validate=True)


def is_large(path: str) -> bool:
    """Say whether clients should see a file as stored by digest (as Git LFS does): shards and media."""
    return path.endswith(LFS_MARKS) or path.startswith("media/")


def blob_oid(content: bytes) -> str:
    """Return Git's id of a blob: SHA-1 over a header and the content; clients compare it for text files."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def pointer(digest: str, size: int) -> bytes:
    """Return the Git LFS pointer file of a large file; its length and blob id are what a tree shows."""
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {size}\n".encode()


def read(manifest: Mapping[str, object]) -> list[File]:
    """Return the files that a parsed manifest lists; raises ``ValueError`` when it is not one of ours."""
    listed = manifest.get("files")
    if manifest.get("format") != FORMAT or not isinstance(listed, list):
        raise ValueError(FORMAT)
    return [File(str(f["path"]), int(f["size"]), str(f["sha256"]), rows=int(f.get("rows", 0))) for f in listed]
