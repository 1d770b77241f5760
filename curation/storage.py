"""Files by their own hash: a version's files lie under ``versions/<first two>/<next two>/<sha256>`` and never change.

A file comes in whole or not at all: it is written beside its place, flushed to disk, and renamed. The same content arriving
twice is one file. Nothing is ever found by a name that a person gave.
"""

import hashlib
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from governance import media

_DIGEST = re.compile(r"[0-9a-f]{64}")


def versions() -> "Store":
    """The store of what builds wrote."""
    return Store(Path(settings.FILES_ROOT) / "versions")


def locate(path: str, digest: str) -> Path:
    """Return where the bytes of a version's file lie: media with the samples' media, all else with the builds."""
    return media.path_of(digest) if path.startswith("media/") else versions().path(digest)


class Store:
    """A folder of files by SHA-256."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, digest: str) -> Path:
        """Return where the file with this SHA-256 lies, whether or not it is there; raises ``ValueError`` for no digest."""
        if not _DIGEST.fullmatch(digest):
            raise ValueError(digest)
        return self.root / digest[:2] / digest[2:4] / digest

    def has(self, digest: str) -> bool:
        """Say whether the file is held."""
        return self.path(digest).is_file()

    def put(self, content: bytes) -> str:
        """Keep ``content`` and return its SHA-256."""
        with self.scratch() as path:
            path.write_bytes(content)
            return self.adopt(path, hashlib.sha256(content).hexdigest())

    def adopt(self, path: Path, digest: str) -> str:
        """Move a finished file, whose SHA-256 the caller computed, to its place, and return the digest."""
        target = self.path(digest)
        if target.is_file():
            path.unlink()
            return digest
        target.parent.mkdir(parents=True, exist_ok=True)
        with path.open("rb") as stream:
            os.fsync(stream.fileno())
        path.chmod(0o644)
        os.replace(path, target)
        _sync(target.parent)
        return digest

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Give a path on the same disk to write to; what is still there afterwards is removed."""
        folder = self.root / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=folder)
        os.close(handle)
        path = Path(name)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def destroy(self, digest: str) -> bool:
        """Remove a file for good; says whether it was there."""
        path = self.path(digest)
        held = path.is_file()
        path.unlink(missing_ok=True)
        return held


def _sync(folder: Path) -> None:
    """Flush a folder, so that a rename outlives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
