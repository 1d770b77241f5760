"""Hand-over: keepers ask for everything that the community holds, as one archive, and fetch it."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from curation import handover
from curation.models import Arrival, HandOver
from governance import communities, roles
from governance.kernel.errors import Missing
from governance.models import Community, Proposal
from governance.web.access_rules import members
from governance.web.explained import Explained, explains
from governance.web.reach import NOT_HERE, person_of

PAGE = 10


@members
@require_http_methods(["GET", "HEAD", "POST"])
def hand_over_page(request: HttpRequest, community: str) -> HttpResponse:
    """What an archive holds and what stays, the archives that were made, and the button that asks for one."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    me = person_of(request)
    roles.require(me, "handover.start", here)
    if request.method == "POST":
        asked = handover.ask(here, by=me)
        if isinstance(asked, Proposal):
            messages.info(request, _("The others are asked. The archive is made as soon as the vote has passed."))
            return redirect("vote", community=here.slug, vote=asked.public_id)
        messages.success(request, _("It is being made. This page says when it can be fetched."))
        return redirect("hand-over", community=here.slug)
    rows = HandOver.objects.filter(community=here).select_related("asked_by", "proposal").order_by("-queued_at", "-pk")
    context = {
        "place": "people",
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "needs_vote": communities.keepers(here).count() >= 2,
        "open": Proposal.objects.filter(
            community=here, subject_kind=handover.KIND, status=Proposal.Status.OPEN
        ).first(),
        "stays": sorted(handover.STAYS.items()),
        "arrival": Arrival.objects.filter(community=here).first(),
    }
    return render(request, "curation/hand_over.html", context)


@members
@require_safe
def archive_file(request: HttpRequest, community: str, archive: str) -> HttpResponse:
    """The archive itself, to a keeper; that it was fetched stands in the log."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    row = HandOver.objects.filter(community=here, public_id=archive).first()
    if row is None or not roles.may(person_of(request), "handover.fetch", here):
        raise Missing("not-found", NOT_HERE)
    place = handover.fetch(row, by=person_of(request))
    name = f"{here.slug}-{row.finished_at:%Y-%m-%d}.zip"
    return FileResponse(place.open("rb"), as_attachment=True, filename=name)  # type: ignore[return-value]  # a response that streams


@explains(handover.KIND)
def _hand_over(proposal: Proposal) -> Explained:
    return Explained(
        [
            _(
                "One archive is made of everything that we hold: samples, consents, rules, votes, versions, "
                "and also what is for some groups only."
            ),
            _("Any keeper may fetch it for a week. Nothing is removed here by it."),
        ]
    )


urlpatterns: list[URLPattern] = [
    path("communities/<slug:community>/hand-over/", hand_over_page, name="hand-over"),
    path("communities/<slug:community>/hand-over/<str:archive>/archive.zip", archive_file, name="hand-over-archive"),
]
