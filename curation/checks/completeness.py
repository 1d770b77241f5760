"""Completeness: has every sample what it needs?

Reads ``text``, ``media_sha``, ``label``, ``n_votes``. A sample is complete when it has content (text or a file), a label, and as
many valid opinions as the campaign asked for. Anything less than all of them blocks a version; a draft warns under .95
(quality.md, section 5).
"""

from collections.abc import Mapping

import pandas as pd

from curation.findings import Context, Evidence, Finding, Status, capped, not_applicable
from governance.kernel.words import _

VERSION = 1
TITLE = _("Completeness")
READS = ("text", "media_sha", "label", "n_votes")
DEFAULTS = {"required_share": 1.0, "draft_share": 0.95}

NO_CONTENT, NO_LABEL = _("no text and no file"), _("no label")
FEW_VOTES = _("{n} of {needed} opinions")


def check(members: pd.DataFrame, context: Context, params: Mapping[str, float]) -> list[Finding]:
    """Return one finding over all members."""
    if members.empty:
        return not_applicable(_("There is no sample yet."))
    has_text = members["text"].fillna("").astype(str).str.strip() != ""
    has_media = members["media_sha"].fillna("").astype(str) != ""
    no_content = ~(has_text | has_media)
    no_label = members["label"].isna()
    few = (members["n_votes"] < context.min_votes) & ~no_label
    lacking = no_content | no_label | few
    n_failed, n = int(lacking.sum()), len(members)
    share = 1 - n_failed / n
    status: Status = "pass"
    message = _("Every sample has what it needs: {n} of {n}.")
    if context.purpose == "version" and share < params["required_share"]:
        status, message = (
            "block",
            _("{failed} of {n} samples lack a label, content, or opinions. A version needs all of them."),
        )
    elif context.purpose == "draft" and share < params["draft_share"]:
        status, message = "warn", _("{failed} of {n} samples lack a label, content, or opinions so far.")
    elif n_failed:
        message = _("Nearly all samples have what they need; {failed} of {n} do not yet.")
    rows = []
    for uid, content, label, votes in zip(
        members["sample_uid"][lacking], no_content[lacking], no_label[lacking], members["n_votes"][lacking], strict=True
    ):
        reason = NO_CONTENT if content else NO_LABEL if label else FEW_VOTES
        rows.append(Evidence((uid,), int(votes), reason, {"n": int(votes), "needed": context.min_votes}))
    return [
        Finding(
            status,
            message,
            {"n": f"{n:,}", "failed": f"{n_failed:,}"},
            score=share,
            metric={
                "complete_share": share,
                "no_content": int(no_content.sum()),
                "no_label": int(no_label.sum()),
                "too_few_votes": int(few.sum()),
            },
            threshold={**params, "min_votes": context.min_votes},
            n_checked=n,
            n_failed=n_failed,
            evidence=capped(rows),
            evidence_total=len(rows),
            fix="annotate" if n_failed else "",
        )
    ]
