"""The work behind a proposal: look at every sample, keep what may and can be used, divide it, write it down, ask for votes.

Nothing is hidden: what is left out is kept with its reason. The moment of freezing is taken before anything is read, so what
somebody takes back meanwhile closes the version. Members are written in chunks while nobody can see them; the ledger, the root
and the open vote come in one transaction at the end.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any, TypeAlias, TypeVar

import pandas as pd
from django.conf import settings
from django.utils import timezone

from curation import checking, frames, likeness, membership, neighbours, splits, versions
from curation.exporters import parquet
from curation.findings import Context
from curation.models import Freeze, LedgerEntry, LeftOut, Member, Version, VersionContributor
from governance import collective, consents, layers, protocols, voices
from governance.acts import act
from governance.kernel.digests import canonical, digest
from governance.kernel.errors import Conflict, Refusal
from governance.kernel.jobs import Claim
from governance.kernel.moves import move, must_move
from governance.kernel.words import _
from governance.models import ConsentEvent, Hold, Sample
from governance.roles import Machine

Series: TypeAlias = "pd.Series[Any]"
"""A column of values of mixed kinds: reasons and None."""

T = TypeVar("T")
FREEZER = Machine("freezer")
NEAR = 0.8
CHUNK = 2000
RESTRICTED = "restricted"
"""Why a sample that is not for everyone in the community is left out; a row says so, no count does."""


def run(freeze: Freeze, claim: Claim) -> None:
    """Freeze the version of ``freeze``, open its vote and queue its checks.

    Raises ``Conflict`` (``nothing-to-freeze``, ``split-broken``); the version is then marked as failed.
    """
    version = freeze.version
    if version.status != Version.Status.FREEZING:
        return
    try:
        _freeze(version, claim)
    except Refusal:
        move(version, Version.Status.FAILED)
        raise


def _freeze(version: Version, claim: Claim) -> None:
    at = timezone.now()
    dataset = version.dataset
    claim.progress(0, 5, _("reading the samples"))
    earlier = version.takes_place_of
    body = frames.heirs(earlier) if earlier else frames.candidates(dataset, version.campaign)
    left_out = _left_out(version, body, at)
    near: list[tuple[str, str]] = []
    if earlier:
        # Nothing is new in it, so nothing is divided: everybody stays where they stand.
        stay = body[left_out.isna()]
        assignment = splits.Assignment(dict(zip(stay["sample_uid"], stay["split"], strict=True)))
    else:
        claim.progress(1, 5, _("looking for what is alike"))
        near, kin = _near(body, left_out.isna(), frames.ledger(dataset, version.split_family))
        claim.progress(2, 5, _("dividing into train, validation and test"))
        assignment = _divide(version, body, left_out, near, kin)
    partners = {q.uid: q for q in assignment.quarantined}
    left_out = left_out.where(
        ~body["sample_uid"].isin(set(partners)),
        body["sample_uid"].map(lambda u: partners[u].reason if u in partners else None),
    )
    kept = body[left_out.isna()].assign(split=lambda f: f["sample_uid"].map(assignment.splits))
    if kept.empty:
        raise Conflict(
            "nothing-to-freeze",
            _("No sample could go into this version. The reasons: {why}."),
            why=_told(left_out),
        )
    claim.progress(3, 5, _("writing the members down"))
    root = _write_members(version, kept, claim)
    _write_left_out(version, body, left_out, {u: q.partner for u, q in partners.items()}, claim)
    recipe = _recipe(version, assignment, at, len(near))
    since = _since(version, kept, body, left_out)
    claim.progress(4, 5, _("opening the vote"))
    with claim.finish(done=5), act(FREEZER, "version.freeze", on=version) as details:
        if membership.members_root(_rows_of(version)) != root:
            raise Conflict("members-changed", _("Two workers wrote this version at once. Propose it again."))
        LedgerEntry.objects.bulk_create(
            (
                LedgerEntry(
                    dataset=dataset,
                    family=version.split_family,
                    uid=uid,
                    split=split,
                    since_version=version.number,
                    reason=reason,
                )
                for uid, (split, reason) in sorted(assignment.new.items())
            ),
            batch_size=CHUNK,
        )
        must_move(
            version,
            Version.Status.PROPOSED,
            frozen_at=at,
            members_root=root,
            split_digest=assignment.digest,
            recipe=recipe,
            recipe_digest=digest(recipe),
            left_out=counted(left_out),
            counts=_counts(version, kept) | {"since": since},
        )
        versions.open_vote(version)
        checking.queue(version)
        details |= {
            "members": len(kept),
            "members_root": root,
            "recipe": version.recipe_digest,
            "left_out": version.left_out,
        }


def _left_out(version: Version, body: pd.DataFrame, at: object) -> Series:
    """Return for each candidate why it is left out, or None; the first reason that holds, rights before work."""
    dataset = version.dataset
    valid = set(consents.valid_contributors(dataset, version.purposes, at).values_list("pk", flat=True))  # type: ignore[arg-type]  # a datetime
    taken_back = frames.held_ids(dataset, kind=Hold.Kind.WITHDRAWAL)
    held = frames.held_ids(dataset)
    may_leave = protocols.leaving(dataset, version.purposes, at)  # type: ignore[arg-type]  # a datetime
    needed = versions.votes_needed(version)
    against = layers.refusing(dataset.community, version.purposes, at)  # type: ignore[arg-type]  # a datetime
    refused = set(Sample.objects.filter(against, dataset=dataset).values_list("pk", flat=True))
    is_together = collective.allows(dataset, version.purposes, at)  # type: ignore[arg-type]  # a datetime
    further = voices.further(dataset)
    apart = consents.spoken_about(dataset)
    agreed = consents.covered(dataset.samples, dataset, version.purposes, at) if apart else None  # type: ignore[arg-type]  # a datetime
    spoken = ConsentEvent.objects.filter(sample__dataset=dataset).values("sample")
    yes = set(agreed.filter(pk__in=spoken).values_list("pk", flat=True)) if agreed is not None else set()
    reasons: list[str | None] = []
    for pk, giver, protocol, label, n in zip(
        body["sample_id"], body["contributor_id"], body["protocol_id"], body["label"], body["n_votes"], strict=True
    ):
        if protocol not in may_leave:
            # Before all else: it is in no number, so it must not be counted under another reason.
            reasons.append(RESTRICTED)
        elif pk in taken_back:
            reasons.append("withdrawn")
        elif giver is None:
            reasons.append("no-contributor")
        elif pk in further and None in further[pk]:
            reasons.append("unknown-voice")
        elif (pk not in yes) if pk in apart else (giver not in valid):
            reasons.append("no-consent")
        elif pk in further and pk not in apart and not further[pk] <= valid:
            reasons.append("voice-no-consent")
        elif pk in refused:
            reasons.append("own-rules")
        elif not is_together:
            reasons.append("no-collective")
        elif pk in held:
            reasons.append("held")
        elif version.takes_place_of_id:
            # What was frozen once was labelled well enough; only rights are asked again.
            reasons.append(None)
        elif not n:
            reasons.append("no-opinion")
        elif n < needed:
            reasons.append("few-opinions")
        elif label is None:
            reasons.append("tie")
        else:
            reasons.append(None)
    return pd.Series(reasons, index=body.index, dtype=object)


def _near(
    body: pd.DataFrame, is_in: Series, ledger: dict[str, str]
) -> tuple[list[tuple[str, str]], dict[str, tuple[str, ...]]]:
    """Return the near-duplicate edges between contents, and the content keys of each sample that counts or is remembered.

    Texts of fewer than three words are no kin of anything: their doubles are true and harmless (quality.md, section 7).
    """
    looked_at = body[is_in | body["sample_uid"].isin(set(ledger))]
    found = likeness.of(looked_at, Context())
    kin: dict[str, tuple[str, ...]] = {}
    for uid, text, media in zip(looked_at["sample_uid"], looked_at["text_hash"], looked_at["media_sha"], strict=True):
        keys = [f"t:{text}"] if text and text not in found.is_short else []
        kin[uid] = (*keys, f"m:{media}") if media else tuple(keys)
    edges = [(f"t:{pair.one}", f"t:{pair.other}") for pair in found.pairs if pair.similarity >= NEAR]
    return edges, kin


def _divide(
    version: Version,
    body: pd.DataFrame,
    left_out: Series,
    near: list[tuple[str, str]],
    kin: dict[str, tuple[str, ...]],
) -> splits.Assignment:
    """Return the parts; raises ``Conflict`` when what must be nought is not."""
    rows = [
        splits.Row(uid, groups, kin[uid], pack(label), out is None)
        for uid, groups, label, out in zip(body["sample_uid"], body["groups"], body["label"], left_out, strict=True)
        if uid in kin
    ]
    ledger = frames.ledger(version.dataset, version.split_family)
    result = splits.assign(rows, salt=salt(version), ledger=ledger, near=near)
    wrong = splits.faults(rows, result.splits, near, ledger)
    if any(wrong.values()):
        raise Conflict("split-broken", _("The parts would not hold: {faults}. Nothing was written."), faults=str(wrong))
    return result


def pack(label: object) -> str:
    """Return a label as canonical JSON: a string, a list, or null."""
    return canonical(list(label) if isinstance(label, tuple) else label).decode()


def salt(version: Version) -> str:
    """Return what seeds the split: the dataset and its split family, published in the recipe."""
    return f"{version.dataset.public_id}#{version.split_family}"


def _write_members(version: Version, kept: pd.DataFrame, claim: Claim) -> str:
    """Write the members in chunks and return their root; what an earlier attempt wrote is written anew."""
    Member.objects.filter(version=version).delete()
    rows = [
        (uid, pk, content, pack(label), split, n, agreement)
        for uid, pk, content, label, split, n, agreement in zip(
            kept["sample_uid"], kept["sample_id"], kept["content_hash"], kept["label"], kept["split"], kept["n_votes"],
            kept["agreement"], strict=True,
        )
    ]  # fmt: skip
    for chunk in _chunks(iter(rows)):
        claim.progress(3)
        Member.objects.bulk_create(
            Member(
                version=version,
                sample_id=pk,
                uid=uid,
                content_hash=content,
                label=label,
                split=split,
                n_votes=n,
                agreement=share,
            )
            for uid, pk, content, label, split, n, share in chunk
        )
    VersionContributor.objects.filter(version=version).delete()
    VersionContributor.objects.bulk_create(
        VersionContributor(version=version, contributor_id=who, samples=n)
        for who, n in _heard(version, kept).items()
        if who is not None
    )
    return membership.members_root((uid, content, label, split) for uid, _pk, content, label, split, _n, _a in rows)


def _heard(version: Version, kept: pd.DataFrame) -> Counter[int | None]:
    """Return in how many members each voice is heard: whoever gave it, and every further one, once a sample."""
    further = voices.further(version.dataset)
    found: Counter[int | None] = Counter(kept["contributor_id"].tolist())
    for pk, giver in zip(kept["sample_id"], kept["contributor_id"], strict=True):
        if pk in further:
            found.update(further[pk] - {giver})
    return found


def _write_left_out(
    version: Version, body: pd.DataFrame, left_out: Series, partners: dict[str, str], claim: Claim
) -> None:
    LeftOut.objects.filter(version=version).delete()
    out = body.assign(reason=left_out)[left_out.notna()]
    rows = zip(out["sample_id"], out["sample_uid"], out["reason"], strict=True)
    for chunk in _chunks(rows):
        claim.progress(3)
        LeftOut.objects.bulk_create(
            LeftOut(version=version, sample_id=pk, reason=reason, partner_uid=partners.get(uid, ""))
            for pk, uid, reason in chunk
        )


def _rows_of(version: Version) -> Iterator[membership.MemberRow]:
    """Yield what stands in the database, in order of ids."""
    found = Member.objects.filter(version=version).order_by("uid")
    return found.values_list("uid", "content_hash", "label", "split").iterator(chunk_size=CHUNK)


def _recipe(version: Version, assignment: splits.Assignment, at: object, edges: int) -> dict[str, object]:
    """Return everything that, with the members, decides the bytes and the answers; votes are bound to its digest."""
    return {
        "files": parquet.RECIPE,
        "public_url": settings.PUBLIC_URL,
        "frozen_at": at.isoformat().replace("+00:00", "Z"),  # type: ignore[attr-defined]  # a datetime
        "purposes": sorted(version.purposes),
        "policy": version.policy.digest,
        "campaign": version.campaign.config_digest if version.campaign else "",
        "labels": list(version.labels),
        "votes_needed": versions.votes_needed(version),
        "split": {
            "family": version.split_family,
            "salt": salt(version),
            "ratios": dict(splits.RATIOS),
            "near": str(NEAR),
            "near_edges": edges,
            "algorithm": neighbours.ALGORITHM,
            "digest": assignment.digest,
        },
    }


def _counts(version: Version, kept: pd.DataFrame) -> dict[str, object]:
    """Return the numbers that pages show: members, contributors, samples by part, and by part and label."""
    by_label: dict[str, Counter[str]] = {}
    for split, label in zip(kept["split"], kept["label"], strict=True):
        for name in label if isinstance(label, tuple) else (label,):
            by_label.setdefault(split, Counter())[name] += 1
    names = [*version.labels, *sorted({n for c in by_label.values() for n in c} - set(version.labels))]
    return {
        "members": len(kept),
        "contributors": len(_heard(version, kept)),
        "opinions": int(kept["n_votes"].sum()),
        "splits": {split: int((kept["split"] == split).sum()) for split in splits.SPLITS},
        "labels": {split: {n: by_label.get(split, Counter())[n] for n in names} for split in splits.SPLITS},
    }


def _since(version: Version, kept: pd.DataFrame, body: pd.DataFrame, left_out: Series) -> dict[str, object]:
    """Return what differs from the newest published version: added, gone by reason, relabelled; nothing ever moves."""
    earlier = version.dataset.versions.filter(published_at__isnull=False).order_by("-number").first()
    if earlier is None:
        return {}
    rows = Member.objects.filter(version=earlier).values_list("uid", "label", "split")
    before = {uid: (label, split) for uid, label, split in rows.iterator(chunk_size=CHUNK)}
    now = {
        uid: (pack(label), split)
        for uid, label, split in zip(kept["sample_uid"], kept["label"], kept["split"], strict=True)
    }
    both = before.keys() & now.keys()
    changed = Counter((before[uid][0], now[uid][0]) for uid in both if before[uid][0] != now[uid][0])
    reasons = dict(zip(body["sample_uid"], left_out, strict=True))
    return {
        "version": earlier.number,
        "added": len(now) - len(both),
        "gone": len(before) - len(both),
        "gone_by_reason": dict(sorted(Counter(_plainly(reasons.get(uid)) for uid in before.keys() - both).items())),
        "relabelled": changed.total(),
        "relabelled_from_to": [[old, new, n] for (old, new), n in changed.most_common(20)],
        "moved": sum(before[uid][1] != now[uid][1] for uid in both),
    }


def _plainly(reason: object) -> str:
    """A reason as it is told about a sample that was known: what is for fewer people now has come to rest."""
    return "held" if reason == RESTRICTED else str(reason)


def counted(left_out: Series) -> dict[str, int]:
    """Return how many were left out for each reason, without those that are not for everyone: nobody learns how many there are."""
    told = left_out[left_out != RESTRICTED].dropna()
    return {str(reason): int(n) for reason, n in sorted(told.value_counts().items())}


def _told(left_out: Series) -> str:
    return ", ".join(f"{reason} {n}" for reason, n in counted(left_out).items()) or "-"


def _chunks(rows: Iterator[T]) -> Iterator[list[T]]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk
