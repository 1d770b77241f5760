"""Disagreement: on how many samples do the annotators part?

Reads ``label``, ``n_votes``, ``agreement``, ``split``; votes (sample_uid, annotator, label) where there are some. A sample without
a strict majority (no label has more than half of the votes) counts as parted; a tie is "no consensus", never the first label
(rulings 38). The entropy of each sample's votes is in bits (Shannon 1948). Warns over 20%; an unresolved tie in the test part
blocks (quality.md, section 5).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from curation.findings import Context, Evidence, Finding, Status, capped, not_applicable
from governance.kernel.words import _

VERSION = 1
TITLE = _("Where opinions part")
READS = ("label", "n_votes", "agreement", "split")
DEFAULTS = {"max_share": 0.2, "max_ties_in_test": 0}


def check(members: pd.DataFrame, context: Context, params: Mapping[str, float]) -> list[Finding]:
    """Return one finding over the samples with two opinions or more."""
    several = members[members["n_votes"] >= 2]
    if several.empty:
        return not_applicable(_("No sample has two opinions yet, so nothing can part."))
    shares, entropy = _spread(several, context.votes)
    parted = shares <= 0.5
    unresolved = parted & several["label"].isna()
    test = context.named("test")
    in_test = int((unresolved & (several["split"] == test)).sum()) if test else 0
    share = float(parted.mean())
    status: Status = "pass"
    message = _("On nearly all samples most people say the same: opinions part on {n} of {all}.")
    if in_test > params["max_ties_in_test"]:
        status, message = (
            "block",
            _("{in_test} samples of the test part have no majority and no review. Nobody can be scored on them."),
        )
    elif share > params["max_share"]:
        status, message = "warn", _("Opinions part on {n} of {all} samples ({share}). Perhaps the question is unclear?")
    order = np.lexsort((several["sample_uid"][parted], -entropy[parted]))
    rows = [
        Evidence((str(uid),), float(bits), _("{k} opinions, the largest share {top}"), {"k": int(k), "top": f"{top:.0%}"})
        for uid, bits, k, top in zip(
            several["sample_uid"][parted].iloc[order], entropy[parted].iloc[order],
            several["n_votes"][parted].iloc[order], shares[parted].iloc[order], strict=True,
        )
    ]  # fmt: skip
    n = int(parted.sum())
    return [
        Finding(
            status,
            message,
            {"n": f"{n:,}", "all": f"{len(several):,}", "share": f"{share:.1%}", "in_test": f"{in_test:,}"},
            score=1 - share,
            metric={
                "parted_share": share,
                "mean_entropy_bits": float(entropy.mean()),
                "unresolved": int(unresolved.sum()),
                "unresolved_in_test": in_test,
            },
            threshold=dict(params),
            n_checked=len(several),
            n_failed=n,
            evidence=capped(rows),
            evidence_total=n,
            fix="review" if n else "",
        )
    ]


def _spread(several: pd.DataFrame, votes: pd.DataFrame | None) -> tuple["pd.Series[float]", "pd.Series[float]"]:
    """Return the largest share and the entropy in bits of each sample's votes, in the order of ``several``.

    Without the votes themselves the share is ``agreement`` and the entropy that of two answers with that share.
    """
    if votes is not None and len(votes):
        counts = votes.groupby(["sample_uid", "label"], observed=True).size()
        parts = counts / counts.groupby(level=0).transform("sum")
        top = parts.groupby(level=0).max()
        bits = (-(parts * np.log2(parts))).groupby(level=0).sum()
        uids = several["sample_uid"]
        return uids.map(top).fillna(several["agreement"]).astype(float), uids.map(bits).fillna(0.0).astype(float)
    share = several["agreement"].fillna(0.0).astype(float)
    rest = 1 - share
    return share, -(share * np.log2(share.where(share > 0, 1)) + rest * np.log2(rest.where(rest > 0, 1)))
