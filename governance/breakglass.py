"""Break-glass: past a protocol, in front of everybody.

One keeper asks, with a reason that the whole community reads, a dataset, a person and a number of hours (24 at most).
Another keeper seconds it, and it is open at once; whoever shall look does not. It ends by the clock, or earlier by any
keeper's word. ``Sample.objects.visible_to`` knows nothing of it: what was opened is seen through :func:`samples` alone,
and :func:`see` writes each sample down before it is shown. What rests stays at rest.
"""

from datetime import datetime, timedelta

from django.db import models, transaction
from django.utils import timezone

from governance import roles
from governance.acts import act, record
from governance.kernel.digests import digest
from governance.kernel.errors import Conflict, Gone, Invalid, Missing, NotAllowed, Reason
from governance.kernel.words import _
from governance.models import BreakGlass, BreakGlassView, Community, Dataset, Person, Sample
from governance.models.holdings import SampleQuerySet

MOST_HOURS = 24
ASKED_LIVES = timedelta(hours=24)
"""How long a second keeper has to answer."""


def ask(
    dataset: Dataset, *, person: Person, reason: str, hours: int, by: Person, now: datetime | None = None
) -> BreakGlass:
    """Ask that ``person`` may look at everything of ``dataset``, whatever its protocol, for ``hours`` hours.

    Nothing opens yet: another keeper must second it. Raises ``Invalid`` (``reason-missing``, ``hours-wrong``) with every
    reason, and ``Missing`` for somebody who is no member.
    """
    now = now or timezone.now()
    reasons = []
    if not reason.strip():
        reasons.append(Reason("reason-missing", _("Say why. The whole community reads it."), "reason"))
    if not 1 <= hours <= MOST_HOURS:
        reasons.append(
            Reason("hours-wrong", _("It can stay open for 1 to {n} hours."), "hours", values={"n": MOST_HOURS})
        )
    if reasons:
        raise Invalid(reasons[0].code, reasons=reasons)
    with act(by, "breakglass.ask", on=dataset, at=now) as details:
        if not roles.roles_of(person, dataset.community, now):
            raise Missing("not-found", _("Only a member can look. Invite them first."))
        opening = BreakGlass.objects.create(
            community=dataset.community,
            dataset=dataset,
            person=person,
            reason=reason.strip()[:1000],
            hours=hours,
            asked_by=by,
            asked_at=now,
            asked_until=now + ASKED_LIVES,
        )
        details |= {"object": opening, "person": person.ref, "dataset": dataset.public_id, "hours": hours}
    return opening


def second(opening: BreakGlass, *, by: Person, now: datetime | None = None) -> BreakGlass:
    """Agree as the other keeper: it is open from this moment, and the community sees it.

    Raises ``NotAllowed`` (``second-keeper-needed``) for the asker and for whoever shall look, ``Conflict`` (``moved-on``) when
    it was answered, taken back or left too long, and ``Conflict`` (``asker-left``) when the asker is no keeper any more.
    """
    now = now or timezone.now()
    with act(by, "breakglass.second", on=opening, at=now) as details:
        if by.pk in {opening.asked_by_id, opening.person_id}:
            raise NotAllowed(
                "second-keeper-needed", _("Another keeper must agree: neither who asked nor who shall look.")
            )
        if roles.KEEPER not in roles.roles_of(opening.asked_by, opening.community, now):
            raise Conflict("asker-left", _("Who asked for this is no keeper any more. It must be asked for again."))
        until = now + timedelta(hours=opening.hours)
        waiting = BreakGlass.objects.asked_at(now).filter(pk=opening.pk)
        if not waiting.update(seconded_by=by, opened_at=now, ends_at=until):
            raise Conflict("moved-on", _("This was answered, taken back, or asked too long ago."))
        details |= {"person": opening.person.ref, "dataset": opening.dataset.public_id, "until": until.isoformat()}
    opening.refresh_from_db()
    return opening


def end(opening: BreakGlass, *, by: Person, now: datetime | None = None) -> BreakGlass:
    """End an opening before its time, or take the question back; any keeper can. Raises ``Conflict`` (``moved-on``)."""
    now = now or timezone.now()
    with act(by, "breakglass.end", on=opening, at=now) as details:
        still = BreakGlass.objects.filter(pk=opening.pk, ended_at=None)
        alive = still.filter(pk__in=BreakGlass.objects.open_at(now).values("pk")) | still.filter(seconded_by=None)
        if not alive.update(ended_at=now, ended_by=by):
            raise Conflict("moved-on", _("This has ended already."))
        details["seen"] = opening.views.count()
    opening.refresh_from_db()
    return opening


def open_in(community: Community, now: datetime | None = None) -> models.QuerySet[BreakGlass]:
    """What is open in a community now; everybody in it is shown this."""
    rows = BreakGlass.objects.open_at(now).filter(community=community)
    return rows.select_related("person", "asked_by", "seconded_by", "dataset").order_by("opened_at")


def opening_of(person: Person, community: Community, public_id: str, now: datetime | None = None) -> BreakGlass:
    """The opening under which ``person`` may look now; raises ``Missing`` for anybody else, and after its end."""
    rows = BreakGlass.objects.open_at(now).filter(community=community, person=person, public_id=public_id)
    found = rows.select_related("dataset__community").first()
    if found is None or not roles.roles_of(person, community, now):
        raise Missing("not-found", _("There is nothing here that you can see."))
    return found


def samples(opening: BreakGlass, now: datetime | None = None) -> SampleQuerySet:
    """The samples that an opening opens now: of its dataset, what its person cannot see otherwise, without what rests."""
    if not BreakGlass.objects.open_at(now).filter(pk=opening.pk).exists():
        return Sample.objects.none()
    seen = Sample.objects.visible_to(opening.person, now)
    found: SampleQuerySet = Sample.objects.filter(dataset=opening.dataset).not_held().exclude(pk__in=seen.values("pk"))
    return found


def see(opening: BreakGlass, uid: str, *, by: Person, now: datetime | None = None) -> Sample:
    """Return one sample to be shown under an opening, after writing down that it was; the first time also in the log.

    Raises ``Missing`` for anybody but its person, ``Gone`` (``breakglass-over``) after its end.
    """
    if by.pk != opening.person_id:
        raise Missing("not-found", _("There is nothing here that you can see."))
    if not BreakGlass.objects.open_at(now).filter(pk=opening.pk).exists():
        raise Gone("breakglass-over", _("The time that two keepers gave for this is over."))
    found = samples(opening, now).select_related("dataset__community", "media").filter(uid=uid).first()
    if found is None:
        raise Missing("not-found", _("There is nothing here that you can see."))
    with transaction.atomic():
        _view, is_first = BreakGlassView.objects.get_or_create(opening=opening, sample=found)
        if is_first:
            roles.require(by, "breakglass.see", opening.community)
            # A digest: whoever knows the sample can check that it was written down, nobody else learns its number.
            shown = digest({"opening": opening.public_id, "sample": found.uid})
            record(by, "breakglass.see", opening, {"sample": shown}, at=now)
    return found
