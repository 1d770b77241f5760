"""Bringing a notice to its party: by a signed webhook and by e-mail, tried again with growing pauses, each attempt kept.

A job works on one attempt. What failed stays as it ended; the sweep queues the next attempt when its pause is over, until one
arrives or there were too many. So the rows are the delivery log, and a worker that dies loses a delay and nothing else.
"""

from datetime import datetime, timedelta
from smtplib import SMTPException

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext, override

from curation import notices, receipts, revocations, standing
from curation.models import Delivery, Notice, Pull
from governance import signing
from governance.kernel import fetching, jobs
from governance.kernel.errors import Conflict, Invalid, NotAllowed, Unavailable
from governance.kernel.jobs import Claim
from governance.kernel.words import _

FORMAT, TYP = "wellhouse/webhook/1", "webhook+jwt"
TRIES = 8
FIRST_PAUSE = timedelta(minutes=2)
"""Doubled eight times over: the last attempt comes some eight hours after the first."""
REMINDERS = (timedelta(days=7), timedelta(days=1))
"""How long before the deadline a party that has not answered is written to once more."""


def deliver(row: Delivery, claim: Claim) -> None:
    """Make one attempt. Raises ``Conflict`` (``delivery-failed``) when it did not arrive."""
    notice = Notice.objects.select_related("party__community", "entry__version__dataset__community").get(
        pk=row.notice_id
    )
    if row.channel == Delivery.Channel.EMAIL:
        _write(notice, row.address)
        return
    with claim.finish(answer=_post(row, notice)):
        pass


def webhook(notice: Notice, at: datetime) -> str:
    """Return what is posted to a party's webhook: a compact JWS (``typ: webhook+jwt``), to be taken once by its ``id``."""
    entry = notice.entry
    told = {
        "format": FORMAT,
        "id": notice.public_id,
        "event": "version.withdrawn",
        "at": revocations.text_of(at),
        "party": notice.party.ref,
        "dataset": entry.version.dataset.path,
        "entry": entry.said,
        "digest": f"sha256:{entry.digest}",
        "list": revocations.address(entry.version.dataset),
        "deadline": revocations.text_of(notice.deadline),
        "receipt": f"{settings.PUBLIC_URL}/api/v1/receipts/",
        "subject": receipts.subjects(notice),
        "note": "Addresses that were given out before may have served for up to 30 seconds more.",
    }
    return signing.jws(told, TYP)


def retry(at: datetime | None = None) -> int:
    """Queue the next attempt of what did not arrive and whose pause is over; return how many. For the sweep."""
    at = at or timezone.now()
    queued = 0
    failed = Delivery.objects.filter(status=Delivery.Status.FAILED, number__lt=TRIES, notice__answered_at=None)
    for row in failed.select_related("notice").order_by("pk"):
        if row.finished_at is None or at < row.finished_at + FIRST_PAUSE * 2 ** (row.number - 1):
            continue
        following, is_new = Delivery.objects.get_or_create(
            notice=row.notice,
            channel=row.channel,
            round=row.round,
            number=row.number + 1,
            defaults={"address": row.address},
        )
        if is_new:
            jobs.later(following)
            queued += 1
    return queued


def remind(at: datetime | None = None) -> int:
    """Write once more to who has not answered a week and a day before the deadline; return how many. For the sweep."""
    at = at or timezone.now()
    reminded = 0
    open_ = Notice.objects.filter(answered_at=None, deadline__gt=at, deadline__lte=at + max(REMINDERS))
    for notice in open_.select_related("party"):
        due = [before for before in REMINDERS if notice.at < notice.deadline - before <= at]
        if not notice.deliveries.filter(round__gte=len(due)).exists():
            notices.send(notice, round_=len(due))
            reminded += 1
    return reminded


def letter(notice: Notice) -> dict[str, object]:
    """Return everything that a letter to a party says."""
    entry, party = notice.entry, notice.party
    version = entry.version
    dataset = version.dataset
    pulls = Pull.objects.filter(version=version, token__agreement__party=party)
    following = standing.successor(version)
    return {
        "community": dataset.community,
        "dataset": dataset,
        "version": version,
        "party": party,
        "entry": entry,
        "notice": notice,
        "deadline": notice.deadline,
        "is_case": entry.kind in (entry.Kind.UPHELD, entry.Kind.LEGAL),
        "purposes": entry.withdrawn_purposes,
        "pulls": list(pulls.select_related("token__agreement").order_by("opened_at")[:50]),
        "successor": following,
        "answer": notices.address(notice),
        "list": revocations.address(dataset),
        "cache": f"{dataset.community.slug}___{dataset.slug}",
        "endpoint": settings.PUBLIC_URL,
    }


def _post(row: Delivery, notice: Notice) -> int:
    """Post the notice to a webhook and return the status; anything but 2xx is kept with the attempt and raised."""
    headers = {"Content-Type": f"application/{TYP}", "Idempotency-Key": notice.public_id}
    content = webhook(notice, timezone.now()).encode()
    try:
        answer = fetching.fetch(row.address, method="POST", headers=headers, content=content)
    except (Invalid, NotAllowed, Unavailable) as refusal:
        raise _failed(refusal.message) from refusal
    if not answer.is_ok:
        Delivery.objects.filter(pk=row.pk).update(answer=answer.status)
        raise _failed(str(answer.status))
    return answer.status


def _write(notice: Notice, address: str) -> None:
    """Send the letter by e-mail, in words and as a page."""
    with override(settings.LANGUAGE_CODE):
        facts = letter(notice)
        subject = gettext("{name}, version {n} was withdrawn: please stop, delete and confirm by {day}").format(
            name=notice.entry.version.dataset.name,
            n=notice.entry.version.number,
            day=date_format(notice.deadline, "j F"),
        )
        text = render_to_string("emails/withdrawal.txt", facts)
        page = render_to_string("emails/withdrawal.html", facts | {"subject": subject})
    message = EmailMultiAlternatives(" ".join(subject.split()), text, to=[address])
    message.attach_alternative(page, "text/html")
    try:
        message.send()
    except (SMTPException, OSError) as error:
        raise _failed(type(error).__name__) from error


def _failed(why: str) -> Conflict:
    return Conflict("delivery-failed", _("It did not arrive: {why}. It is tried again."), why=why[:200])
