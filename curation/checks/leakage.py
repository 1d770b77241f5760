"""Leakage: is anything of the test part also in the training part?

Reads ``text``, ``text_hash``, ``content_hash``, ``media_sha``, ``split``. A test row leaks when a training row is equal byte for
byte, equal after normalising (rulings 3), the same file, or near: Jaccard similarity of character 5-grams at least .8
(candidates by MinHash from .7, each verified exactly; curation/neighbours.py). The four counts are of test rows and include
each other. Any exact one blocks; near ones block over 0.1% of the test part, or at one once a quarantine has made the parts; .7
to .8 warns. Other pairs of parts (validation with train, test with validation) are counted the same way and held to the same
rule. Texts of fewer than three words are listed and never decide (quality.md, sections 5 and 7).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from curation.findings import Context, Evidence, Finding, Status, capped, not_applicable
from curation.likeness import Likeness, of
from governance.kernel.words import _

VERSION = 1
TITLE = _("Leaks between the parts")
READS = ("text", "text_hash", "content_hash", "media_sha", "split")
DEFAULTS = {"near": 0.8, "look": 0.7, "max_near_share": 0.001}

RAW, NORMAL, NEAR, LOOK = "exact_raw", "exact_normalised", "near_08", "near_07"
SAYS = {
    RAW: _("The same, letter for letter"),
    NORMAL: _("The same but for capitals, signs or names"),
    NEAR: _("Nearly the same: {j} alike by letters"),
    LOOK: _("Somewhat the same: {j} alike by letters"),
}


@dataclass(frozen=True)
class _Leak:
    """One row and the row of another part that it is like."""

    uid: str
    partner: str
    kind: str
    similarity: float
    is_short: bool
    parts: tuple[str, str]


def check(members: pd.DataFrame, context: Context, params: Mapping[str, float]) -> list[Finding]:
    """Return one finding; its four counts are of test rows against train."""
    placed = members[members["split"].notna()]
    present = [name for name in context.split_names if (placed["split"] == name).any()]
    present += sorted(set(placed["split"]) - set(present))
    if len(present) < 2:
        return not_applicable(_("The samples are not divided into parts yet."))
    likeness = of(members, context)
    pairs = _pairs_of_parts(present, context)
    leaks = {parts: _leaks(placed, parts, likeness, params) for parts in pairs}
    first = leaks[pairs[0]]
    sizes = placed["split"].value_counts()
    all_leaks = [leak for found in leaks.values() for leak in found]
    counted = {parts: [x for x in found if not x.is_short] for parts, found in leaks.items()}
    exact = {parts: sum(x.kind in (RAW, NORMAL) for x in found) for parts, found in counted.items()}
    near = {parts: sum(x.kind == NEAR for x in found) for parts, found in counted.items()}
    near_share = max(near[parts] / int(sizes[parts[0]]) for parts in pairs)
    # The sentence speaks of the two parts that share most; the figures are of the first two, test and train.
    test, train = max(pairs, key=lambda parts: (exact[parts], near[parts], len(counted[parts])))
    n = exact[test, train] or near[test, train] or len(counted[test, train])
    status: Status = "pass"
    message = _("No row of {test} is also in {train}: no pair is {near} alike or more.")
    if any(exact.values()):
        status, message = (
            "block",
            _("{test} and {train} share rows: {n} of {test} ({share}). A model would be tested on what it has read."),
        )
    elif any(near.values()) and (context.quarantined or near_share > params["max_near_share"]):
        status, message = (
            "block",
            _(
                "Rows of {test} that are nearly the same as rows of {train}: {n}. A model would be tested on what it has read."
            ),
        )
    elif any(counted.values()):
        status, message = "warn", _("Rows of {test} that are somewhat like rows of {train}: {n}. Look at them.")
    counts = _counts(first)
    rows = [
        Evidence((x.uid, x.partner), round(x.similarity, 4), _SHORT if x.is_short else SAYS[x.kind],
                 {"j": f"{x.similarity:.2f}", "parts": " → ".join(x.parts)}, "pair")
        for x in sorted(all_leaks, key=lambda x: (x.is_short, -x.similarity, x.uid))
    ]  # fmt: skip
    failing = [x for x in all_leaks if not x.is_short and x.kind != LOOK]
    return [
        Finding(
            status,
            message,
            {
                "n": f"{n:,}",
                "test": test,
                "train": train,
                "share": f"{n / int(sizes[test]):.1%}",
                "near": f"{params['near']:g}",
            },
            score=1 - (counts[NEAR] or 0) / int(sizes[pairs[0][0]]),
            metric={
                **counts,
                "n_test": int(sizes[pairs[0][0]]),
                "between": ", ".join(pairs[0]),
                "across": {" / ".join(parts): _counts(found) for parts, found in leaks.items()},
            },
            threshold=dict(params),
            n_checked=int(sizes.sum()),
            n_failed=len(failing),
            evidence=capped(rows),
            evidence_total=len(rows),
            fix="quarantine" if failing else "",
            targets=tuple(dict.fromkeys(x.uid for x in failing))[:100],
        )
    ]


_SHORT = _("The same in fewer than three words: listed, not held against it")


def _pairs_of_parts(present: list[str], context: Context) -> list[tuple[str, str]]:
    """Return (held out, learned from) pairs, test against train first; without those names each part against the first."""
    names = {role: context.named(role) for role in ("train", "validation", "test")}
    wanted = [("test", "train"), ("validation", "train"), ("test", "validation")]
    known = [(a, b) for x, y in wanted if (a := names[x]) in present and (b := names[y]) in present and a and b]
    if not known:
        known = [(other, present[0]) for other in present[1:]]
    seen = {frozenset(pair) for pair in known}
    more = [(b, a) for i, a in enumerate(present) for b in present[i + 1 :] if frozenset((a, b)) not in seen]
    return known + more


def _leaks(
    placed: pd.DataFrame, parts: tuple[str, str], likeness: Likeness, params: Mapping[str, float]
) -> list[_Leak]:
    """Return at most one leak a row of the first part: its closest partner in the second."""
    held, learned = (placed[placed["split"] == name] for name in parts)
    raw = _first(learned["text"], learned["sample_uid"])
    hashes = _first(learned["text_hash"], learned["sample_uid"])
    media = _first(learned["media_sha"], learned["sample_uid"])
    found = []
    for uid, text, key, file in zip(
        held["sample_uid"], held["text"], held["text_hash"], held["media_sha"], strict=True
    ):
        is_short = key in likeness.is_short
        if isinstance(file, str) and file in media:
            found.append(_Leak(uid, media[file], RAW, 1.0, False, parts))
        elif key and text in raw:
            found.append(_Leak(uid, raw[text], RAW, 1.0, is_short, parts))
        elif key and key in hashes:
            found.append(_Leak(uid, hashes[key], NORMAL, 1.0, is_short, parts))
        elif key in likeness.near:
            close = [(s, k) for k, s in likeness.near[key].items() if k in hashes and s >= params["look"]]
            if close:
                s, k = max(close)
                kind = NEAR if s >= params["near"] else LOOK
                found.append(_Leak(uid, hashes[k], kind, s, is_short or k in likeness.is_short, parts))
    return found


def _first(values: "pd.Series[str]", uids: "pd.Series[str]") -> dict[str, str]:
    """Return value -> the first uid that has it; nothing and the empty string have none."""
    found: dict[str, str] = {}
    for value, uid in zip(values, uids, strict=True):
        if isinstance(value, str) and value:
            found.setdefault(value, uid)
    return found


def _counts(leaks: list[_Leak]) -> dict[str, int | float | None]:
    """Return the four cumulative counts of held-out rows."""
    kinds = pd.Series([leak.kind for leak in leaks], dtype=object).value_counts()
    running = 0
    counts: dict[str, int | float | None] = {}
    for kind in (RAW, NORMAL, NEAR, LOOK):
        running += int(kinds.get(kind, 0))
        counts[kind] = running
    return counts
