"""The work of a check run: rows to frame, one check after the other, each finding kept as soon as it is there.

What goes in is hashed. When the same inputs were checked before, by the same checks with the same figures, the findings are
carried over and the run says so. A check that breaks is an ``error`` finding, which stops a version like a block.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from django.db import transaction

from annotations.models import Campaign
from curation import frames, suites, versions
from curation.findings import Context
from curation.findings import Finding as Found
from curation.models import CheckRun, Finding
from governance.acts import act
from governance.kernel.digests import canonical, digest, root_of
from governance.kernel.jobs import Claim
from governance.kernel.words import _
from governance.roles import Machine

CHECKER = Machine("checker")
CARRIED = _("Nothing changed since the last run, so its findings still hold.")


@dataclass(frozen=True)
class Input:
    """What a run looks at."""

    members: pd.DataFrame
    context: Context
    digest: str


def run(row: CheckRun, claim: Claim) -> None:
    """Check what ``row`` names, keep the findings, and let the version go on if that was what it waited for."""
    planned = suites.plan(policy=row.params.get("checks"))
    claim.progress(0, len(planned), _("reading the samples"))
    Finding.objects.filter(run=row).delete()
    given = _input(row, planned)
    earlier = _same_before(row, given.digest)
    if earlier is not None:
        _carry(row, earlier)
        _finish(row, claim, given.digest, len(planned), CARRIED)
        return
    for done, item in enumerate(planned):
        claim.progress(done, message=suites.CHECKS[item.check_id].TITLE)
        for _item, findings in suites.run([item], given.members, given.context, input_version=given.digest[:16]):
            with transaction.atomic():
                claim.progress(done)
                Finding.objects.bulk_create(_rows(row, findings))
    _finish(row, claim, given.digest, len(planned), "")


def _input(row: CheckRun, planned: Sequence[suites.Planned]) -> Input:
    """Return the members with their context, and the digest over all of it and over what will be asked."""
    version = row.version
    if version is not None:
        members = frames.members(version)
        campaign = version.campaign
        context = Context(
            labels=tuple(version.labels),
            min_votes=versions.votes_needed(version),
            votes=frames.votes(campaign, members["sample_uid"]),
            quarantined=True,
        )
    else:
        campaign = newest_campaign(row)
        members = frames.draft(row.dataset, campaign)
        context = Context(
            labels=tuple(campaign.labels) if campaign else (),
            min_votes=0 if campaign is None else 1 if campaign.needs_review else campaign.overlap,
            purpose="draft",
            votes=frames.votes(campaign, members["sample_uid"]),
            split_names=_split_names(members),
        )
    return Input(members, context, _digest(row, planned, members, context))


def newest_campaign(row: CheckRun) -> Campaign | None:
    """The campaign whose answers label the dataset as it stands: the newest that has a label control and was opened."""
    found = Campaign.objects.filter(dataset=row.dataset).exclude(label_control="").exclude(status="draft")
    return found.order_by("-pk").first()


def _split_names(members: pd.DataFrame) -> tuple[str, ...]:
    """Return the parts that occur, train before validation before test, then any others."""
    order = Context(split_names=tuple(sorted(set(members["split"].dropna()))))
    known = [name for role in ("train", "validation", "test") if (name := order.named(role))]
    return (*known, *(name for name in order.split_names if name not in known)) or ("train", "validation", "test")


def _digest(row: CheckRun, planned: Sequence[suites.Planned], members: pd.DataFrame, context: Context) -> str:
    asked = [[item.check_id, item.version, item.params_hash] for item in planned]
    said = (
        []
        if context.votes is None
        else [context.votes["sample_uid"], context.votes["annotator"], context.votes["label"]]
    )
    columns = [members[name] for name in frames.MEMBERS if name != "text"]
    return digest(
        {
            "asked": asked,
            "purpose": context.purpose,
            "labels": list(context.labels),
            "min_votes": context.min_votes,
            "splits": list(context.split_names),
            "version": row.version.public_id if row.version else "",
            "recipe": row.recipe_digest,
            "members": root_of(canonical([_plain(v) for v in values]) for values in zip(*columns, strict=True)),
            "votes": root_of(canonical([str(v) for v in values]) for values in zip(*said, strict=True)),
        }
    )


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    if value is None or isinstance(value, str):
        return value
    return float(value)  # type: ignore[arg-type]  # a number of numpy's


def _same_before(row: CheckRun, inputs: str) -> CheckRun | None:
    """Return the newest finished run with the same inputs in which no check broke."""
    same = CheckRun.objects.filter(
        dataset=row.dataset, version=row.version, status=CheckRun.Status.DONE, inputs_digest=inputs
    )
    broken = Finding.objects.filter(status=Finding.Status.ERROR).values("run")
    return same.exclude(pk=row.pk).exclude(pk__in=broken).order_by("-pk").first()


def _carry(row: CheckRun, earlier: CheckRun) -> None:
    with transaction.atomic():
        for finding in earlier.findings.order_by("pk"):
            finding.pk, finding.run, finding.is_carried = None, row, True
            finding.public_id = Finding._meta.get_field("public_id").get_default()
            finding.save(force_insert=True)


def _finish(row: CheckRun, claim: Claim, inputs: str, total: int, message: str) -> None:
    """End the run, and settle its version in the same transaction."""
    statuses = {f.check_id: f.status for f in Finding.objects.filter(run=row)}
    with (
        claim.finish(inputs_digest=inputs, done=total, total=total, message=message),
        act(CHECKER, "check.finish", on=row) as details,
    ):
        details |= {"findings": statuses, "members_root": row.members_root, "inputs": inputs}
        if row.version is not None:
            versions.settle(row.version)


def _rows(row: CheckRun, findings: Sequence[Found]) -> list[Finding]:
    return [
        Finding(
            run=row,
            check_id=one.check_id,
            check_version=one.check_version,
            params_hash=one.params_hash,
            status=one.status,
            score=one.score,
            metric=dict(one.metric),
            threshold=dict(one.threshold),
            n_checked=one.n_checked,
            n_failed=one.n_failed,
            scope=one.scope,
            evidence=[
                {"ids": list(e.ids), "kind": e.kind, "value": e.value, "message": e.message, "values": dict(e.values)}
                for e in one.evidence
            ],
            evidence_total=one.evidence_total,
            suggested_fix={"action": one.fix, "targets": list(one.targets)} if one.fix else None,
            reason=one.reason,
            words={"title": suites.CHECKS[one.check_id].TITLE, "message": one.message, "values": dict(one.values)},
            seconds=one.runtime_s,
        )
        for one in findings
    ]
