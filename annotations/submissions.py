"""Answers, as people give them: kept once, never lost, undone by their author alone.

An answer is sent with the client's own id, so sending it twice keeps it once. The lease is checked again in the same UPDATE that
ends it. An answer whose lease had ended takes its slot back while one is free; when the slot was filled meanwhile, it is kept as
evidence and not counted.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Case, F, Value, When
from django.utils import timezone

from annotations import configs, flags, leases, queue
from annotations.models import Annotation, Campaign, Lease, Task
from governance.acts import act
from governance.kernel.errors import Conflict, Invalid, Missing
from governance.kernel.moves import must_move
from governance.kernel.words import _
from governance.models import Person

SKIP_REASONS = {
    "not-sure": _("I am not sure"),
    "not-mine": _("Not for me to say"),
    "cannot-tell": _("It cannot be read, heard or seen"),
    "flagged": _("It should not be here"),
    "later": _("Rather not now"),
}
NOT_YOURS = _("There is nothing here that you can see. It may have another address, or it may not be for you.")


@dataclass(frozen=True)
class Raised:
    """A flag that is raised in the same action as an answer."""

    kind: str
    text: str = ""


def submit(
    lease: Lease,
    *,
    by: Person,
    result: Sequence[Mapping[str, object]],
    client_id: str,
    seconds: float | None = None,
    flag: Raised | None = None,
) -> Annotation:
    """Keep an answer; the same ``client_id`` from the same person returns the first one.

    ``result`` is Label Studio's result list; ``seconds`` is how long it took. Raises ``Missing`` for somebody else's lease,
    ``Invalid`` (``answer-invalid``) with every reason and its JSON pointer, and ``Conflict`` (``already-answered``,
    ``sample-rests``).
    """
    if lease.annotator_id != by.pk:
        raise Missing("not-found", NOT_YOURS)
    if not 8 <= len(client_id) <= 64:
        raise Invalid("client-id-wrong", _("The answer's own id must have 8 to 64 characters."))
    first = Annotation.objects.filter(annotator=by, client_id=client_id).first()
    if first is not None:
        return first
    leases.require_shown(lease)
    campaign = lease.campaign
    config = configs.parse(campaign.config)
    reasons = configs.result_errors(config, list(result) if isinstance(result, (list, tuple)) else result, "/result")
    if reasons or not result:
        empty = configs.empty_reason(config)
        raise Invalid("answer-invalid", _("The answer cannot be kept like this."), reasons=reasons or [empty])
    try:
        with act(by, "annotation.submit", on=campaign) as details:
            standing = _standing(lease)
            made = Annotation.objects.create(
                campaign=campaign,
                task_id=lease.task_id,
                sample=lease.task.sample,
                annotator=by,
                lease=lease,
                client_id=client_id,
                result=list(result),
                label=_label(config, result),
                standing=standing,
                config_digest=campaign.config_digest,
                sample_revision=lease.task.sample.revision,
                seconds=seconds if seconds is not None and 0 <= seconds < 86_400 else None,
            )
            if standing == Annotation.Standing.COUNTS:
                _count(lease.task_id, campaign.overlap, 1)
            details.update(object=made, campaign=campaign.public_id, sample=lease.task.sample.uid, standing=standing)
            if flag is not None:
                flags.raise_flag(lease.task.sample, by=by, kind=flag.kind, text=flag.text, annotation=made)
    except (IntegrityError, Conflict):
        # Sent twice at the same moment: the other request was faster, and its row is the answer.
        first = Annotation.objects.filter(annotator=by, client_id=client_id).first()
        if first is None:
            raise
        return first
    lease.state = Lease.State.DONE
    return made


def _standing(lease: Lease) -> str:
    """End the lease in one UPDATE and say whether the answer counts."""
    mine = Lease.objects.filter(pk=lease.pk, annotator=lease.annotator_id)
    if mine.filter(state=Lease.State.OPEN).update(state=Lease.State.DONE, lease_until=None):
        return str(Annotation.Standing.COUNTS)
    if mine.filter(state=Lease.State.DONE).exists():
        raise Conflict(
            "already-answered", _("You answered this one already. You can undo that answer and give another.")
        )
    again = Lease.objects.filter(task=lease.task_id, annotator=lease.annotator_id, state__lt=Lease.State.ENDED)
    if again.exclude(pk=lease.pk).exists() or not queue.take_slot(lease.task_id):
        return str(Annotation.Standing.LATE)
    mine.update(state=Lease.State.DONE, lease_until=None)
    return str(Annotation.Standing.COUNTS)


def _count(task_id: int, overlap: int, by: int) -> None:
    """Add ``by`` to a task's answers and set its status, in one UPDATE."""
    total = F("answers") + by
    Task.objects.filter(pk=task_id).exclude(status=Task.Status.CLOSED).update(
        answers=total,
        status=Case(When(answers__gte=overlap - by, then=Value(Task.Status.DONE)), default=Value(Task.Status.OPEN)),
    )


def _label(config: configs.Config, result: Sequence[Mapping[str, object]]) -> str:
    found = configs.label_of(config, result) if config.has_label else None
    if found is None:
        return ""
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


def skip(lease: Lease, *, by: Person, reason: str) -> Lease:
    """Give a task back unanswered; the slot returns, and this person is not asked about it again.

    Raises ``Missing``, ``Invalid`` (``skip-reason-unknown``) and ``Conflict`` (``lease-ended``).
    """
    if lease.annotator_id != by.pk:
        raise Missing("not-found", NOT_YOURS)
    if reason not in SKIP_REASONS:
        raise Invalid("skip-reason-unknown", _("There is no reason “{reason}” for a skip."), reason=reason)
    with act(by, "annotation.skip", on=lease.campaign) as details:
        mine = Lease.objects.filter(pk=lease.pk, annotator=by, state=Lease.State.OPEN)
        if not mine.update(state=Lease.State.SKIPPED, skip_reason=reason, lease_until=None):
            raise Conflict("lease-ended", _("This question went to somebody else. What you send now is still kept."))
        queue.put_back(lease.campaign_id, lease.task_id)
        details.update(sample=lease.task.sample.uid, reason=reason)
    lease.state, lease.skip_reason = Lease.State.SKIPPED, reason
    return lease


def last_of(campaign: Campaign, person: Person) -> Annotation | None:
    """The newest answer of ``person`` in ``campaign``, if they may still undo it."""
    newest = Annotation.objects.filter(campaign=campaign, annotator=person).order_by("-pk").first()
    if newest is None or newest.standing not in {Annotation.Standing.COUNTS, Annotation.Standing.LATE}:
        return None
    if newest.created_at < timezone.now() - timedelta(hours=12) or newest.reviews.exists():
        return None
    return newest


def undo(annotation: Annotation, *, by: Person) -> Lease | None:
    """Take back one's own last answer; the row stays, counts no more, and the question is theirs again.

    Returns the lease that is open again; None when the slot has gone (a late answer). Raises ``Missing`` for somebody else's
    answer and ``Conflict`` (``undo-too-late``) when it was reviewed or is not the last one.
    """
    if annotation.annotator_id != by.pk:
        raise Missing("not-found", NOT_YOURS)
    campaign = annotation.campaign
    newest = last_of(campaign, by)
    if newest is None or newest.pk != annotation.pk:
        raise Conflict(
            "undo-too-late", _("This answer can no longer be undone: another came after it, or it was reviewed.")
        )
    counted = annotation.standing == Annotation.Standing.COUNTS
    with act(by, "annotation.undo", on=annotation):
        must_move(annotation, Annotation.Standing.UNDONE, field="standing")
        if counted:
            _count(annotation.task_id, campaign.overlap, -1)
        return _reopened(annotation) if counted else None


def _reopened(annotation: Annotation) -> Lease | None:
    """Give the lease back to its person; what they had been given since goes back first."""
    lease = annotation.lease
    if lease is None:
        return None
    for other in Lease.objects.filter(annotator=lease.annotator_id, campaign=lease.campaign_id, state=Lease.State.OPEN):
        leases.end(other)
    until = timezone.now() + timedelta(seconds=annotation.campaign.lease_seconds)
    Lease.objects.filter(pk=lease.pk).update(state=Lease.State.OPEN, lease_until=until)
    lease.refresh_from_db()
    return lease


def draft_of(lease: Lease) -> tuple[Sequence[Mapping[str, object]], str]:
    """What a page begins with: the answer that was just undone, else nothing; and the id under which it may send one.

    The id is the same for every tab, and another one after an undo.
    """
    had = list(lease.annotations.order_by("pk").values_list("standing", "result"))
    undone = [result for standing, result in had if standing == Annotation.Standing.UNDONE]
    return (undone[-1] if undone else ()), f"{lease.public_id}:{len(had)}"


def withdraw_rejected(annotation: Annotation) -> None:
    """Open a rejected answer's task for somebody else; in the caller's transaction (``reviews``)."""
    with transaction.atomic():
        _count(annotation.task_id, annotation.campaign.overlap, -1)
        if annotation.campaign.status in {Campaign.Status.OPEN, Campaign.Status.PAUSED}:
            queue.put_back(annotation.campaign_id, annotation.task_id)
