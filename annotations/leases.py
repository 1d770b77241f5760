"""Who is asked next, and for how long the question is theirs.

A lease is one slot of one task in one person's hands until a moment. Whoever asks again, from another tab or after a fall of the
connection, gets the lease that they hold. A lease that ran out keeps its slot until the sweep returns it; an answer that comes
before that counts as if nothing had happened.
"""

from datetime import datetime, timedelta

from celery import shared_task
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from annotations import queue
from annotations.models import Campaign, Lease, QueueSlot
from governance import roles
from governance.kernel.errors import Conflict
from governance.kernel.words import _
from governance.models import Person, Sample

# Every how many claims a person's marks move up (platform measurements, section 6).
ADVANCE_EVERY = 32
REAP_LIMIT = 500


def claim(campaign: Campaign, *, by: Person, now: datetime | None = None) -> Lease | None:
    """Give ``by`` the next task, or the one that they hold; None when there is nothing for them (``why_empty`` says why).

    Raises ``Missing`` for somebody outside the community and ``Conflict`` (``campaign-not-open``).
    """
    roles.require(by, "annotation.submit", campaign.community)
    if campaign.status != Campaign.Status.OPEN:
        raise Conflict("campaign-not-open", _("“{name}” is not open now."), name=campaign.name)
    now = now or timezone.now()
    return _held(campaign, by, now) or _next(campaign, by, now)


def _held(campaign: Campaign, by: Person, now: datetime) -> Lease | None:
    """The open lease of this person, prolonged; one whose sample may no longer be shown goes back."""
    mine = Lease.objects.filter(campaign=campaign, annotator=by, state=Lease.State.OPEN)
    if not mine.exists():
        return None
    lease = mine.select_related("task__sample__media", "campaign__dataset__community").first()
    if lease is None:
        return None
    if not queue.may_offer(lease.task_id, by, now):
        end(lease)
        return None
    until = now + timedelta(seconds=campaign.lease_seconds)
    if not mine.filter(pk=lease.pk).update(lease_until=until):
        return None
    lease.lease_until = until
    return lease


def _next(campaign: Campaign, by: Person, now: datetime) -> Lease | None:
    until = now + timedelta(seconds=campaign.lease_seconds)
    try:
        with transaction.atomic():
            lease = queue.take(campaign, by, now=now, until=until)
            if lease is None and queue.drop_marks(campaign, by):
                lease = queue.take(campaign, by, now=now, until=until)
            if lease is not None and int(lease.public_id[:8], 16) % ADVANCE_EVERY == 0:
                queue.advance(campaign, by)
    except IntegrityError:
        # The same person in two tabs: the other tab was faster, and its lease is theirs.
        return _held(campaign, by, now)
    return lease


def heartbeat(lease: Lease, *, by: Person, now: datetime | None = None) -> Lease:
    """Prolong a lease that somebody is still working on; raises ``Conflict``: ``lease-ended``, ``moved-on``."""
    require_seen(lease)
    until = (now or timezone.now()) + timedelta(seconds=lease.campaign.lease_seconds)
    mine = Lease.objects.filter(pk=lease.pk, annotator=by, state=Lease.State.OPEN)
    if not mine.update(lease_until=until):
        raise Conflict("lease-ended", _("This question went to somebody else. What you send now is still kept."))
    lease.lease_until = until
    return lease


def may_show(lease: Lease, now: datetime | None = None) -> bool:
    """Whether the sample of a lease may still be shown to its person: it does not rest, and is still for them."""
    return queue.may_offer(lease.task_id, lease.annotator, now or timezone.now())


def require_shown(lease: Lease) -> None:
    """Raise ``Conflict`` when the sample of a lease may not be shown: ``sample-rests`` when it was held or taken back, ``moved-on``
    for anything else, so that nobody learns that a group closed.
    """
    if may_show(lease):
        return
    require_seen(lease)
    raise Conflict(
        "sample-rests", _("This rests since a moment ago, so no answer to it is kept. Please go on with the next.")
    )


def require_seen(lease: Lease) -> None:
    """Raise ``Conflict`` (``moved-on``) when the sample of a lease is no longer for its person."""
    if not Sample.objects.visible_to(lease.annotator).filter(pk=lease.task.sample_id).exists():
        raise Conflict(
            "moved-on", _("This question has moved on, so no answer to it is kept. Please go on with the next.")
        )


def end(lease: Lease) -> bool:
    """Return a lease's slot without an answer; the person may be asked again. Says whether this call did it."""
    with transaction.atomic():
        open_now = Lease.objects.filter(pk=lease.pk, state=Lease.State.OPEN)
        ended = bool(open_now.update(state=Lease.State.ENDED, lease_until=None))
        if ended:
            queue.put_back(lease.campaign_id, lease.task_id)
    return ended


def reap(now: datetime | None = None) -> int:
    """Return the slots of leases that ran out; say how many leases ended."""
    now = now or timezone.now()
    expired = Lease.objects.filter(state=Lease.State.OPEN, lease_until__lt=now)
    ended = 0
    for campaign_id in list(expired.order_by().values_list("campaign_id", flat=True).distinct()):
        ended += _reap_campaign(campaign_id, now)
    return ended


def _reap_campaign(campaign_id: int, now: datetime) -> int:
    expired = Lease.objects.filter(campaign_id=campaign_id, state=Lease.State.OPEN, lease_until__lt=now)
    with transaction.atomic():
        queue.lock(campaign_id)
        rows = list(expired.select_for_update(skip_locked=True).values_list("pk", "task_id")[:REAP_LIMIT])
        for pk, task_id in rows:
            if expired.filter(pk=pk).update(state=Lease.State.ENDED, lease_until=None):
                queue.put_back(campaign_id, task_id)
    return len(rows)


@shared_task(name="wellhouse.reap_leases", ignore_result=True)
def reap_message() -> None:
    """What beat sends every twenty seconds."""
    reap()


def why_empty(campaign: Campaign, person: Person) -> str:
    """Say, in one translated sentence, why there is nothing to do in ``campaign`` for ``person``."""
    if campaign.status == Campaign.Status.DRAFT:
        return gettext("This work is still being prepared.")
    if campaign.status == Campaign.Status.PAUSED:
        return gettext("This work rests for now. What you gave is kept.")
    if campaign.status == Campaign.Status.CLOSED:
        return gettext("This work is finished. Thank you for your part in it.")
    # What is not for them does not exist for them, waiting or in other hands.
    seen = Sample.objects.visible_to(person)
    waiting = QueueSlot.objects.filter(campaign=campaign, task__sample__in=seen)
    if not waiting.exists():
        held = Lease.objects.filter(campaign=campaign, state=Lease.State.OPEN, task__sample__in=seen)
        hands = held.exclude(annotator=person).count()
        if not hands:
            return gettext("Everything here has been answered. Thank you.")
        said = ngettext(
            "The last {n} is in somebody else's hands; if they stop, it comes back.",
            "The last {n} are in other people's hands; if they stop, they come back.",
            hands,
        )
        return said.format(n=hands)
    answered = Lease.objects.filter(annotator=person, state__lt=Lease.State.ENDED).values("task")
    unseen = waiting.exclude(task__in=answered)
    if not unseen.exists():
        return gettext("You have answered all of it. What is left waits for other people's opinions.")
    return gettext("What is left is your own, or rests for now. Nobody is asked about their own words.")
