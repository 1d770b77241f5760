"""Is a folder what the community approved? Answered from the files alone, without a database or an account.

A version's manifest names every other file with size and SHA-256; the first 40 hex digits of the manifest's own SHA-256 are
the commit, which a client's snapshot directory bears as its name; the signature beside it covers all of them. ``folder``
reads a downloaded version and says, file by file, what is missing, changed or unknown.
"""

import hashlib
import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from curation.exporters import manifest as manifests
from governance.kernel.digests import sha256
from governance.kernel.errors import Invalid
from governance.kernel.words import _

_COMMIT = re.compile(r"[0-9a-f]{40}")
OWN = (manifests.PATH, manifests.SIGNATURE)
Check = Callable[[dict[str, object]], bytes]


@dataclass(frozen=True)
class Bad:
    """One file that is not as the manifest says, and why."""

    path: str
    why: str


@dataclass(frozen=True)
class Verdict:
    """What was found: ``ok`` is false when anything is wrong, or when a signature is present and does not hold.

    ``signature`` is verified, unverified (no key was given), missing or wrong. ``erased`` are files that were
    destroyed on purpose, after words in them were taken back; they are not bad.
    """

    ok: bool
    commit: str
    files: int
    bad: tuple[Bad, ...]
    signature: str
    members_root: str
    erased: tuple[str, ...] = ()


def folder(path: Path, check: Check | None = None) -> Verdict:
    """Check a downloaded version; see ``files`` for ``check`` and what is raised.

    A client's own ``.cache`` is no part of it. A folder that bears a commit as its name must bear the right one.
    """
    held = {p.relative_to(path).as_posix(): p for p in path.rglob("*") if p.is_file()}
    held = {name: p for name, p in held.items() if not name.startswith(".cache/")}
    verdict = files(held, check)
    if not _COMMIT.fullmatch(path.name) or path.name == verdict.commit:
        return verdict
    wrong = Bad(manifests.PATH, _("the folder bears the name of another commit"))
    return replace(verdict, ok=False, bad=(*verdict.bad, wrong))


def files(held: Mapping[str, Path], check: Check | None = None, erased: Collection[str] = ()) -> Verdict:
    """Check the files of a version: ``held`` says where the bytes of each path lie, ``erased`` which were destroyed on purpose.

    ``check`` takes a DSSE envelope and returns its payload, or raises ``Invalid``; without it the signature's list of files is
    compared, its key is not. Raises ``FileNotFoundError`` without a manifest, ``ValueError`` for one that is not ours.
    """
    if manifests.PATH not in held:
        raise FileNotFoundError(manifests.PATH)
    content = held[manifests.PATH].read_bytes()
    parsed = json.loads(content)
    if not isinstance(parsed, dict):
        raise ValueError(manifests.FORMAT)
    listed = manifests.read(parsed)
    still = [f for f in listed if f.path not in erased]
    bad = [found for f in still if (found := _file(held.get(f.path), f.path, f.size, f.sha256))]
    known = {f.path for f in listed} | set(OWN)
    bad += [Bad(extra, _("it is not in the manifest")) for extra in sorted(set(held) - known)]
    subjects = {f.path: f.sha256 for f in listed} | {manifests.PATH: sha256(content)}
    signature = _signed(held.get(manifests.SIGNATURE), subjects, check)
    ok = not bad and signature in ("verified", "unverified")
    commit = manifests.commit(content)
    gone = tuple(sorted(f.path for f in listed if f.path in erased))
    return Verdict(ok, commit, len(listed), tuple(bad), signature, str(parsed.get("members_root", "")), gone)


def keyids(envelope: object) -> list[str]:
    """Return the ids of the keys that an envelope says it was signed with."""
    signatures = envelope.get("signatures", ()) if isinstance(envelope, dict) else ()
    return [str(s.get("keyid", "")) for s in signatures if isinstance(s, dict)]


def _signed(path: Path | None, subjects: dict[str, str], check: Check | None) -> str:
    """Return what the envelope in ``path`` is worth: verified, unverified, missing or wrong."""
    if path is None or not path.is_file():
        return "missing"
    try:
        envelope = json.loads(path.read_bytes())
        payload = check(envelope) if check else manifests.payload(envelope)
        named = {s["name"]: s["digest"]["sha256"] for s in json.loads(payload)["subject"]}
    except (ValueError, KeyError, TypeError, AttributeError, Invalid):
        return "wrong"
    if named != subjects:
        return "wrong"
    return "verified" if check else "unverified"


def _file(place: Path | None, path: str, size: int, digest: str) -> Bad | None:
    """Say what is wrong with one file."""
    if place is None or not place.is_file():
        return Bad(path, _("it is missing"))
    if place.stat().st_size != size:
        return Bad(path, _("its size is another"))
    with place.open("rb") as stream:
        same = hashlib.file_digest(stream, "sha256").hexdigest() == digest
    return None if same else Bad(path, _("its bytes are others"))
