"""What is one's own: what one agreed to, changed in one step, the record of it, and everything to take away.

The desk has the same two doors for somebody without an account: their record, and everything of theirs.
"""

from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from governance import consent_exchange, consents, portable, roles
from governance.kernel.errors import Missing
from governance.models import Community, ConsentEvent, Contributor, Person, PersonExport
from governance.odrl.purposes import CLOSED, STANDARD
from governance.web.access_rules import members
from governance.web.intake_consents import contributor_or_404, in_words
from governance.web.reach import NOT_HERE, person_of

ANSWERS = {"yes": ConsentEvent.Status.GIVEN.value, "no": ConsentEvent.Status.WITHDRAWN.value}


@members
@require_http_methods(["GET", "HEAD", "POST"])
def own_consent(request: HttpRequest, community: str) -> HttpResponse:
    """Show what one agreed to and change one answer in one step; a yes and a no weigh the same."""
    held: Community = request.community  # type: ignore[attr-defined]  # set by members
    me = person_of(request)
    mine = list(held.contributors.filter(person=me).order_by("pk"))
    if request.method == "POST":
        _change(mine, request.POST.get("use", ""), request.POST.get("answer", ""), me)
        messages.success(request, _("Written down. It counts from now on."))
        return redirect("own-consent", community=community)
    now = timezone.now()
    answers = consents.answers_of([one.pk for one in mine], now)
    uses = [
        (code, _(term.title), *in_words(answers.get(one.pk, ()), code, now))
        for one in mine[:1]
        for code, term in STANDARD.terms.items()
        if code not in CLOSED
    ]
    exports = PersonExport.objects.filter(held_by=held, by=me).order_by("-pk")[:5]
    return render(
        request,
        "governance/own_consent.html",
        {"place": "words", "uses": uses, "exports": [(one, portable.file_of(one).is_file()) for one in exports]},
    )


def _change(mine: list[Contributor], use: str, answer: str, me: Person) -> None:
    if not mine or answer not in ANSWERS:
        raise Missing("not-found", NOT_HERE)
    for one in mine:
        said = consents.yes_again(one, {use: ANSWERS[answer]})
        consents.record(one, answers=said, by=me, method=ConsentEvent.Method.SELF)


@members
@never_cache
@require_safe
def own_record(request: HttpRequest, community: str) -> HttpResponse:
    """Give the person the record of what they said, as other software reads it."""
    held: Community = request.community  # type: ignore[attr-defined]  # set by members
    mine = held.contributors.filter(person=person_of(request)).select_related("community").order_by("pk").first()
    if mine is None:
        raise Missing("not-found", NOT_HERE)
    return _as_file(consent_exchange.record_of(mine))


@members
@never_cache
@require_safe
def record(request: HttpRequest, community: str, contributor: str) -> HttpResponse:
    """Give the desk the record of somebody, to print or to hand over."""
    held: Community = request.community  # type: ignore[attr-defined]  # set by members
    roles.require(person_of(request), "receipt.issue", held)
    return _as_file(consent_exchange.record_of(contributor_or_404(held, contributor)))


def _as_file(document: dict[str, Any]) -> HttpResponse:
    response = JsonResponse(document, json_dumps_params={"ensure_ascii": False, "indent": 1})
    response["Content-Disposition"] = 'attachment; filename="consent-record.json"'
    return response


@members
@require_POST
def export_own(request: HttpRequest, community: str) -> HttpResponse:
    """Ask for everything that is one's own."""
    held: Community = request.community  # type: ignore[attr-defined]  # set by members
    portable.ask(held, by=person_of(request))
    messages.success(request, _("It is being put together. Look here again in a moment."))
    return redirect("own-consent", community=community)


@members
@require_POST
def export_for(request: HttpRequest, community: str, contributor: str) -> HttpResponse:
    """Ask for everything of somebody, on their behalf."""
    held: Community = request.community  # type: ignore[attr-defined]  # set by members
    me = person_of(request)
    roles.require(me, "receipt.issue", held)
    portable.ask(held, by=me, contributor=contributor_or_404(held, contributor))
    messages.success(request, _("It is being put together. You find it under My words, at what you agreed to."))
    return redirect("own-consent", community=community)


@members
@never_cache
@require_safe
def export_file(request: HttpRequest, community: str, export: str) -> HttpResponse:
    """Give the file to whoever asked for it, for a week."""
    held: Community = request.community  # type: ignore[attr-defined]  # set by members
    found = PersonExport.objects.filter(held_by=held, by=person_of(request), public_id=export).first()
    if found is None or found.status != PersonExport.Status.DONE or not portable.file_of(found).is_file():
        raise Missing("not-found", NOT_HERE)
    file = portable.file_of(found).open("rb")
    return FileResponse(file, as_attachment=True, filename="my-words.zip", content_type="application/zip")  # type: ignore[return-value]  # streams


_HELD = "communities/<slug:community>"

urlpatterns: list[URLPattern] = [
    path(f"{_HELD}/words/consent/", own_consent, name="own-consent"),
    path(f"{_HELD}/words/consent/record/", own_record, name="own-record"),
    path(f"{_HELD}/words/exports/", export_own, name="own-exports"),
    path(f"{_HELD}/words/exports/<str:export>/", export_file, name="own-export"),
    path(f"{_HELD}/contributors/<str:contributor>/record/", record, name="consent-record"),
    path(f"{_HELD}/contributors/<str:contributor>/exports/", export_for, name="contributor-exports"),
]
