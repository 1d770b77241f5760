"""Rows as DataFrames for checks and the split; the columns of ``curation.findings`` are promised here.

The only place of this floor where rows become frames. Loaded by jobs, never by the web. Every frame is ordered by uid.
"""

import json
from collections.abc import Iterable

import pandas as pd
from django.db.models import Q, QuerySet

from annotations import frames as opinions
from annotations.models import Campaign
from curation.models import LedgerEntry, Version
from governance import protocols
from governance.kernel.text import normal_hash
from governance.models import Contribution, Dataset, Hold, Sample, SampleRevision

MEMBERS = [
    "sample_uid",
    "text",
    "text_hash",
    "content_hash",
    "media_sha",
    "label",
    "n_votes",
    "agreement",
    "split",
    "source_split",
    "groups",
]
CANDIDATES = [*MEMBERS, "sample_id", "contributor_id", "protocol_id"]
ROWS_AT_ONCE = 5000
TYPES = {"n_votes": "int64", "agreement": "float64"}


def members(version: Version) -> pd.DataFrame:
    """Return the frozen members of ``version``: columns ``MEMBERS``, with the content that was frozen.

    ``label`` is a str, a tuple of str, or None; ``n_votes`` int64, ``agreement`` float64 0..1, the others object.
    """
    column = version.dataset.text_column
    found = version.members.order_by("uid").values_list(
        "uid",
        "content_hash",
        "label",
        "split",
        "n_votes",
        "agreement",
        "sample_id",
        "sample__content_hash",
        f"sample__data__{column}",
        "sample__text_hash",
        "sample__media_id",
        "sample__source_split",
        "sample__groups",
    )
    rows: list[list[object]] = []
    changed: list[tuple[int, int, str]] = []
    for uid, content, label, split, n, agreement, pk, newest, text, hashed, media, source, groups in found.iterator(
        chunk_size=ROWS_AT_ONCE
    ):
        if content != newest:
            changed.append((len(rows), pk, content))
        rows.append(
            [
                uid,
                _text(text),
                hashed,
                content,
                media,
                unpack(label),
                n,
                agreement or 0.0,
                split,
                source or None,
                tuple(groups),
            ]
        )
    for place, text, media in _earlier(changed, column):
        rows[place][1:3] = [text, normal_hash(text) if text else ""]
        rows[place][4] = media
    return _frame(rows, MEMBERS)


def heirs(version: Version) -> pd.DataFrame:
    """Return the frozen members of ``version`` as candidates for the one that takes its place: columns ``CANDIDATES``.

    Some of them were taken back, so nobody's content is read: ``text``, ``text_hash``, ``media_sha`` and ``source_split`` are None.
    """
    found = version.members.order_by("uid").values_list(
        "uid", "content_hash", "label", "n_votes", "agreement", "split", "sample_id", "sample__contributor_id",
        "sample__protocol_id",
    )  # fmt: skip
    rows: list[list[object]] = [
        [uid, None, None, content, None, unpack(label), n, agreement or 0.0, split, None, (), *ids]
        for uid, content, label, n, agreement, split, *ids in found.iterator(chunk_size=ROWS_AT_ONCE)
    ]
    return _frame(rows, CANDIDATES)


def draft(dataset: Dataset, campaign: Campaign | None) -> pd.DataFrame:
    """Return the samples of ``dataset`` as they stand, without those that rest or that are not open to everyone in the community.

    Columns ``MEMBERS``. The label is the campaign's outcome, else the one that came with the file; the parts are those that the
    source named, or the ledger's where no source named any.
    """
    frame = candidates(dataset, campaign)
    held = held_ids(dataset)
    open_to_all = frame["protocol_id"].isin(protocols.leaving(dataset, ())) & ~frame["sample_id"].isin(held)
    frame = frame[open_to_all].reset_index(drop=True)
    imported = dict(
        dataset.samples.exclude(imported_label="")
        .values_list("uid", "imported_label")
        .iterator(chunk_size=ROWS_AT_ONCE)
    )
    labels = [
        label if n else imported.get(uid)
        for uid, label, n in zip(frame["sample_uid"], frame["label"], frame["n_votes"], strict=True)
    ]
    named = frame["source_split"].notna().any()
    parts = {} if named else ledger(dataset, 1)
    splits = frame["source_split"].tolist() if named else [parts.get(uid) for uid in frame["sample_uid"]]
    frame["label"], frame["split"] = pd.Series(labels, dtype=object), pd.Series(splits, dtype=object)
    return frame[MEMBERS]


def candidates(dataset: Dataset, campaign: Campaign | None) -> pd.DataFrame:
    """Return every sample of ``dataset`` with what ``campaign`` says of it: columns ``CANDIDATES``; ``split`` is None.

    ``n_votes`` is 0 where nobody answered. ``contributor_id`` and ``protocol_id`` are row keys or None.
    """
    said: dict[str, tuple[object, int, float]] = {}
    if campaign is not None:
        told = opinions.outcomes(campaign)
        said = {
            uid: (tuple(label) if isinstance(label, list) else label, n, agreement)
            for uid, label, n, agreement in zip(
                told["sample_uid"], told["label"], told["n_votes"], told["agreement"], strict=True
            )
        }
    found = dataset.samples.order_by("uid").values_list(
        "uid",
        f"data__{dataset.text_column}",
        "text_hash",
        "content_hash",
        "media_id",
        "source_split",
        "groups",
        "pk",
        "contributor_id",
        "protocol_id",
    )
    rows = []
    nothing: tuple[object, int, float] = (None, 0, 0.0)
    for uid, text, hashed, content, media, source, groups, pk, giver, protocol in found.iterator(
        chunk_size=ROWS_AT_ONCE
    ):
        label, n, agreement = said.get(uid, nothing)
        rows.append(
            [
                uid,
                _text(text),
                hashed,
                content,
                media,
                label,
                n,
                agreement,
                None,
                source or None,
                tuple(groups),
                pk,
                giver,
                protocol,
            ]
        )
    return _frame(rows, CANDIDATES)


def votes(campaign: Campaign | None, uids: Iterable[str]) -> pd.DataFrame | None:
    """Return the opinions on ``uids``: sample_uid, annotator (pseudonym), label, at; None where nobody was asked."""
    if campaign is None:
        return None
    found = opinions.votes(campaign)
    found["label"] = [", ".join(label) if isinstance(label, list) else label for label in found["label"]]
    return found[found["sample_uid"].isin(set(uids))].reset_index(drop=True)


def ledger(dataset: Dataset, family: int) -> dict[str, str]:
    """Return uid -> part of everything that ever stood in a version of this split family."""
    found = LedgerEntry.objects.filter(dataset=dataset, family=family).exclude(split="")
    return dict(found.values_list("uid", "split").iterator(chunk_size=ROWS_AT_ONCE))


def held_ids(dataset: Dataset, *, kind: str | None = None) -> set[int]:
    """Return the row keys of samples that rest, by a hold on them or on anybody heard in them (of one ``kind``, if given), or
    that are erased.
    """
    holds = Hold.objects.filter(community=dataset.community_id, lifted_at=None)
    if kind is not None:
        holds = holds.filter(kind=kind)
    by_sample = Q(pk__in=holds.exclude(sample=None).values("sample"))
    people = holds.exclude(contributor=None).values("contributor")
    by_voice = Q(pk__in=Contribution.objects.filter(contributor__in=people).values("sample"))
    found: QuerySet[Sample] = dataset.samples.filter(
        by_sample | Q(contributor__in=people) | by_voice | Q(erased_at__isnull=False)
    )
    return set(found.values_list("pk", flat=True).iterator(chunk_size=ROWS_AT_ONCE))


def unpack(label: str) -> object:
    """Return a stored label: str, tuple of str, or None."""
    value = json.loads(label)
    return tuple(value) if isinstance(value, list) else value


def _earlier(wanted: list[tuple[int, int, str]], column: str) -> Iterable[tuple[int, str | None, str | None]]:
    """Yield (place, text, media) of the frozen content of samples that changed since."""
    for start in range(0, len(wanted), 500):
        part = wanted[start : start + 500]
        kept = {
            (pk, content): (data.get(column), media)
            for pk, content, data, media in SampleRevision.objects.filter(sample__in=[w[1] for w in part]).values_list(
                "sample_id", "content_hash", "data", "media_id"
            )
        }
        for place, pk, content in part:
            text, media = kept.get((pk, content), (None, None))
            yield place, _text(text), media


def _text(value: object) -> str | None:
    if value is None or value == "":
        return None
    return value if isinstance(value, str) else str(value)


def _frame(rows: list[list[object]], columns: list[str]) -> pd.DataFrame:
    """Return a frame whose columns are object but for the numbers: None stays None."""
    by_column = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    return pd.DataFrame(
        {
            name: pd.Series(list(values), dtype=TYPES.get(name, object))
            for name, values in zip(columns, by_column, strict=True)
        }
    )
