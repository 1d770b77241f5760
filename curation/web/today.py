"""Today: what a member can do now, and what needs a steward or keeper first. It lives on the highest floor, since it knows all."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotations.models import Annotation, Campaign, QueueSlot
from annotations.web import needs as of_annotations
from curation.models import Finding, Pull, Version
from curation.web import needs as of_curation
from governance import roles
from governance.models import Agreement, Community, Dataset, Membership, Person, Sample
from governance.web import needs as of_governance
from governance.web.access_rules import members, signed_in
from governance.web.needs import Need
from governance.web.reach import person_of

MANY = 1000
"""How many waiting tasks are counted; beyond it the page says "more than"."""


@dataclass(frozen=True)
class Work:
    """One campaign as a member sees it: how many answers are theirs and how many samples wait for somebody."""

    campaign: Campaign
    mine: int
    waiting: int

    @property
    def is_many(self) -> bool:
        """Whether more wait than were counted."""
        return self.waiting >= MANY

    @property
    def share(self) -> float:
        """How much of what this person could see of it is done, 0..1."""
        return self.mine / (self.mine + self.waiting) if self.mine else 0.0


def collect(person: Person, community: Community) -> list[Need]:
    """Return what needs ``person`` on every floor, the nearest first; the first one carries the page's primary button."""
    found = [need for floor in (of_curation, of_annotations, of_governance) for need in floor.needs(person, community)]
    found.sort(key=lambda need: need.weight)
    return [replace(need, is_first=index == 0) for index, need in enumerate(found)]


@signed_in
@require_safe
def today(request: HttpRequest) -> HttpResponse:
    """A member's own page: the work that is open to them and what needs them."""
    me = person_of(request)
    mine = Membership.objects.current().filter(person=me).values("community")
    communities = list(Community.objects.filter(pk__in=mine).order_by("name", "pk"))
    work = _work(me, communities)
    context = {
        "place": "today",
        "community": communities[0] if communities else None,
        "communities": communities,
        "first": work[0] if work else None,
        "others": work[1:],
        "needs": [need for community in communities for need in collect(me, community)][:6],
        "greeting": _greeting(),
        "is_desk": [c for c in communities if roles.roles_of(me, c) & roles.DESK],
    }
    return render(request, "curation/today.html", context)


def _greeting() -> str:
    hour = timezone.localtime().hour
    return _("Good morning") if 4 <= hour < 11 else _("Good day") if 11 <= hour < 17 else _("Good evening")


def _work(person: Person, communities: Iterable[Community]) -> list[Work]:
    """Return the open campaigns, the one where the person stopped last first, then those where most waits."""
    seen = Sample.objects.visible_to(person)
    campaigns = Campaign.objects.filter(status=Campaign.Status.OPEN, dataset__community__in=list(communities))
    done = Annotation.objects.filter(annotator=person, standing=Annotation.Standing.COUNTS).order_by()
    told = {
        pk: (number, last)
        for pk, number, last in done.values_list("campaign").annotate(number=Count("pk"), last=Max("created_at"))
    }
    work = [
        Work(
            campaign,
            told.get(campaign.pk, (0, None))[0],
            QueueSlot.objects.filter(campaign=campaign, task__sample__in=seen)[:MANY].count(),
        )
        for campaign in campaigns.select_related("dataset__community").order_by("pk")
    ]

    def nearest(one: Work) -> tuple[bool, float, int]:
        last = told.get(one.campaign.pk, (0, None))[1]
        return one.waiting == 0, -last.timestamp() if last else 0.0, -one.waiting

    return sorted(work, key=nearest)


@members
@require_safe
def desk(request: HttpRequest, community: str) -> HttpResponse:
    """What needs a steward or keeper first; then how each dataset stands and where it went."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    me = person_of(request)
    found = collect(me, here)
    datasets = list(Dataset.objects.visible_to(me).filter(community=here).order_by("name", "pk"))
    context = {
        "place": "desk",
        "needs": found,
        "counts": {"desk": len(found)},
        "standings": sorted((_standing(dataset) for dataset in datasets), key=lambda one: not one["rows"]),
        "holders": _holders(here),
        "last_pull": Pull.objects.filter(version__dataset__community=here).order_by("-opened_at").first(),
    }
    return render(request, "curation/desk.html", context)


def _standing(dataset: Dataset) -> dict[str, object]:
    versions = Version.objects.filter(dataset=dataset).order_by("-number")
    balance = (
        Finding.objects.filter(run__dataset=dataset, check_id="class_balance", scope="global")
        .order_by("-run__pk")
        .first()
    )
    counts = balance.metric.get("counts") if balance is not None else None
    return {
        "dataset": dataset,
        "version": versions.first(),
        "published": versions.filter(status=Version.Status.PUBLISHED).first(),
        "finding": balance,
        "rows": _rows(counts) if isinstance(counts, dict) else [],
    }


def _rows(counts: dict[str, int]) -> list[dict[str, object]]:
    total = sum(counts.values()) or 1
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return [{"name": name, "number": number, "share": number / total} for name, number in ordered]


def _holders(community: Community) -> int:
    """How many parties hold something under an agreement that runs now."""
    now = timezone.now()
    running = Agreement.objects.filter(party__community=community, ended_at=None, expires_at__gt=now)
    return running.filter(tokens__pulls__isnull=False).values("party").distinct().count()


urlpatterns: Sequence[URLPattern] = [
    path("my/", today, name="today"),
    path("communities/<slug:community>/today/", desk, name="desk"),
]
