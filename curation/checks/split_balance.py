"""Balance between the parts: does the test part look like the training part?

Reads ``label``, ``split``. Compares label counts of train with test, and of each part with the whole: total variation,
Jensen-Shannon divergence (base 2), Cramer's V, chi-square p, and the population stability index sum (p - q) ln(p / q) with 0.5
added per cell. Warns at TV > .05 or PSI > .1, blocks at TV > .15 or PSI > .25 (quality.md, section 5). The chi-square p is shown
and never decides: in a large body it flags what nobody would notice.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from curation.distributions import chi_square, jensen_shannon, stability_index, total_variation
from curation.findings import Context, Evidence, Finding, Status, capped, not_applicable
from governance.kernel.words import _

VERSION = 1
TITLE = _("Balance between the parts")
READS = ("label", "split")
DEFAULTS = {"warn_tv": 0.05, "warn_psi": 0.1, "block_tv": 0.15, "block_psi": 0.25}


def check(members: pd.DataFrame, context: Context, params: Mapping[str, float]) -> list[Finding]:
    """Return one finding; its ``psi``, ``tv`` and ``chi2_p`` are those of train against test."""
    table = label_table(members, context)
    if table.shape[0] < 2 or not table.to_numpy().any():
        return not_applicable(_("The samples are not divided into parts yet, or have no labels."))
    one = context.named("train") or str(table.sum(axis=1).idxmax())
    rest = [str(name) for name in table.index if name != one]
    other = context.named("test")
    if one not in table.index or other not in table.index:
        one = one if one in table.index else str(table.index[0])
        rest = [str(name) for name in table.index if name != one]
        other = max(rest, key=lambda name: total_variation(_row(table, one), _row(table, name)))
    p, q = _row(table, one), _row(table, str(other))
    statistic, p_value, cramer = chi_square(p, q)
    whole = table.sum(axis=0).to_numpy(dtype=np.int64)
    against = {str(name): _distances(_row(table, str(name)), whole) for name in table.index}
    tv, psi = total_variation(p, q), stability_index(p, q)
    worst_tv = max(tv, *(d["tv"] for d in against.values()))
    worst_psi = max(psi, *(d["psi"] for d in against.values()))
    status: Status = "pass"
    message = _("The parts are alike: {one} and {other} differ by {tv} (total variation; we worry from {limit}).")
    if worst_tv > params["block_tv"] or worst_psi > params["block_psi"]:
        status, message = (
            "block",
            _("{one} and {other} are two different bodies: their labels differ by {tv} (PSI {psi})."),
        )
    elif worst_tv > params["warn_tv"] or worst_psi > params["warn_psi"]:
        status, message = (
            "warn",
            _("The labels of {one} and {other} differ: by {tv} (PSI {psi}). A score will be off by some of that."),
        )
    rows = [
        Evidence((name, label), float(share), _("“{label}” is {here} of {part} and {there} of the whole"),
                 {"label": label, "part": name, "here": f"{here:.1%}", "there": f"{there:.1%}"}, "class")
        for name, label, share, here, there in _shifts(table, whole)
        if abs(share) > params["warn_tv"] / 2
    ]  # fmt: skip
    return [
        Finding(
            status,
            message,
            {"one": one, "other": other, "tv": f"{tv:.3f}", "psi": f"{psi:.3f}", "limit": f"{params['warn_tv']:g}"},
            score=max(0.0, 1 - worst_tv),
            metric={
                "psi": psi, "tv": tv, "chi2_p": p_value, "chi2": statistic, "cramer_v": cramer,
                "jsd": jensen_shannon(p, q), "between": f"{one}, {other}", "against_whole": against,
                "table": {str(name): {str(k): int(n) for k, n in table.loc[name].items()} for name in table.index},
            },
            threshold=dict(params),
            n_checked=int(table.to_numpy().sum()),
            n_failed=sum(d["tv"] > params["warn_tv"] or d["psi"] > params["warn_psi"] for d in against.values()),
            evidence=capped(rows),
            evidence_total=len(rows),
            fix="new-split-family" if status == "block" else "",
        )
    ]  # fmt: skip


def label_table(members: pd.DataFrame, context: Context) -> pd.DataFrame:
    """Return counts: a row a part that occurs, a column a class (declared ones first)."""
    placed = members.loc[members["split"].notna(), ["split", "label"]].explode("label").dropna()
    table = pd.crosstab(placed["split"], placed["label"])
    classes = [*context.labels, *(name for name in table.columns if name not in context.labels)]
    order = [name for name in context.split_names if name in table.index]
    order += [name for name in table.index if name not in order]
    return table.reindex(index=order, columns=classes, fill_value=0)


def _row(table: pd.DataFrame, name: str) -> np.ndarray:
    return table.loc[name].to_numpy(dtype=np.int64)


def _distances(part: np.ndarray, whole: np.ndarray) -> dict[str, float]:
    return {"tv": total_variation(part, whole), "psi": stability_index(part, whole), "n": float(part.sum())}


def _shifts(table: pd.DataFrame, whole: np.ndarray) -> list[tuple[str, str, float, float, float]]:
    """Return (part, class, difference, share here, share in the whole), the largest difference first."""
    found = []
    for name in table.index:
        part = _row(table, name)
        for label, here, there in zip(table.columns, part / max(part.sum(), 1), whole / whole.sum(), strict=True):
            found.append((str(name), str(label), float(here - there), float(here), float(there)))
    return sorted(found, key=lambda item: (-abs(item[2]), item[0], item[1]))
