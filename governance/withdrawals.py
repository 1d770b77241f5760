"""Withdrawals: somebody takes back what they gave. It holds before the answer leaves, and nobody is asked why.

Opening one writes, in one transaction, the withdrawal, the new answers in the consent history and the holds on the
samples. What lies above (versions) reads both: a version that contains such samples stops at once, with no message
and no job between.

Who may: the contributor signed in, a representative, a steward or keeper on somebody's behalf, or whoever has the
code of the consent receipt. A nameless web form opens a case that the keepers look at; it is throttled and holds
nothing.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.crypto import salted_hmac

from governance import consents
from governance.acts import act, record
from governance.kernel.errors import Conflict, Invalid, Missing, NotAllowed, Unavailable
from governance.kernel.words import _
from governance.models import (
    Community,
    ConsentEvent,
    Contributor,
    Dataset,
    Hold,
    Membership,
    Person,
    Sample,
    SignInAttempt,
    Withdrawal,
)
from governance.odrl.purposes import STANDARD
from governance.roles import Actor, Outsider, roles_of

Channel = Withdrawal.Channel
WINDOW = timedelta(hours=1)
FREE_CODES = 10
"""Wrong receipt codes from one address within the window before it has to wait."""
FREE_CASES = 5
"""Nameless cases from one address within the window."""
WRITE_AT_ONCE = 1000

WHEN_OPENED: list[Callable[[Withdrawal], None]] = []
"""What is also written in the transaction of a withdrawal, by floors above; filled with :func:`when_opened`."""


def when_opened(effect: Callable[[Withdrawal], None]) -> Callable[[Withdrawal], None]:
    """Register what is written with every withdrawal that holds (database only; it runs inside its transaction)."""
    WHEN_OPENED.append(effect)
    return effect


def open(
    contributor: Contributor,
    *,
    by: Actor,
    channel: str,
    dataset: Dataset | None = None,
    purposes: Sequence[str] = (),
    samples: QuerySet[Sample] | None = None,
    note: str = "",
) -> Withdrawal:
    """Take back all words of a contributor, those in one ``dataset``, only some ``samples``, or only some
    ``purposes``.

    Without ``purposes`` the samples themselves are held; with them, the words stay and may not be used for these any
    more. Raises ``NotAllowed`` (``withdrawal-not-yours``) and ``Invalid`` (``purpose-unknown``).
    """
    unknown = [purpose for purpose in purposes if purpose not in STANDARD]
    if unknown:
        raise Invalid("purpose-unknown", _("Nobody knows the purpose “{name}”."), name=unknown[0])
    _require_right(contributor, by, channel)
    community, now = contributor.community, timezone.now()
    with act(by, "withdrawal.open", on=community) as details:
        withdrawal = Withdrawal.objects.create(
            community=community,
            contributor=contributor,
            dataset=dataset,
            purposes=sorted(purposes),
            channel=channel,
            opened_by=by if isinstance(by, Person) else None,
            note=note.strip(),
            at=now,
        )
        only_some = dataset is not None or samples is not None
        answers = _take_back(withdrawal, contributor, by, purposes, now) if purposes or not only_some else 0
        held = 0
        if not purposes:
            held = _hold_samples(withdrawal, by, dataset, samples) if only_some else _hold_person(withdrawal, by)
        details |= {
            "object": withdrawal,
            "contributor": contributor.ref,
            "channel": str(channel),
            "dataset": dataset.public_id if dataset else None,
            "purposes": sorted(purposes),
            "samples": held,
            "answers": answers,
        }
        for effect in WHEN_OPENED:
            effect(withdrawal)
    return withdrawal


def open_with_code(
    code: str, *, address: str, purposes: Sequence[str] = (), dry: bool = False
) -> Withdrawal | Contributor:
    """Take everything back with the code of a consent receipt; with ``dry`` only say whose code it is.

    Raises ``Missing`` (``receipt-unknown``), and ``Unavailable`` (``too-many-codes``) after many wrong ones from one
    address.
    """
    key = _key("receipt", address)
    _throttle(key, FREE_CODES, "too-many-codes")
    try:
        contributor = consents.contributor_of_receipt(code)
    except Missing:
        SignInAttempt.objects.create(key=key)
        raise
    if dry:
        return contributor
    return open(contributor, by=Outsider(contributor.named("receipt")), channel=Channel.RECEIPT, purposes=purposes)


def open_case(community: Community, *, note: str, address: str) -> Withdrawal:
    """Ask the keepers to look: somebody without account and code wants something back. Holds nothing.

    Raises ``Invalid`` (``note-missing``) and ``Unavailable`` (``too-many-cases``).
    """
    if not note.strip():
        raise Invalid("note-missing", _("Say which words you mean, and how the keepers can reach you."))
    throttle_case(address)
    with act(Outsider("form"), "withdrawal.open", on=community) as details:
        case = Withdrawal.objects.create(community=community, channel=Channel.FORM, note=note.strip()[:4000])
        details |= {"object": case, "channel": "form"}
    return case


def throttle_case(address: str) -> None:
    """Count one nameless case from a network address; raises ``Unavailable`` (``too-many-cases``) after some."""
    key = _key("case", address)
    _throttle(key, FREE_CASES, "too-many-cases")
    SignInAttempt.objects.create(key=key)


def close(withdrawal: Withdrawal, *, by: Person, outcome: str = "confirmed") -> Withdrawal:
    """Write down that the keepers looked at it: ``confirmed`` or, for a nameless case only, ``unfounded``.

    It changes nothing about what is held. Raises ``Conflict`` (``withdrawal-closed``) and ``Invalid``
    (``outcome-unknown``).
    """
    allowed = {"confirmed", "unfounded"} if withdrawal.channel == Channel.FORM else {"confirmed"}
    if outcome not in allowed:
        raise Invalid("outcome-unknown", _("What somebody took back cannot be called unfounded."))
    now = timezone.now()
    with act(by, "withdrawal.close", on=withdrawal) as details:
        fresh = Withdrawal.objects.filter(pk=withdrawal.pk, closed_at=None)
        if not fresh.update(closed_at=now, closed_by=by, outcome=outcome):
            raise Conflict("withdrawal-closed", _("Somebody has answered this already."))
        details["outcome"] = outcome
    withdrawal.refresh_from_db()
    return withdrawal


def touched(withdrawal: Withdrawal) -> QuerySet[Sample]:
    """The samples that a withdrawal is about."""
    if withdrawal.contributor is None:
        return Sample.objects.none()
    about = Sample.objects.with_voice(withdrawal.contributor)
    held = Hold.objects.filter(origin_kind="withdrawal", origin_id=withdrawal.public_id, sample__isnull=False)
    if held.exists():
        return about.filter(pk__in=held.values("sample"))
    return about.filter(dataset=withdrawal.dataset_id) if withdrawal.dataset_id else about


def name_of(withdrawal: Withdrawal) -> str:
    """How people call it: W- and the first characters of its public id."""
    return f"W-{withdrawal.public_id[:8]}"


def _require_right(contributor: Contributor, by: Actor, channel: str) -> None:
    if isinstance(by, Outsider):
        good = channel == Channel.RECEIPT and by.ref == contributor.named("receipt")
    elif isinstance(by, Person):
        held = roles_of(by, contributor.community)
        desk = {Membership.Role.KEEPER, Membership.Role.STEWARD}
        good = {
            Channel.SELF: contributor.person_id == by.pk,
            Channel.REPRESENTATIVE: Membership.Role.REPRESENTATIVE in held,
            Channel.STEWARD: bool(held & desk),
        }.get(Channel(channel), False)
    else:
        good = False
    if not good:
        raise NotAllowed(
            "withdrawal-not-yours",
            _("Only the person themselves, or somebody who speaks for them, can take this back."),
        )


def _take_back(
    withdrawal: Withdrawal, contributor: Contributor, by: Actor, purposes: Sequence[str], now: datetime
) -> int:
    """Write the new answers: for the named purposes, or for everything that was ever said."""
    about = set(purposes)
    if not about:
        said = ConsentEvent.objects.filter(contributor=contributor).values_list("purpose", flat=True)
        about = set(said.distinct()) or {"use"}
    method = {Channel.REPRESENTATIVE: ConsentEvent.Method.REPRESENTATIVE}.get(
        Channel(withdrawal.channel), ConsentEvent.Method.SELF
    )
    person = by if isinstance(by, Person) else None
    for purpose in sorted(about):
        ConsentEvent.objects.create(
            contributor=contributor,
            purpose=purpose,
            status=ConsentEvent.Status.WITHDRAWN,
            at=now,
            method=method,
            recorded_by=person,
        )
    return len(about)


def _hold_person(withdrawal: Withdrawal, by: Actor) -> int:
    """One hold on everything of a contributor, now and later; return how many samples that are now."""
    contributor = withdrawal.contributor
    if contributor is None:
        return 0
    hold = _hold(withdrawal, by, "contributor", contributor.public_id)
    hold.contributor = contributor
    hold.save(force_insert=True)
    record(by, "hold.place", hold, {"kind": "withdrawal", "origin": ["withdrawal", withdrawal.public_id]})
    return Sample.objects.with_voice(contributor).count()


def _hold_samples(withdrawal: Withdrawal, by: Actor, dataset: Dataset | None, samples: QuerySet[Sample] | None) -> int:
    """A hold on each sample, in one event: only those in which the contributor is heard, whatever was asked for."""
    if withdrawal.contributor is None:
        return 0
    own = Sample.objects.with_voice(withdrawal.contributor)
    own = own.filter(dataset=dataset) if dataset is not None else own
    own = own.filter(pk__in=samples.values("pk")) if samples is not None else own
    rows: list[Hold] = []
    held = 0
    for sample in own.order_by("pk").only("pk", "uid").iterator(chunk_size=WRITE_AT_ONCE):
        hold = _hold(withdrawal, by, "sample", sample.uid)
        hold.sample = sample
        rows.append(hold)
        if len(rows) == WRITE_AT_ONCE:
            held += len(Hold.objects.bulk_create(rows))
            rows = []
    held += len(Hold.objects.bulk_create(rows))
    if not held:
        raise Invalid("nothing-to-take-back", _("Choose at least one piece to take back."))
    return held


def _hold(withdrawal: Withdrawal, by: Actor, kind: str, public_id: str) -> Hold:
    return Hold(
        community=withdrawal.community,
        kind=Hold.Kind.WITHDRAWAL,
        subject_kind=kind,
        subject_id=public_id,
        reason="withdrawal",
        origin_kind="withdrawal",
        origin_id=withdrawal.public_id,
        placed_by=by.ref,
        placed_at=withdrawal.at,
    )


def _key(what: str, address: str) -> str:
    return salted_hmac(f"wellhouse.withdrawals.{what}", address).hexdigest()


def _throttle(key: str, free: int, code: str) -> None:
    recent = SignInAttempt.objects.filter(key=key, at__gt=timezone.now() - WINDOW).count()
    if recent >= free:
        message = _("Too many tries from here. Please wait an hour, or ring the keepers: they can do it at once.")
        raise Unavailable(code, message, retry_after=int(WINDOW.total_seconds()))
