"""Our signature: one Ed25519 key of the house, made at first start, and the envelope in which signed things travel.

The envelope is DSSE (Dead Simple Signing Envelope, version 1.0.2): the signature covers the type of the payload and
its bytes, so a signed decision can never be passed off as a signed manifest. Rotation keeps old public keys
published, so what they signed can still be checked; a lost private key cannot be made again and what it signed stays
as it was.

What parties outside sign or read with their own tools (agreements, revocation lists, receipts, webhooks) travels as a
compact JWS (RFC 7515) with ``alg: Ed25519`` (RFC 9864) over RFC 8785 bytes; its ``typ`` says what it is, and a reader
that expects another ``typ`` refuses it.
"""

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from django.conf import settings
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.jws import deserialize_compact, extract_compact, serialize_compact

from governance.kernel.digests import canonical
from governance.kernel.errors import Invalid, Unavailable
from governance.kernel.words import _

Envelope = dict[str, object]
ALGORITHM = "Ed25519"
KEY_CHANGE = "key-change+jwt"


def sign(payload: bytes, payload_type: str) -> Envelope:
    """Return a DSSE envelope around ``payload``, signed with the house's key."""
    key = _private()
    signature = key.sign(_encoded(payload, payload_type))
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": payload_type,
        "signatures": [{"keyid": keyid_of(key.public_key()), "sig": base64.b64encode(signature).decode()}],
    }


def verify(envelope: Envelope, public_keys: dict[str, str] | None = None) -> bytes:
    """Return the payload of an envelope that one of ``public_keys`` (keyid -> PEM; default: ours) signed.

    Raises ``Invalid`` (``signature-wrong``) for anything else, an unreadable envelope included.
    """
    known = _published() if public_keys is None else public_keys
    try:
        payload = base64.b64decode(str(envelope["payload"]), validate=True)
        encoded = _encoded(payload, str(envelope["payloadType"]))
        signatures = envelope["signatures"]
        pairs = [(str(s["keyid"]), base64.b64decode(s["sig"], validate=True)) for s in signatures]  # type: ignore[attr-defined]  # checked by the except
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid("signature-wrong", _("This is not a signed envelope that can be read.")) from error
    for keyid, signature in pairs:
        if keyid in known and _is_by(load_public(known[keyid]), signature, encoded):
            return payload
    raise Invalid("signature-wrong", _("No key that we know signed this, or it was changed after it was signed."))


def around(payload: bytes, signed: Mapping[str, object]) -> Envelope:
    """Return the envelope of a payload that is kept apart from its ``payloadType`` and ``signatures``."""
    return {**signed, "payload": base64.b64encode(payload).decode()}


def sign_raw(message: bytes) -> bytes:
    """Return the bare Ed25519 signature (64 bytes) of ``message``: for forms that are not DSSE, such as a signed
    note.
    """
    return _private().sign(message)


def jws(payload: Mapping[str, object], typ: str) -> str:
    """Return ``payload`` as a compact JWS, signed with the house's key: RFC 8785 bytes, ``alg: Ed25519``, our ``kid``."""
    return jws_by(_private(), payload, typ)


def jws_by(key: Ed25519PrivateKey, payload: Mapping[str, object], typ: str) -> str:
    """Return ``payload`` as a compact JWS by any Ed25519 key: what a community or a partner signs with its own."""
    header = {"alg": ALGORITHM, "kid": keyid_of(key.public_key()), "typ": typ}
    return serialize_compact(header, canonical(payload), OKPKey.import_key(key), algorithms=[ALGORITHM])


def read_jws(token: str, typ: str, public_keys: Mapping[str, str] | None = None) -> dict[str, object]:
    """Return the payload of a compact JWS that one of ``public_keys`` (keyid -> PEM; default: ours) signed as ``typ``.

    Raises ``Invalid`` (``signature-wrong``) for another type, another algorithm, an unknown key, a changed or unreadable
    text, and for a payload that is no JSON object in canonical form.
    """
    known = _published() if public_keys is None else public_keys
    wrong = _("No key that we know signed this, or it was changed after it was signed.")
    try:
        header = extract_compact(token.encode()).headers()
        pem = known.get(str(header.get("kid")))
        if pem is None or header.get("typ") != typ:
            raise Invalid("signature-wrong", wrong)
        key = OKPKey.import_key(load_public(pem))
        payload = deserialize_compact(token, key, algorithms=[ALGORITHM]).payload
        read = json.loads(payload)
    except (JoseError, ValueError, TypeError) as error:
        raise Invalid("signature-wrong", wrong) from error
    if not isinstance(read, dict) or canonical(read) != payload:
        raise Invalid("signature-wrong", wrong)
    return read


def is_signed(message: bytes, signature: bytes, public: bytes) -> bool:
    """Say whether ``signature`` over ``message`` is by the raw public key ``public`` (32 bytes)."""
    try:
        return _is_by(Ed25519PublicKey.from_public_bytes(public), signature, message)
    except ValueError:
        return False


def public_keys() -> dict[str, str]:
    """The published public keys, keyid -> PEM: the one in use and those before it."""
    return _published()


def public_key_ids() -> list[str]:
    """The ids of the published keys, without reading the private one: it may be lost."""
    return sorted(path.stem for path in _public_folder().glob("*.pem"))


def public_raw() -> bytes:
    """The public key in use, raw (32 bytes)."""
    return raw_of(_private().public_key())


def current_keyid() -> str:
    """The id of the key in use."""
    return keyid_of(_private().public_key())


def raw_of(key: Ed25519PublicKey) -> bytes:
    """A public key as its 32 bytes."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def keyid_of(key: Ed25519PublicKey) -> str:
    """The id of a public key: the first 32 hex digits of the SHA-256 of its raw bytes."""
    return hashlib.sha256(raw_of(key)).hexdigest()[:32]


def load_public(pem: str) -> Ed25519PublicKey:
    """Read a public key in PEM; raises ``Invalid`` for any other kind of key."""
    try:
        key = load_pem_public_key(pem.encode())
    except ValueError as error:
        raise Invalid("key-unreadable", _("This is not a public key in PEM form.")) from error
    if not isinstance(key, Ed25519PublicKey):
        raise Invalid("key-unreadable", _("Only Ed25519 keys are used here."))
    return key


def ensure_key() -> str:
    """Make the house's key if there is none yet, publish its public half, and return its id. Safe to call many times."""
    return keyid_of(_private().public_key())


def _encoded(payload: bytes, payload_type: str) -> bytes:
    """DSSE's pre-authentication encoding (PAE)."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def _is_by(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def change_key(*, is_lost: bool = False) -> tuple[str, str, str]:
    """Put a new key into use; return the old one's id, the new one's, and the old one's signature over the new (a JWS).

    The old private key is destroyed, its public half stays published, so that what it signed can still be checked. When it
    ``is_lost`` (or given away), nothing of it is read: id and signature of the old key are empty.
    """
    path = Path(settings.SIGNING_KEY_FILE)
    old = None if is_lost else _private()
    fresh = Ed25519PrivateKey.generate()
    new = keyid_of(fresh.public_key())
    said = jws_by(old, {"key": new, "raw": raw_of(fresh.public_key()).hex()}, KEY_CHANGE) if old else ""
    _publish(fresh.public_key())
    draft = _draft(path, fresh)
    draft.replace(path)
    return keyid_of(old.public_key()) if old else "", new, said


def _private() -> Ed25519PrivateKey:
    path = Path(settings.SIGNING_KEY_FILE)
    # A running process must notice a change of key: it is read again when the file is another.
    return _load(str(path), path.stat().st_mtime_ns if path.exists() else 0)


@cache
def _load(file: str, written_ns: int) -> Ed25519PrivateKey:
    path = Path(file)
    if not path.exists():
        if settings.PRODUCTION:
            raise Unavailable(
                "signing-key-missing", _("The key that signs is not there. Its keepers must put it back.")
            )
        _make(path)
    key = load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise Unavailable("signing-key-missing", _("The key that signs is of another kind: an Ed25519 key is needed."))
    _publish(key.public_key())
    return key


def _make(path: Path) -> None:
    """Write a new private key, readable by nobody else; when two processes try at once, the first wins."""
    draft = _draft(path, Ed25519PrivateKey.generate())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _draft(path: Path, key: Ed25519PrivateKey) -> Path:
    """Write a private key beside its place, readable by nobody else."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    with open(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return draft


def _published() -> dict[str, str]:
    _private()
    return {path.stem: path.read_text() for path in sorted(_public_folder().glob("*.pem"))}


def _publish(key: Ed25519PublicKey) -> None:
    folder = _public_folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / f"{keyid_of(key)}.pem"
    if not path.exists():
        draft = path.with_suffix(f".{os.getpid()}.new")
        draft.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
        draft.replace(path)


def _public_folder() -> Path:
    return Path(settings.KEYS_ROOT) / "public"
