"""Is a folder what the community approved? Answered from the files alone, without a database or an account.

A version's manifest names every other file with size and SHA-256; the first 40 hex digits of the manifest's own SHA-256 are
the commit, which a client's snapshot directory bears as its name; the signature beside it covers all of them. ``folder``
reads a downloaded version and says, file by file, what is missing, changed or unknown.
"""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from curation.exporters import manifest as manifests
from governance.kernel.digests import sha256
from governance.kernel.errors import Invalid
from governance.kernel.words import _

_COMMIT = re.compile(r"[0-9a-f]{40}")
OWN = (manifests.PATH, manifests.SIGNATURE)
Verify = Callable[[dict[str, object]], bytes]


@dataclass(frozen=True)
class Bad:
    """One file that is not as the manifest says, and why."""

    path: str
    why: str


@dataclass(frozen=True)
class Verdict:
    """What was found: ``ok`` is false when anything is wrong, or when a signature is present and does not hold.

    ``signature`` is verified, unverified (no key was given), missing or wrong.
    """

    ok: bool
    commit: str
    files: int
    bad: tuple[Bad, ...]
    signature: str
    members_root: str


def folder(path: Path, verify: Verify | None = None) -> Verdict:
    """Check every file of the version in ``path``.

    ``verify`` takes a DSSE envelope and returns its payload, or raises ``Invalid``; without it the signature's list of
    files is compared, its key is not. Raises ``FileNotFoundError`` without a manifest, ``ValueError`` for one that is not
    ours.
    """
    content = (path / manifests.PATH).read_bytes()
    parsed = json.loads(content)
    listed = manifests.read(parsed)
    bad = [found for f in listed if (found := _file(path, f.path, f.size, f.sha256))]
    known = {f.path for f in listed} | set(OWN)
    bad += [Bad(extra, _("it is not in the manifest")) for extra in _extras(path, known)]
    commit = manifests.commit(content)
    if _COMMIT.fullmatch(path.name) and path.name != commit:
        bad.append(Bad(manifests.PATH, _("the folder bears the name of another commit")))
    subjects = {f.path: f.sha256 for f in listed} | {manifests.PATH: sha256(content)}
    signature = signed(path / manifests.SIGNATURE, subjects, verify)
    ok = not bad and signature in ("verified", "unverified")
    return Verdict(ok, commit, len(listed), tuple(bad), signature, str(parsed.get("members_root", "")))


def signed(path: Path, subjects: dict[str, str], verify: Verify | None) -> str:
    """Return what the envelope in ``path`` is worth: verified, unverified, missing or wrong."""
    if not path.is_file():
        return "missing"
    try:
        envelope = json.loads(path.read_bytes())
        payload = verify(envelope) if verify else manifests.payload(envelope)
        named = {s["name"]: s["digest"]["sha256"] for s in json.loads(payload)["subject"]}
    except (ValueError, KeyError, TypeError, Invalid):
        return "wrong"
    if named != subjects:
        return "wrong"
    return "verified" if verify else "unverified"


def _file(root: Path, path: str, size: int, digest: str) -> Bad | None:
    """Say what is wrong with one file."""
    target = root / path
    if not _inside(root, path) or not target.is_file():
        return Bad(path, _("it is missing"))
    if target.stat().st_size != size:
        return Bad(path, _("its size is another"))
    with target.open("rb") as stream:
        same = hashlib.file_digest(stream, "sha256").hexdigest() == digest
    return None if same else Bad(path, _("its bytes are others"))


def _inside(root: Path, path: str) -> bool:
    """Say whether a path of the manifest stays in the folder (a client's links to its cache are fine)."""
    parts = Path(path).parts
    return bool(parts) and ".." not in parts and not Path(path).is_absolute()


def _extras(root: Path, known: set[str]) -> Sequence[str]:
    """Return files that nothing names; a client's own ``.cache`` is none."""
    found = (p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())
    return sorted(p for p in found if p not in known and not p.startswith(".cache/"))
