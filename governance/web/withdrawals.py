"""Taking words back: one's own, with the code of a receipt, or on somebody's behalf; and what became of it."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from governance import holds, roles, withdrawals
from governance.kernel.errors import Conflict, Invalid, Missing
from governance.models import Community, ConsentEvent, Contributor, Hold, Person, Sample, Withdrawal
from governance.odrl.purposes import STANDARD
from governance.web.access_rules import members, public
from governance.web.forms import Form, sentence
from governance.web.reach import NOT_HERE, person_of
from governance.web.signin import address_of

PAGE = 20
PIECES = 30
ALL = ""


class PurposeForm(Form):
    """Stop one use; the words stay."""

    purpose = forms.ChoiceField(label=lazy("Stop this use"))

    def __init__(self, *args: object, purposes: Sequence[str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["purpose"].choices = [(code, _(STANDARD[code].title)) for code in purposes]  # type: ignore[attr-defined]


class BehalfForm(Form):
    """Take back for somebody who asked."""

    name = forms.CharField(
        label=lazy("Whose words"),
        help_text=lazy("The name as it is written among the tellers."),
        max_length=120,
        widget=forms.TextInput(attrs={"dir": "auto", "autocomplete": "off"}),
    )
    purpose = forms.ChoiceField(label=lazy("What"), required=False)
    note = forms.CharField(
        label=lazy("How they asked"),
        help_text=lazy("By phone, in person, through whom. No reason is asked."),
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"dir": "auto"}),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        only = [(code, _("only for: %(use)s") % {"use": _(p.title)}) for code, p in STANDARD.terms.items()]
        self.fields["purpose"].choices = [(ALL, _("all their words, for everything")), *only]  # type: ignore[attr-defined]


class CodeForm(Form):
    """The code of a consent receipt."""

    code = forms.CharField(
        label=lazy("The code on your receipt"),
        help_text=lazy("Capitals and hyphens do not matter."),
        max_length=80,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "class": "mono"}
        ),
    )


class CaseForm(Form):
    """Somebody without account and code."""

    community = forms.CharField(
        label=lazy("Which community"), max_length=120, widget=forms.TextInput(attrs={"dir": "auto"})
    )
    note = forms.CharField(
        label=lazy("Which words, and how can the keepers reach you?"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4, "dir": "auto"}),
    )


@members
@require_http_methods(["GET", "HEAD", "POST"])
def withdraw_page(request: HttpRequest, community: str) -> HttpResponse:
    """A member takes back all their words, some pieces, or only one use; in one step."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    me = person_of(request)
    teller = here.contributors.filter(person=me).first()
    if teller is None:
        return render(request, "governance/withdraw_none.html", {"place": "words"})
    said = _said_yes_to(teller)
    form = PurposeForm(request.POST if request.POST.get("do") == "purpose" else None, purposes=said)
    if request.method == "POST":
        done = _take_back(request, teller, me, form)
        if done is not None:
            return redirect("withdrawal", community=community, withdrawal=done.public_id)
    own = _own(teller)
    context = {
        "place": "words",
        "teller": teller,
        "total": own.count(),
        "page": Paginator(own.select_related("dataset"), PIECES).get_page(request.GET.get("page")),
        "form": form if said else None,
        "chosen": request.POST.getlist("piece"),
    }
    return render(request, "governance/withdraw.html", context)


@members
@require_http_methods(["GET", "HEAD", "POST"])
def withdrawals_page(request: HttpRequest, community: str) -> HttpResponse:
    """The desk: every withdrawal, nameless cases first, and the form to take back for somebody who asked."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    me = person_of(request)
    held = roles.roles_of(me, here)
    if not held & (roles.DESK | {roles.REPRESENTATIVE}):
        raise Missing("not-found", NOT_HERE)
    form = BehalfForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        done = _on_behalf(form, here, me, held)
        if done is not None:
            messages.success(request, _("Done. It rests since this moment."))
            return redirect("withdrawal", community=community, withdrawal=done.public_id)
    rows = _seen(here, me).order_by("-at", "-pk")
    context = {
        "place": "withdrawals",
        "form": form,
        "cases": rows.filter(channel=Withdrawal.Channel.FORM, closed_at=None),
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "is_keeper": roles.KEEPER in held,
    }
    return render(request, "governance/withdrawals.html", context, status=422 if form.errors else 200)


@members
@require_POST
def close_withdrawal(request: HttpRequest, community: str, withdrawal: str) -> HttpResponse:
    """A keeper writes down that it was looked at."""
    row = withdrawal_or_404(request.community, person_of(request), withdrawal)  # type: ignore[attr-defined]  # set by @members
    withdrawals.close(row, by=person_of(request), outcome=request.POST.get("outcome", "confirmed"))
    messages.success(request, _("Written down."))
    return redirect("withdrawals", community=community)


@members
@require_safe
def holds_page(request: HttpRequest, community: str) -> HttpResponse:
    """The desk: everything that rests now, and the way to let it come back."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    if not roles.roles_of(person_of(request), here) & roles.DESK:
        raise Missing("not-found", NOT_HERE)
    rows = holds.open_in(here).select_related("sample__dataset", "contributor")
    context = {"place": "holds", "page": Paginator(rows, PAGE).get_page(request.GET.get("page"))}
    return render(request, "governance/holds.html", context)


@members
@require_POST
def lift_hold(request: HttpRequest, community: str, hold: str) -> HttpResponse:
    """Let something come back."""
    row = Hold.objects.filter(community=request.community, public_id=hold).first()  # type: ignore[attr-defined]  # set by @members
    if row is None or not roles.roles_of(person_of(request), row.community) & roles.DESK:
        raise Missing("not-found", NOT_HERE)
    try:
        holds.lift(row, by=person_of(request))
    except Conflict as refusal:
        messages.error(request, sentence(refusal.reasons[0]))
    else:
        messages.success(request, _("It does not rest any more."))
    return redirect("holds", community=community)


@public
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def receipt_page(request: HttpRequest) -> HttpResponse:
    """Without signing in: with the code of the receipt it holds at once; without one the keepers look."""
    do = request.POST.get("do", "")
    code, case = CodeForm(request.POST if do == "code" else None), CaseForm(request.POST if do == "case" else None)
    context: dict[str, Any] = {"code": code, "case": case}
    if do == "code" and code.is_valid():
        try:
            done = withdrawals.open_with_code(code.cleaned_data["code"], address=address_of(request))
        except Missing as refusal:
            code.add_error("code", sentence(refusal.reasons[0]))
        else:
            return render(request, "governance/withdrawn_by_code.html", {"row": done})
    if do == "case" and case.is_valid():
        _open_case(case, address_of(request))
        if not case.errors:
            return render(request, "governance/withdrawn_by_code.html", {"row": None})
    return render(
        request, "governance/withdraw_by_code.html", context, status=422 if code.errors or case.errors else 200
    )


def withdrawal_or_404(community: Community, person: Person, public_id: str) -> Withdrawal:
    """A withdrawal that the person may know of, or ``Missing``."""
    found = _seen(community, person).filter(public_id=public_id).select_related("contributor", "community").first()
    if found is None:
        raise Missing("not-found", NOT_HERE)
    return found


def _seen(community: Community, person: Person) -> QuerySet[Withdrawal]:
    """One's own and those that one opened; the desk sees all of its community."""
    rows = Withdrawal.objects.filter(community=community).select_related("contributor", "opened_by", "closed_by")
    if roles.roles_of(person, community) & roles.DESK:
        return rows
    return rows.filter(Q(contributor__person=person) | Q(opened_by=person))


def _own(teller: Contributor) -> QuerySet[Sample]:
    """What is still there to take back."""
    return Sample.objects.with_voice(teller).not_held().order_by("-pk")


def _said_yes_to(teller: Contributor) -> list[str]:
    """The purposes to which the newest answer is a yes."""
    newest: dict[str, str] = {}
    for purpose, status in teller.consent_events.order_by("pk").values_list("purpose", "status"):
        newest[purpose] = status
    return [code for code in STANDARD.terms if newest.get(code) in ConsentEvent.VALID]


def _take_back(request: HttpRequest, teller: Contributor, me: Person, form: PurposeForm) -> Withdrawal | None:
    given: dict[str, Any] = {}
    if request.POST.get("do") == "purpose":
        if not form.is_valid():
            return None
        given["purposes"] = [form.cleaned_data["purpose"]]
    elif request.POST.get("which") != "all":
        given["samples"] = _own(teller).filter(uid__in=request.POST.getlist("piece"))
    try:
        return withdrawals.open(teller, by=me, channel=Withdrawal.Channel.SELF, **given)
    except Invalid as refusal:
        messages.error(request, sentence(refusal.reasons[0]))
        return None


def _on_behalf(form: BehalfForm, community: Community, me: Person, held: frozenset[Any]) -> Withdrawal | None:
    given = form.cleaned_data
    teller = community.contributors.filter(name__iexact=given["name"].strip()).first()
    if teller is None:
        form.add_error("name", _("Nobody of this name gave samples here. Look at the spelling."))
        return None
    channel = Withdrawal.Channel.STEWARD if held & roles.DESK else Withdrawal.Channel.REPRESENTATIVE
    purposes = [given["purpose"]] if given["purpose"] else []
    return form.attempt(withdrawals.open, teller, by=me, channel=channel, purposes=purposes, note=given["note"])


def _open_case(form: CaseForm, address: str) -> None:
    """The answer is the same whether the community exists: nobody finds out who is here."""
    wanted = form.cleaned_data["community"].strip()
    community = Community.objects.filter(Q(name__iexact=wanted) | Q(slug__iexact=wanted)).first()
    if community is not None:
        form.attempt(withdrawals.open_case, community, note=form.cleaned_data["note"], address=address)


urlpatterns: list[URLPattern] = [
    path("withdraw/", receipt_page, name="withdraw-by-receipt"),
    path("communities/<slug:community>/words/withdraw/", withdraw_page, name="withdraw"),
    path("communities/<slug:community>/withdrawals/", withdrawals_page, name="withdrawals"),
    path("communities/<slug:community>/withdrawals/<str:withdrawal>/close/", close_withdrawal, name="withdrawal-close"),
    path("communities/<slug:community>/holds/", holds_page, name="holds"),
    path("communities/<slug:community>/holds/<str:hold>/lift/", lift_hold, name="hold-lift"),
]
