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

import heapq
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from celery import shared_task
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from governance import signing
from governance.kernel import notes
from governance.kernel.digests import (
    STEP,
    Tree,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    sha256,
    subtree,
    verify_inclusion,
)
from governance.kernel.errors import Invalid
from governance.kernel.words import _
from governance.models import Checkpoint, Cosignature, Event, Leaf, Node

BATCH = 5000
NODES_AT_ONCE = 1024
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
        if _fill_nodes():
            return True
        last = Leaf.objects.select_related("event").order_by("-index").first()
        rows = _unsealed(last, after_restore)
        if not rows:
            return False
        before = newest_checkpoint()
        size = last.index + 1 if last else 0
        tree = _resume(before, size)
        leaves, nodes = [], []
        for event_id, body in rows:
            hashed = leaf_hash(body.encode())
            leaves.append(Leaf(index=tree.size, event_id=event_id, hash=hashed.hex()))
            nodes += tree.append(hashed)
        _keep(nodes)
        Leaf.objects.bulk_create(leaves, batch_size=1000)
        Checkpoint.objects.create(
            size=tree.size,
            root=tree.root.hex(),
            note=_note(tree.size, tree.root),
            frontier=[[level, hashed.hex()] for level, hashed in tree.frontier],
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


def _keep(nodes: Iterable[tuple[int, int, bytes]]) -> None:
    """Keep inner nodes; one that stands already stays (the same leaves have the same node)."""
    rows = [Node(height=height, index=index, hash=hashed.hex()) for height, index, hashed in nodes]
    Node.objects.bulk_create(rows, batch_size=1000, ignore_conflicts=True)


def _fill_nodes() -> bool:
    """Make some of the nodes that a log sealed before nodes were kept lacks; say whether it made any."""
    last = Node.objects.filter(height=STEP).order_by("-index").first()
    have, wanted = (last.index + 1 if last else 0), sealed_size() >> STEP
    if have >= wanted:
        return False
    start = have & -(1 << STEP)  # from a whole node of the next height, so that those come out too
    end = min(wanted, start + NODES_AT_ONCE)
    for height in range(STEP, STEP * 8, STEP):
        places = range(start >> (height - STEP), end >> (height - STEP))
        _keep([(height, place, subtree_of(place << height, (place + 1) << height)) for place in places])
    return True


# -- reading the tree --------------------------------------------------------------------------------------------------


def subtree_of(start: int, end: int) -> bytes:
    """The root over the sealed leaves from ``start`` up to, not including, ``end``: O(log n) questions of at most 256 rows each.

    ``start`` is where a tree of RFC 9162 would split, so the range falls into complete, aligned parts.
    """
    parts: list[bytes] = []
    while start < end:
        level = min((start & -start).bit_length() - 1 if start else 63, (end - start).bit_length() - 1)
        parts.append(_complete(level, start >> level))
        start += 1 << level
    result = parts[-1]
    for left in reversed(parts[:-1]):
        result = node_hash(left, result)
    return result


def _complete(level: int, index: int) -> bytes:
    """The hash of one complete node, from the nearest kept level below it; from further below where that has a gap."""
    height = level - level % STEP
    count = 1 << (level - height)
    rows: QuerySet[Leaf] | QuerySet[Node] = Leaf.objects.all() if height == 0 else Node.objects.filter(height=height)
    found = rows.filter(index__gte=index * count, index__lt=(index + 1) * count).order_by("index")
    hashes = [bytes.fromhex(hashed) for hashed in found.values_list("hash", flat=True)]
    if len(hashes) == count:
        return subtree(hashes)
    if level == 0:
        raise Invalid("proof-unreadable", _("A place of the log is empty. Tell the keepers: the log must be verified."))
    return node_hash(_complete(level - 1, 2 * index), _complete(level - 1, 2 * index + 1))


def nodes(height: int, first: int, count: int) -> list[bytes]:
    """The hashes of complete nodes of one height, in order: what a tile holds. ``height`` is a multiple of ``STEP``."""
    rows: QuerySet[Leaf] | QuerySet[Node] = Leaf.objects.all() if height == 0 else Node.objects.filter(height=height)
    found = rows.filter(index__gte=first, index__lt=first + count).order_by("index").values_list("hash", flat=True)
    hashes = [bytes.fromhex(hashed) for hashed in found]
    return hashes if len(hashes) == count else [_complete(height, first + n) for n in range(count)]


def consistency(first: int, second: int) -> list[bytes]:
    """The proof that the tree of ``second`` leaves only added to that of ``first``; raises ``Invalid`` (``size-unknown``)."""
    if not 0 < first <= second <= sealed_size():
        raise Invalid(
            "size-unknown", _("The log never had that many lines. The newest checkpoint says how many it has.")
        )
    return consistency_path(first, second, subtree_of)


def inclusion(index: int, size: int) -> list[bytes]:
    """The proof that leaf ``index`` stands in the tree of ``size`` leaves; raises ``Invalid`` (``size-unknown``)."""
    if not 0 <= index < size <= sealed_size():
        raise Invalid(
            "size-unknown", _("The log never had that many lines. The newest checkpoint says how many it has.")
        )
    return inclusion_path(index, size, subtree_of)


# -- the signed note ---------------------------------------------------------------------------------------------------


def origin() -> str:
    """The name of this log in its checkpoints."""
    return f"{urlsplit(settings.PUBLIC_URL).netloc or 'wellhouse'}/log"


def vkey() -> str:
    """The verifier key of this log, in C2SP form: name, key hash and key."""
    return _key().vkey


def _key() -> notes.Key:
    return notes.Key(origin(), notes.SIGNS, signing.public_raw())


def _note(size: int, root: bytes) -> str:
    text = notes.checkpoint_text(origin(), size, root)
    return f"{text}\n{notes.line(_key(), signing.sign_raw(text.encode()))}"


def read_note(note: str, keys: Iterable[bytes]) -> tuple[int, bytes]:
    """Return size and root of a checkpoint that one of ``keys`` (raw, 32 bytes) signed; raises ``Invalid`` otherwise."""
    read = notes.read(note)
    if any(notes.is_signed_by(read, notes.Key(read.origin, notes.SIGNS, raw)) for raw in keys):
        return read.size, read.root
    raise Invalid("signature-wrong", _("No key that we know signed this checkpoint."))


def our_keys() -> list[bytes]:
    """Every key that signed here, raw: the one in use and those before it."""
    return [signing.raw_of(signing.load_public(pem)) for pem in signing.public_keys().values()]


def cosigned(checkpoint: Checkpoint) -> str:
    """A checkpoint with the lines of all who vouch for it."""
    text = notes.read(checkpoint.note).text
    lines = []
    for note in Cosignature.objects.filter(size=checkpoint.size, root=checkpoint.root).values_list("note", flat=True):
        said = notes.read(note)
        if said.text == text:
            lines.append(note.rstrip("\n").rsplit("\n", 1)[1] + "\n")
    return checkpoint.note + "".join(sorted(set(lines)))


# -- verifying ---------------------------------------------------------------------------------------------------------


def verify(kept: str | None = None) -> Verified:
    """Read every event, leaf and checkpoint again; name the first leaf that is not what was sealed.

    Kinds: ``event-changed`` (the event is not what was sealed), ``columns-changed`` (its columns do not say what its
    text says), ``leaf-missing`` (a place in the row is empty), ``root-changed`` (everything agrees with itself and
    not with the signed root; the first leaf since the last root that is right), ``signature-wrong`` (a checkpoint
    that we did not sign; its last leaf), ``node-changed`` (an inner node, from which proofs are read), ``end-missing``
    (a checkpoint that a witness cosigned, or the ``kept`` one, has more leaves than we have),
    ``unsealed-changed`` (an event that has no place yet).
    """
    tree = Tree()
    right_until = 0
    stated = _stated(kept)
    waiting = next(stated, None)
    for index, sealed, event, nodes in _leaves():
        problem = "leaf-missing" if index != tree.size else _problem(event, sealed)
        if problem:
            return Verified(False, tree.size, tree.root.hex(), tree.size, problem)
        made = tree.append(bytes.fromhex(sealed))
        if any(nodes.get((height, place), hashed.hex()) != hashed.hex() for height, place, hashed in made):
            return Verified(False, tree.size, tree.root.hex(), tree.size - 1, "node-changed")
        while waiting is not None and waiting.size <= tree.size:
            if problem := waiting.problem(tree):
                bad = right_until if problem == "root-changed" else tree.size - 1
                return Verified(False, tree.size, tree.root.hex(), bad, problem)
            right_until, waiting = waiting.size, next(stated, None)
    if waiting is not None:
        kind = "leaf-missing" if waiting.is_ours else "end-missing"
        return Verified(False, tree.size, tree.root.hex(), tree.size, kind)
    if any(_event_problem(event) for event in unsealed().iterator(chunk_size=1000)):
        return Verified(False, tree.size, tree.root.hex(), None, "unsealed-changed")
    return Verified(True, tree.size, tree.root.hex())


@dataclass(frozen=True)
class _Stated:
    """One statement of size and root that the leaves are held against: our checkpoint, or what somebody outside vouched for."""

    size: int
    root: str
    note: str
    is_ours: bool
    keys: tuple[bytes, ...]
    witness: str = ""

    def problem(self, tree: Tree) -> str | None:
        """What does not fit, at the moment when the tree has ``size`` leaves."""
        try:
            size, root = read_note(self.note, self.keys)
        except Invalid:
            return "signature-wrong"
        if self.witness and notes.cosigned_at(notes.read(self.note), notes.read_key(self.witness)) is None:
            return "signature-wrong"
        if size != self.size or size != tree.size or root.hex() != self.root or root != tree.root:
            return "root-changed"
        return None


def _stated(kept: str | None) -> Iterator[_Stated]:
    """Every statement, the smallest first; our own before what others say of the same size."""
    keys = tuple(our_keys())
    ours = (
        _Stated(row.size, row.root, row.note, True, keys)
        for row in Checkpoint.objects.order_by("size").iterator(chunk_size=1000)
    )
    theirs = (
        _Stated(row.size, row.root, row.note, False, keys, row.witness.vkey)
        for row in Cosignature.objects.select_related("witness").order_by("size", "pk").iterator(chunk_size=1000)
    )
    outside: list[_Stated] = []
    if kept is not None:
        size, root = read_note(kept, keys)
        outside.append(_Stated(size, root.hex(), kept, False, keys))
    return heapq.merge(ours, theirs, outside, key=lambda said: said.size)


def waiting_count() -> int:
    """About how many events wait for the next seal; cheap at any size."""
    last = Leaf.objects.order_by("-index").first()
    return Event.objects.filter(pk__gt=last.event_id if last else 0).count()


def unsealed() -> QuerySet[Event]:
    """The events that have no place yet."""
    return Event.objects.filter(leaf=None).order_by("pk")


def _leaves() -> Iterator[tuple[int, str, Event | None, Mapping[tuple[int, int], str]]]:
    """Every leaf with its event, in order, and the nodes kept over its part of the row; an event that is gone is None."""
    after = -1
    while True:
        part = list(Leaf.objects.filter(index__gt=after).order_by("index")[:BATCH])
        if not part:
            return
        events = Event.objects.in_bulk([leaf.event_id for leaf in part])
        nodes = _nodes_over(part[0].index, part[-1].index)
        for leaf in part:
            yield leaf.index, leaf.hash, events.get(leaf.event_id), nodes
        after = part[-1].index


def _nodes_over(first: int, last: int) -> dict[tuple[int, int], str]:
    """The kept nodes that end between two leaves: (height, index) -> hash in hex."""
    either = Q()
    for height in range(STEP, STEP * 8, STEP):
        either |= Q(height=height, index__gte=first >> height, index__lte=last >> height)
    return {(h, n): hashed for h, n, hashed in Node.objects.filter(either).values_list("height", "index", "hash")}


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
    return {
        "format": FORMAT,
        "event": event.body,
        "leaf_index": leaf.index,
        "size": checkpoint.size,
        "root": checkpoint.root,
        "path": [step.hex() for step in inclusion(leaf.index, checkpoint.size)],
        "checkpoint": cosigned(checkpoint),
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
        known = keys if keys is not None else [notes.read_key(str(bundle["key"])).raw]
        note = str(bundle["checkpoint"])
    except (KeyError, TypeError, ValueError, Invalid) as error:
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
