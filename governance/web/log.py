"""The log page: what has happened, said in words, and each line with its proof to take away."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import groupby

from django import forms
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_safe

from governance import decisions, log, roles
from governance.kernel.errors import Missing
from governance.models import Community, Decision, Event
from governance.odrl import profile
from governance.web.access_rules import members
from governance.web.forms import Form
from governance.web.log_words import GROUPS, Line, group_filter, lines
from governance.web.reach import NOT_HERE, person_of

PAGE = 40
LOOKED_THROUGH_ON_A_PAGE = 50_000
"""How many lines a page reads again while somebody waits (about a second); beyond that the command does it."""


class FilterForm(Form):
    """Find lines."""

    words = forms.CharField(
        label=lazy("Words or a line's number"), required=False, widget=forms.TextInput(attrs={"type": "search"})
    )
    what = forms.ChoiceField(label=lazy("What"), required=False)
    since = forms.DateField(label=lazy("Since"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        groups = [(key, _(title)) for key, (title, _verbs) in GROUPS.items()]
        self.fields["what"].choices = [("", _("Everything")), *groups]  # type: ignore[attr-defined]  # a ChoiceField


@dataclass(frozen=True)
class Day:
    """The lines of one day, newest first."""

    day: date
    lines: list[Line]


@members
@require_safe
def log_page(request: HttpRequest, community: str) -> HttpResponse:
    """Every event of the community, newest first, to search; and how far it is sealed."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    found = Event.objects.filter(community=here.public_id).order_by("-pk")
    form = FilterForm(request.GET)
    if form.is_valid():
        found = _filtered(found, form)
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    sees_names = roles.KEEPER in roles.roles_of(person_of(request), here)
    size = log.sealed_size()
    looked = log.verify() if "look" in request.GET and size <= LOOKED_THROUGH_ON_A_PAGE else None
    context = {
        "place": "log",
        "form": form,
        "page": page,
        "days": list(_days(lines(page.object_list, sees_names=sees_names))),
        "size": size,
        "unsealed": log.waiting_count(),
        "checkpoint": log.newest_checkpoint(),
        "looked": looked,
        "too_long": size > LOOKED_THROUGH_ON_A_PAGE,
        "vkey": log.vkey(),
    }
    return render(request, "governance/log.html", context)


@members
@require_safe
def proof_file(request: HttpRequest, community: str, line: int) -> HttpResponse:
    """The proof of one line, to check anywhere without us."""
    event = event_or_404(request.community, line)  # type: ignore[attr-defined]  # set by @members
    bundle = log.proof(event)
    response = HttpResponse(json.dumps(bundle, ensure_ascii=False, indent=1), content_type="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="proof-{community}-{bundle["leaf_index"]}.json"'
    return response


@members
@require_safe
def decision_page(request: HttpRequest, community: str, decision: str) -> HttpResponse:
    """One decision with its reasons, and whether it replays to the same answer."""
    row = decision_or_404(request.community, decision)  # type: ignore[attr-defined]  # set by @members
    told = decisions.public(row)
    context = {
        "place": "log",
        "decision": row,
        "told": told,
        "duties": [duty | {"says": profile.DUTIES.get(duty["action"], duty["action"])} for duty in told["duties"]],  # type: ignore[attr-defined]  # a list of duties
        "json": json.dumps(told, indent=2, ensure_ascii=False),
        "difference": decisions.replay(row),
    }
    return render(request, "governance/decision.html", context)


@members
@require_safe
def decision_proof_file(request: HttpRequest, community: str, decision: str) -> HttpResponse:
    """The proof of one decision, with the document that its line in the log names by digest."""
    row = decision_or_404(request.community, decision)  # type: ignore[attr-defined]  # set by @members
    body = json.dumps(decisions.proof(row), ensure_ascii=False, indent=1)
    response = HttpResponse(body, content_type="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="decision-{row.public_id[:8]}.json"'
    return response


def event_or_404(community: Community, line: int) -> Event:
    """An event that the community may read, or ``Missing``."""
    found = Event.objects.filter(community=community.public_id, pk=line).first()
    if found is None:
        raise Missing("not-found", NOT_HERE)
    return found


def decision_or_404(community: Community, public_id: str) -> Decision:
    """A decision of the community, or ``Missing``."""
    found = Decision.objects.filter(community=community, public_id=public_id).first()
    if found is None:
        raise Missing("not-found", NOT_HERE)
    return found


def _filtered(found: QuerySet[Event], form: FilterForm) -> QuerySet[Event]:
    given = form.cleaned_data
    if since := given["since"]:
        found = found.filter(at__gte=datetime.combine(since, time.min, tzinfo=UTC))
    if beginnings := group_filter(given["what"]):
        either = Q()
        for beginning in beginnings:
            either |= Q(verb__startswith=beginning)
        found = found.filter(either)
    words = given["words"].strip().replace(",", "")
    if words.isdecimal():
        return found.filter(leaf__index=int(words[:19]))
    return found.filter(Q(body__icontains=words) | Q(object_id=words)) if words else found


def _days(shown: list[Line]) -> Iterator[Day]:
    for day, of_day in groupby(shown, key=lambda line: line.at.date()):
        yield Day(day, list(of_day))


urlpatterns: list[URLPattern] = [
    path("communities/<slug:community>/log/", log_page, name="log"),
    path("communities/<slug:community>/log/<int:line>/proof/", proof_file, name="log-proof"),
    path("communities/<slug:community>/decisions/<str:decision>/", decision_page, name="decision"),
    path("communities/<slug:community>/decisions/<str:decision>/proof/", decision_proof_file, name="decision-proof"),
]
