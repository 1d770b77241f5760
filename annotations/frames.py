"""Opinions as DataFrames; the columns named here are promised to checks and exporters.

The only place of this floor where rows become frames. Loaded by jobs and commands, never by the web.
"""

import json

import pandas as pd
from django.db.models import Exists, OuterRef, QuerySet

from annotations import configs, consensus
from annotations.models import Annotation, Campaign, Review

VOTES = ["sample_uid", "annotator", "label", "at"]
OUTCOMES = ["sample_uid", "sample_id", "label", "n_votes", "agreement"]


def counting(campaign: Campaign) -> "QuerySet[Annotation]":
    """The annotations that count: not undone, late or rejected; where the campaign asks for review, the accepted ones."""
    found = Annotation.objects.filter(campaign=campaign, standing=Annotation.Standing.COUNTS).exclude(label="")
    if campaign.needs_review:
        accepted = Review.objects.filter(annotation=OuterRef("pk"), verdict=Review.Verdict.ACCEPT)
        found = found.filter(Exists(accepted))
    return found


def votes(campaign: Campaign) -> pd.DataFrame:
    """One row for each opinion that counts, ordered by sample uid, then by when it was given.

    Columns: ``sample_uid`` (str, 32 hex digits), ``annotator`` (str, the pseudonym ``person:...``, never a name), ``label`` (str; a
    list of str where several may be picked), ``at`` (datetime64, UTC).
    """
    rows = counting(campaign).order_by("sample__uid", "pk")
    listed = list(rows.values_list("sample__uid", "annotator__public_id", "label", "created_at"))
    frame = pd.DataFrame.from_records(listed, columns=VOTES)
    frame["annotator"] = "person:" + frame["annotator"].astype("str")
    frame["at"] = pd.to_datetime(frame["at"], utc=True)
    if is_many(campaign):
        frame["label"] = frame["label"].astype("object").map(json.loads)
    return frame


def outcomes(campaign: Campaign) -> pd.DataFrame:
    """One row for each sample with at least one opinion that counts, ordered by sample uid.

    Columns: ``sample_uid`` (str), ``sample_id`` (int64, the row's key), ``label`` (object: str, list of str where several may be
    picked, or None when there is no consensus), ``n_votes`` (int64), ``agreement`` (float64, 0..1: the share of opinions that name
    the most frequent label; where several may be picked, see ``consensus.majority_of_sets``).
    """
    rows = counting(campaign).order_by("sample__uid").values_list("sample__uid", "sample_id", "label")
    listed = list(rows)
    ids = {uid: sample_id for uid, sample_id, _label in listed}
    if is_many(campaign):
        found = consensus.majority_of_sets((uid, json.loads(label)) for uid, _id, label in listed)
    else:
        found = consensus.majority((uid, label) for uid, _id, label in listed)
    frame = pd.DataFrame(
        {
            "sample_uid": pd.Series(list(found), dtype="str"),
            "sample_id": pd.Series([ids[uid] for uid in found], dtype="int64"),
            "label": pd.Series([_plain(one.label) for one in found.values()], dtype="object"),
            "n_votes": pd.Series([one.n_votes for one in found.values()], dtype="int64"),
            "agreement": pd.Series([one.agreement for one in found.values()], dtype="float64"),
        }
    )
    return frame[OUTCOMES]


def _plain(label: str | tuple[str, ...] | None) -> str | list[str] | None:
    return list(label) if isinstance(label, tuple) else label


def is_many(campaign: Campaign) -> bool:
    """Whether an opinion of the campaign may name several labels."""
    return configs.parse(campaign.config).is_many
