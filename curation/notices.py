"""Notices: everybody who pulled a version is told what must no longer be used, and has until a day to answer.

A notice is a row for one party and one entry of the revocation list, written in the transaction of the entry; bringing it (by a
signed webhook and by e-mail) is the work of ``curation.deliveries``. Whoever began to pull before the withdrawal and whose
pull was written down after it is found by the sweep. What a party owes is derived from these rows when a decision is made: no
job has to run for a late answer to bite.
"""

import base64
import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Exists, Min, OuterRef, QuerySet
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from curation.models import Delivery, Notice, Pull, RevocationEntry
from governance.acts import act, record
from governance.kernel import jobs
from governance.kernel.errors import Missing
from governance.kernel.words import _
from governance.models import Agreement, Community, Party, Person
from governance.odrl.facts import ViolationFact
from governance.odrl.purposes import STANDARD
from governance.roles import Machine

DAYS = 30
LATE = timedelta(days=2)
"""How long after an entry a pull may still be written down that began before it; much longer than any does."""
HERALD = Machine("notices")
PARTY, AGREEMENT = "party", "agreement"


# Who


def parties_of(entry: RevocationEntry) -> QuerySet[Party]:
    """Return every party that pulled the entry's version, for a purpose that the entry is about."""
    pulls = Pull.objects.filter(version=entry.version)
    purposes = related(entry.withdrawn_purposes)
    if purposes:
        pulls = pulls.filter(token__agreement__purpose__in=purposes)
    return Party.objects.filter(pk__in=pulls.values("token__agreement__party"))


def related(purposes: Iterable[str]) -> frozenset[str]:
    """Return the purposes that a no to ``purposes`` stops: these, what is narrower, and what is broader."""
    return frozenset().union(*(STANDARD.narrower(code) | STANDARD.broader(code) for code in purposes))


def time_to_answer(community: Community) -> timedelta:
    """Return how long a party has to answer: what the charter says, else 30 days."""
    return timedelta(days=int(str(_charter(community).get("days", DAYS))))


# Telling


def tell(entry: RevocationEntry) -> list[Notice]:
    """Write a notice for every party that pulled and has none yet, and queue its delivery; in the caller's transaction."""
    assert entry.deadline is not None  # only what is to be answered is told
    told = Notice.objects.filter(entry=entry).values("party")
    made = []
    for party in parties_of(entry).exclude(pk__in=told).order_by("pk"):
        notice = Notice.objects.create(entry=entry, party=party, deadline=entry.deadline)
        details: dict[str, object] = {"entry": entry.seq, "version": entry.version.public_id, "party": party.public_id}
        record(HERALD, "notice.open", notice, details)
        send(notice)
        made.append(notice)
    return made


def send(notice: Notice, *, round_: int = 0) -> None:
    """Queue the first attempt of every way to reach a party; each further one is queued by the sweep."""
    for channel, where in ways(notice.party):
        row, is_new = Delivery.objects.get_or_create(
            notice=notice, channel=channel, round=round_, number=1, defaults={"address": where[:500]}
        )
        if is_new:
            jobs.later(row)


def ways(party: Party) -> list[tuple[str, str]]:
    """Return how a party can be reached: (channel, address)."""
    contact = party.contact.strip()
    email = party.email or (contact if re.fullmatch(r"[^@\s,;<>]+@[^@\s,;<>]+", contact) else "")
    found = [(Delivery.Channel.WEBHOOK, party.webhook_url), (Delivery.Channel.EMAIL, email)]
    return [(str(channel), where) for channel, where in found if where]


def remind(notice: Notice, *, by: Person) -> None:
    """Write to a party once more."""
    with act(by, "notice.remind", on=notice) as details:
        last = notice.deliveries.order_by("-round").values_list("round", flat=True).first() or 0
        send(notice, round_=last + 1)
        details |= {"round": last + 1, "party": notice.party.public_id}


def tell_latecomers() -> int:
    """Tell parties whose pull was written down after the entry about its version; return how many. For the sweep."""
    untold = Pull.objects.filter(version=OuterRef("version")).exclude(
        Exists(Notice.objects.filter(entry=OuterRef(OuterRef("pk")), party=OuterRef("token__agreement__party")))
    )
    entries = RevocationEntry.objects.filter(deadline__isnull=False, at__gt=timezone.now() - LATE).filter(
        Exists(untold)
    )
    return sum(len(tell(entry)) for entry in entries.select_related("version", "dataset").order_by("pk"))


# Owing


def overdue(party: Party, at: datetime) -> QuerySet[Notice]:
    """Return the notices that a party had to answer by now and has not; earliest first."""
    return Notice.objects.filter(party=party, answered_at=None, deadline__lt=at).order_by("deadline", "pk")


def owed_by(agreement: Agreement) -> tuple[ViolationFact, ...]:
    """Return what the party of an agreement still has to answer, as a decision sees it: broken from its deadline on.

    An answer that is late rests on every agreement of the party, unless the charter says that only those agreements rest under
    which the version was pulled.
    """
    owed = Notice.objects.filter(party=agreement.party_id, answered_at=None)
    if _charter(agreement.community).get("suspends", PARTY) == AGREEMENT:
        own = Pull.objects.filter(token__agreement=agreement, version=OuterRef("entry__version"))
        owed = owed.filter(Exists(own))
    first = owed.aggregate(first=Min("deadline"))["first"]
    return (ViolationFact("duty-violated", first),) if first else ()


# The letter's own code


def code_of(notice: Notice) -> str:
    """Return the code in the letter to a party, which stands for a sign-in: 80 bits, made from the notice and our secret."""
    raw = salted_hmac("wellhouse.notice", notice.public_id, algorithm="sha256").digest()[:10]
    return base64.b32encode(raw).decode().lower()


def address(notice: Notice) -> str:
    """Return the address in the letter, where a party answers."""
    return f"{settings.PUBLIC_URL}/answers/{notice.public_id}/{code_of(notice)}/"


def by_code(public_id: str, code: str) -> Notice:
    """Return the notice of a letter; raises ``Missing`` (``not-found``) for a wrong code."""
    related_rows = ("party__community", "entry__version__dataset__community")
    notice = Notice.objects.filter(public_id=public_id).select_related(*related_rows).first()
    good = notice is not None and constant_time_compare(code_of(notice), code)
    if notice is None or not good:
        raise Missing("not-found", _("There is no letter of this address. Copy it whole, or ask the keepers."))
    return notice


def acknowledge(notice: Notice, at: datetime | None = None) -> None:
    """Write down that a party knows of it; what it did says its receipt."""
    Notice.objects.filter(pk=notice.pk, acknowledged_at=None).update(acknowledged_at=at or timezone.now())


def _charter(community: Community) -> dict[str, object]:
    charter = community.charter if isinstance(community.charter, dict) else {}
    found = charter.get("withdrawal", {})
    return found if isinstance(found, dict) else {}
