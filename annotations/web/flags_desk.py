"""The desk's page about flags: what somebody said is wrong, and the answer."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from annotations import flags
from annotations.models import Flag
from annotations.web.reach import flag_or_404
from governance import roles
from governance.kernel.errors import Conflict, NotAllowed
from governance.models import Sample
from governance.web.access_rules import members
from governance.web.forms import sentence
from governance.web.reach import dataset_or_404, person_of

PAGE = 25


@members
@require_safe
def flag_list(request: HttpRequest, community: str, dataset: str) -> HttpResponse:
    """The flags of a dataset: open ones first to be answered, or those that were."""
    here, me = dataset_or_404(request, community, dataset), person_of(request)
    if not roles.may(me, "flag.resolve", here.community):
        raise NotAllowed("role-missing", _("Flags are answered by keepers and stewards."))
    all_flags = Flag.objects.filter(sample__in=Sample.objects.visible_to(me).filter(dataset=here))
    is_open = request.GET.get("state") != "answered"
    chosen = all_flags.filter(status=Flag.Status.OPEN) if is_open else all_flags.exclude(status=Flag.Status.OPEN)
    rows = chosen.select_related("sample__dataset", "raised_by").prefetch_related("resolutions__by")
    page = Paginator(rows.order_by("-holds", "pk" if is_open else "-pk"), PAGE).get_page(request.GET.get("page"))
    context = {
        "community": here.community,
        "dataset": here,
        "place": "flags",
        "page": page,
        "rows": [(flag, *map(_, flags.KINDS[flag.kind])) for flag in page.object_list],
        "is_open": is_open,
        "n_open": all_flags.filter(status=Flag.Status.OPEN).count(),
    }
    return render(request, "annotations/flags.html", context)


@members
@require_POST
def flag_resolution(request: HttpRequest, community: str, dataset: str, flag: str) -> HttpResponse:
    """Answer one flag."""
    dataset_or_404(request, community, dataset)
    found = flag_or_404(request, flag)
    try:
        flags.resolve(
            found, by=person_of(request), verdict=request.POST.get("verdict", ""), text=request.POST.get("text", "")
        )
        messages.success(request, _("Answered. Whoever raised it reads your answer under “My words”."))
    except Conflict as refusal:
        messages.warning(request, " ".join(map(sentence, refusal.reasons)))
    return redirect("flags", community=community, dataset=dataset)


urlpatterns: list[URLPattern] = [
    path("datasets/<slug:community>/<slug:dataset>/flags/", flag_list, name="flags"),
    path("datasets/<slug:community>/<slug:dataset>/flags/<str:flag>/", flag_resolution, name="flag-resolution"),
]
