"""Signed notes and cosignatures (C2SP): the form in which a log states how far it is, and in which others vouch for that.

A note is a text, an empty line, and lines ``— name base64``; a checkpoint is a note whose text begins with three lines:
origin, size, and root in base64. The log signs the text with Ed25519 (algorithm 1). A witness cosigns it
(*tlog-cosignature*, ``cosignature/v1``, algorithm 4): its signature covers the moment too, and says that it saw a tree of that
size which extends every tree that it vouched for before.

Nothing here knows a database. The two commands that a stranger runs (``clients/verify_proof.py`` and
``clients/wellhouse_witness.py``) hold their own copy of this on purpose; a test lets each read what the other writes.
"""

import base64
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from governance.kernel.digests import sha256
from governance.kernel.errors import Invalid
from governance.kernel.words import _

SIGNS = 1
COSIGNS = 4
LONGEST_NOTE = 16_384
_NAME = re.compile(r"[^\s+]{1,200}")


@dataclass(frozen=True)
class Key:
    """A key as a note names it; ``kind`` is ``SIGNS`` or ``COSIGNS``, ``raw`` the 32 bytes of an Ed25519 public key."""

    name: str
    kind: int
    raw: bytes

    @property
    def hash(self) -> bytes:
        """The four bytes that stand before a signature and say whose it is."""
        return bytes.fromhex(sha256(f"{self.name}\n".encode() + bytes([self.kind]) + self.raw))[:4]

    @property
    def vkey(self) -> str:
        """The key as text, to hand over: name, key hash and key."""
        return f"{self.name}+{self.hash.hex()}+{base64.b64encode(bytes([self.kind]) + self.raw).decode()}"


@dataclass(frozen=True)
class Checkpoint:
    """What a note says: the log's name, the number of leaves, and the root over them; ``text`` is what is signed."""

    origin: str
    size: int
    root: bytes
    text: str
    signatures: tuple[tuple[str, bytes], ...]


def read_key(vkey: str) -> Key:
    """Read a verifier key; raises ``Invalid`` (``key-unreadable``)."""
    try:
        name, hashed, encoded = vkey.strip().split("+", 2)
        decoded = base64.b64decode(encoded, validate=True)
        key = Key(name, decoded[0], decoded[1:])
        good = _NAME.fullmatch(name) and key.kind in {SIGNS, COSIGNS} and len(key.raw) == 32
        if not good or bytes.fromhex(hashed) != key.hash:
            raise ValueError(vkey)
        Ed25519PublicKey.from_public_bytes(key.raw)
    except (ValueError, IndexError) as error:
        raise Invalid(
            "key-unreadable", _("This is no verifier key: name, fingerprint and key, joined by plus signs.")
        ) from error
    return key


def checkpoint_text(origin: str, size: int, root: bytes) -> str:
    """The text of a checkpoint, which is what is signed."""
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"


def line(key: Key, signature: bytes) -> str:
    """One signature line of a note."""
    return f"— {key.name} {base64.b64encode(key.hash + signature).decode()}\n"


def read(note: str) -> Checkpoint:
    """Take a checkpoint apart without believing it; raises ``Invalid`` (``proof-unreadable``)."""
    try:
        text, gap, rest = note.partition("\n\n")
        text += "\n"
        origin, size, root = text.split("\n")[:3]
        if (
            len(note) > LONGEST_NOTE
            or not gap
            or not _NAME.fullmatch(origin)
            or not re.fullmatch(r"0|[1-9]\d{0,17}", size)
        ):
            raise ValueError(size)
        pairs = [part.removeprefix("— ").rsplit(" ", 1) for part in rest.splitlines() if part.startswith("— ")]
        signatures = tuple((name, base64.b64decode(signature, validate=True)) for name, signature in pairs)
        return Checkpoint(origin, int(size), base64.b64decode(root, validate=True), text, signatures)
    except ValueError as error:
        raise Invalid("proof-unreadable", _("The checkpoint cannot be read.")) from error


def is_signed_by(note: Checkpoint, key: Key) -> bool:
    """Say whether the log itself signed this checkpoint with ``key``."""
    return any(
        name == key.name and signature[:4] == key.hash and _fits(key, signature[4:], note.text.encode())
        for name, signature in note.signatures
    )


def cosigned_at(note: Checkpoint, key: Key) -> int | None:
    """The moment (seconds since 1970) at which the witness ``key`` cosigned this checkpoint, or None."""
    for name, signature in note.signatures:
        if name == key.name and signature[:4] == key.hash and len(signature) == 76:
            moment = int.from_bytes(signature[4:12], "big")
            if moment < 1 << 40 and _fits(key, signature[12:], cosigned_text(note.text, moment)):
                return moment
    return None


def cosigned_text(text: str, moment: int) -> bytes:
    """What a witness signs."""
    return f"cosignature/v1\ntime {moment}\n{text}".encode()


def cosign(private: Ed25519PrivateKey, name: str, text: str, moment: int) -> str:
    """A witness's line under a checkpoint."""
    key = Key(name, COSIGNS, private.public_key().public_bytes_raw())
    return line(key, moment.to_bytes(8, "big") + private.sign(cosigned_text(text, moment)))


def _fits(key: Key, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key.raw).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
