"""Byte ranges of one file, as clients of datasets ask for them.

Pure: text in, numbers out. One range is served (``a-b``, ``a-``, ``-n``: polars begins with the last 262,144 bytes); several
ranges, another unit or nonsense are ignored and the whole file is sent, as RFC 9110 section 14.2 allows. A range that begins
past the end is unsatisfiable and says so: a client that got the whole file instead would corrupt its read.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

_ONE = re.compile(r"\s*bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.IGNORECASE)
BLOCK = 1 << 16


class Unsatisfiable(Exception):
    """The range lies past the end: 416."""


@dataclass(frozen=True)
class Span:
    """A part of a file: the first byte, and how many."""

    start: int
    length: int

    def content_range(self, size: int) -> str:
        """Return the value of ``Content-Range``."""
        return f"bytes {self.start}-{self.start + self.length - 1}/{size}"


def parse(header: str | None, size: int) -> Span | None:
    """Return the part of a file of ``size`` bytes that ``header`` asks for; None means the whole file.

    Raises ``Unsatisfiable`` when the range begins past the end, or asks for the last zero bytes.
    """
    found = _ONE.fullmatch(header or "")
    if found is None or not (found[1] or found[2]) or len(found[1]) > 18 or len(found[2]) > 18:
        return None
    if not found[1]:
        length = min(int(found[2]), size)
        if length == 0:
            raise Unsatisfiable
        return Span(size - length, length)
    start = int(found[1])
    end = min(int(found[2]), size - 1) if found[2] else size - 1
    if found[2] and int(found[2]) < start:
        return None
    if start >= size:
        raise Unsatisfiable
    return Span(start, end - start + 1)


class Slice:
    """A part of an open file that reads like a file of that length.

    It has the file's descriptor, placed at the start of the part: a server that sends files by descriptor sends
    ``Content-Length`` bytes from there.
    """

    def __init__(self, stream: BinaryIO, span: Span, release: Callable[[], None] = lambda: None) -> None:
        stream.seek(span.start)
        self._stream = stream
        self._left = span.length
        self._release = release

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes, never beyond the part."""
        wanted = self._left if size < 0 else min(size, self._left)
        content = self._stream.read(wanted) if wanted else b""
        self._left -= len(content)
        return content

    def fileno(self) -> int:
        """Return the descriptor of the file."""
        return self._stream.fileno()

    def close(self) -> None:
        """Close the file and give back what was taken for sending it; safe more than once."""
        if not self._stream.closed:
            self._stream.close()
            self._release()
