"""Support of the test part: are there enough test samples of each label for a score to mean something?

Reads ``label``, ``split``. Half the width of Wilson's 95% interval at an assumed accuracy of .8 says how sure a score on n rows
is: 30 rows +-.139, 50 +-.109, 100 +-.078, 200 +-.055, 400 +-.039 (Wilson 1927). Blocks under 10 rows of a class or when one is
missing, warns under 50 (quality.md, section 5).
"""

from collections.abc import Mapping

import pandas as pd

from curation.distributions import wilson_half_width
from curation.findings import Context, Evidence, Finding, Status, capped, not_applicable
from governance.kernel.words import _

VERSION = 1
TITLE = _("Enough to test on")
READS = ("label", "split")
DEFAULTS = {"block_under": 10, "warn_under": 50, "assumed_accuracy": 0.8}


def check(members: pd.DataFrame, context: Context, params: Mapping[str, float]) -> list[Finding]:
    """Return one finding over the classes, declared or observed."""
    test = context.named("test")
    if test is None or not members["split"].notna().any():
        return not_applicable(_("There is no test part."))
    placed = members.loc[members["split"].notna(), ["split", "label"]].explode("label").dropna()
    inside = placed.loc[placed["split"] == test, "label"].value_counts()
    classes = [*context.labels, *sorted(set(placed["label"]) - set(context.labels))]
    if not classes:
        return not_applicable(_("No sample has a label yet."))
    counts = {name: int(inside.get(name, 0)) for name in classes}
    widths = {name: wilson_half_width(n, params["assumed_accuracy"]) for name, n in counts.items()}
    few = [name for name, n in counts.items() if n < params["block_under"]]
    thin = [name for name, n in counts.items() if n < params["warn_under"]]
    rare = min(counts, key=lambda name: (counts[name], name))
    status: Status = "pass"
    message = _(
        "Each label has enough test samples: the least, “{rare}”, has {n}; a score on it is sure to within ±{width} points."
    )
    if few:
        status, message = "block", _("Test samples of “{rare}”: {n}. Under {least} a score on it says nothing.")
    elif thin:
        status, message = (
            "warn",
            _("“{rare}” is thin in test: {n} samples. A score on it is sure to within ±{width} points only."),
        )
    rows = [
        Evidence((name,), n, _("{n} test samples: a score is sure to within ±{width} points"),
                 {"n": n, "width": f"{100 * widths[name]:.0f}"}, "class")
        for name, n in sorted(counts.items(), key=lambda item: item[1])
    ]  # fmt: skip
    return [
        Finding(
            status,
            message,
            {
                "rare": rare,
                "n": counts[rare],
                "width": f"{100 * widths[rare]:.0f}",
                "least": f"{params['block_under']:g}",
            },
            score=min(1.0, counts[rare] / params["warn_under"]),
            metric={"counts": counts, "half_width": widths, "n_test": int(inside.sum())},
            threshold=dict(params),
            n_checked=len(classes),
            n_failed=len(thin),
            evidence=capped(rows),
            evidence_total=len(rows),
            fix="collect-more" if thin else "",
            targets=tuple(thin),
        )
    ]
