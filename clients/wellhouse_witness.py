#!/usr/bin/env python3
"""Be a witness of a Wellhouse log: see that it only grows, and say so with a key of your own.

Needs Python and the package ``cryptography``; run it on a machine that the people of the log do not hold, by cron or by hand.

    python wellhouse_witness.py --key witness.pem --new-key --name archive.example.org
        makes your key (once) and prints your verifier key: give it to a keeper, who names you on their log page
    python wellhouse_witness.py --log https://data.example.org --log-key VKEY --key witness.pem --name archive.example.org \\
        --state witness.json
        reads the newest checkpoint and the proof that it extends what you saw last; sends your cosignature

The log's key comes from the keepers. It is kept in the state file, so later visits need no ``--log-key``; when the house changes
its key, ask the keepers why, then give the new one.

What is refused, always: a checkpoint that the log did not sign, a log that became shorter, and a fork (another history than the
one that you saw). Then nothing is signed, both checkpoints are kept beside the state file as evidence, and the exit status is 1:
show it to the community. Exit 2: the log could not be reached, or answered nonsense; nothing was signed, come again later.

Forms: C2SP tlog-checkpoint, tlog-witness (the body of add-checkpoint), tlog-cosignature (cosignature/v1); RFC 9162.
"""

import argparse
import base64
import hashlib
import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

SIGNS, COSIGNS = 1, 4
LONGEST = 65_536
SECONDS = 30


class Refused(Exception):
    """The log is not what it was: nothing is signed."""


class NotNow(Exception):
    """Nothing can be said about the log at this moment."""


# -- the tree and its notes --------------------------------------------------------------------------------------------


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def is_consistent(first: int, second: int, root1: bytes, root2: bytes, path: list[bytes]) -> bool:
    """RFC 9162, section 2.1.4.2."""
    if first == second:
        return not path and root1 == root2
    if not 0 < first < second or not path:
        return False
    steps = list(path)
    if first & (first - 1) == 0:
        steps.insert(0, root1)
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = steps[0]
    for step in steps[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(step, fr), node_hash(step, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == root1 and sr == root2


def key_hash(name: str, kind: int, raw: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + raw).digest()[:4]


def vkey_of(name: str, key: Ed25519PrivateKey) -> str:
    raw = key.public_key().public_bytes_raw()
    return f"{name}+{key_hash(name, COSIGNS, raw).hex()}+{base64.b64encode(bytes([COSIGNS]) + raw).decode()}"


def read_log_key(vkey: str) -> tuple[str, bytes]:
    """Name and raw key of the log."""
    try:
        name, hashed, encoded = vkey.strip().split("+", 2)
        decoded = base64.b64decode(encoded, validate=True)
        if decoded[0] != SIGNS or len(decoded) != 33 or bytes.fromhex(hashed) != key_hash(name, SIGNS, decoded[1:]):
            raise ValueError(vkey)
    except (ValueError, IndexError) as error:
        raise NotNow("the log's key cannot be read: ask the keepers for it again") from error
    return name, decoded[1:]


def read_note(note: str) -> tuple[str, int, bytes, str, list[tuple[str, bytes]]]:
    """Origin, size, root, the signed text, and (name, signature) of each line under it."""
    try:
        text, gap, rest = note.partition("\n\n")
        text += "\n"
        origin, size, root = text.split("\n")[:3]
        if not gap or not size.isdecimal() or len(size) > 18:
            raise ValueError(size)
        pairs = [line[2:].rsplit(" ", 1) for line in rest.splitlines() if line.startswith("\u2014 ")]
        signatures = [(name, base64.b64decode(signature, validate=True)) for name, signature in pairs]
        return origin, int(size), base64.b64decode(root, validate=True), text, signatures
    except ValueError as error:
        raise NotNow("the checkpoint cannot be read") from error


def is_signed(note: str, origin: str, raw: bytes) -> bool:
    said, _size, _root, text, signatures = read_note(note)
    for name, signature in signatures:
        if said == name == origin and signature[:4] == key_hash(name, SIGNS, raw):
            try:
                Ed25519PublicKey.from_public_bytes(raw).verify(signature[4:], text.encode())
                return True
            except (InvalidSignature, ValueError):
                continue
    return False


def cosigned(note: str, name: str, key: Ed25519PrivateKey, moment: int) -> str:
    """The checkpoint with our line under it."""
    text = read_note(note)[3]
    signature = moment.to_bytes(8, "big") + key.sign(f"cosignature/v1\ntime {moment}\n{text}".encode())
    whose = key_hash(name, COSIGNS, key.public_key().public_bytes_raw())
    return f"{note}\u2014 {name} {base64.b64encode(whose + signature).decode()}\n"


# -- one visit ---------------------------------------------------------------------------------------------------------


def visit(log: str, *, state: Path, key: Ed25519PrivateKey, name: str, log_key: str = "") -> str:
    """See the log once; return the cosigned checkpoint. Raises ``Refused`` or ``NotNow``; then nothing was signed."""
    seen = json.loads(state.read_text()) if state.exists() else {}
    vkey = log_key or seen.get("log_key", "")
    if not vkey:
        raise NotNow("the first visit needs --log-key: ask the keepers for it")
    origin, raw = read_log_key(vkey)
    kept = str(seen.get("checkpoint", ""))
    kept_size, kept_root = read_note(kept)[1:3] if kept else (0, b"")

    update = ask(f"{log.rstrip('/')}/log/since/{kept_size}/")
    head, _gap, note = update.partition("\n\n")
    found_origin, size, root, *_rest = read_note(note)
    if found_origin != origin or not is_signed(note, origin, raw):
        refuse(state, "the log's key did not sign this checkpoint", kept, update)
    if size < kept_size:
        refuse(state, f"the log became shorter: {size} lines, and {kept_size} were seen before", kept, update)
    if kept:
        try:
            path = [base64.b64decode(step, validate=True) for step in head.split("\n")[1:]]
        except ValueError as error:
            raise NotNow("the proof cannot be read") from error
        if not is_consistent(kept_size, size, kept_root, root, path):
            refuse(
                state, f"the log is another than the one seen before, within its first {kept_size} lines", kept, update
            )

    # First remember, then sign: what was vouched for must never be forgotten.
    write(state, json.dumps({"log": log, "log_key": vkey, "checkpoint": note}, indent=1))
    whole = cosigned(note, name, key, int(time.time()))
    ask(f"{log.rstrip('/')}/log/cosignatures/", whole.encode())
    return whole


def refuse(state: Path, why: str, kept: str, update: str) -> None:
    """Keep both sides of the contradiction, then refuse."""
    evidence = state.with_name(f"{state.name}.evidence-{time.time_ns()}.json")
    write(evidence, json.dumps({"why": why, "seen_before": kept, "answered_now": update}, indent=1, ensure_ascii=False))
    raise Refused(f"{why}. Nothing was signed; both are kept in {evidence}")


def ask(url: str, content: bytes | None = None) -> str:
    request = urllib.request.Request(url, data=content, headers={"Content-Type": "text/plain; charset=utf-8"})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return answer.read(LONGEST).decode()
    except urllib.error.HTTPError as error:
        raise NotNow(f"the log answered {error.code}: {error.read(500).decode(errors='replace')}") from error
    except (OSError, ValueError) as error:
        raise NotNow(f"the log could not be reached: {error}") from error


def write(path: Path, text: str) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def new_key(path: Path) -> Ed25519PrivateKey:
    key = Ed25519PrivateKey.generate()
    with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return key


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="See that a Wellhouse log only grows, and vouch for it.")
    parser.add_argument("--log", metavar="URL", help="where the log is, such as https://data.example.org")
    parser.add_argument("--log-key", default="", metavar="VKEY", help="the log's verifier key, from the keepers")
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="your private key")
    parser.add_argument(
        "--name", required=True, help="how you are called under a checkpoint, such as archive.example.org"
    )
    parser.add_argument("--state", type=Path, default=Path("witness.json"), metavar="FILE", help="what you saw last")
    parser.add_argument("--new-key", action="store_true", help="make the key, print the verifier key, and end")
    options = parser.parse_args(arguments)
    try:
        if options.new_key:
            print(vkey_of(options.name, new_key(options.key)))
            return 0
        key = load_pem_private_key(options.key.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey) or not options.log:
            raise NotNow("give --log, and an Ed25519 key that --new-key made")
        print(visit(options.log, state=options.state, key=key, name=options.name, log_key=options.log_key), end="")
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 1
    except (NotNow, OSError, ValueError) as problem:
        print(problem, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
