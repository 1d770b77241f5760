"""Files by their own hash: recordings, pictures, and the files that imports were read from.

Nothing is ever found by a name that somebody gave. A file comes in whole or not at all: it is written beside its place, flushed,
and renamed; the same bytes arriving twice are one file. What kind a file is, its first bytes say, never its name.
"""

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import BinaryIO

from django.conf import settings

_DIGEST = re.compile(r"[0-9a-f]{64}")
BLOCK = 1 << 20

KINDS: tuple[tuple[bytes, int, bytes, str, str], ...] = (
    # begins with, offset of a second mark, second mark, type, suffix
    (b"RIFF", 8, b"WAVE", "audio/wav", "wav"),
    (b"RIFF", 8, b"WEBP", "image/webp", "webp"),
    (b"OggS", 0, b"OggS", "audio/ogg", "ogg"),
    (b"fLaC", 0, b"fLaC", "audio/flac", "flac"),
    (b"ID3", 0, b"ID3", "audio/mpeg", "mp3"),
    (b"\xff\xfb", 0, b"\xff\xfb", "audio/mpeg", "mp3"),
    (b"\xff\xf3", 0, b"\xff\xf3", "audio/mpeg", "mp3"),
    (b"\xff\xf2", 0, b"\xff\xf2", "audio/mpeg", "mp3"),
    (b"\x89PNG\r\n\x1a\n", 0, b"\x89PNG", "image/png", "png"),
    (b"\xff\xd8\xff", 0, b"\xff\xd8\xff", "image/jpeg", "jpg"),
    (b"GIF8", 0, b"GIF8", "image/gif", "gif"),
    (b"", 4, b"ftypM4A", "audio/mp4", "m4a"),
)


def sniff(head: bytes) -> tuple[str, str] | None:
    """Return (type, suffix) of a recording or picture by its first 16 bytes; None for anything else, SVG too (it can script)."""
    for begins, offset, mark, mime, suffix in KINDS:
        if head.startswith(begins) and head[offset : offset + len(mark)] == mark:
            return mime, suffix
    return None


def root(folder: str) -> Path:
    """The folder of files of one kind: ``media``, ``imports`` or ``reports``."""
    return Path(settings.FILES_ROOT) / folder


def path_of(sha256: str, folder: str = "media") -> Path:
    """Where the file with this SHA-256 lies, whether or not it is there; raises ``ValueError`` for no digest."""
    if not _DIGEST.fullmatch(sha256):
        raise ValueError(sha256)
    return root(folder) / sha256[:2] / sha256[2:4] / sha256


def keep(source: Path | BinaryIO, folder: str = "media") -> tuple[str, int]:
    """Copy a file to its place and return its SHA-256 and size; the source stays as it is."""
    place = root(folder)
    (place / "tmp").mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=place / "tmp")
    written = Path(name)
    try:
        hashed, size = hashlib.sha256(), 0
        with os.fdopen(handle, "wb") as target:
            if isinstance(source, Path):
                with source.open("rb") as file:
                    size = _copy(file, target, hashed)
            else:
                size = _copy(source, target, hashed)
            target.flush()
            os.fsync(target.fileno())
        digest = hashed.hexdigest()
        final = path_of(digest, folder)
        if final.exists():
            os.utime(final)
        else:
            final.parent.mkdir(parents=True, exist_ok=True)
            written.chmod(0o640)
            os.replace(written, final)
        return digest, size
    finally:
        written.unlink(missing_ok=True)


def _copy(source: BinaryIO, target: BinaryIO, hashed: "hashlib._Hash") -> int:
    size = 0
    while block := source.read(BLOCK):
        hashed.update(block)
        target.write(block)
        size += len(block)
    return size


def keep_import(path: Path) -> str:
    """Keep a file that is to be imported and return its SHA-256; one that lies in its place already is not copied again."""
    if path.is_relative_to(root("imports")) and _DIGEST.fullmatch(path.name):
        return path.name
    return keep(path, "imports")[0]
