"""Conflicting duplicates: the same words with two different labels.

Reads ``text_hash``, ``media_sha``, ``label``, ``split``. Two samples are the same when their normal form (and their file, where
there is one) is the same; what has nothing to compare is like nothing. Any conflict warns; one that reaches the test part, or
conflicts in more than 1% of the samples, blocks (quality.md, section 5; Deepchecks' ConflictingLabels allows none).
"""

from collections.abc import Mapping

import pandas as pd

from curation.findings import Context, Evidence, Finding, Status, capped, not_applicable
from curation.likeness import content_keys
from governance.kernel.words import _

VERSION = 1
TITLE = _("Same words, different labels")
READS = ("text_hash", "media_sha", "label", "split")
DEFAULTS = {"max_share": 0.01, "max_in_test": 0}


def check(members: pd.DataFrame, context: Context, params: Mapping[str, float]) -> list[Finding]:
    """Return one finding; ``texts`` counts the contents in conflict, ``rows`` the samples that carry them."""
    body = pd.DataFrame(
        {
            "uid": members["sample_uid"],
            "key": content_keys(members),
            "label": members["label"],
            "split": members["split"],
        }
    )
    body = body[(body["key"] != "") & body["label"].notna()]
    if body.empty:
        return not_applicable(_("No sample has both content and a label."))
    kinds = body.groupby("key", sort=False)["label"].transform("nunique")
    torn = body[kinds > 1]
    texts, rows_in, n = int(torn["key"].nunique()), len(torn), len(body)
    test = context.named("test")
    in_test = int(torn.loc[torn["split"] == test, "key"].nunique()) if test else 0
    status: Status = "pass"
    message = _("No two samples with the same words have different labels.")
    if in_test > params["max_in_test"]:
        status, message = (
            "block",
            _("Texts that stand here more than once, with different labels: {texts}; in the test part: {in_test}."),
        )
    elif rows_in / n > params["max_share"]:
        status, message = (
            "block",
            _("Texts that stand here more than once, with different labels: {texts}, {share} of the samples."),
        )
    elif texts:
        status, message = "warn", _("Texts that stand here more than once, with different labels: {texts}.")
    return [
        Finding(
            status,
            message,
            {"texts": f"{texts:,}", "in_test": f"{in_test:,}", "share": f"{rows_in / n:.1%}"},
            score=1 - rows_in / n,
            metric={"texts": texts, "rows": rows_in, "share": rows_in / n, "texts_in_test": in_test},
            threshold=dict(params),
            n_checked=n,
            n_failed=texts,
            evidence=capped(_evidence(torn, test)),
            evidence_total=texts,
            fix="review" if texts else "",
        )
    ]


def _evidence(torn: pd.DataFrame, test: str | None) -> list[Evidence]:
    """Return one row a text in conflict; those in the test part first, then those with most samples."""
    found = []
    for _key, group in torn.groupby("key", sort=True):
        counts = group["label"].map(lambda v: v if isinstance(v, str) else ", ".join(v)).value_counts()
        told = "; ".join(f"{label}: {k}" for label, k in sorted(counts.items()))
        found.append(
            (
                bool(test) and bool((group["split"] == test).any()),
                Evidence(tuple(sorted(group["uid"])[:20]), len(group), _("{labels}"), {"labels": told}, "pair"),
            )
        )
    found.sort(key=lambda item: (not item[0], -float(item[1].value or 0), item[1].ids))
    return [row for _in_test, row in found]
