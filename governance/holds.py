"""Holds: something rests, at once, until it is lifted.

A hold is placed by whatever noticed that something must not go on (a flag of somebody with authority, a withdrawal, a
takedown case, a keeper's word) in the transaction of that act. It costs nobody rights, so it comes first and
questions come later. A hold on a sample or on all samples of a contributor is joined by every claim and query; a hold
on something above is a name and an id.
"""

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from governance.acts import act, record
from governance.kernel.errors import Conflict, Invalid
from governance.kernel.words import _
from governance.models import Community, ConsentEvent, Contributor, Hold, Person, Sample, Withdrawal
from governance.roles import Actor


def place(
    *,
    community: Community,
    subject_kind: str,
    subject_id: str,
    kind: str,
    reason: str,
    by: Actor,
    sample: Sample | None = None,
    contributor: Contributor | None = None,
    origin: tuple[str, str] = ("", ""),
    note: str = "",
) -> Hold:
    """Place one hold and write it down, inside the caller's own act, which settled who may.

    A keeper who only wants something to rest uses :func:`rest`. Raises ``Invalid`` (``hold-elsewhere``) when the
    sample or contributor belongs to another community.
    """
    whose = {one.community for one in (sample, contributor) if one is not None}
    if whose - {community}:
        raise Invalid("hold-elsewhere", _("This belongs to another community, so it cannot rest here."))
    with transaction.atomic():
        hold = Hold.objects.create(
            community=community,
            kind=kind,
            subject_kind=subject_kind,
            subject_id=subject_id,
            sample=sample,
            contributor=contributor,
            reason=reason[:64],
            note=note,
            origin_kind=origin[0],
            origin_id=origin[1],
            placed_by=by.ref,
        )
        about = contributor.pseudonym if subject_kind == "contributor" and contributor else subject_id
        details: dict[str, object] = {"kind": str(kind), "subject": [subject_kind, about], "origin": list(origin)}
        record(by, "hold.place", hold, details)
    return hold


def rest(sample: Sample, *, by: Person, reason: str = "keeper", note: str = "") -> Hold:
    """Let one sample rest at the word of a keeper, a steward or somebody with authority."""
    with act(by, "hold.place", on=sample) as details:
        hold = Hold.objects.create(
            community=sample.community,
            kind=Hold.Kind.KEEPER,
            subject_kind="sample",
            subject_id=sample.public_id,
            sample=sample,
            reason=reason[:64],
            note=note,
            placed_by=by.ref,
        )
        details |= {"object": hold, "kind": "keeper", "subject": ["sample", sample.public_id]}
    return hold


def lift(hold: Hold, *, by: Actor, note: str = "", origin_is_closed: bool = False) -> Hold:
    """End a hold. What somebody took back stays held until they have said yes again.

    The hold of a takedown case or of a flag ends with what it came from, whose end says so with ``origin_is_closed``. Raises
    ``Conflict``: ``hold-lifted`` when it has ended already, ``hold-needs-consent`` for a withdrawal without a new yes,
    ``hold-has-case``, ``hold-has-flag``.
    """
    with act(by, "hold.lift", on=hold) as details:
        if hold.kind == Hold.Kind.TAKEDOWN and not origin_is_closed:
            raise Conflict(
                "hold-has-case", _("A case is open about this. Whoever ends the case says whether it comes back.")
            )
        if hold.kind == Hold.Kind.FLAG and hold.origin_id and not origin_is_closed:
            raise Conflict(
                "hold-has-flag", _("This rests because of a flag. Answer the flag, and it rests on or comes back.")
            )
        if hold.kind == Hold.Kind.WITHDRAWAL and not _said_yes_again(hold):
            raise Conflict(
                "hold-needs-consent",
                _("Somebody took this back. It can come back only after they have said yes again."),
            )
        now = timezone.now()
        if not Hold.objects.filter(pk=hold.pk, lifted_at=None).update(lifted_at=now, lifted_by=by.ref):
            raise Conflict("hold-lifted", _("This does not rest any more: somebody has lifted it already."))
        hold.lifted_at, hold.lifted_by = now, by.ref
        about = (
            hold.contributor.pseudonym if hold.subject_kind == "contributor" and hold.contributor else hold.subject_id
        )
        details |= {"kind": hold.kind, "subject": [hold.subject_kind, about], "note": bool(note)}
    return hold


def open_on(subject_kind: str, subject_id: str) -> QuerySet[Hold]:
    """The holds that rest on a thing now, by its kind and public id."""
    return Hold.objects.filter(subject_kind=subject_kind, subject_id=subject_id, lifted_at=None)


def open_in(community: Community) -> QuerySet[Hold]:
    """Everything that rests in a community now, newest first."""
    return Hold.objects.filter(community=community, lifted_at=None).order_by("-placed_at", "-pk")


def _said_yes_again(hold: Hold) -> bool:
    whose = hold.contributor_id or _who_took_back(hold) or (hold.sample.contributor_id if hold.sample else None)
    newer = ConsentEvent.objects.filter(contributor=whose, at__gt=hold.placed_at, status__in=ConsentEvent.VALID)
    return whose is not None and newer.exists()


def _who_took_back(hold: Hold) -> int | None:
    """The voice whose withdrawal placed a hold on one sample: the one who has to say yes again."""
    if hold.origin_kind != "withdrawal":
        return None
    found = Withdrawal.objects.filter(public_id=hold.origin_id).values_list("contributor", flat=True)
    return found.first()
