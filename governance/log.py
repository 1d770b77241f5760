"""The log: every act is an event; sealing gives the events their places in one tree that anybody can check.

An event is appended in the transaction of the act it tells of, and nothing else waits for that. Every few seconds
``seal`` takes the events that can no longer be overtaken, gives each the next leaf of an RFC 9162 tree, and signs the
new size and root as a checkpoint (a C2SP signed note). ``verify`` reads everything again and names the first leaf
that is not what was sealed; ``proof`` makes a bundle with which one event can be checked elsewhere, without us.
docs/log.md names the tables.

The horizon: on PostgreSQL transactions end in another order than they began, so an event is sealed only when no
transaction is left that began before its own (``tx < pg_snapshot_xmin(pg_current_snapshot())``), in the order (tx,
id). SQLite has one writer; there the order of ids is the order of commits.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from celery import shared_task
from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet

from governance import signing
from governance.kernel.digests import Tree, inclusion_proof, leaf_hash, sha256, verify_inclusion
from governance.kernel.errors import Invalid
from governance.kernel.words import _
from governance.models import Checkpoint, Event, Leaf

BATCH = 5000
FORMAT = "wellhouse/proof/1"
LOCK = 0x57454C4C
"""The advisory lock of whoever seals (PostgreSQL)."""


@dataclass(frozen=True)
class Verified:
    """What a look at the whole log, or at one proof, found; ``kind`` says what is wrong with ``first_bad_leaf``."""

    ok: bool
    size: int
    root: str
    first_bad_leaf: int | None = None
    kind: str | None = None

    def to_json(self) -> dict[str, object]:
        """As commands.md names it."""
        return dict(vars(self))


# -- sealing -----------------------------------------------------------------------------------------------------------


def seal(*, after_restore: bool = False) -> Checkpoint | None:
    """Seal what lies behind the horizon; return the newest checkpoint, or None while the log is empty.

    ``after_restore`` ignores the horizon: in a restored database nothing is still being written, and the transaction
    ids of the old cluster mean nothing to the new one. Run it before anything else is written there.
    """
    while _seal_some(after_restore):
        pass
    return newest_checkpoint()


def newest_checkpoint() -> Checkpoint | None:
    """The newest signed statement of size and root."""
    return Checkpoint.objects.order_by("-size").first()


def sealed_size() -> int:
    """How many events have their place."""
    last = Leaf.objects.order_by("-index").first()
    return last.index + 1 if last else 0


@shared_task(name="wellhouse.seal_log", ignore_result=True)
def seal_log() -> None:
    """What the clock calls."""
    seal()


def _seal_some(after_restore: bool) -> bool:
    """Seal one batch in one transaction; say whether there may be more."""
    with transaction.atomic():
        if not _alone():
            return False
        last = Leaf.objects.select_related("event").order_by("-index").first()
        rows = _unsealed(last, after_restore)
        if not rows:
            return False
        before = newest_checkpoint()
        size = last.index + 1 if last else 0
        tree = _resume(before, size)
        leaves = []
        for event_id, body in rows:
            hashed = leaf_hash(body.encode())
            leaves.append(Leaf(index=tree.size, event_id=event_id, hash=hashed.hex()))
            tree.append(hashed)
        Leaf.objects.bulk_create(leaves, batch_size=1000)
        Checkpoint.objects.create(
            size=tree.size,
            root=tree.root.hex(),
            note=_note(tree.size, tree.root),
            frontier=[[level, hashed.hex()] for level, hashed in tree._frontier],
        )
    return len(rows) == BATCH


def _alone() -> bool:
    """Take the right to seal for this transaction; on SQLite the transaction itself is that right."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK])
        return bool(cursor.fetchone()[0])


def _unsealed(last: Leaf | None, after_restore: bool) -> list[tuple[int, str]]:
    """(id, body) of the next events to seal, in their order."""
    if connection.vendor != "postgresql":
        newer = Event.objects.filter(pk__gt=last.event_id) if last else Event.objects.all()
        return list(newer.order_by("pk").values_list("pk", "body")[:BATCH])
    with connection.cursor() as cursor:
        if after_restore or last is None:
            cursor.execute(_ALL_UNSEALED if after_restore else _FIRST, [BATCH])
            return list(cursor.fetchall())
        cursor.execute(_MARK, [last.event_id])
        tx, is_behind_horizon = cursor.fetchone()
        if is_behind_horizon:
            cursor.execute(_NEXT, [tx, last.event_id, BATCH])
        else:
            cursor.execute(_NEXT_AFTER_RESTORE, [last.event_id, BATCH])
        return list(cursor.fetchall())


_UNSEALED = "FROM governance_event e LEFT JOIN governance_leaf l ON l.event_id = e.id WHERE l.index IS NULL"
_HORIZON = "e.tx < pg_snapshot_xmin(pg_current_snapshot())"
_ORDER = "ORDER BY e.tx, e.id LIMIT %s"
_ALL_UNSEALED = f"SELECT e.id, e.body {_UNSEALED} {_ORDER}"
_FIRST = f"SELECT e.id, e.body {_UNSEALED} AND {_HORIZON} {_ORDER}"
# The last sealed event says where to go on. If its transaction is not behind the horizon, it comes from before a restore: then ids
# tell what is new. What was sealed before a restore can meet the condition later; the join keeps it from being sealed twice.
_MARK = f"SELECT e.tx::text, {_HORIZON} FROM governance_event e WHERE e.id = %s"  # noqa: S608  # constants only
_NEXT = f"SELECT e.id, e.body {_UNSEALED} AND {_HORIZON} AND (e.tx, e.id) > (%s::xid8, %s) {_ORDER}"
_NEXT_AFTER_RESTORE = f"SELECT e.id, e.body {_UNSEALED} AND {_HORIZON} AND e.id > %s {_ORDER}"


def _resume(before: Checkpoint | None, size: int) -> Tree:
    """The tree over what is sealed: from the checkpoint's frontier when it fits, else from the leaves."""
    if before is not None and before.size == size:
        return Tree([(int(level), bytes.fromhex(hashed)) for level, hashed in before.frontier])
    tree = Tree()
    for hashed in Leaf.objects.order_by("index").values_list("hash", flat=True).iterator(chunk_size=BATCH):
        tree.append(bytes.fromhex(hashed))
    return tree


# -- the signed note ---------------------------------------------------------------------------------------------------


def origin() -> str:
    """The name of this log in its checkpoints."""
    return f"{urlsplit(settings.PUBLIC_URL).netloc or 'wellhouse'}/log"


def vkey() -> str:
    """The verifier key of this log, in C2SP form: name, key hash and key."""
    raw = signing.public_raw()
    encoded = base64.b64encode(b"\x01" + raw).decode()
    return f"{origin()}+{_key_hash(origin(), raw).hex()}+{encoded}"


def _note(size: int, root: bytes) -> str:
    text = f"{origin()}\n{size}\n{base64.b64encode(root).decode()}\n"
    signature = _key_hash(origin(), signing.public_raw()) + signing.sign_raw(text.encode())
    return f"{text}\n— {origin()} {base64.b64encode(signature).decode()}\n"


def _key_hash(name: str, raw: bytes) -> bytes:
    """C2SP signed-note: the first four bytes of SHA-256 over name, newline, algorithm 1 (Ed25519) and key."""
    return bytes.fromhex(sha256(name.encode() + b"\n\x01" + raw))[:4]


def read_note(note: str, keys: list[bytes]) -> tuple[int, bytes]:
    """Return size and root of a checkpoint that one of ``keys`` (raw, 32 bytes) signed; raises ``Invalid`` otherwise."""
    try:
        text, _gap, lines = note.partition("\n\n")
        text += "\n"
        name, size, root = text.split("\n")[:3]
        pairs = [line.removeprefix("— ").rsplit(" ", 1) for line in lines.splitlines() if line.startswith("— ")]
        read = int(size), base64.b64decode(root, validate=True)
        signatures = [(signer, base64.b64decode(signature, validate=True)) for signer, signature in pairs]
    except ValueError as error:
        raise Invalid("proof-unreadable", _("The checkpoint cannot be read.")) from error
    for signer, signature in signatures:
        for raw in keys:
            fits = signer == name and signature[:4] == _key_hash(name, raw)
            if fits and signing.is_signed(text.encode(), signature[4:], raw):
                return read
    raise Invalid("signature-wrong", _("No key that we know signed this checkpoint."))


def _our_keys() -> list[bytes]:
    return [signing.raw_of(signing.load_public(pem)) for pem in signing.public_keys().values()]


# -- verifying ---------------------------------------------------------------------------------------------------------


def verify() -> Verified:
    """Read every event, leaf and checkpoint again; name the first leaf that is not what was sealed.

    Kinds: ``event-changed`` (the event is not what was sealed), ``columns-changed`` (its columns do not say what its
    text says), ``leaf-missing`` (a place in the row is empty), ``root-changed`` (everything agrees with itself and
    not with the signed root; the first leaf since the last root that is right), ``signature-wrong`` (a checkpoint
    that we did not sign; its last leaf), ``unsealed-changed`` (an event that has no place yet).
    """
    tree = Tree()
    right_until = 0
    keys = _our_keys()
    checkpoints = Checkpoint.objects.order_by("size").iterator(chunk_size=1000)
    waiting = next(checkpoints, None)
    for index, sealed, event in _leaves():
        problem = "leaf-missing" if index != tree.size else _problem(event, sealed)
        if problem:
            return Verified(False, tree.size, tree.root.hex(), tree.size, problem)
        tree.append(bytes.fromhex(sealed))
        while waiting is not None and waiting.size <= tree.size:
            if problem := _checkpoint_problem(waiting, tree, keys):
                bad = right_until if problem == "root-changed" else tree.size - 1
                return Verified(False, tree.size, tree.root.hex(), bad, problem)
            right_until, waiting = waiting.size, next(checkpoints, None)
    if waiting is not None:
        return Verified(False, tree.size, tree.root.hex(), tree.size, "leaf-missing")
    if any(_event_problem(event) for event in unsealed().iterator(chunk_size=1000)):
        return Verified(False, tree.size, tree.root.hex(), None, "unsealed-changed")
    return Verified(True, tree.size, tree.root.hex())


def waiting_count() -> int:
    """About how many events wait for the next seal; cheap at any size."""
    last = Leaf.objects.order_by("-index").first()
    return Event.objects.filter(pk__gt=last.event_id if last else 0).count()


def unsealed() -> QuerySet[Event]:
    """The events that have no place yet."""
    return Event.objects.filter(leaf=None).order_by("pk")


def _leaves() -> Iterator[tuple[int, str, Event | None]]:
    """Every leaf with its event, in order; an event that is gone is None."""
    after = -1
    while True:
        part = list(Leaf.objects.filter(index__gt=after).order_by("index")[:BATCH])
        if not part:
            return
        events = Event.objects.in_bulk([leaf.event_id for leaf in part])
        for leaf in part:
            yield leaf.index, leaf.hash, events.get(leaf.event_id)
        after = part[-1].index


def _problem(event: Event | None, sealed: str) -> str | None:
    if event is None:
        return "leaf-missing"
    if leaf_hash(event.body.encode()).hex() != sealed:
        return "event-changed"
    return _event_problem(event)


def _event_problem(event: Event) -> str | None:
    """Say whether an event agrees with itself: text and hash, text and columns."""
    if sha256(event.body.encode()) != event.hash:
        return "event-changed"
    try:
        told = json.loads(event.body)
        said = (told["actor"], told["verb"], told["object"]["kind"], told["object"]["id"], told["community"])
        same_time = datetime.fromisoformat(told["at"]) == event.at
    except (ValueError, KeyError, TypeError):
        return "event-changed"
    columns = (event.actor, event.verb, event.object_kind, event.object_id, event.community)
    return None if said == columns and same_time else "columns-changed"


def _checkpoint_problem(checkpoint: Checkpoint, tree: Tree, keys: list[bytes]) -> str | None:
    try:
        size, root = read_note(checkpoint.note, keys)
    except Invalid:
        return "signature-wrong"
    if size != checkpoint.size or size != tree.size or root.hex() != checkpoint.root or root != tree.root:
        return "root-changed"
    return None


# -- proofs ------------------------------------------------------------------------------------------------------------


def proof(event: Event) -> dict[str, object]:
    """Return a bundle that proves, without us, that an event stands in the log; seals first when it has no place yet.

    Raises ``Invalid`` (``not-sealed-yet``) while a transaction that began earlier is still open.
    """
    leaf = Leaf.objects.filter(event=event).first()
    if leaf is None:
        seal()
        leaf = Leaf.objects.filter(event=event).first()
    checkpoint = newest_checkpoint()
    if leaf is None or checkpoint is None:
        raise Invalid("not-sealed-yet", _("This line is not sealed yet. Try again in a few seconds."))
    hashes = _hashes(checkpoint.size)
    return {
        "format": FORMAT,
        "event": event.body,
        "leaf_index": leaf.index,
        "size": checkpoint.size,
        "root": checkpoint.root,
        "path": [step.hex() for step in inclusion_proof(leaf.index, hashes)],
        "checkpoint": checkpoint.note,
        "key": vkey(),
    }


def check_proof(bundle: Mapping[str, object], keys: list[bytes] | None = None) -> Verified:
    """Check a bundle with nothing but itself and, if given, ``keys`` from elsewhere (raw, 32 bytes).

    Without ``keys`` the key in the bundle is used, and then it proves only what that key says. Raises ``Invalid``
    (``proof-unreadable``) for something that is no bundle.
    """
    try:
        if bundle["format"] != FORMAT:
            raise ValueError(FORMAT)
        index, size = int(str(bundle["leaf_index"])), int(str(bundle["size"]))
        hashed = leaf_hash(str(bundle["event"]).encode())
        path = [bytes.fromhex(str(step)) for step in bundle["path"]]  # type: ignore[attr-defined]  # checked by the except
        root = bytes.fromhex(str(bundle["root"]))
        known = keys if keys is not None else [base64.b64decode(str(bundle["key"]).split("+", 2)[2])[1:]]
        note = str(bundle["checkpoint"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise Invalid("proof-unreadable", _("This is no proof that we can read.")) from error
    kind = None
    try:
        if read_note(note, known) != (size, root):
            kind = "root-changed"
    except Invalid as refusal:
        kind = refusal.code
    if kind is None and not verify_inclusion(index, size, hashed, path, root):
        kind = "event-changed"
    return Verified(kind is None, size, root.hex(), None if kind is None else index, kind)


def _hashes(size: int) -> list[bytes]:
    """The leaf hashes of the first ``size`` leaves: 32 bytes each in memory, so 32 MB for a million."""
    found = Leaf.objects.filter(index__lt=size).order_by("index").values_list("hash", flat=True)
    return [bytes.fromhex(hashed) for hashed in found.iterator(chunk_size=BATCH)]
