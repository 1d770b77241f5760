"""Canonical JSON, hashes and the Merkle tree: what makes a decision, a manifest or a log checkable by somebody else.

Canonical JSON is RFC 8785. The tree is that of RFC 9162 (Certificate Transparency 2.0), section 2.1: a leaf hash is
SHA-256(0x00 || bytes), a node hash SHA-256(0x01 || left || right), and the root of an empty tree SHA-256 of nothing.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

import rfc8785

LEAF = b"\x00"
NODE = b"\x01"
STEP = 8
"""Every so many levels an inner node is worth keeping (C2SP tlog-tiles: a tile is 8 levels high)."""


def canonical(value: object) -> bytes:
    """Return ``value`` as RFC 8785 JSON in UTF-8; raises ``rfc8785.CanonicalizationError`` for what JSON cannot say."""
    return rfc8785.dumps(value)


def sha256(value: bytes) -> str:
    """Return the SHA-256 of ``value`` in lower-case hex."""
    return hashlib.sha256(value).hexdigest()


def digest(value: object) -> str:
    """Return the SHA-256, in hex, of the canonical JSON of ``value``."""
    return sha256(canonical(value))


def sample_uid(dataset_key: str, source: str, key: str) -> str:
    """Return a sample's identity: BLAKE2b-128 over (dataset key; source, key), 32 hex digits.

    The parts are joined by NUL, which none of them may contain. Two imports of one file therefore give one sample.
    """
    joined = "\0".join((dataset_key, source, key)).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(joined, digest_size=16).hexdigest()


def leaf_hash(value: bytes) -> bytes:
    """Return the RFC 9162 hash of a leaf (32 bytes)."""
    return hashlib.sha256(LEAF + value).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the RFC 9162 hash of an inner node (32 bytes)."""
    return hashlib.sha256(NODE + left + right).digest()


class Tree:
    """An append-only RFC 9162 tree that keeps only its frontier: O(log n) memory for any number of leaves.

    ``append`` takes leaf hashes (32 bytes) in order; ``root`` is the root over all of them.
    """

    def __init__(self, frontier: Sequence[tuple[int, bytes]] = ()) -> None:
        self._frontier: list[tuple[int, bytes]] = list(frontier)
        self._size = sum(1 << level for level, _ in self._frontier)

    @property
    def size(self) -> int:
        """The number of leaves."""
        return self._size

    @property
    def frontier(self) -> list[tuple[int, bytes]]:
        """Where the tree goes on: (level, hash) of its complete parts, the largest first."""
        return list(self._frontier)

    def append(self, hashed: bytes) -> list[tuple[int, int, bytes]]:
        """Add one leaf hash; return (level, index, hash) of the nodes at every ``STEP`` levels that it completed."""
        level, done = 0, []
        while self._frontier and self._frontier[-1][0] == level:
            _, left = self._frontier.pop()
            hashed = node_hash(left, hashed)
            level += 1
            if level % STEP == 0:
                done.append((level, self._size >> level, hashed))
        self._frontier.append((level, hashed))
        self._size += 1
        return done

    @property
    def root(self) -> bytes:
        """The root over all leaves so far (32 bytes)."""
        if not self._frontier:
            return hashlib.sha256(b"").digest()
        result = self._frontier[-1][1]
        for _, left in reversed(self._frontier[:-1]):
            result = node_hash(left, result)
        return result


def root_of(leaves: Iterable[bytes]) -> str:
    """Return the RFC 9162 root, in hex, over an ordered stream of leaf contents; memory is O(log n)."""
    tree = Tree()
    for leaf in leaves:
        tree.append(leaf_hash(leaf))
    return tree.root.hex()


def _split(n: int) -> int:
    """The largest power of two smaller than ``n`` (RFC 9162, section 2.1.1)."""
    return 1 << (n - 1).bit_length() - 1


def subtree(hashes: Sequence[bytes]) -> bytes:
    """Return the root over ``hashes`` (leaf hashes) as defined in RFC 9162, section 2.1.1."""
    tree = Tree()
    for hashed in hashes:
        tree.append(hashed)
    return tree.root


Subtree = Callable[[int, int], bytes]
"""(first leaf, leaf after the last) -> root over those leaves; what proofs are read from."""


def inclusion_path(index: int, size: int, subtree_of: Subtree) -> list[bytes]:
    """Return the inclusion proof of leaf ``index`` in the tree of ``size`` leaves (RFC 9162, section 2.1.3.1).

    ``subtree_of`` is asked for at most one root per level, so a store that knows its inner nodes reads O(log n) of them.
    """
    if not 0 <= index < size:
        raise IndexError(index)
    path, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(subtree_of(middle, end))
            end = middle
        else:
            path.append(subtree_of(start, middle))
            start = middle
    return path[::-1]


def consistency_path(first: int, second: int, subtree_of: Subtree) -> list[bytes]:
    """Return the proof that the tree of ``first`` leaves is a prefix of that of ``second`` (RFC 9162, 2.1.4.1)."""
    if not 0 < first <= second:
        raise IndexError(first)
    path, start, end, is_whole = [], 0, second, True
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            path.append(subtree_of(middle, end))
            end = middle
        else:
            path.append(subtree_of(start, middle))
            start, is_whole = middle, False
    if not is_whole:
        path.append(subtree_of(start, end))
    return path[::-1]


def inclusion_proof(index: int, hashes: Sequence[bytes]) -> list[bytes]:
    """Return the inclusion proof of leaf ``index`` in the tree over ``hashes`` (RFC 9162, section 2.1.3.1)."""
    return inclusion_path(index, len(hashes), lambda start, end: subtree(hashes[start:end]))


def verify_inclusion(index: int, size: int, hashed: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """Say whether ``proof`` shows that ``hashed`` is leaf ``index`` of the tree of ``size`` leaves with ``root``.

    RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < size:
        return False
    fn, sn, result = index, size - 1, hashed
    for step in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            result = node_hash(step, result)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            result = node_hash(result, step)
        fn >>= 1
        sn >>= 1
    return sn == 0 and result == root


def consistency_proof(first: int, hashes: Sequence[bytes]) -> list[bytes]:
    """Return the proof that the tree over the first ``first`` leaves is a prefix of the tree over ``hashes`` (2.1.4.1)."""
    return consistency_path(first, len(hashes), lambda start, end: subtree(hashes[start:end]))


def verify_consistency(first: int, second: int, root1: bytes, root2: bytes, proof: Sequence[bytes]) -> bool:
    """Say whether ``proof`` shows that the tree of ``second`` leaves extends that of ``first`` (RFC 9162, 2.1.4.2)."""
    if first == second:
        return not proof and root1 == root2
    if not 0 < first < second or not proof:
        return False
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, root1)
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn >>= 1
        sn >>= 1
    fr = sr = path[0]
    for step in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(step, fr), node_hash(step, sr)
            while not fn & 1 and fn:
                fn >>= 1
                sn >>= 1
        else:
            sr = node_hash(sr, step)
        fn >>= 1
        sn >>= 1
    return sn == 0 and fr == root1 and sr == root2
