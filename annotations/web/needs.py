"""What of the middle floor needs somebody: open flags, answers to review, answers that came back, drafts."""

from datetime import timedelta

from django.db.models import Count, Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotations import reviews
from annotations.models import Campaign, Flag, Opening, Review
from governance import roles
from governance.models import Community, Person, Sample
from governance.web.needs import LATER, SOON, URGENT, Need

CAME_BACK = timedelta(days=7)
"""How long an answer that came back is shown to its author."""

COUNTED = 1000
"""How many waiting answers are counted; more are "more than"."""


def needs(person: Person, community: Community) -> list[Need]:
    """Return what ``person`` may do about flags, reviews and their own answers in ``community``."""
    held = roles.roles_of(person, community)
    found = _came_back(person, community)
    if held & roles.DESK:
        found += _flags(person, community)
        found += _campaigns(community)
    if held & (roles.DESK | {roles.REVIEWER}):
        found += _reviews(person, community)
    return found


def _flags(person: Person, community: Community) -> list[Need]:
    seen = Sample.objects.visible_to(person).filter(dataset__community=community)
    rows = Flag.objects.filter(sample__in=seen, status=Flag.Status.OPEN).order_by()
    by_dataset = rows.values_list("sample__dataset__slug", "sample__dataset__name").annotate(
        n=Count("pk"), resting=Count("pk", filter=Q(holds=True))
    )
    return [
        Need(
            text=ngettext(
                "%(number)d flag on %(name)s waits for an answer",
                "%(number)d flags on %(name)s wait for an answer",
                number,
            )
            % {"number": number, "name": name},
            why=ngettext(
                "%(held)d rests meanwhile: nobody can see or pull it.",
                "%(held)d rest meanwhile: nobody can see or pull them.",
                held,
            )
            % {"held": held}
            if held
            else _("Somebody saw that something is wrong, and said so."),
            url=reverse("flags", kwargs={"community": community.slug, "dataset": slug}),
            action=_("Decide"),
            weight=URGENT if held else SOON,
            place="samples",
        )
        for slug, name, number, held in by_dataset
    ]


def _reviews(person: Person, community: Community) -> list[Need]:
    campaigns = Campaign.objects.filter(dataset__community=community, needs_review=True, status=Campaign.Status.OPEN)
    found = []
    for campaign in campaigns.select_related("dataset"):
        number = reviews.waiting_for(person, campaign)[:COUNTED].count()
        if number:
            said = _("more than %(number)d") % {"number": number - 1} if number == COUNTED else str(number)
            found.append(
                Need(
                    text=_("Answers to “%(name)s” wait for a second look") % {"name": campaign.name},
                    why=_("%(number)s of %(dataset)s, none of them yours.")
                    % {"number": said, "dataset": campaign.dataset.name},
                    url=reverse("review", kwargs={"campaign": campaign.public_id}),
                    action=_("Review"),
                    weight=LATER,
                    place="campaigns",
                )
            )
    return found


def _came_back(person: Person, community: Community) -> list[Need]:
    since = timezone.now() - CAME_BACK
    rejected = Review.objects.filter(
        annotation__annotator=person,
        annotation__campaign__dataset__community=community,
        verdict=Review.Verdict.REJECT,
        at__gt=since,
    )
    campaigns = rejected.order_by().values_list("annotation__campaign__name")
    return [
        Need(
            text=ngettext(
                "%(number)d of your answers came back with a reason",
                "%(number)d of your answers came back with a reason",
                number,
            )
            % {"number": number},
            why=_("In “%(name)s”. It may be that the question is unclear, and not you.") % {"name": name},
            url=reverse("words", kwargs={"community": community.slug}) + "?state=rejected",
            action=_("Read it"),
            weight=LATER,
        )
        for name, number in campaigns.annotate(number=Count("pk"))
    ]


def _campaigns(community: Community) -> list[Need]:
    drafts = Campaign.objects.filter(dataset__community=community, status=Campaign.Status.DRAFT)
    failed = Opening.objects.filter(campaign=OuterRef("pk"), status=Opening.Status.FAILED)
    running = Opening.objects.filter(campaign=OuterRef("pk"), status__in=["queued", "running"])
    found = []
    for campaign in drafts.annotate(stopped=Exists(failed), under_way=Exists(running)).select_related(
        "dataset__community"
    ):
        where = {"community": community.slug, "dataset": campaign.dataset.slug, "campaign": campaign.slug}
        if campaign.under_way:
            continue
        text = _("“%(name)s” could not open") if campaign.stopped else _("“%(name)s” is prepared but not open")
        why = _("Its page says why.") if campaign.stopped else _("Nobody is asked until you open it.")
        weight = SOON if campaign.stopped else LATER
        url = reverse("campaign", kwargs=where)
        found.append(Need(text % {"name": campaign.name}, why, url, _("Look at it"), weight, "campaigns"))
    return found
