"""What needs somebody: one line, one reason, one action.

Every floor offers ``needs(person, community) -> list[Need]`` in its ``web/needs.py``; the highest floor's page "Today" collects
them. A need is something that this person may do now; what runs by itself is none.
"""

from dataclasses import dataclass

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from governance import communities, people, protocols, roles, votes
from governance.models import AccessRequest, Ballot, Community, Dataset, Import, Person, Proposal, Withdrawal

URGENT, SOON, LATER = 0, 1, 2
"""How near: something rests or waits for nobody else; somebody waits; good to do."""


@dataclass(frozen=True)
class Need:
    """One line on "Today": what needs somebody, why, and the one thing to do about it.

    ``text``, ``why`` and ``action`` are translated sentences; ``url`` is where the action leads; ``weight`` is one of ``URGENT``,
    ``SOON`` and ``LATER``; ``place`` is the key of the place at whose name the number shows (``votes``, ``people`` ...).
    """

    text: str
    why: str
    url: str
    action: str
    weight: int = SOON
    place: str = ""
    is_first: bool = False


def needs(person: Person, community: Community) -> list[Need]:
    """Return what of the ground floor needs ``person``: votes about people, failed imports, codes that wait for a second keeper."""
    held = roles.roles_of(person, community)
    found = [*_votes(person, community)]
    if held - {roles.CONTRIBUTOR, roles.REVIEWER}:
        found += _recoveries(person, community)
    if roles.KEEPER in held:
        found += _withdrawals(community)
    if held & roles.DESK:
        found += _imports(person, community)
        found += _asked(person, community)
    return found


def _votes(person: Person, community: Community) -> list[Need]:
    rows = Proposal.objects.filter(community=community, status=Proposal.Status.OPEN).exclude(subject_kind="version")
    voted = Ballot.objects.filter(voter=person, replaced_at=None).filter(Q(proxy=None) | Q(proxy__revoked_at=None))
    waiting = (
        rows.exclude(pk__in=voted.values("proposal"))
        .exclude(proposed_by=person)
        .select_related("proposed_by", "community")
        .order_by("opened_at")
    )
    return [
        Need(
            text=proposal.title,
            why=_vote_why(proposal),
            url=_where(proposal),
            action=_("Read and vote"),
            place="people" if proposal.subject_kind == communities.SUBJECT else "votes",
        )
        for proposal in waiting
        if votes.may_vote(proposal, person)
    ]


def _vote_why(proposal: Proposal) -> str:
    """Who asks, and how long there is still time."""
    if proposal.closes_at is None:
        return _("Proposed by %(name)s. It waits for your yes or no.") % {"name": proposal.proposed_by}
    day = date_format(timezone.localtime(proposal.closes_at), "j F, H:i")
    return _("Proposed by %(name)s. It waits for your yes or no, until %(day)s.") % {
        "name": proposal.proposed_by,
        "day": day,
    }


def _where(proposal: Proposal) -> str:
    slug = proposal.community.slug
    if proposal.subject_kind == communities.SUBJECT:
        return reverse("people", kwargs={"community": slug})
    return reverse("vote", kwargs={"community": slug, "vote": proposal.public_id})


def _recoveries(person: Person, community: Community) -> list[Need]:
    waiting = communities.waiting_recoveries(community).exclude(issued_by=person).exclude(person=person)
    return [
        Need(
            text=_("%(name)s needs a new password") % {"name": row.person},
            why=_("%(keeper)s made a code. It works once a second keeper agrees.") % {"keeper": row.issued_by},
            url=reverse("people", kwargs={"community": community.slug}),
            action=_("Look at it"),
            place="people",
        )
        for row in waiting
        if person in people.seconds_for(community, row.issued_by, row.person)
    ]


def _withdrawals(community: Community) -> list[Need]:
    """Nameless cases first: for them nothing rests yet. The others rest already and only wait to be confirmed."""
    waiting = Withdrawal.objects.filter(community=community, closed_at=None).order_by("at")
    form = Withdrawal.Channel.FORM
    found = []
    for row in [*waiting.filter(channel=form)[:5], *waiting.exclude(channel=form)[:5]]:
        is_case = row.channel == form
        found.append(
            Need(
                text=_("Somebody without a name asks to take words back") if is_case else _("Words were taken back"),
                why=_("Nothing rests yet: find out who it is.")
                if is_case
                else _("They rest already. Was it really them? The hold does not wait for your answer."),
                url=reverse("withdrawal", kwargs={"community": community.slug, "withdrawal": row.public_id}),
                action=_("Look at it"),
                weight=URGENT if is_case else LATER,
            )
        )
    return found


def _asked(person: Person, community: Community) -> list[Need]:
    ours = AccessRequest.objects.filter(
        dataset__community=community, status=AccessRequest.Status.OPEN, is_our_turn=True
    )
    mine = ours.filter(Q(assigned_to=None) | Q(assigned_to=person)).select_related("dataset").order_by("asked_at")
    return [
        Need(
            text=_("%(who)s asks for access to %(dataset)s") % {"who": row.organisation, "dataset": row.dataset},
            why=row.project,
            url=reverse("request", kwargs={"community": community.slug, "asked": row.public_id}),
            action=_("Read it"),
            weight=SOON,
            place="requests",
        )
        for row in mine[:20]
    ]


def _imports(person: Person, community: Community) -> list[Need]:
    datasets = Dataset.objects.filter(community=community)
    known = [pk for held in datasets for pk in protocols.imports_known_to(person, held).values_list("pk", flat=True)]
    failed = Import.objects.filter(pk__in=known, status=Import.Status.FAILED).select_related("dataset")
    return [
        Need(
            text=_("“%(file)s” could not be brought in") % {"file": row.filename},
            why=row.message or _("The import stopped; nothing of what stood before was lost."),
            url=reverse(
                "import", kwargs={"community": community.slug, "dataset": row.dataset.slug, "number": row.public_id}
            ),
            action=_("See why"),
            place="samples",
        )
        for row in failed.order_by("-queued_at")[:5]
    ]
