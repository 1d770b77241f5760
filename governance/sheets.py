"""What every source file looks like to us: named columns, rows in chunks, and rows that cannot be used, each with its reason.

An importer (one format a file, in ``governance/importers``) turns a file into ``Chunk`` objects; this module holds the shapes
that they share, the reading of lines in flat memory, and the guesses about what a column holds. It knows no model.

Text is never guessed into shape. UTF-8 is the rule, a byte order mark is believed, and any other encoding has to be named:
a line that is not valid in the encoding is refused with its number, because a wrong guess would change people's words
without anybody noticing. The preview says which encoding would fit.
"""

import codecs
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from governance.kernel.errors import Invalid, Reason
from governance.kernel.words import _

CHUNK = 500
"""Rows a chunk: the size that SQLite liked best (platform.md, section 7)."""
MAX_LINE = 1_000_000
"""Characters a line or a cell may have. A page of text has about 3,000; beyond a million it is not a sample but a mistake."""
MAX_ROWS = 20_000_000
MAX_COLUMNS = 1_000
PREVIEW = 20
ALIKE = _("some are alike: refused")
MOSTLY = 0.8
"""Share of distinct values from which a column named like an id is taken for one."""
BLOCK = 1 << 19
MARK = "\0"
"""Stands, followed by a code, in place of a line that could not be read; a NUL in a cell is refused anyway."""

VOICES = {
    "voice-speaker": "speaker",
    "voice-narrator": "narrator",
    "voice-translator": "translator",
    "voice-heard": "heard",
}
"""Columns of further voices, and the role in which the people named there are heard."""
ROLES = ("id", "text", "media", "label", "split", "contributor", *VOICES, "group", "data", "leave")
"""What a column may hold. ``data`` is kept under the column's own name, ``leave`` is not kept."""


@dataclass(frozen=True)
class Settings:
    """How to read a file; empty means: find out. ``quoting`` is ``minimal`` or ``none``."""

    delimiter: str = ""
    quoting: str = ""
    encoding: str = ""
    sheet: str = ""


ANY = Settings()


@dataclass(frozen=True)
class BadRow:
    """A row that was refused: its line (from 1, the header counts), column or "", a stable code, a sentence with ``values``."""

    line: int
    column: str
    code: str
    message: str
    values: Mapping[str, object] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.message.format(**self.values) if self.values else self.message


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows that were read together: cells in the order of the column names, the line of each, and the refused.

    ``done`` counts in the unit of ``Columns.total`` (bytes for text, rows for tables).
    """

    rows: list[Sequence[object]]
    lines: Sequence[int]
    bad: list[BadRow]
    done: int


@dataclass(frozen=True, slots=True)
class Row:
    """One row by column name, for whoever needs no speed."""

    line: int
    values: dict[str, object]


@dataclass(frozen=True)
class Columns:
    """The columns of a file: names in order, the first rows, guessed roles, remarks a column, settings found, size."""

    names: tuple[str, ...]
    preview: tuple[tuple[object, ...], ...]
    roles: Mapping[str, str]
    notes: Mapping[str, str]
    settings: Settings
    total: int
    warnings: tuple[Reason, ...] = ()


def rows(chunks: Iterable[Chunk], names: Sequence[str]) -> Iterator[Row | BadRow]:
    """Yield each row by name and each refused row, in the order of the chunks."""
    for chunk in chunks:
        yield from chunk.bad
        for line, cells in zip(chunk.lines, chunk.rows, strict=True):
            yield Row(line, dict(zip(names, cells, strict=True)))


# What a file is, by its first bytes

_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"PAR1", "parquet"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old-office"),
    (b"%PDF", "pdf"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!", "rar"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"SQLite format 3\0", "sqlite"),
    (b"\x89PNG", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"RIFF", "media"),
    (b"OggS", "audio"),
    (b"fLaC", "audio"),
    (b"ID3", "audio"),
    (b"\x7fELF", "program"),
    (b"MZ\x90", "program"),
)


def kind_of(head: bytes) -> str:
    """Return what the first bytes say a file is: ``parquet``, ``zip``, … or ``text``."""
    return next((kind for magic, kind in _KINDS if head.startswith(magic)), "text")


def require_kind(path: Path, wanted: str) -> bytes:
    """Return the first 64 KiB of ``path``; raise ``Invalid`` when it is empty or inside something else than ``wanted``."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
    if not head:
        raise Invalid(
            "empty-file", _("This file is empty. Choose the file again, or save it again where it came from.")
        )
    found = kind_of(head)
    if found != wanted:
        raise Invalid(
            "not-what-it-says",
            _(
                "The name ends in {ending}, but inside this is {found}. Choose the right format, or save the file again."
            ),
            ending=path.suffix or _("nothing"),
            found=found,
        )
    return head


# Lines, in flat memory

_MARKS: tuple[tuple[bytes, str], ...] = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)


def encoding_of(head: bytes) -> tuple[str, int, bool]:
    """Return the encoding of a text that begins with ``head``, the length of its byte order mark, and whether it fits.

    Without a mark it is UTF-8, unless every other byte is NUL (UTF-16 without its mark).
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name, len(mark), True
    if len(head) > 3 and head[1::2].count(0) > len(head) * 0.35:
        return "utf-16-le", 0, True
    if len(head) > 3 and head[0::2].count(0) > len(head) * 0.35:
        return "utf-16-be", 0, True
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "utf-8", 0, False
    return "utf-8", 0, True


def check_encoding(name: str) -> str:
    """Return Python's name for the text encoding ``name``; raise ``Invalid`` when there is none."""
    try:
        found = codecs.lookup(name)
        "".encode(found.name)
    except (LookupError, ValueError, TypeError):
        raise Invalid(
            "wrong-encoding", _("There is no text encoding named {name}. Try utf-8, cp1252 or utf-16."), name=name
        ) from None
    return found.name


def head_lines(head: bytes, encoding: str) -> str:
    """Return the text of ``head`` for looking at it: bad bytes become U+FFFD, and a cut last character is left out."""
    name, mark, _fits = encoding_of(head)
    return codecs.getincrementaldecoder(check_encoding(encoding) if encoding else name)("replace").decode(head[mark:])


class Lines:
    """The lines of a text file, a block at a time, each at most ``MAX_LINE`` characters, in flat memory.

    Iterating yields lists of lines with their ``\\n``. A line that is too long, or not valid in the encoding, is replaced by
    ``MARK`` and a code, so that it keeps its number. ``done`` is bytes read; ``marked`` turns true before the first list
    that holds a NUL or a replaced line.
    """

    def __init__(self, path: Path, encoding: str = "") -> None:
        self.path = path
        self.done = 0
        self.marked = False
        self.encoding = check_encoding(encoding) if encoding else ""

    def __iter__(self) -> Iterator[list[str]]:
        with self.path.open("rb") as file:
            head = file.read(1 << 16)
            found, mark, _fits = encoding_of(head)
            encoding = self.encoding or found
            file.seek(mark)
            only_cr = b"\r" in head and b"\n" not in head and not encoding.startswith(("utf-16", "utf-32", "utf_16"))
            self.done = mark
            yield from self._split(self._read(file, encoding, only_cr), _narrow(encoding))

    def _read(self, file: io.BufferedReader, encoding: str, only_cr: bool) -> Iterator[bytes]:
        """Blocks of bytes in which ``\\n`` is one byte; wide encodings come out as UTF-8."""
        wide = _narrow(encoding) != encoding
        decoder = codecs.getincrementaldecoder(encoding)("replace") if wide else None
        while block := file.read(BLOCK):
            self.done += len(block)
            if decoder:
                text = decoder.decode(block)
                yield text.replace("\ufffd", MARK + "\ufffd").encode("utf-8")
            else:
                yield block.replace(b"\r", b"\n") if only_cr else block

    def _split(self, blocks: Iterator[bytes], encoding: str) -> Iterator[list[str]]:
        carry, skipping = b"", False
        for block in blocks:
            if skipping:
                end = block.find(b"\n")
                if end < 0:
                    continue
                block, skipping = block[end + 1 :], False
                self.marked = True
                yield [MARK + "line-too-long\n"]
            data = carry + block if carry else block
            end = data.rfind(b"\n") + 1
            carry = data[end:]
            if len(carry) > MAX_LINE * 4:
                carry, skipping = b"", True
            if end:
                yield self._decode(data[:end], encoding)
        if skipping:
            self.marked = True
            yield [MARK + "line-too-long\n"]
        elif carry:
            yield self._decode(carry, encoding)

    def _decode(self, data: bytes, encoding: str) -> list[str]:
        if b"\0" in data:
            self.marked = True
        try:
            found = io.StringIO(data.decode(encoding), newline="\n").readlines()
        except UnicodeDecodeError:
            self.marked = True
            found = [_line(line, encoding) for line in data.split(b"\n")]
            if found and found[-1] == "\n":
                found.pop()
        if max(map(len, found), default=0) > MAX_LINE:
            self.marked = True
            found = [line if len(line) <= MAX_LINE else MARK + "line-too-long\n" for line in found]
        return found


def texts(path: Path, encoding: str = "") -> Iterator[tuple[str, int]]:
    """Yield a text file in blocks with the bytes read so far, whatever its lines; bytes that do not fit become lone surrogates."""
    with path.open("rb") as file:
        found, mark, _fits = encoding_of(file.read(1 << 16))
        file.seek(mark)
        name = check_encoding(encoding) if encoding else found
        decoder = codecs.getincrementaldecoder(name)("surrogateescape" if _narrow(name) == name else "replace")
        done = mark
        while block := file.read(BLOCK):
            done += len(block)
            yield decoder.decode(block), done


def _narrow(encoding: str) -> str:
    """The encoding in which blocks are cut at ``\\n``: UTF-8 in place of UTF-16 and UTF-32."""
    return "utf-8" if encoding.replace("_", "-").startswith(("utf-16", "utf-32", "utf-7")) else encoding


def _line(line: bytes, encoding: str) -> str:
    try:
        return line.decode(encoding) + "\n"
    except UnicodeDecodeError:
        return MARK + "wrong-encoding\n"


LINE_MESSAGES = {
    "line-too-long": _("This line is longer than a million characters, so it was left out."),
    "wrong-encoding": _(
        "This line is not valid text in the encoding of the file. Save the file as UTF-8, or name its encoding."
    ),
    "nul-in-text": _("There is a NUL character in this row; no text has one. Save the file again where it came from."),
}


def marked_row(line: int, cells: Iterable[object], names: Sequence[str] = ()) -> BadRow | None:
    """Return the refusal for a row that holds ``MARK``, or None when it holds none."""
    for place, cell in enumerate(cells):
        if isinstance(cell, str) and MARK in cell:
            after = cell[cell.index(MARK) + 1 :].strip()
            code = after if after in LINE_MESSAGES else "wrong-encoding" if after[:1] == "\ufffd" else "nul-in-text"
            column = names[place] if code == "nul-in-text" and place < len(names) else ""
            return BadRow(line, column, code, LINE_MESSAGES[code])
    return None


def check_names(found: Sequence[object]) -> tuple[tuple[str, ...], tuple[Reason, ...]]:
    """Return usable column names and remarks; a nameless column gets a number, two of one name are refused."""
    if len(found) > MAX_COLUMNS:
        raise Invalid(
            "too-many-columns",
            _("The first row has {n} columns; {most} is the most. Is the first row the header?"),
            n=len(found),
            most=MAX_COLUMNS,
        )
    names: list[str] = []
    warnings: list[Reason] = []
    for place, cell in enumerate(found, start=1):
        name = str(cell if cell is not None else "").strip()
        if not name or MARK in name:
            name = f"column {place}"
            warnings.append(
                Reason(
                    "nameless-column",
                    _("Column {n} has no name; we call it “{name}”."),
                    values={"n": place, "name": name},
                )
            )
        names.append(name[:200])
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Invalid(
            "duplicate-columns",
            _("Two columns have the same name: {names}. Give each its own, so that nobody mistakes one for the other."),
            names=", ".join(twice),
        )
    return tuple(names), tuple(warnings)


# What a column may hold

_BY_NAME: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "id",
        re.compile(
            r"^(id|uid|uuid|ref|key|number|no|nr|sample[_ ]?(id|no|number)?|item[_ ]?id|tweet[_ ]?id|doc[_ ]?id)$"
        ),
    ),
    (
        "text",
        re.compile(
            r"^(data\.)?(text|tweet|sentence|transcript(ion)?|content|body|utterance|phrase|story|message|words)$"
        ),
    ),
    ("media", re.compile(r"^(data\.)?(audio|image|media|file|path|wav|clip|recording|photo|picture|file_?name)$")),
    ("label", re.compile(r"^(label|labels|class|category|sentiment|target|gold|annotation)$")),
    ("split", re.compile(r"^(split|set|fold|subset|partition)$")),
    (
        "contributor",
        re.compile(r"^(contributor|who|speaker|teller|client_id|author|narrator|source_person|participant)([_ ]?id)?$"),
    ),
    ("group", re.compile(r"^(group|group_id|session|conversation|thread|document|story_id|family)$")),
)
_PHONE = re.compile(r"^\+?[\d\s().-]{8,20}$")
_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$", re.IGNORECASE)
_PRIVATE = re.compile(
    r"^(e?-?mail|phone|mobile|tel(ephone)?|address|birth.*|ip(_address)?|passport|national_id|surname|first_?name"
    r"|gender|sex|age|ethnicity|religion|clan)$"
)
_MEDIA_END = re.compile(r"\.(wav|mp3|ogg|oga|flac|m4a|png|jpe?g|gif|webp)$", re.IGNORECASE)


def guess(names: Sequence[str], preview: Sequence[Sequence[object]]) -> tuple[dict[str, str], dict[str, str]]:
    """Return a role and a remark for each column, from its name and the first rows.

    At most one column becomes each of id, text, media, label, split and contributor. An id is guessed only where most
    values differ; what looks like a phone number or an e-mail address is left out unless somebody asks for it.
    """
    roles: dict[str, str] = {}
    notes: dict[str, str] = {}
    taken: set[str] = set()
    cells = {name: [row[i] for row in preview if row[i] not in (None, "")] for i, name in enumerate(names)}
    for name in names:
        values = [str(cell) for cell in cells[name]]
        lowered = name.strip().lower()
        role = next((role for role, pattern in _BY_NAME if pattern.match(lowered)), "")
        distinct = len(set(values)) / max(len(values), 1)
        if _private(lowered, values, role):
            roles[name], notes[name] = "leave", _("looks personal: best left out")
            continue
        if not role and len(values) > 1 and all(_MEDIA_END.search(value) for value in values):
            role = "media"
        if role == "id":
            notes[name] = _("no two alike") if distinct == 1 else ALIKE
        if (
            role
            and role not in taken
            and (role != "id" or (distinct >= MOSTLY and len(values) >= MOSTLY * len(preview)))
        ):
            taken.add(role)
            roles[name] = role
        else:
            roles[name] = "data"
    if "text" not in taken:
        longest = max(
            (name for name in names if roles[name] == "data"),
            key=lambda name: (_wordy(cells[name]), _average_length(cells[name])),
            default=None,
        )
        if longest is not None and _average_length(cells[longest]) >= 1 and "media" not in taken:
            roles[longest] = "text"
    return roles, notes


def _private(lowered: str, values: Sequence[str], role: str) -> bool:
    if role in {"id", "text", "media"}:
        return False
    if _PRIVATE.match(lowered):
        return True
    return len(values) > 1 and (all(_EMAIL.match(v) for v in values) or all(_phone(v) for v in values))


def _phone(value: str) -> bool:
    return bool(_PHONE.match(value)) and sum(c.isdigit() for c in value) >= 8 and (value[0] in "+0" or " " in value)


def _wordy(values: Sequence[object]) -> bool:
    """More than half of the cells have a space in them."""
    return sum(" " in str(v).strip() for v in values) * 2 > len(values)


def _average_length(values: Sequence[object]) -> float:
    return sum(len(v) for v in values if isinstance(v, str)) / len(values) if values else 0.0


def settle_roles(guessed: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Return a role for each column: what was ``given``, else what was guessed, unless that would make two of one kind."""
    single = set(ROLES) - {"data", "leave", "group", *VOICES}
    taken = {role for role in given.values() if role in single}
    return {name: "data" if role in taken else role for name, role in guessed.items()} | dict(given)
