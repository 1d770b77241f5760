"""Opinions as DataFrames; the columns named here are promised to checks and exporters.

The only place of this floor where rows become frames. Loaded by jobs and commands, never by the web.
"""

import json

import pandas as pd
from django.db.models import Exists, OuterRef, QuerySet

from annotations import configs, consensus
from annotations.models import Annotation, Campaign, Review
from governance.models import Person, Sample

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
    rows = counting(campaign).order_by("pk").values_list("sample_id", "annotator_id", "label", "created_at")
    frame = pd.DataFrame.from_records(list(rows), columns=VOTES)
    people = Person.objects.filter(pk__in=frame["annotator"].unique().tolist())
    frame["annotator"] = frame["annotator"].map({person.pk: person.ref for person in people}).astype("str")
    frame["sample_uid"] = frame["sample_uid"].map(_uids(campaign)).astype("str")
    frame["at"] = pd.to_datetime(frame["at"], utc=True)
    if is_many(campaign):
        frame["label"] = frame["label"].astype("object").map(json.loads)
    return frame.sort_values("sample_uid", kind="stable", ignore_index=True)


def _uids(campaign: Campaign) -> dict[int, str]:
    """The uid of each sample, read on its own: a join of two large new tables may be planned badly before it is analysed."""
    return dict(Sample.objects.filter(dataset=campaign.dataset_id).values_list("pk", "uid").iterator(chunk_size=10_000))


def outcomes(campaign: Campaign) -> pd.DataFrame:
    """One row for each sample with at least one opinion that counts, ordered by sample uid.

    Columns: ``sample_uid`` (str), ``sample_id`` (int64, the row's key), ``label`` (object: str, list of str where several may be
    picked, or None when there is no consensus), ``n_votes`` (int64), ``agreement`` (float64, 0..1: the share of opinions that name
    the most frequent label; where several may be picked, see ``consensus.majority_of_sets``).
    """
    rows = list(counting(campaign).values_list("sample_id", "label"))
    if is_many(campaign):
        found = consensus.majority_of_sets((sample_id, json.loads(label)) for sample_id, label in rows)
    else:
        found = consensus.majority(rows)
    uids = _uids(campaign)
    frame = pd.DataFrame(
        {
            "sample_uid": pd.Series([uids[sample_id] for sample_id in found], dtype="str"),
            "sample_id": pd.Series(list(found), dtype="int64"),
            "label": pd.Series([_plain(one.label) for one in found.values()], dtype="object"),
            "n_votes": pd.Series([one.n_votes for one in found.values()], dtype="int64"),
            "agreement": pd.Series([one.agreement for one in found.values()], dtype="float64"),
        }
    )
    return frame[OUTCOMES].sort_values("sample_uid", ignore_index=True)


def _plain(label: str | tuple[str, ...] | None) -> str | list[str] | None:
    return list(label) if isinstance(label, tuple) else label


def is_many(campaign: Campaign) -> bool:
    """Whether an opinion of the campaign may name several labels."""
    return configs.parse(campaign.config).is_many
