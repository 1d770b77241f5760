"""Group leakage: does one speaker, author or document stand in two parts?

Reads ``groups``, ``split``. A hard key that occurs in more than one part blocks at one: a model would know the voice it is tested
on (quality.md, section 5).
"""

from collections.abc import Mapping

import pandas as pd

from curation.findings import Context, Evidence, Finding, capped, not_applicable
from governance.kernel.words import _

VERSION = 1
TITLE = _("Groups on two sides")
READS = ("groups", "split")
DEFAULTS = {"max_groups": 0}


def check(members: pd.DataFrame, context: Context, params: Mapping[str, float]) -> list[Finding]:
    """Return one finding over all hard keys."""
    body = members.loc[members["split"].notna(), ["sample_uid", "groups", "split"]].explode("groups")
    body = body[body["groups"].notna() & (body["groups"] != "")]
    if body.empty or body["split"].nunique() < 2:
        return not_applicable(
            _("No sample says which speaker, author or document it belongs to, or there is only one part.")
        )
    sides = body.groupby("groups")["split"].nunique()
    torn = sides[sides > 1].index
    inside = body[body["groups"].isin(torn)]
    rows = [_row(str(key), group) for key, group in inside.groupby("groups", sort=True)]
    rows.sort(key=lambda row: (-float(row.value or 0), row.ids))
    n = len(sides)
    message = _("Groups (speakers, authors, documents) that stand in more than one part: {torn} of {n}.") if len(torn) else _(
        "No group is on two sides: 0 of {n} speakers, authors or documents."
    )  # fmt: skip
    return [
        Finding(
            "block" if len(torn) > params["max_groups"] else "pass",
            message,
            {"torn": f"{len(torn):,}", "n": f"{n:,}"},
            score=1 - len(torn) / n,
            metric={"groups": n, "groups_across": len(torn), "rows": len(inside)},
            threshold=dict(params),
            n_checked=n,
            n_failed=len(torn),
            evidence=capped(rows),
            evidence_total=len(rows),
            fix="keep-groups-whole" if len(torn) else "",
        )
    ]


def _row(key: str, group: pd.DataFrame) -> Evidence:
    """Return the evidence of one torn group: one sample of each part, and how many rows stand where."""
    counts = group["split"].value_counts()
    ids = tuple(str(part["sample_uid"].min()) for _name, part in group.groupby("split", sort=True))
    told = ", ".join(f"{name}: {k}" for name, k in sorted(counts.items()))
    return Evidence(ids, len(group), _("{group} stands in {parts}"), {"group": key, "parts": told}, "group")
