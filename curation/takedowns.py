"""Cases against a version, and what stays of a version that is gone.

Opening a case closes the version to everybody in the same transaction; nobody loses a right by that, so questions come later.
Closed as unfounded, the version comes back as it was; upheld, it is withdrawn for good. Where the charter asks for it, the
community votes on how a case ends. Somebody without an account only *asks* for a case: keepers read it, nothing closes. A demand
by law names who makes it, and is answered with 451 and that name. A version from which somebody took their words back is gone
without any case: ``bury`` only writes down what ``curation.standing`` reads anyway.
"""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext

from curation import revocations, standing
from curation.models import RevocationEntry, Takedown, Tombstone, Version
from governance import holds, votes, withdrawals
from governance.acts import act, record
from governance.kernel.digests import digest
from governance.kernel.errors import Conflict, Invalid
from governance.kernel.moves import move, must_move
from governance.kernel.words import _
from governance.models import Hold, Person, Proposal
from governance.roles import Machine, Outsider

UPHELD = _("The community looked into a complaint and found it right.")
GRAVEDIGGER = Machine("withdrawals")
KIND = "takedown"
LONGEST = 4000
Kind = Takedown.Kind


def ask(version: Version, *, reason: str, address: str) -> Takedown:
    """Ask the keepers for a case, without an account and without a name; throttled by network address, and holds nothing.

    Raises ``Invalid`` (``case-reason-missing``), ``Conflict`` (``version-not-published``), ``Unavailable`` (``too-many-cases``).
    """
    _check(version, reason)
    withdrawals.throttle_case(address)
    with act(Outsider("form"), "takedown.ask", on=version) as details:
        case = Takedown.objects.create(version=version, reason=reason.strip()[:LONGEST], status=Takedown.Status.ASKED)
        details |= {"object": case, "version": version.public_id}
    return case


def open(version: Version, *, by: Person, reason: str, kind: str = Kind.COMPLAINT, blocked_by: str = "") -> Takedown:
    """Open a case and close the version at once.

    A demand by law (``kind`` legal) names in ``blocked_by`` the address of who makes it. Raises ``Invalid``
    (``case-reason-missing``, ``blocker-missing``), ``Conflict`` (``takedown-open``, ``version-not-published``).
    """
    _check(version, reason)
    if kind == Kind.LEGAL and not blocked_by.startswith(("https://", "http://")):
        raise Invalid(
            "blocker-missing", _("Say who demands it, by an address that everybody can read."), path="blocked_by"
        )
    with act(by, "takedown.open", on=version) as details:
        try:
            with transaction.atomic():
                case = Takedown.objects.create(
                    version=version,
                    kind=kind,
                    blocked_by=blocked_by if kind == Kind.LEGAL else "",
                    opened_by=by,
                    reason=reason.strip()[:LONGEST],
                )
        except IntegrityError as error:
            raise _open_already() from error
        _close_version(case, by, case.opened_at)
        details |= {"object": case, "version": version.public_id, "kind": str(kind)}
    return case


def accept(takedown: Takedown, *, by: Person) -> Takedown:
    """Open the case that somebody without a name asked for: from now on the version is closed."""
    now = timezone.now()
    with act(by, "takedown.open", on=takedown) as details:
        try:
            with transaction.atomic():
                must_move(takedown, Takedown.Status.OPEN, opened_by=by, opened_at=now)
        except IntegrityError as error:
            raise _open_already() from error
        _close_version(takedown, by, now)
        details |= {"version": takedown.version.public_id, "kind": takedown.kind}
    return takedown


def close(takedown: Takedown, *, by: Person, upheld: bool, answer: str = "") -> Takedown:
    """End a case: the version comes back as it was, or, upheld, is withdrawn for good.

    Where the charter asks for a vote on takedowns, this proposes that end, and the case stays open until the vote has passed. What
    was only asked for is ended without one. Raises ``Conflict`` (``moved-on``) when somebody else has ended it.
    """
    if takedown.status == Takedown.Status.OPEN and votes.is_asked(takedown.community, KIND):
        return _propose(takedown, by, upheld, answer)
    return _end(takedown, by, upheld, answer)


@votes.when_passed(KIND)
def _passed(proposal: Proposal) -> None:
    """End a case as the community said, in the transaction that closes the vote."""
    case = Takedown.objects.filter(proposal=proposal, status=Takedown.Status.OPEN).select_related("version").first()
    if case is not None:
        _end(case, GRAVEDIGGER, bool(proposal.terms.get("upheld")), str(proposal.terms.get("answer", "")))


def bury(version: Version, at: datetime | None = None) -> bool:
    """Write down that a version from which somebody took their words back is withdrawn; says whether this call did it."""
    stops = standing.stops_in(version)
    if not stops.taken_back:
        return False
    with transaction.atomic():
        if not _withdraw(version, standing.PUBLIC_REASON, stops.since or at or timezone.now()):
            return False
        record(GRAVEDIGGER, "version.withdraw", version, {"number": version.number, "samples": stops.taken_back})
    return True


def name_of(takedown: Takedown) -> str:
    """How people call a case: T- and the first characters of its public id."""
    return f"T-{takedown.public_id[:8]}"


def _check(version: Version, reason: str) -> None:
    if not reason.strip():
        raise Invalid(
            "case-reason-missing", _("Say in one sentence what is wrong. Keepers will read it."), path="reason"
        )
    if version.status != Version.Status.PUBLISHED:
        raise Conflict("version-not-published", _("Only a version that was published can be closed."))


def _open_already() -> Conflict:
    return Conflict("takedown-open", _("Somebody has opened a case already; the version is closed."))


def _close_version(case: Takedown, by: Person, at: datetime) -> None:
    """Hold the version and list it, in the transaction that opens the case."""
    holds.place(
        community=case.community,
        subject_kind=standing.KIND,
        subject_id=case.version.public_id,
        kind=Hold.Kind.TAKEDOWN,
        reason="takedown",
        by=by,
        origin=("takedown", case.public_id),
    )
    revocations.list_case(case, RevocationEntry.Kind.CASE, at)


def _propose(takedown: Takedown, by: Person, upheld: bool, answer: str) -> Takedown:
    title = (
        gettext("Withdraw version {n} of {name} for good") if upheld else gettext("Bring version {n} of {name} back")
    )
    version = takedown.version
    with act(by, "takedown.close", on=takedown) as details:
        proposal = votes.propose(
            community=takedown.community,
            subject=(KIND, takedown.public_id, digest({"case": takedown.public_id, "upheld": upheld})),
            title=title.format(n=version.number, name=version.dataset.name),
            rule_name=KIND,
            by=by,
            terms={"upheld": upheld, "answer": answer.strip()[:LONGEST]},
        )
        Takedown.objects.filter(pk=takedown.pk).update(proposal=proposal)
        takedown.proposal = proposal
        details |= {"version": version.public_id, "proposal": proposal.public_id, "upheld": upheld}
    return takedown


def _end(takedown: Takedown, by: Person | Machine, upheld: bool, answer: str) -> Takedown:
    now, was_open = timezone.now(), takedown.status == Takedown.Status.OPEN
    is_legal = takedown.kind == Kind.LEGAL
    with act(by, "takedown.close", on=takedown) as details:
        end = Takedown.Status.UPHELD if upheld and was_open else Takedown.Status.UNFOUNDED
        person = by if isinstance(by, Person) else None
        must_move(takedown, end, closed_at=now, closed_by=person, answer=answer.strip()[:LONGEST])
        if upheld and was_open:
            reason = standing.LAW_REASON if is_legal else UPHELD
            _withdraw(takedown.version, reason, now, blocked_by=takedown.blocked_by)
            listed = RevocationEntry.Kind.LEGAL if is_legal else RevocationEntry.Kind.UPHELD
            revocations.list_case(takedown, listed, now)
        elif was_open:
            revocations.list_case(takedown, RevocationEntry.Kind.CLEARED, now)
        for hold in holds.open_on(standing.KIND, takedown.version.public_id).filter(origin_id=takedown.public_id):
            holds.lift(hold, by=by, origin_is_closed=True)
        details |= {"version": takedown.version.public_id, "upheld": upheld, "asked_only": not was_open}
    return takedown


def _withdraw(version: Version, reason: str, at: datetime, blocked_by: str = "") -> bool:
    if not move(version, Version.Status.WITHDRAWN, withdrawn_at=at):
        return False
    Tombstone.objects.create(
        version=version,
        at=at,
        public_reason=reason,
        blocked_by=blocked_by,
        successor=standing.successor(version),
    )
    return True
