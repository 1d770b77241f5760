"""The party's own page, by its code and without an account: questions, papers, the agreement, its key, its tokens."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from governance import agreements, asking, documents, parties
from governance.kernel.errors import Missing, NotAllowed
from governance.models import AccessRequest, Agreement, Community, Token
from governance.odrl import profile
from governance.web import deeds
from governance.web.access_rules import public
from governance.web.agreements import file_of, text_file
from governance.web.forms import Form
from governance.web.reach import NOT_HERE
from governance.web.signin import address_of

KEPT = "asked"
"""Where the session remembers what a code opened."""

PAPERS: dict[str, str] = {
    "urn:wellhouse:duty:ethics-approval": lazy("the ethics board’s decision"),  # type: ignore[dict-item]  # said later
    "urn:wellhouse:duty:collaboration": lazy("the letter about working together"),  # type: ignore[dict-item]
    "other": lazy("something else"),  # type: ignore[dict-item]
}


class CodeForm(Form):
    """The code that was shown when they asked."""

    MENDS = (*Form.MENDS, Missing)
    code = forms.CharField(
        label=lazy("Your code"),
        help_text=lazy("Capitals and hyphens do not matter."),
        max_length=80,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "class": "mono"}
        ),
    )


class AnswerForm(Form):
    """Answer a question, or add something."""

    body = forms.CharField(
        label=lazy("Write to the keepers"), max_length=4000, widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"})
    )


class PaperForm(Form):
    """Send a paper."""

    duty = forms.ChoiceField(label=lazy("What it is"), choices=list(PAPERS.items()))
    title = forms.CharField(label=lazy("Its name or number"), max_length=200)
    file = forms.FileField(label=lazy("The file"), help_text=lazy("A PDF or a clear photograph, 10 MB at most."))


class KeyForm(Form):
    """Send the public key."""

    MENDS = (*Form.MENDS, NotAllowed)
    public_key = forms.CharField(
        label=lazy("Your public key"),
        help_text=lazy("Ed25519, in PEM form. The private half stays with you."),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4, "class": "mono", "spellcheck": "false", "autocomplete": "off"}),
    )


class SignatureForm(Form):
    """Sign the agreement."""

    signed = forms.CharField(
        label=lazy("The signature"),
        help_text=lazy("What the command printed: a JWS, or the bare signature in base64."),
        max_length=60000,
        widget=forms.Textarea(attrs={"rows": 4, "class": "mono", "spellcheck": "false", "autocomplete": "off"}),
    )


class TokenForm(Form):
    """Make a token."""

    label = forms.CharField(label=lazy("Its name"), help_text=lazy("Where it will be used."), max_length=120)


@public
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def code_page(request: HttpRequest) -> HttpResponse:
    """Enter with a code."""
    form = CodeForm(request.POST or None)
    if form.is_valid():
        found = form.attempt(asking.of_code, form.cleaned_data["code"], address=address_of(request))
        if found is not None:
            remember(request, found)
            return redirect("asked")
    return render(request, "governance/asked_code.html", {"form": form}, status=422 if form.errors else 200)


@public
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def asked_page(request: HttpRequest) -> HttpResponse:
    """Where the request stands, and what can be done now."""
    mine = _mine(request)
    if mine is None:
        return redirect("asked-code")
    row, agreement = mine
    do = request.POST.get("do", "")
    given = {
        "say": AnswerForm(request.POST if do == "say" else None),
        "paper": PaperForm(request.POST if do == "paper" else None, request.FILES if do == "paper" else None),
        "key": KeyForm(request.POST if do == "key" else None),
        "sign": SignatureForm(request.POST if do == "sign" else None),
        "token": TokenForm(request.POST if do == "token" else None),
    }
    done, made = _do(row, agreement, do, given)
    if done:
        messages.success(request, done)
        return redirect("asked")
    failed = next((form for form in given.values() if form.is_bound and form.errors), None)
    context = _shown(row, agreement) | {
        "forms": given,
        "failed": failed,
        "secret": made,
        "key_words": _key_words(agreement),
    }
    return render(request, "governance/asked.html", context, status=422 if failed else 200)


@public
@never_cache
@require_safe
def asked_file(request: HttpRequest, what: str) -> HttpResponse:
    """The agreement as ODRL, as the bytes to sign, or on paper."""
    mine = _mine(request)
    if mine is None or mine[1] is None:
        raise Missing("not-found", NOT_HERE)
    agreement = mine[1]
    if what == "odrl":
        return file_of(agreement)
    if what == "print":
        return render(request, "governance/agreement_print.html", _deed(agreement) | {"community": agreement.community})
    if what not in ("tbs", "txt"):
        raise Missing("not-found", NOT_HERE)
    return text_file(agreement, what)


@public
@require_POST
def asked_end(request: HttpRequest) -> HttpResponse:
    """End a token of one's own, take a request back, or leave the page."""
    mine = _mine(request)
    if mine is None:
        return redirect("asked-code")
    row, agreement = mine
    if request.POST.get("do") == "take-back" and row is not None:
        asking.take_back(row, by=asking.asker_of(row))
        messages.success(request, _("It is taken back. Nobody here reads on."))
    elif request.POST.get("do") == "leave":
        request.session.pop(KEPT, None)
        return redirect("asked-code")
    elif agreement is not None:
        token = agreement.tokens.filter(public_id=request.POST.get("token", "")).first()
        if token is None:
            raise Missing("not-found", NOT_HERE)
        agreements.revoke_token(token, by=agreements.outsider_of(agreement))
        messages.warning(request, _("It ended at once."))
    return redirect("asked")


def remember(request: HttpRequest, found: AccessRequest | Agreement) -> None:
    """Keep in the session what a code opened, and nothing else of what was there before."""
    request.session.cycle_key()
    request.session[KEPT] = [found._meta.model_name, found.public_id]


def _mine(request: HttpRequest) -> tuple[AccessRequest | None, Agreement | None] | None:
    """What the code of this session opened: the request and the agreement that came of it."""
    kind, public_id = request.session.get(KEPT, ("", ""))
    if kind == "accessrequest":
        row = (
            AccessRequest.objects.select_related("dataset__community", "party", "answer")
            .filter(public_id=public_id)
            .first()
        )
        return None if row is None else (row, _agreement(pk=row.agreement_id) if row.agreement_id else None)
    if kind == "agreement":
        found = _agreement(public_id=public_id)
        return None if found is None else (None, found)
    return None


def _agreement(**which: object) -> Agreement | None:
    related = ("party__community", "dataset__community", "policy", "signed_by")
    return Agreement.objects.select_related(*related).filter(**which).first()


def _do(
    row: AccessRequest | None, agreement: Agreement | None, do: str, given: dict[str, Any]
) -> tuple[str, tuple[Token, str] | None]:
    """Do what a form asks; what to say about it, and a new token with its secret."""
    form = given.get(do)
    if form is None or not form.is_valid():
        return "", None
    said = form.cleaned_data
    if do == "say" and row is not None and form.attempt(asking.say, row, body=said["body"], by=asking.asker_of(row)):
        return _("They have it."), None
    if do == "paper":
        on = agreement or row
        by = agreements.outsider_of(agreement) if agreement else asking.asker_of(row)  # type: ignore[arg-type]  # one is there
        file = said["file"]
        kept = {"file": file, "size": file.size, "duty": said["duty"], "title": said["title"]}
        if form.attempt(documents.add, on, by=by, **kept):
            return _("It is here. Somebody of the community looks at it."), None
    if agreement is None:
        return "", None
    me = agreements.outsider_of(agreement)
    if do == "key" and form.attempt(parties.change_key, agreement.party, public_key=said["public_key"], by=me):
        return _("This key signs for you now. Ring the community and compare its id."), None
    if do == "sign" and form.attempt(agreements.countersign, agreement, signed=said["signed"], by=me):
        both = agreement.in_force_at is not None
        return (_("Signed. It is in force.") if both else _("Signed. The community signs next.")), None
    if do == "token":
        return "", form.attempt(agreements.issue_token, agreement, by=me, label=said["label"])
    return "", None


def _deed(agreement: Agreement) -> dict[str, Any]:
    return {
        "row": agreement,
        "lines": deeds.lines_of(agreement),
        "duties": deeds.duties_of(agreement),
        "law": deeds.law_of(agreement),
        "limits": agreements.deed.LIMITS,
        "signatures": agreements.signatures_of(agreement),
        "stands": deeds.stands(agreement),
        "is_verified": agreements.is_verified(agreement),
    }


def _shown(row: AccessRequest | None, agreement: Agreement | None) -> dict[str, Any]:
    community: Community = agreement.community if agreement else row.community  # type: ignore[union-attr]  # one is there
    context: dict[str, Any] = {"asked": row, "agreement": agreement, "community": community}
    if row is not None:
        answer = getattr(row, "answer", None)
        context |= {
            "words": row.messages.order_by("pk"),
            "papers": row.documents.select_related("verification").order_by("pk"),
            "answer": answer,
            "why_not": _(asking.DECLINED[answer.reason]) if answer and answer.reason in asking.DECLINED else "",
            "before": [_(profile.DUTIES.get(action, action)) for action in row.precheck.get("before", [])],
        }
    if agreement is not None:
        context |= _deed(agreement)
        context |= {
            "papers": documents.of(agreement).select_related("verification").order_by("pk"),
            "tokens": agreement.tokens.filter(revoked_at=None).order_by("-created_at"),
            "resting": agreements.fact_of(agreement).suspended_because,
        }
    return context


def _key_words(agreement: Agreement | None) -> str:
    """A key's id in groups that can be read out by telephone."""
    key_id = agreement.party.key_id if agreement else ""
    return " ".join(key_id[i : i + 4] for i in range(0, len(key_id), 4))


urlpatterns: list[URLPattern] = [
    path("asked/", code_page, name="asked-code"),
    path("asked/mine/", asked_page, name="asked"),
    path("asked/mine/end/", asked_end, name="asked-end"),
    path("asked/mine/<slug:what>/", asked_file, name="asked-file"),
]
