"""One agreement on the desk: its text, who has signed, what it opens, its papers; and its files for whoever checks it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from governance import agreements, documents, grants, votes
from governance.kernel.digests import canonical
from governance.kernel.errors import Missing
from governance.models import Agreement, Community, Grant, Person, Proposal, Suspension
from governance.roles import may
from governance.web import deeds
from governance.web.access_rules import members
from governance.web.forms import Form
from governance.web.reach import NOT_HERE, person_of
from governance.web.requests import PaperForm


class RestForm(Form):
    """Let a grant rest."""

    note = forms.CharField(
        label=lazy("Why it is to rest"), max_length=500, widget=forms.TextInput(attrs={"dir": "auto"})
    )


class GrantForm(Form):
    """Open a part of an agreement."""

    from_version = forms.IntegerField(label=lazy("From version"), min_value=1)
    to_version = forms.IntegerField(label=lazy("To version"), min_value=1, required=False)


class SignForm(Form):
    """Sign for the community: nothing to fill in, refusals are told above it."""


@members
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def agreement_page(request: HttpRequest, community: str, agreement: str) -> HttpResponse:
    """Everything about one agreement, and what the desk can do with it."""
    me = person_of(request)
    row = agreement_or_404(request.community, agreement)  # type: ignore[attr-defined]  # set by @members
    do = request.POST.get("do", "")
    forms_ = {
        "sign": SignForm(request.POST if do == "sign" else None),
        "grant": GrantForm(request.POST if do == "grant" else None, initial={"from_version": row.from_version}),
        "rest": RestForm(request.POST if do == "rest" else None),
    }
    code = agreements.give_code(row, by=me) if do == "code" else ""
    done = _do(row, me, do, request.POST.get("grant", ""), forms_)
    if done:
        messages.success(request, done)
        return redirect("agreement", community=community, agreement=agreement)
    failed = next((form for form in forms_.values() if form.is_bound and form.errors), None)
    context = {
        **_shown(row),
        "place": "parties",
        "forms": forms_,
        "failed": failed,
        "code": code,
        "may_sign": may(me, "agreement.sign", row.community),
        "grants": _grants(row),
        "tokens": row.tokens.order_by("-created_at"),
        "papers": documents.of(row).select_related("verification__by").order_by("pk"),
        "paper_form": PaperForm(),
        "vote": Proposal.objects.filter(subject_kind=agreements.SUBJECT, subject_id=row.public_id)
        .order_by("-pk")
        .first(),
        "is_voted": votes.is_asked(row.community, agreements.SUBJECT),
        "against": agreements.unsignable(row) if not row.in_force_at and not row.ended_at else [],
    }
    return render(request, "governance/agreement.html", context, status=422 if failed else 200)


@members
@require_safe
def agreement_print(request: HttpRequest, community: str, agreement: str) -> HttpResponse:
    """The same text on paper."""
    row = agreement_or_404(request.community, agreement)  # type: ignore[attr-defined]  # set by @members
    return render(request, "governance/agreement_print.html", _shown(row))


@members
@require_safe
def agreement_file(request: HttpRequest, community: str, agreement: str) -> HttpResponse:
    """The text as ODRL, with both signatures."""
    row = agreement_or_404(request.community, agreement)  # type: ignore[attr-defined]  # set by @members
    return file_of(row)


@members
@require_POST
def end_grant(request: HttpRequest, community: str, grant: str) -> HttpResponse:
    """End one grant; the agreement stays."""
    row = Grant.objects.filter(agreement__party__community=request.community, public_id=grant).first()  # type: ignore[attr-defined]
    if row is None:
        raise Missing("not-found", NOT_HERE)
    grants.end(row, by=person_of(request))
    messages.warning(request, _("It ended at once. The agreement stands; you can open another part of it."))
    return redirect("agreement", community=community, agreement=row.agreement.public_id)


def agreement_or_404(community: Community, public_id: str) -> Agreement:
    """An agreement of a community."""
    related = ("party__community", "dataset__community", "policy", "signed_by")
    row = Agreement.objects.select_related(*related).filter(party__community=community, public_id=public_id).first()
    if row is None:
        raise Missing("not-found", NOT_HERE)
    return row


def file_of(row: Agreement) -> HttpResponse:
    """An agreement as one file: the ODRL document and the signatures over it."""
    signed = agreements.signatures_of(row)
    body = {"agreement": row.document, "digest": row.digest, "signatures": {k: s.jws for k, s in signed.items()}}
    response = JsonResponse(body, json_dumps_params={"indent": 2, "ensure_ascii": False})
    response["Content-Disposition"] = f'attachment; filename="{agreements.name_of(row)}.json"'
    return response


def text_file(row: Agreement, what: str) -> HttpResponse:
    """The bytes to sign (``tbs``), or the canonical text (``txt``)."""
    raw = agreements.to_sign(row) if what == "tbs" else canonical(row.document)
    response = HttpResponse(raw, content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="{agreements.name_of(row)}.{what}"'
    return response


def _shown(row: Agreement) -> dict[str, Any]:
    return {
        "row": row,
        "lines": deeds.lines_of(row),
        "duties": deeds.duties_of(row),
        "law": deeds.law_of(row),
        "limits": agreements.deed.LIMITS,
        "signatures": agreements.signatures_of(row),
        "stands": deeds.stands(row),
        "is_verified": agreements.is_verified(row),
        "now": timezone.now(),
    }


def _grants(row: Agreement) -> list[tuple[Grant, list[Suspension]]]:
    found = row.grants.prefetch_related("suspensions").order_by("pk")
    return [(grant, [s for s in grant.suspensions.all() if s.lifted_at is None]) for grant in found]


def _do(row: Agreement, me: Person, do: str, grant: str, given: dict[str, Any]) -> str:
    """Do what a form of the page asks; what to say about it, or nothing."""
    form = given.get(do)
    if do == "resume":
        grants.resume(_grant(row, grant), by=me, code=given.get("code") or grants.BY_STEWARD)
        return _("It goes on.")
    if form is None or not form.is_valid():
        return ""
    if do == "sign" and form.attempt(agreements.sign_for_community, row, by=me):
        asked = votes.is_asked(row.community, agreements.SUBJECT)
        return _("The vote is open. A yes signs it.") if asked else _("Signed for the community.")
    if do == "grant" and form.attempt(grants.issue, row, by=me, **form.cleaned_data):
        return _("This part is open now.")
    if do == "rest" and form.attempt(grants.suspend, _grant(row, grant), by=me, note=form.cleaned_data["note"]):
        return _("It rests at once, also for pulls that were under way.")
    return ""


def _grant(row: Agreement, public_id: str) -> Grant:
    found = row.grants.filter(public_id=public_id).first()
    if found is None:
        raise Missing("not-found", NOT_HERE)
    return found


_HERE = "communities/<slug:community>/agreements/<str:agreement>/"
urlpatterns: list[URLPattern] = [
    path(_HERE, agreement_page, name="agreement"),
    path(_HERE + "print/", agreement_print, name="agreement-print"),
    path(_HERE + "odrl.json", agreement_file, name="agreement-file"),
    path("communities/<slug:community>/grants/<str:grant>/end/", end_grant, name="grant-end"),
]
