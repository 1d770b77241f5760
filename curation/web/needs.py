"""What of the top floor needs somebody: versions that wait for a yes, and work of the machine that stopped."""

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from curation.models import Build, CheckRun, Freeze, Notice, Takedown, Version
from governance import roles, votes
from governance.models import Ballot, Community, Person, Request
from governance.web.needs import SOON, URGENT, Need


def needs(person: Person, community: Community) -> list[Need]:
    """Return what ``person`` may do about versions of ``community``."""
    found = _ballots(person, community)
    if roles.roles_of(person, community) & roles.DESK:
        found += _stopped(community) + _asked(community) + _late(community)
    return found


def _address(version: Version) -> str:
    here = {"community": version.community.slug, "dataset": version.dataset.slug, "number": version.number}
    return reverse("version", kwargs=here)


def _ballots(person: Person, community: Community) -> list[Need]:
    waiting = Version.objects.filter(
        dataset__community=community, status=Version.Status.PROPOSED, proposal__status="open"
    ).exclude(proposal__in=Ballot.objects.filter(voter=person, replaced_at=None).values("proposal"))
    return [
        Need(
            text=_("Version %(number)d of %(name)s waits for your yes or no")
            % {"number": version.number, "name": version.dataset.name},
            why=_("Proposed by %(name)s. Read what would leave before it can leave.") % {"name": version.proposed_by},
            url=_address(version),
            action=_("Read and vote"),
            weight=URGENT,
            place="versions",
        )
        for version in waiting.select_related("dataset__community", "proposed_by", "proposal__community").order_by(
            "proposed_at"
        )
        if version.proposal is not None and votes.may_vote(version.proposal, person)
    ]


def _asked(community: Community) -> list[Need]:
    """Cases that somebody without a name asked for: nothing is closed by them."""
    asked = Takedown.objects.filter(version__dataset__community=community, status=Takedown.Status.ASKED)
    return [
        Need(
            text=_("Somebody says that version %(number)d of %(name)s is not right")
            % {"number": case.version.number, "name": case.version.dataset.name},
            why=_("Nothing is closed by this. Read it, and decide."),
            url=_address(case.version) + "case/",
            action=_("Read it"),
            weight=URGENT,
            place="versions",
        )
        for case in asked.select_related("version__dataset__community").order_by("pk")[:5]
    ]


def _late(community: Community) -> list[Need]:
    """Parties that have not said in time what became of their copies."""
    late = Notice.objects.filter(party__community=community, answered_at=None, deadline__lt=timezone.now())
    by_withdrawal = late.filter(entry__origin_kind="withdrawal").select_related("party", "entry").order_by("deadline")
    return [
        Need(
            text=_("%(party)s has not answered") % {"party": notice.party.name},
            why=_("It was due on %(day)s. Until it answers it is given nothing.")
            % {"day": date_format(notice.deadline, "j F")},
            url=reverse("withdrawal", kwargs={"community": community.slug, "withdrawal": notice.entry.origin_id}),
            action=_("Write once more"),
            weight=SOON,
            place="withdrawals",
        )
        for notice in by_withdrawal[:5]
    ]


def _stopped(community: Community) -> list[Need]:
    failed = Request.Status.FAILED
    freezes = Freeze.objects.filter(version__dataset__community=community, status=failed)
    runs = CheckRun.objects.filter(version__dataset__community=community, status=failed, version__status="proposed")
    builds = Build.objects.filter(version__dataset__community=community, status=failed, version__status="approved")
    rows: list[Freeze | CheckRun | Build] = [
        row for query in (freezes, runs, builds) for row in query.select_related("version__dataset__community")
    ]
    return [_stopped_at(row.version, row.message) for row in rows if row.version is not None]


def _stopped_at(version: Version, message: str) -> Need:
    return Need(
        text=_("The work on version %(number)d of %(name)s stopped")
        % {"number": version.number, "name": version.dataset.name},
        why=message or _("It can be started again; nothing was half done."),
        url=_address(version),
        action=_("See why"),
        weight=SOON,
        place="versions",
    )
