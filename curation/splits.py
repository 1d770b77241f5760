"""The split that never moves a sample.

Which part a sample stands in is written once, into an append-only ledger, and holds for ever: models that were tested on it
must not meet it in training later. What must not be torn apart comes from two sources. *Hard groups* share a key (speaker,
author, document); *kin* are equal or nearly equal in content. Everything here is deterministic: no random number, no dependence
on the order of rows, sizes and classes balanced by a greedy rule over the components (quality.md, section 6, steps 1-7).

Pure Python over plain values; one million samples take some seconds.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from governance.kernel.digests import digest

SPLITS: tuple[str, ...] = ("train", "validation", "test")
RATIOS: Mapping[str, float] = {"train": 0.8, "validation": 0.1, "test": 0.1}
#: Who gives way when two must not both stay: the test side, since nothing is ever moved into training.
GIVES_WAY: Mapping[str, int] = {"train": 2, "validation": 1, "test": 0}


@dataclass(frozen=True, slots=True)
class Row:
    """One sample as the split sees it.

    ``uid`` is its immutable id; ``groups`` its hard keys; ``kin`` the keys of its exact content (hash of normal text, hash of
    file), among which near-duplicate edges run; ``stratum`` what is balanced (the label). A row with ``is_member`` False is no
    part of this version (held, withdrawn, left out) but is still remembered when the ledger knows it.
    """

    uid: str
    groups: tuple[str, ...] = ()
    kin: tuple[str, ...] = ()
    stratum: str = ""
    is_member: bool = True


@dataclass(frozen=True)
class Quarantine:
    """A sample that this version leaves in no part: why, which part it would have had, and the sample it is too near to."""

    uid: str
    split: str
    reason: str
    partner: str


@dataclass(frozen=True)
class Assignment:
    """What came out: the part of each member, what is new for the ledger (uid -> (split, reason)), what is quarantined."""

    splits: Mapping[str, str]
    new: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    quarantined: tuple[Quarantine, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 over the sorted (uid, split) list: what a version stores."""
        return split_digest(self.splits)


def assign(
    rows: Iterable[Row],
    *,
    salt: str,
    ledger: Mapping[str, str] | None = None,
    near: Iterable[tuple[str, str]] = (),
    ratios: Mapping[str, float] = RATIOS,
) -> Assignment:
    """Give every member a part, or quarantine it.

    ``salt`` names the dataset and the split family. ``ledger`` maps each uid that ever stood in a version to its part.
    ``near`` holds pairs of kin keys whose contents are nearly equal. Old samples keep their part; a group that has one gives
    it to its new samples; free groups that touch placed samples join the part they touch most; other free components are
    placed greedily; a new sample that still touches another part is quarantined, alone.
    """
    fixed = {uid: split for uid, split in (ledger or {}).items() if split}
    # By id, so that nothing below can depend on the order in which rows came.
    known = sorted((row for row in rows if row.is_member or row.uid in fixed), key=lambda row: row.uid)
    links = _Links(known, near)
    # Step 5a: who has a part keeps it.
    placed = {row.uid: fixed[row.uid] for row in known if row.uid in fixed}
    reasons: dict[str, str] = {}
    groups = _hard_groups(known)
    _give_to_groups(groups, fixed, placed, reasons)
    free = [members for members in groups.values() if members[0].uid not in placed]
    components = _join(free, links)
    loose = _touch(components, links, placed, reasons)
    _place(loose, known, placed, reasons, salt, ratios)
    quarantined = _quarantine(known, groups, links, fixed, placed)
    out = {q.uid for q in quarantined}
    splits = {row.uid: placed[row.uid] for row in known if row.is_member and row.uid not in out}
    new = {uid: (split, reasons[uid]) for uid, split in splits.items() if uid not in fixed}
    return Assignment(splits, new, tuple(quarantined))


def split_digest(splits: Mapping[str, str]) -> str:
    """Return SHA-256 over the canonical JSON of the sorted (uid, split) list."""
    return digest([[uid, splits[uid]] for uid in sorted(splits)])


def faults(
    rows: Iterable[Row], splits: Mapping[str, str], near: Iterable[tuple[str, str]], ledger: Mapping[str, str]
) -> dict[str, int]:
    """Count what must be nought after an assignment: torn groups, edges across parts, samples that moved (step 7)."""
    members = [row for row in rows if row.uid in splits]
    links = _Links(members, near)
    torn = sum(len({splits[row.uid] for row in group}) > 1 for group in _hard_groups(members).values())
    across = sum(splits[a] != splits[b] for row in members for a, b in ((row.uid, o) for o in links.of(row)))
    moved = sum(splits[uid] != ledger[uid] for uid in splits if ledger.get(uid))
    return {"torn_groups": torn, "edges_across": across // 2, "moved": moved}


def component_hash(salt: str, key: str) -> int:
    """Return BLAKE2b-64 of (salt, key): the order of equals. A key that is itself a hash is hashed again on purpose.

    The least of many hashes is small by nature; used as it is, it would put every large component into the first part.
    """
    return int.from_bytes(hashlib.blake2b(f"{salt}\0{key}".encode(), digest_size=8).digest(), "big")


class _Links:
    """Which samples are too near to each other: those that share a kin key, and those whose kin keys share an edge."""

    def __init__(self, rows: Sequence[Row], near: Iterable[tuple[str, str]]) -> None:
        self.holders: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            for key in row.kin:
                self.holders[key].append(row.uid)
        self.edges: dict[str, set[str]] = defaultdict(set)
        for one, other in near:
            if one in self.holders and other in self.holders and one != other:
                self.edges[one].add(other)
                self.edges[other].add(one)

    def of(self, row: Row) -> Iterator[str]:
        """Yield the uids that ``row`` is too near to, each once, in a fixed order."""
        if not row.kin:
            return
        keys = set(row.kin)
        for key in row.kin:
            keys |= self.edges.get(key, set())
        if len(keys) == 1:
            yield from (uid for uid in self.holders[row.kin[0]] if uid != row.uid)
            return
        yield from sorted({uid for key in keys for uid in self.holders[key]} - {row.uid})


class _Sets:
    """Union-find with path halving."""

    def __init__(self) -> None:
        self.parent: dict[Hashable, Hashable] = {}

    def find(self, item: Hashable) -> Hashable:
        """Return the root of ``item``'s set."""
        parent = self.parent
        parent.setdefault(item, item)
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    def union(self, one: Hashable, other: Hashable) -> None:
        """Join two sets."""
        a, b = self.find(one), self.find(other)
        if a != b:
            self.parent[b] = a


def _hard_groups(rows: Sequence[Row]) -> dict[Hashable, list[Row]]:
    """Return the rows by hard group: whatever is joined by shared keys; a row without keys stands alone."""
    sets = _Sets()
    for row in rows:
        for key in row.groups[1:]:
            sets.union(("key", row.groups[0]), ("key", key))
    result: dict[Hashable, list[Row]] = defaultdict(list)
    for row in rows:
        result[sets.find(("key", row.groups[0])) if row.groups else ("uid", row.uid)].append(row)
    return result


def _give_to_groups(
    groups: Mapping[Hashable, list[Row]], ledger: Mapping[str, str], placed: dict[str, str], reasons: dict[str, str]
) -> None:
    """Step 5b: a group that has a part gives it to its new samples; one in several parts counts as the training side."""
    for members in groups.values():
        held = {ledger[row.uid] for row in members if row.uid in ledger}
        if not held:
            continue
        split = max(held, key=lambda name: GIVES_WAY.get(name, 0))
        for row in members:
            if row.uid not in placed:
                placed[row.uid], reasons[row.uid] = split, "group"


def _join(free: Sequence[list[Row]], links: _Links) -> list[list[Row]]:
    """Step 5c: free groups that are near to each other are one component."""
    sets = _Sets()
    for number, members in enumerate(free):
        for row in members:
            for key in row.kin:
                sets.union(("group", number), ("kin", key))
                for other in links.edges.get(key, ()):
                    sets.union(("group", number), ("kin", other))
    result: dict[Hashable, list[Row]] = defaultdict(list)
    for number, members in enumerate(free):
        result[sets.find(("group", number))] += members
    return list(result.values())


def _touch(
    components: Sequence[list[Row]], links: _Links, placed: dict[str, str], reasons: dict[str, str]
) -> list[list[Row]]:
    """Step 5c: a component that touches placed samples takes the part with most edges; the others are returned."""
    loose, joining = [], []
    for members in components:
        touched = Counter(placed[uid] for row in members for uid in links.of(row) if uid in placed)
        if touched:
            joining.append((members, min(touched, key=lambda name: (-touched[name], _rank(name)))))
        else:
            loose.append(members)
    for members, split in joining:
        for row in members:
            placed[row.uid], reasons[row.uid] = split, "near"
    return loose


def _place(
    components: Sequence[list[Row]],
    rows: Sequence[Row],
    placed: dict[str, str],
    reasons: dict[str, str],
    salt: str,
    ratios: Mapping[str, float],
) -> None:
    """Step 4: place free components, largest first, each where it costs least.

    The cost of a part is sum_k [2 n_k (cur_sk - t_sk) + n_k^2] / t_sk + K [2 n (cur_s - t_s) + n^2] / t_s, the growth of a
    chi-square against the targets t = ratio x totals, classes and size together; ties go by the order of the parts.
    """
    members = [row for row in rows if row.is_member]
    totals = Counter(row.stratum for row in members)
    names = [name for name in ratios if ratios[name] > 0]
    k_all = max(len(totals), 1)
    target = {s: {k: ratios[s] * totals[k] for k in totals} for s in names}
    target_size = {s: ratios[s] * len(members) for s in names}
    current: dict[str, Counter[str]] = {s: Counter() for s in names}
    size = dict.fromkeys(names, 0)
    for row in members:
        if placed.get(row.uid) in size:
            current[placed[row.uid]][row.stratum] += 1
            size[placed[row.uid]] += 1
    keyed = [(-len(c), component_hash(salt, str(min(component_hash(salt, r.uid) for r in c))), c) for c in components]
    for _size, _hash, component in sorted(keyed, key=lambda item: (item[0], item[1], item[2][0].uid)):
        counts = sorted(Counter(row.stratum for row in component).items())
        n = len(component)
        best, least = names[0], float("inf")
        for s in names:
            cost = k_all * (2 * n * (size[s] - target_size[s]) + n * n) / target_size[s]
            for k, n_k in counts:
                cost += (2 * n_k * (current[s][k] - target[s][k]) + n_k * n_k) / target[s][k]
            if cost < least:
                best, least = s, cost
        for row in component:
            placed[row.uid], reasons[row.uid] = best, "balance"
        size[best] += n
        current[best].update(dict(counts))


def _quarantine(
    rows: Sequence[Row],
    groups: Mapping[Hashable, list[Row]],
    links: _Links,
    ledger: Mapping[str, str],
    placed: Mapping[str, str],
) -> list[Quarantine]:
    """Steps 5d and 5e: leave out whoever still touches another part: the new before the old, the test side before training.

    An old group that was found to be one across parts loses its test side in this version; nobody is moved.
    """
    result: dict[str, Quarantine] = {}
    for members in groups.values():
        sides = {placed[row.uid] for row in members if row.uid in placed}
        if len(sides) > 1:
            stays = max(sides, key=lambda name: GIVES_WAY.get(name, 0))
            partner = next(row.uid for row in members if placed.get(row.uid) == stays)
            for row in members:
                if row.is_member and placed[row.uid] != stays:
                    result[row.uid] = Quarantine(row.uid, placed[row.uid], "group-across", partner)
    present = {row.uid for row in rows if row.is_member}
    order = sorted(
        (row for row in rows if row.is_member and row.kin),
        key=lambda row: (row.uid in ledger, GIVES_WAY.get(placed[row.uid], 0), row.uid),
    )
    for row in order:
        if row.uid in result:
            continue
        mine = placed[row.uid]
        # What is no part of this version cannot give way: it binds newcomers, and nobody who already has a part.
        partner = next(
            (
                uid
                for uid in links.of(row)
                if uid not in result and placed.get(uid, mine) != mine and (uid in present or row.uid not in ledger)
            ),
            "",
        )
        if partner:
            result[row.uid] = Quarantine(row.uid, mine, "near-across", partner)
    return [result[uid] for uid in sorted(result)]


def _rank(name: str) -> int:
    return SPLITS.index(name) if name in SPLITS else len(SPLITS)
