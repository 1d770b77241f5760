"""Near-duplicates inside a part: how much of it says the same thing again?

Reads ``text``, ``text_hash``, ``split``. A row counts when another row of its part is equal after normalising or has a Jaccard
similarity of character 5-grams of at least .8 (index at .7, verified exactly; curation/neighbours.py). Warns over 5%
(quality.md, section 5; Deepchecks' DataDuplicates). Where the samples are not divided, the whole is one part.
"""

from collections.abc import Mapping

import pandas as pd

from curation.findings import Context, Evidence, Finding, capped, not_applicable
from curation.likeness import Likeness, of
from governance.kernel.words import _

VERSION = 1
TITLE = _("Nearly the same in one part")
READS = ("text", "text_hash", "split")
DEFAULTS = {"near": 0.8, "max_share": 0.05}


def check(members: pd.DataFrame, context: Context, params: Mapping[str, float]) -> list[Finding]:
    """Return one finding; ``rows`` are those with a twin in their own part."""
    body = pd.DataFrame(
        {"uid": members["sample_uid"], "key": members["text_hash"], "split": members["split"].fillna("")}
    )
    body = body[body["key"] != ""]
    if body.empty:
        return not_applicable(_("There is no text to compare."))
    likeness = of(members, context)
    first = body.groupby(["split", "key"], sort=False)["uid"].agg(["min", "max", "size"])
    rows, n_rows = _twins(first, likeness, params["near"])
    share = n_rows / len(body)
    is_much = share > params["max_share"]
    message = (
        _("{share} of the samples are nearly the same as another one of their part; we worry from {limit}.")
        if is_much
        else _("Few samples are nearly the same as another one of their part: {n} of {all}.")
    )
    return [
        Finding(
            "warn" if is_much else "pass",
            message,
            {"share": f"{share:.1%}", "limit": f"{params['max_share']:.0%}", "n": f"{n_rows:,}", "all": f"{len(body):,}"},
            score=1 - share,
            metric={"share": share, "rows": n_rows, "pairs": len(rows), "exact_rows": int(first["size"][first["size"] > 1].sum())},
            threshold=dict(params),
            n_checked=len(body),
            n_failed=n_rows,
            evidence=capped(rows),
            evidence_total=len(rows),
            fix="review" if is_much else "",
        )
    ]  # fmt: skip


def _twins(first: pd.DataFrame, likeness: Likeness, near: float) -> tuple[list[Evidence], int]:
    """Return a row a pair of contents (or a content that stands twice), and how many samples have a twin."""
    rows: list[Evidence] = []
    in_part: dict[str, dict[str, tuple[str, str, int]]] = {}
    for (split, key), low, high, size in zip(first.index, first["min"], first["max"], first["size"], strict=True):
        in_part.setdefault(split, {})[key] = (low, high, int(size))
    n_rows = 0
    for held in in_part.values():
        twinned = {key for key, (_low, _high, size) in held.items() if size > 1}
        rows += [
            Evidence((held[k][0], held[k][1]), 1.0, _("The same, {n} times"), {"n": held[k][2]}, "pair")
            for k in twinned
        ]
        for pair in likeness.pairs:
            if pair.similarity >= near and pair.one in held and pair.other in held:
                twinned |= {pair.one, pair.other}
                says, values = _("Nearly the same: {j} alike by letters"), {"j": f"{pair.similarity:.2f}"}
                ids = (held[pair.one][0], held[pair.other][0])
                rows.append(Evidence(ids, round(pair.similarity, 4), says, values, "pair"))
        n_rows += sum(held[key][2] for key in twinned)
    return sorted(rows, key=lambda row: (-float(row.value or 0), row.ids)), n_rows
