#!/usr/bin/env python3
"""Check lines of a Wellhouse log by yourself: one file, no Wellhouse, nothing but Python and the package ``cryptography``.

    python verify_proof.py PROOF.json --log-key VKEY
        one line of the log: is it in the tree, and did the log sign that tree?
    python verify_proof.py PROOF.json --log-key VKEY --witness VKEY [--witness VKEY ...]
        and did each of these witnesses vouch for that tree?
    python verify_proof.py --grown UPDATE --from CHECKPOINT --log-key VKEY
        did the log only grow since the checkpoint that you kept? (UPDATE: what https://.../log/since/SIZE/ answers)

``--public-key FILE`` takes the log's key as PEM instead. Get the key from the keepers, not from the file that you check:
without a key the one inside the file is used, and then the answer says only what that key says.

The answer is one JSON document: ok, size, root, first_bad_leaf, kind. Exit 0: good; 1: something is not as it was sealed;
2: it cannot be read. Standards: RFC 9162 (tree, proofs), C2SP signed-note, tlog-checkpoint, tlog-cosignature.
"""

import argparse
import base64
import hashlib
import json
import sys
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

FORMAT = "wellhouse/proof/1"
SIGNS, COSIGNS = 1, 4


class Unreadable(Exception):
    """The input is not what it should be; the first argument is a code."""


# -- the tree (RFC 9162, section 2.1) ----------------------------------------------------------------------------------


def leaf_hash(body: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def is_included(index: int, size: int, hashed: bytes, path: list[bytes], root: bytes) -> bool:
    """Section 2.1.3.2."""
    if not 0 <= index < size:
        return False
    fn, sn, result = index, size - 1, hashed
    for step in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            result = node_hash(step, result)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            result = node_hash(result, step)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and result == root


def is_consistent(first: int, second: int, root1: bytes, root2: bytes, path: list[bytes]) -> bool:
    """Section 2.1.4.2."""
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


# -- signed notes (C2SP) -----------------------------------------------------------------------------------------------


def key_hash(name: str, kind: int, raw: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + raw).digest()[:4]


def read_key(vkey: str) -> tuple[str, int, bytes]:
    """Name, algorithm and raw key of a verifier key."""
    try:
        name, hashed, encoded = vkey.strip().split("+", 2)
        decoded = base64.b64decode(encoded, validate=True)
        kind, raw = decoded[0], decoded[1:]
        if len(raw) != 32 or bytes.fromhex(hashed) != key_hash(name, kind, raw):
            raise ValueError(vkey)
    except (ValueError, IndexError) as error:
        raise Unreadable("key-unreadable", "this is no verifier key") from error
    return name, kind, raw


def read_note(note: str) -> tuple[str, int, bytes, str, list[tuple[str, bytes]]]:
    """Origin, size, root, the signed text, and (name, signature) of each line under it."""
    try:
        text, gap, rest = note.partition("\n\n")
        text += "\n"
        origin, size, root = text.split("\n")[:3]
        if not gap or not size.isdecimal() or len(size) > 18 or not origin:
            raise ValueError(size)
        pairs = [line[2:].rsplit(" ", 1) for line in rest.splitlines() if line.startswith("\u2014 ")]
        signatures = [(name, base64.b64decode(signature, validate=True)) for name, signature in pairs]
        return origin, int(size), base64.b64decode(root, validate=True), text, signatures
    except ValueError as error:
        raise Unreadable("proof-unreadable", "the checkpoint cannot be read") from error


def fits(raw: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(raw).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def is_signed(note: str, keys: list[bytes]) -> bool:
    """Whether the log signed this checkpoint with one of its keys."""
    origin, _size, _root, text, signatures = read_note(note)
    return any(
        name == origin and signature[:4] == key_hash(origin, SIGNS, raw) and fits(raw, signature[4:], text.encode())
        for name, signature in signatures
        for raw in keys
    )


def is_cosigned(note: str, vkey: str) -> bool:
    """Whether a witness vouched for this checkpoint."""
    wanted, kind, raw = read_key(vkey)
    *_checkpoint, text, signatures = read_note(note)
    for name, signature in signatures:
        if name == wanted and signature[:4] == key_hash(wanted, kind, raw) and kind == COSIGNS and len(signature) == 76:
            moment = int.from_bytes(signature[4:12], "big")
            if fits(raw, signature[12:], f"cosignature/v1\ntime {moment}\n{text}".encode()):
                return True
    return False


# -- what is checked ---------------------------------------------------------------------------------------------------


def check_proof(bundle: object, keys: list[bytes] | None, witnesses: list[str]) -> dict[str, object]:
    """Check one line; the answer of ``manage.py verify --proof``."""
    try:
        if not isinstance(bundle, dict) or bundle["format"] != FORMAT:
            raise ValueError(FORMAT)
        index, size = int(str(bundle["leaf_index"])), int(str(bundle["size"]))
        hashed = leaf_hash(str(bundle["event"]).encode())
        path = [bytes.fromhex(str(step)) for step in bundle["path"]]
        root, note = bytes.fromhex(str(bundle["root"])), str(bundle["checkpoint"])
        known = keys if keys is not None else [read_key(str(bundle["key"]))[2]]
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable("proof-unreadable", "this is no proof that can be read") from error
    kind = None
    try:
        if not is_signed(note, known):
            kind = "signature-wrong"
        elif read_note(note)[1:3] != (size, root):
            kind = "root-changed"
    except Unreadable as problem:
        kind = str(problem.args[0])
    if kind is None and not is_included(index, size, hashed, path, root):
        kind = "event-changed"
    if kind is None and not all(is_cosigned(note, vkey) for vkey in witnesses):
        kind = "witness-missing"
    return answer(size, root, None if kind is None else index, kind)


def check_growth(update: str, kept: str, keys: list[bytes]) -> dict[str, object]:
    """Check that a log only grew since a kept checkpoint; ``update`` is an add-checkpoint body (C2SP tlog-witness)."""
    head, _gap, note = update.partition("\n\n")
    old, *steps = head.split("\n")
    try:
        first = int(old.removeprefix("old "))
        path = [base64.b64decode(step, validate=True) for step in steps]
    except ValueError as error:
        raise Unreadable("proof-unreadable", "the update cannot be read") from error
    origin, size, root, *_rest = read_note(note)
    kept_origin, kept_size, kept_root, *_rest = read_note(kept)
    kind = None
    if origin != kept_origin or not is_signed(note, keys) or not is_signed(kept, keys):
        kind = "signature-wrong"
    elif size < kept_size:
        kind = "end-missing"
    elif first != kept_size or not is_consistent(kept_size, size, kept_root, root, path):
        kind = "root-changed"
    return answer(size, root, None if kind is None else min(size, kept_size), kind)


def answer(size: int, root: bytes, bad: int | None, kind: str | None) -> dict[str, object]:
    return {"ok": kind is None, "size": size, "root": root.hex(), "first_bad_leaf": bad, "kind": kind}


def read_keys(options: argparse.Namespace) -> list[bytes] | None:
    """The log's keys that were given, raw."""
    keys = [read_key(vkey)[2] for vkey in options.log_key]
    for file in options.public_key:
        try:
            key = load_pem_public_key(text_of(file).encode())
        except ValueError as error:
            raise Unreadable("key-unreadable", "this is not a public key in PEM form") from error
        if not isinstance(key, Ed25519PublicKey):
            raise Unreadable("key-unreadable", "only Ed25519 keys are used here")
        keys.append(key.public_bytes_raw())
    return keys or None


def text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable("file-unreadable", f"{path} cannot be read") from error


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Check lines of a Wellhouse log without Wellhouse.")
    parser.add_argument("proof", type=Path, nargs="?", help="a proof that was downloaded")
    parser.add_argument("--log-key", action="append", default=[], metavar="VKEY", help="the log's verifier key")
    parser.add_argument("--public-key", action="append", default=[], type=Path, metavar="FILE", help="the same as PEM")
    parser.add_argument(
        "--witness", action="append", default=[], metavar="VKEY", help="a witness that must have cosigned"
    )
    parser.add_argument("--grown", type=Path, metavar="UPDATE", help="what /log/since/SIZE/ answered")
    parser.add_argument("--from", dest="kept", type=Path, metavar="CHECKPOINT", help="the checkpoint that you kept")
    options = parser.parse_args(arguments)
    try:
        keys = read_keys(options)
        if options.grown and options.kept and keys:
            found = check_growth(text_of(options.grown), text_of(options.kept), keys)
        elif options.proof:
            try:
                bundle = json.loads(text_of(options.proof))
            except ValueError as error:
                raise Unreadable("proof-unreadable", "this is no proof that can be read") from error
            found = check_proof(bundle, keys, options.witness)
        else:
            raise Unreadable("proof-unreadable", "give a proof; or --grown, --from and --log-key")
    except Unreadable as problem:
        code, message = problem.args
        print(
            json.dumps({"error": {"code": code, "message": message, "path": str(options.proof or options.grown or "")}})
        )
        return 2
    print(json.dumps(found))
    return 0 if found["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
