"""Class balance: is any label so rare that a model would hardly meet it?

Reads ``label``. Counts every declared class (the observed ones where none are declared); a sample with several labels counts
for each. Imbalance ratio = max n_k / min n_k, no number when a class is empty. Normalised entropy = H(p) / ln K (Shannon 1948).
Weights: effective number of samples, w_k = (1 - b) / (1 - b^n_k) rescaled to sum K, b = .999 under 10,000 rows, else .9999
(Cui et al. 2019, arXiv 1901.05555). A declared class without a row blocks; a ratio over 10, an entropy under .75 (quality.md,
section 5) or a share under 0.1 / K (Datalab's and Deepchecks' rule) warns.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from curation.distributions import normalised_entropy
from curation.findings import Context, Evidence, Finding, Status, capped, not_applicable
from governance.kernel.words import _

VERSION = 1
TITLE = _("Balance of labels")
READS = ("label",)
DEFAULTS = {"max_ratio": 10.0, "min_entropy": 0.75, "min_share_of_equal": 0.1}


def check(members: pd.DataFrame, context: Context, params: Mapping[str, float]) -> list[Finding]:
    """Return one finding over all labelled members."""
    given = members["label"].explode().dropna()
    counts = given.value_counts()
    classes = list(context.labels) or sorted(counts.index)
    classes += sorted(set(counts.index) - set(classes))
    if not classes:
        return not_applicable(_("No sample has a label yet, so there is no balance to look at."))
    n = np.array([int(counts.get(name, 0)) for name in classes], dtype=np.int64)
    ratio = float(n.max() / n.min()) if n.min() else None
    entropy = normalised_entropy(n)
    shares = n / max(int(n.sum()), 1)
    empty = [name for name, k in zip(classes, n, strict=True) if not k]
    thin = [
        name for name, s in zip(classes, shares, strict=True) if 0 < s < params["min_share_of_equal"] / len(classes)
    ]
    status: Status = "pass"
    message, values = _("The labels are well balanced: for one “{rare}” there are {ratio} “{common}”."), {}
    if empty:
        status, message = (
            "block",
            _("No sample at all has the label “{rare}”. A model cannot learn it, and no test can show that."),
        )
    elif len(classes) < 2:
        status, message = "warn", _("Every sample has the same label, “{rare}”. There is nothing to tell apart.")
    elif (ratio or 0) > params["max_ratio"] or thin:
        status, message = "warn", _("“{rare}” is thin: for each one there are {ratio} “{common}”.")
    elif entropy is not None and entropy < params["min_entropy"]:
        status, message = "warn", _("A few labels have nearly all the samples: “{common}” alone has {top} of {all}.")
    rare, common = classes[int(n.argmin())], classes[int(n.argmax())]
    values = {
        "rare": rare,
        "common": common,
        "ratio": f"{ratio or 0:.3g}",
        "top": f"{n.max():,}",
        "all": f"{n.sum():,}",
    }
    rows = [
        Evidence((name,), int(k), _("{n} of {all} samples"), {"n": f"{k:,}", "all": f"{n.sum():,}"}, "class")
        for name, k in sorted(zip(classes, n, strict=True), key=lambda item: item[1])
    ]
    is_well = status == "pass"
    return [
        Finding(
            status,
            message,
            values,
            score=entropy if entropy is not None else 0.0,
            metric={
                "counts": dict(zip(classes, n.tolist(), strict=True)),
                "imbalance_ratio": ratio,
                "normalised_entropy": entropy,
                "weights": class_weights(classes, n),
            },
            threshold=dict(params),
            n_checked=int(given.index.nunique()),
            n_failed=len(empty) + len(thin),
            evidence=capped(rows),
            evidence_total=len(rows),
            fix="" if is_well else "collect-more",
            targets=() if is_well else (*empty, *thin) or (rare,),
        )
    ]


def class_weights(classes: list[str], counts: np.ndarray) -> dict[str, float | None]:
    """Return the weight of each class by the effective number of its samples, summing to K; None for an empty class."""
    beta = 0.999 if counts.sum() < 10_000 else 0.9999
    held = counts > 0
    raw = np.divide(1 - beta, 1 - beta ** counts.astype(float), out=np.zeros(len(counts)), where=held)
    weights = raw * (held.sum() / raw.sum()) if held.any() else raw
    return {name: round(float(w), 6) if h else None for name, w, h in zip(classes, weights, held, strict=True)}
