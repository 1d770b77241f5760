"""Signing: a key of our own, and envelopes that nobody else can fill."""

import base64
import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from governance import signing
from governance.kernel.errors import Invalid, Unavailable


@pytest.fixture
def keys(settings: object, tmp_path: Path) -> Path:
    settings.KEYS_ROOT = tmp_path
    settings.SIGNING_KEY_FILE = str(tmp_path / "signing.pem")
    return tmp_path


def test_the_key_is_made_at_first_use_and_readable_by_nobody_else(keys: Path) -> None:
    keyid = signing.ensure_key()

    assert stat.S_IMODE((keys / "signing.pem").stat().st_mode) == 0o600
    assert signing.ensure_key() == keyid
    assert list(signing.public_keys()) == [keyid]


def test_production_makes_no_key_of_its_own(keys: Path, settings: object) -> None:
    settings.PRODUCTION = True

    with pytest.raises(Unavailable) as refusal:
        signing.ensure_key()

    assert refusal.value.code == "signing-key-missing"


def test_an_envelope_gives_back_what_was_signed(keys: Path) -> None:
    envelope = signing.sign(b"the tide", "text/x-tide")

    assert signing.verify(envelope) == b"the tide"


@pytest.mark.parametrize(
    "change",
    [
        {"payload": base64.b64encode(b"the ebb").decode()},
        {"payloadType": "text/x-other"},
        {"payload": "no base64!"},
        {"signatures": []},
        {"signatures": None},
    ],
)
def test_a_changed_envelope_is_refused(keys: Path, change: dict[str, object]) -> None:
    envelope = {**signing.sign(b"the tide", "text/x-tide"), **change}

    with pytest.raises(Invalid) as refusal:
        signing.verify(envelope)

    assert refusal.value.code == "signature-wrong"


def test_a_stranger_who_uses_our_key_id_is_refused(keys: Path) -> None:
    envelope = signing.sign(b"the tide", "text/x-tide")
    forged = Ed25519PrivateKey.generate().sign(b"DSSEv1 11 text/x-tide 8 the tide")
    envelope["signatures"][0]["sig"] = base64.b64encode(forged).decode()

    with pytest.raises(Invalid):
        signing.verify(envelope)


def test_the_encoding_is_that_of_the_dsse_specification() -> None:
    """The example of the DSSE protocol document, version 1.0.2."""
    assert signing._encoded(b"hello world", "http://example.com/HelloWorld") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_a_jws_gives_back_what_was_signed_under_the_name_of_rfc_9864(keys: Path) -> None:
    token = signing.jws({"b": 1, "a": "ü"}, "tide+jwt")

    assert signing.read_jws(token, "tide+jwt") == {"a": "ü", "b": 1}
    head = token.split(".")[0]
    header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    assert header == {"alg": "Ed25519", "kid": signing.current_keyid(), "typ": "tide+jwt"}


def _forged(token: str, part: int, text: bytes) -> str:
    parts = token.split(".")
    parts[part] = base64.urlsafe_b64encode(text).decode().rstrip("=")
    return ".".join(parts)


@pytest.mark.parametrize(
    "forge",
    [
        lambda token: _forged(token, 1, b'{"a":2}'),
        lambda token: _forged(token, 0, b'{"alg":"none","typ":"tide+jwt"}'),
        lambda token: _forged(token, 2, b"x" * 64),
        lambda token: token.rsplit(".", 1)[0] + ".",
        lambda token: "not a token",
        lambda token: "",
        lambda token: signing.jws({"a": 1}, "ebb+jwt"),
        lambda token: signing.jws_by(Ed25519PrivateKey.generate(), {"a": 1}, "tide+jwt"),
    ],
)
def test_a_jws_that_was_changed_or_is_of_another_kind_or_key_is_refused(keys: Path, forge: Callable) -> None:
    token = forge(signing.jws({"a": 1}, "tide+jwt"))

    with pytest.raises(Invalid) as refusal:
        signing.read_jws(token, "tide+jwt")

    assert refusal.value.code == "signature-wrong"


def test_a_jws_is_read_with_the_key_of_whoever_signed(keys: Path) -> None:
    theirs = Ed25519PrivateKey.generate()
    pem = theirs.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    token = signing.jws_by(theirs, {"a": 1}, "tide+jwt")

    assert signing.read_jws(token, "tide+jwt", {signing.keyid_of(theirs.public_key()): pem}) == {"a": 1}
