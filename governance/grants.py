"""Grants: what an agreement opens, and whether it rests.

An agreement that both have signed opens one grant over all that it says; a steward may end that one and give a
narrower one. A grant rests while a suspension stands: a steward places it with a reason, a rule places it when
something that was promised is overdue. Everything is looked at when somebody pulls; no job has to run first.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from django.db import IntegrityError, transaction
from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from governance.acts import act, record
from governance.kernel.errors import Conflict, Invalid, Reason
from governance.kernel.words import _
from governance.models import Agreement, Grant, Party, Person, Suspension
from governance.roles import Actor

BY_STEWARD = "suspended"
KEY_LOST = "key-compromised"


@dataclass(frozen=True)
class Standing:
    """How the grants of an agreement stand for one version at one moment; ``because`` names what it rests for."""

    from_version: int
    to_version: int | None
    not_before: datetime
    expires_at: datetime
    ended_at: datetime | None = None
    because: str = ""


class Scope(Protocol):
    """What limits a grant."""

    from_version: int
    to_version: int | None


def first(agreement: Agreement, *, by: Actor) -> Grant:
    """Open everything that the agreement says; called inside the act that puts it into force."""
    grant = Grant.objects.create(
        agreement=agreement,
        from_version=agreement.from_version,
        to_version=agreement.to_version,
        not_before=agreement.starts_at,
        expires_at=agreement.expires_at,
        created_by=by.ref,
    )
    record(by, "grant.open", grant, _told(grant))
    return grant


def issue(
    agreement: Agreement,
    *,
    by: Person,
    from_version: int | None = None,
    to_version: int | None = None,
    not_before: datetime | None = None,
    expires_at: datetime | None = None,
) -> Grant:
    """Open a part of what an agreement says.

    Raises ``Conflict`` (``agreement-ended``, ``agreement-unsigned``) and ``Invalid`` (``grant-too-wide``) with every
    reason.
    """
    now = timezone.now()
    if agreement.ended_at is not None or agreement.expires_at <= now:
        raise Conflict("agreement-ended", _("This agreement was ended already."))
    if agreement.in_force_at is None:
        raise Conflict("agreement-unsigned", _("This agreement lacks a signature; it opens nothing yet."))
    wanted = Grant(
        agreement=agreement,
        from_version=from_version or agreement.from_version,
        to_version=to_version or agreement.to_version,
        not_before=max(not_before or now, agreement.starts_at),
        expires_at=expires_at or agreement.expires_at,
        created_by=by.ref,
    )
    reasons = _too_wide(wanted, agreement)
    if reasons:
        raise Invalid("grant-too-wide", _("A grant opens no more than its agreement."), reasons=reasons)
    with act(by, "grant.open", on=agreement) as details:
        wanted.save(force_insert=True)
        details |= {"object": wanted, **_told(wanted)}
    return wanted


def end(grant: Grant, *, by: Person) -> Grant:
    """End a grant at once; the agreement stays. Raises ``Conflict`` (``grant-ended``) the second time."""
    with act(by, "grant.end", on=grant):
        changes = {"ended_at": timezone.now(), "ended_by": by}
        if not Grant.objects.filter(pk=grant.pk, ended_at=None).update(**changes):
            raise Conflict("grant-ended", _("This grant was ended already."))
    grant.refresh_from_db()
    return grant


def suspend(grant: Grant, *, by: Actor, code: str = BY_STEWARD, note: str = "") -> Suspension:
    """Let a grant rest, at once, for one cause. Raises ``Invalid`` (``reason-missing``) when a person gives no reason
    and ``Conflict`` (``grant-rests``) when it rests for this cause already.
    """
    if isinstance(by, Person) and not note.strip():
        raise Invalid("reason-missing", reasons=[Reason("reason-missing", _("Say why it is to rest."), "note")])
    with act(by, "grant.suspend", on=grant) as details:
        try:
            with transaction.atomic():
                placed = Suspension.objects.create(grant=grant, code=code, note=note.strip()[:500], placed_by=by.ref)
        except IntegrityError as error:
            raise Conflict("grant-rests", _("It rests for this reason already.")) from error
        details |= {"code": code}
    return placed


def resume(grant: Grant, *, by: Actor, code: str = BY_STEWARD) -> Grant:
    """Let a grant go on, as far as this cause is concerned. Raises ``Conflict`` (``grant-not-resting``)."""
    with act(by, "grant.resume", on=grant) as details:
        resting = Suspension.objects.filter(grant=grant, code=code, lifted_at=None)
        if not resting.update(lifted_at=timezone.now(), lifted_by=by.ref):
            raise Conflict("grant-not-resting", _("It does not rest for this reason."))
        details |= {"code": code}
    return grant


def suspend_all(party: Party, *, by: Actor, code: str, note: str = "") -> int:
    """Let every open grant of a party rest for one cause, those that do so already excepted; return how many."""
    open_ones = list(of(party).filter(ended_at=None).exclude(suspensions__in=_resting(code)))
    for grant in open_ones:
        suspend(grant, by=by, code=code, note=note)
    return len(open_ones)


def resume_all(party: Party, *, by: Actor, code: str) -> int:
    """Let every grant of a party go on that rests for this cause; return how many."""
    resting = list(of(party).filter(suspensions__in=_resting(code)))
    for grant in resting:
        resume(grant, by=by, code=code)
    return len(resting)


def of(party: Party) -> QuerySet[Grant]:
    """The grants of a party, whatever the agreement, oldest first."""
    return Grant.objects.filter(agreement__party=party).select_related("agreement__party__community").order_by("pk")


def standing(agreement: Agreement, *, number: int | None, at: datetime) -> Standing:
    """How the agreement's grants stand for version ``number`` (None: any) at ``at``: the best of them, or none at all."""
    resting = Suspension.objects.filter(grant=OuterRef("pk"), lifted_at=None).order_by("pk").values("code")[:1]
    held = list(agreement.grants.annotate(because=Subquery(resting)).order_by("pk")) if agreement.pk else []
    if not held:
        return Standing(agreement.from_version, agreement.to_version, agreement.starts_at, agreement.expires_at)
    best = min(held, key=lambda grant: _distance(grant, number, at))
    return Standing(
        best.from_version,
        best.to_version,
        best.not_before,
        best.expires_at,
        best.ended_at,
        best.because or "",
    )


def is_in(scope: Scope, number: int) -> bool:
    """Whether a version lies within."""
    return scope.from_version <= number and (scope.to_version is None or number <= scope.to_version)


def _distance(grant: Grant, number: int | None, at: datetime) -> tuple[bool, ...]:
    """How far a grant is from opening this: what can least be helped weighs most."""
    return (
        number is not None and not is_in(grant, number),
        grant.ended_at is not None,
        grant.expires_at < at,
        grant.not_before > at,
        bool(grant.because),  # type: ignore[attr-defined]  # annotated
    )


def _resting(code: str) -> QuerySet[Suspension]:
    return Suspension.objects.filter(code=code, lifted_at=None)


def _too_wide(grant: Grant, agreement: Agreement) -> list[Reason]:
    reasons = []
    last = agreement.to_version
    if grant.from_version < agreement.from_version:
        message = _("The agreement begins with version {n}.")
        values: dict[str, object] = {"n": agreement.from_version}
        reasons.append(Reason("grant-too-wide", message, "from_version", values=values))
    if last is not None and (grant.to_version is None or grant.to_version > last):
        message = _("The agreement ends with version {n}.")
        reasons.append(Reason("grant-too-wide", message, "to_version", values={"n": last}))
    if grant.to_version is not None and grant.to_version < grant.from_version:
        message = _("The last version comes before the first one.")
        reasons.append(Reason("ends-before-it-begins", message, "to_version"))
    if grant.expires_at > agreement.expires_at:
        reasons.append(Reason("grant-too-wide", _("It cannot outlast its agreement."), "expires_at"))
    if grant.expires_at <= grant.not_before:
        reasons.append(Reason("ends-before-it-begins", _("It ends before it begins."), "expires_at"))
    return reasons


def _told(grant: Grant) -> dict[str, object]:
    return {
        "agreement": grant.agreement.public_id,
        "from_version": grant.from_version,
        "to_version": grant.to_version,
        "expires_at": grant.expires_at.isoformat(),
    }
