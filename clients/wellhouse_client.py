"""A client that obeys: it hands out the rows of a version only while nobody has taken them back.

One file, to be copied into a pipeline; needs Python 3.11 and ``cryptography``, and ``pyarrow`` to read the shards by itself.

    from wellhouse_client import Guard

    guard = Guard.of("path/to/snapshot", public_keys=["house.pem"], state="wellhouse-state", purpose="language-research")
    for row in guard.rows("train"):        # or guard.pass_on(any rows with a "sample_id")
        ...

Before the first row, and again every hour while rows are drawn, it fetches the dataset's signed revocation list (its address and
the key to recognise one's own rows stand in the version's manifest) and stops when

- the signature, the format or the dataset is not the right one (``BadList``),
- an entry is missing, was changed, or was put in: numbers have no gap, each entry holds the digest of the one before (``BadList``),
- the list is older than one that was seen already, or tells another past (``Replayed``; the highest number is remembered on disk),
- ``nextUpdate`` has passed and no newer list can be had (``Stale``),
- the version, or a sample of it, is listed for this purpose (``Withdrawn``).

A version closes whole: one listed sample stops all of it. Who may lawfully go on with the rest says ``go_on_without=True``; the
listed rows are then left out, and never reach the iterator. It cannot make a model forget, and does not say so.

On the command line: ``check FOLDER --public-key FILE`` says whether a copy may be used (exit 0 or 1); ``sign STATEMENT.json --key
FILE`` prints the signed receipt of a statement that the letter's page gave.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

FORMAT = "wellhouse/revocations/1"
LIST_TYPE, RECEIPT_TYPE, WEBHOOK_TYPE = "revocations+jwt", "receipt+jwt", "webhook+jwt"
SUSPENDS, LIFTS = {"CaseOpened"}, {"CaseUnfounded"}
ENDS = {"CaseUpheld", "LegalDemand"}
LISTS = {"ConsentWithdrawn", "PurposeWithdrawn"}
RECHECK_SECONDS = 3600.0
CLOCKS_DIFFER = timedelta(minutes=10)
LARGEST = 256 * 1024 * 1024

Json = dict[str, object]
Row = Mapping[str, object]


class Refused(Exception):
    """These rows must not be used; the message says why, and what to do."""


class BadList(Refused):
    """The list is not what the house signed, or it has a hole."""


class Replayed(BadList):
    """The list is older than one that was seen, or tells another past."""


class Stale(Refused):
    """The list is too old to be believed."""


class Withdrawn(Refused):
    """The version, or rows of it, were taken back."""


@dataclass(frozen=True)
class Seen:
    """What is remembered of a dataset's list: the highest number, and the digest of that entry."""

    seq: int = 0
    head: str = ""


@dataclass(frozen=True)
class RevocationList:
    """A list that was checked."""

    dataset: str
    seq: int
    head: str
    next_update: datetime
    entries: tuple[Json, ...] = field(repr=False)

    def seen(self) -> Seen:
        """What to remember of it."""
        return Seen(self.seq, self.head)


# Reading a list


def read_list(
    jws: str, public_keys: Mapping[str, Ed25519PublicKey], dataset: str, *, now: datetime, seen: Seen = Seen()
) -> RevocationList:
    """Check a whole list and return it; raises ``BadList``, ``Replayed`` or ``Stale``. Never returns one to be doubted."""
    told = read_jws(jws, LIST_TYPE, public_keys)
    if told.get("format") != FORMAT or told.get("dataset") != dataset:
        raise BadList(f"This is no list of withdrawals of {dataset}.")
    entries, seq = told.get("entries"), told.get("seq")
    if not isinstance(entries, list) or not isinstance(seq, int) or len(entries) != seq:
        raise BadList("Entries are missing from the list of withdrawals.")
    head = ""
    digests = [head]
    for number, entry in enumerate(entries, start=1):
        if not isinstance(entry, dict) or entry.get("seq") != number:
            raise BadList(f"Entry {number} is missing from the list of withdrawals.")
        if entry.get("prev") != (f"sha256:{head}" if head else None):
            raise BadList(f"Entry {number} does not follow from the one before: something was changed or left out.")
        head = hashlib.sha256(canonical(entry)).hexdigest()
        digests.append(head)
    if told.get("head") != (f"sha256:{head}" if head else None):
        raise BadList("The end of the list is not the one that was signed.")
    if seq < seen.seq:
        raise Replayed(f"This list ends at {seq}, and {seen.seq} was seen already: somebody sends an old one.")
    if digests[seen.seq] != seen.head:
        raise Replayed(f"Entry {seen.seq} is another than the one that was seen: the past was changed.")
    since, until = _time(told.get("thisUpdate")), _time(told.get("nextUpdate"))
    if since > now + CLOCKS_DIFFER:
        raise BadList("The list comes from the future. Look at this machine's clock.")
    if until <= now:
        raise Stale(
            f"The list of withdrawals was good until {until:%Y-%m-%d %H:%M} UTC. Fetch a newer one before going on."
        )
    return RevocationList(dataset, seq, head, until, tuple(entries))


def read_jws(jws: str, typ: str, public_keys: Mapping[str, Ed25519PublicKey]) -> Json:
    """Return the payload of a compact JWS of this type by one of these keys (key id -> key); raises ``BadList``."""
    try:
        head, body, signature = jws.strip().split(".")
        header = json.loads(_b64(head))
        key = public_keys[str(header["kid"])]
        if header["alg"] != "Ed25519" or header["typ"] != typ or "crit" in header:
            raise BadList("This was signed in another way, or as something else.")
        key.verify(_b64(signature), f"{head}.{body}".encode("ascii"))
        read = json.loads(_b64(body))
    except KeyError as error:
        raise BadList("No key that is known here signed this.") from error
    except (InvalidSignature, ValueError, TypeError) as error:
        raise BadList("The signature does not hold: this was changed on its way, or cut off.") from error
    if not isinstance(read, dict):
        raise BadList("What was signed cannot be read.")
    return cast(Json, read)


def mark(key: str, sample_id: str) -> str:
    """Return the name that a sample has in the entries of one version; ``key`` stands in the version's manifest."""
    return "hmac:" + hmac.new(bytes.fromhex(key), sample_id.encode(), hashlib.sha256).hexdigest()[:32]


def canonical(value: object) -> bytes:
    """Return RFC 8785 JSON for what an entry holds: texts, whole numbers, lists, null, under ASCII names."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


# A copy of a version, guarded


class Guard:
    """Stands between a copy of a version and whatever uses it."""

    def __init__(
        self,
        manifest: Json,
        *,
        folder: Path | None = None,
        public_keys: Mapping[str, Ed25519PublicKey],
        state: Path,
        purpose: str,
        fetch: Callable[[str], str] | None = None,
        now: Callable[[], datetime] | None = None,
        go_on_without: bool = False,
        recheck_seconds: float = RECHECK_SECONDS,
    ) -> None:
        where = manifest.get("revocations")
        if not isinstance(where, dict) or not where.get("list") or not where.get("key"):
            raise Refused("The manifest names no list of withdrawals: this copy cannot be guarded.")
        self.manifest, self.folder, self.keys, self.purpose = manifest, folder, public_keys, purpose
        self.dataset, self.version = str(manifest["dataset"]), cast(int, manifest["version"])
        self.address, self.key = str(where["list"]), str(where["key"])
        self.state = Path(state)
        self.fetch = fetch or _fetch
        self.now = now or (lambda: datetime.now(UTC))
        self.go_on_without, self.recheck_seconds = go_on_without, recheck_seconds
        self._listed: frozenset[str] = frozenset()
        self._checked: float | None = None

    @classmethod
    def of(
        cls,
        folder: str | Path,
        *,
        public_keys: Sequence[str | Path],
        state: str | Path,
        purpose: str,
        go_on_without: bool = False,
    ) -> Guard:
        """Guard a downloaded version: the manifest's signature is checked first."""
        place = Path(folder)
        keys = load_public_keys(public_keys)
        return cls(
            signed_manifest(place, keys),
            folder=place,
            public_keys=keys,
            state=Path(state),
            purpose=purpose,
            go_on_without=go_on_without,
        )

    def check(self) -> frozenset[str]:
        """Fetch and check the list, remember how far it goes, and return the names of listed samples.

        Raises what ``read_list`` raises, and ``Withdrawn``. Where no list can be fetched the last good one counts, until its
        ``nextUpdate``.
        """
        jws, is_fresh = self._text()
        seen = self._remembered()
        found = read_list(jws, self.keys, self.dataset, now=self.now(), seen=seen)
        if is_fresh:
            self._remember(found.seen(), jws)
        listed = self._stops(found)
        if listed and not self.go_on_without:
            raise Withdrawn(
                f"{len(listed)} samples of {self.dataset} v{self.version} were taken back. Stop using this version, delete "
                f"every copy, and take the newest one."
            )
        self._listed, self._checked = listed, time.monotonic()
        return listed

    def pass_on(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield rows (each with its ``sample_id``) that may be used; checks before the first, and again every hour."""
        self.check()
        for row in rows:
            if self._checked is None or time.monotonic() - self._checked >= self.recheck_seconds:
                self.check()
            if mark(self.key, str(row["sample_id"])) not in self._listed:
                yield row

    def rows(self, split: str) -> Iterator[Row]:
        """Yield the rows of one split of the downloaded version (with ``pyarrow``), each file held against the manifest."""
        return self.pass_on(self._read(split))

    def _read(self, split: str) -> Iterator[Row]:
        import pyarrow.parquet as parquet  # noqa: PLC0415  # only who reads shards needs it

        if self.folder is None:
            raise Refused("There is no folder to read from: hand the rows to pass_on().")
        for file in cast(list[Json], self.manifest["files"]):
            name = str(file["path"])
            if name.startswith(f"data/{split}-"):
                place = self.folder / name
                if hashlib.sha256(place.read_bytes()).hexdigest() != file["sha256"]:
                    raise Refused(f"{name} is not the file that the manifest names.")
                for batch in parquet.ParquetFile(place).iter_batches():
                    yield from batch.to_pylist()

    def _stops(self, found: RevocationList) -> frozenset[str]:
        """The names of listed samples of this version; raises ``Withdrawn`` when all of it is closed."""
        listed: set[str] = set()
        suspended = False
        for entry in found.entries:
            if entry.get("version") != self.version:
                continue
            kind = str(entry.get("kind"))
            if kind in ENDS:
                raise Withdrawn(f"{self.dataset} v{self.version} was withdrawn. Stop using it, and delete every copy.")
            if kind in SUSPENDS | LIFTS:
                suspended = kind in SUSPENDS
            stops = cast(list[str], entry.get("stops") or [])
            if kind in LISTS and (not stops or not self.purpose or self.purpose in stops):
                listed.update(cast(list[str], entry.get("samples") or []))
        if suspended:
            raise Withdrawn(
                f"{self.dataset} v{self.version} is closed while the community looks into a case. Ask again later."
            )
        return frozenset(listed)

    def _text(self) -> tuple[str, bool]:
        try:
            return self.fetch(self.address), True
        except OSError as error:
            kept = self._place("jws")
            if not kept.is_file():
                raise Stale(f"No list of withdrawals could be fetched from {self.address} ({error}).") from error
            return kept.read_text(encoding="ascii"), False

    def _remembered(self) -> Seen:
        place = self._place("json")
        if not place.is_file():
            return Seen()
        kept = json.loads(place.read_text(encoding="ascii"))
        return Seen(int(kept["seq"]), str(kept["head"]))

    def _remember(self, seen: Seen, jws: str) -> None:
        self.state.mkdir(parents=True, exist_ok=True)
        _write(self._place("jws"), jws)
        _write(self._place("json"), json.dumps({"seq": seen.seq, "head": seen.head}))

    def _place(self, suffix: str) -> Path:
        name = hashlib.sha256(f"{self.address} {self.dataset}".encode()).hexdigest()[:32]
        return self.state / f"{name}.{suffix}"


def signed_manifest(folder: Path, public_keys: Mapping[str, Ed25519PublicKey]) -> Json:
    """Return the manifest of a downloaded version; raises ``Refused`` unless one of these keys signed exactly it."""
    content = (folder / "manifest.json").read_bytes()
    try:
        envelope = json.loads((folder / "manifest.dsse.json").read_bytes())
        payload, kind = base64.b64decode(envelope["payload"], validate=True), envelope["payloadType"].encode()
        encoded = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
        for signature in envelope["signatures"]:
            if signature["keyid"] in public_keys:
                public_keys[signature["keyid"]].verify(base64.b64decode(signature["sig"], validate=True), encoded)
                named = {one["name"]: one["digest"]["sha256"] for one in json.loads(payload)["subject"]}
                if named["manifest.json"] == hashlib.sha256(content).hexdigest():
                    return cast(Json, json.loads(content))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, InvalidSignature) as error:
        raise Refused("The signature of the manifest does not hold.") from error
    raise Refused("No key that is known here signed this manifest.")


# Keys and receipts


def load_public_keys(files: Sequence[str | Path]) -> dict[str, Ed25519PublicKey]:
    """Return key id -> key of PEM files that you got from the community, and not from the server that you check."""
    found = {}
    for file in files:
        key = load_pem_public_key(Path(file).read_bytes())
        if not isinstance(key, Ed25519PublicKey):
            raise Refused(f"{file} is no Ed25519 key.")
        found[key_id(key)] = key
    return found


def key_id(key: Ed25519PublicKey) -> str:
    """Return the id of a key: the first 32 hex digits of the SHA-256 of its 32 bytes."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:32]


def sign_receipt(statement: Json, key: Ed25519PrivateKey) -> str:
    """Return the signed receipt (compact JWS) of a statement that the letter's page, or the webhook, gave."""
    header = {"alg": "Ed25519", "kid": key_id(key.public_key()), "typ": RECEIPT_TYPE}
    signed = f"{_b64text(canonical(header))}.{_b64text(canonical(statement))}"
    return f"{signed}.{_b64text(key.sign(signed.encode('ascii')))}"


def _fetch(address: str) -> str:
    if not address.startswith(("https://", "http://")):
        raise Refused("The list's address is no web address.")
    with urllib.request.urlopen(address, timeout=30) as answer:  # the scheme was looked at
        text: bytes = answer.read(LARGEST)
    return text.decode("ascii")


def _write(place: Path, text: str) -> None:
    """Write whole or not at all."""
    draft = place.with_name(f"{place.name}.{os.getpid()}")
    draft.write_text(text, encoding="ascii")
    draft.replace(place)


def _time(text: object) -> datetime:
    try:
        return datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise BadList("The list does not say how long it may be believed.") from error


def _b64(text: str) -> bytes:
    content = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _b64text(content) != text:
        raise ValueError("bits to spare")
    return content


def _b64text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def main(arguments: Sequence[str] | None = None) -> int:
    """Check a copy, or sign a receipt."""
    parser = argparse.ArgumentParser(
        description="Check a copy of a version against the list of withdrawals, or sign a receipt."
    )
    doing = parser.add_subparsers(dest="do", required=True)
    checking = doing.add_parser("check", help="may this copy be used?")
    checking.add_argument("folder", type=Path)
    checking.add_argument("--public-key", type=Path, action="append", required=True, metavar="FILE")
    checking.add_argument("--state", type=Path, default=Path.home() / ".wellhouse")
    checking.add_argument("--purpose", default="")
    signing = doing.add_parser("sign", help="sign a receipt's statement")
    signing.add_argument("statement", type=Path)
    signing.add_argument("--key", type=Path, required=True, metavar="FILE")
    given = parser.parse_args(arguments)
    if given.do == "sign":
        key = load_pem_private_key(given.key.read_bytes(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            sys.stderr.write("This is no Ed25519 key.\n")
            return 2
        sys.stdout.write(sign_receipt(json.loads(given.statement.read_text(encoding="utf-8")), key) + "\n")
        return 0
    try:
        guard = Guard.of(given.folder, public_keys=given.public_key, state=given.state, purpose=given.purpose)
        guard.check()
    except Refused as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    sys.stdout.write("Nothing in this copy was taken back.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
