"""Cases against a version, and what stays of a version that is gone.

Opening a case closes the version to everybody in the same transaction; nobody loses a right by that, so questions come later.
Closed as unfounded, the version comes back as it was; upheld, it is withdrawn for good. A version from which somebody took
their words back is gone without any case: ``bury`` only writes down what ``curation.standing`` reads anyway.
"""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from curation import standing
from curation.models import Takedown, Tombstone, Version
from governance import holds
from governance.acts import act, record
from governance.kernel.errors import Conflict, Invalid
from governance.kernel.moves import move, must_move
from governance.kernel.words import _
from governance.models import Hold, Person
from governance.roles import Machine

UPHELD = _("The community looked into a complaint and found it right.")
GRAVEDIGGER = Machine("withdrawals")


def open(version: Version, *, by: Person, reason: str) -> Takedown:
    """Open a case and close the version at once.

    Raises ``Invalid`` (``case-reason-missing``), ``Conflict`` (``takedown-open``, ``version-not-published``).
    """
    if not reason.strip():
        raise Invalid(
            "case-reason-missing", _("Say in one sentence what is wrong. Keepers will read it."), path="reason"
        )
    if version.status != Version.Status.PUBLISHED:
        raise Conflict("version-not-published", _("Only a version that was published can be closed."))
    with act(by, "takedown.open", on=version) as details:
        try:
            with transaction.atomic():
                case = Takedown.objects.create(version=version, opened_by=by, reason=reason.strip())
        except IntegrityError as error:
            raise Conflict("takedown-open", _("Somebody has opened a case already; the version is closed.")) from error
        holds.place(
            community=version.community,
            subject_kind=standing.KIND,
            subject_id=version.public_id,
            kind=Hold.Kind.TAKEDOWN,
            reason="takedown",
            by=by,
            origin=("takedown", case.public_id),
        )
        details |= {"object": case, "version": version.public_id}
    return case


def close(takedown: Takedown, *, by: Person, upheld: bool) -> Takedown:
    """End a case: the version comes back as it was, or, upheld, is withdrawn for good.

    Raises ``Conflict`` (``moved-on``) when somebody else has ended it.
    """
    now = timezone.now()
    with act(by, "takedown.close", on=takedown) as details:
        end = Takedown.Status.UPHELD if upheld else Takedown.Status.UNFOUNDED
        must_move(takedown, end, closed_at=now, closed_by=by)
        if upheld:
            _withdraw(takedown.version, UPHELD, now)
        for hold in holds.open_on(standing.KIND, takedown.version.public_id).filter(origin_id=takedown.public_id):
            holds.lift(hold, by=by, origin_is_closed=True)
        details |= {"version": takedown.version.public_id, "upheld": upheld}
    return takedown


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


def _withdraw(version: Version, reason: str, at: datetime) -> bool:
    if not move(version, Version.Status.WITHDRAWN, withdrawn_at=at):
        return False
    Tombstone.objects.create(version=version, at=at, public_reason=reason, successor=standing.successor(version))
    return True
