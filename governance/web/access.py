"""Keys and tokens: the parties outside, what was agreed with each, and the tokens that carry it."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from governance import agreements, parties, signing
from governance.kernel.errors import Missing
from governance.models import AccessRequest, Agreement, Community, Dataset, Party, Token
from governance.odrl import profile
from governance.odrl.purposes import STANDARD
from governance.roles import may
from governance.web.access_rules import members
from governance.web.forms import Form
from governance.web.reach import NOT_HERE, person_of
from governance.web.rules import purpose_choices

PAGE = 30


class SearchForm(forms.Form):
    """Find agreements and tokens."""

    q = forms.CharField(label=lazy("Party, project or token"), required=False, max_length=120)


class PartyForm(Form):
    """An organisation that may ask."""

    name = forms.CharField(
        label=lazy("What it is called"), max_length=120, widget=forms.TextInput(attrs={"dir": "auto"})
    )
    kind = forms.ChoiceField(label=lazy("What it is"))
    contact = forms.CharField(
        label=lazy("How to reach it"),
        help_text=lazy("A person and an address or number."),
        max_length=255,
        required=False,
    )
    email = forms.EmailField(label=lazy("E-mail for notices"), required=False)
    webhook_url = forms.URLField(
        label=lazy("Address for notices by machine"),
        help_text=lazy("Begins with https://. Empty: by e-mail only."),
        required=False,
        assume_scheme="https",
    )
    place = forms.CharField(
        label=lazy("Where its machines stand"),
        help_text=lazy("A country code of two letters, such as NZ."),
        max_length=6,
        required=False,
    )
    public_key = forms.CharField(
        label=lazy("Its public key"),
        help_text=lazy("Ed25519, in PEM form. An agreement is signed with it; the private half stays with them."),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "class": "mono", "spellcheck": "false", "autocomplete": "off"}),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [(k, _(title)) for k, title in profile.ORGANISATIONS.items()]  # type: ignore[attr-defined]


class AgreementForm(Form):
    """What is agreed: one party, one dataset, one purpose, until a day."""

    party = forms.ModelChoiceField(
        label=lazy("With whom"), queryset=Party.objects.none(), to_field_name="public_id", empty_label=lazy("Choose")
    )
    dataset = forms.ModelChoiceField(
        label=lazy("Which dataset"),
        queryset=Dataset.objects.none(),
        to_field_name="public_id",
        empty_label=lazy("Choose"),
    )
    purpose = forms.ChoiceField(
        label=lazy("For what"),
        help_text=lazy("One agreement is for one purpose; a second purpose is a second agreement."),
    )
    is_commercial = forms.BooleanField(label=lazy("They may earn money with it"), required=False)
    project = forms.CharField(
        label=lazy("Their project, in their words"),
        max_length=255,
        required=False,
        widget=forms.TextInput(attrs={"dir": "auto"}),
    )
    from_version = forms.IntegerField(label=lazy("From version"), min_value=1, initial=1)
    expires_at = forms.DateField(label=lazy("The last day"), widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: object, community: Community, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["party"].queryset = community.parties.order_by("name")  # type: ignore[attr-defined]  # a ModelChoiceField
        self.fields["dataset"].queryset = community.datasets.order_by("name")  # type: ignore[attr-defined]
        self.fields["purpose"].choices = purpose_choices(STANDARD.leaves)  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        """What ``agreements.sign`` takes, without the party."""
        given = {name: value for name, value in self.cleaned_data.items() if name != "party"}
        return given | {"expires_at": end_of_day(given["expires_at"])}


class TokenForm(Form):
    """A token for one agreement."""

    agreement = forms.ChoiceField(
        label=lazy("For which agreement"), help_text=lazy("It says the purpose; a token cannot be for two.")
    )
    label = forms.CharField(
        label=lazy("Its name"), help_text=lazy("Where it will be used. It shows in lists here."), max_length=120
    )
    expires_at = forms.DateField(
        label=lazy("Until"),
        help_text=lazy("At the latest when the agreement ends; empty: exactly then."),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def __init__(self, *args: object, community: Community, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        now = timezone.now()
        self.running = {
            row.public_id: row for row in _agreements(community) if row.ended_at is None and row.expires_at > now
        }
        self.fields["agreement"].choices = [(key, words_of(row)) for key, row in self.running.items()]  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        """What ``agreements.issue_token`` takes, without the agreement."""
        given, agreement = self.cleaned_data, self.running[self.cleaned_data["agreement"]]
        wanted = end_of_day(given["expires_at"]) if given["expires_at"] else agreement.expires_at
        is_last_day = wanted.date() == agreement.expires_at.date()
        return {"label": given["label"], "expires_at": agreement.expires_at if is_last_day else wanted}


def end_of_day(day: object) -> datetime:
    """The last second of a day in UTC."""
    return datetime.combine(day, time(23, 59, 59), tzinfo=UTC)  # type: ignore[arg-type]  # a date from a form


def words_of(agreement: Agreement) -> str:
    """An agreement in one line."""
    purpose = _(STANDARD[agreement.purpose].title) if agreement.purpose in STANDARD else agreement.purpose
    return f"{agreements.name_of(agreement)}, {agreement.party}, {purpose}"


@members
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def parties_page(request: HttpRequest, community: str) -> HttpResponse:
    """Parties, agreements and tokens; for the desk also the forms. A new token's secret is on the answer to its form only."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    me = person_of(request)
    do = request.POST.get("do", "")
    party_form = PartyForm(request.POST if do == "party" else None)
    agreement_form = AgreementForm(
        request.POST if do == "agreement" else None,
        community=here,
        initial={"expires_at": timezone.now().date() + timedelta(days=365)},
    )
    token_form = TokenForm(request.POST if do == "token" else None, community=here)
    made: tuple[Token, str] | None = None
    done = ""
    if do == "party" and party_form.is_valid():
        party = party_form.attempt(parties.add, here, by=me, **party_form.cleaned_data)
        done = _("%(name)s is written down.") % {"name": party} if party else ""
    if do == "agreement" and agreement_form.is_valid():
        chosen = agreement_form.cleaned_data["party"]
        signed = agreement_form.attempt(agreements.sign, chosen, by=me, **agreement_form.values())
        if signed is not None:
            messages.success(
                request, _("It is drawn up. It holds when both have signed; give them a code for their page.")
            )
            return redirect("agreement", community=community, agreement=signed.public_id)
    if do == "token" and token_form.is_valid():
        agreement = token_form.running[token_form.cleaned_data["agreement"]]
        made = token_form.attempt(agreements.issue_token, agreement, by=me, **token_form.values())
    if done:
        messages.success(request, done)
        return redirect("parties", community=community)
    now = timezone.now()
    search = SearchForm(request.GET)
    q = search.cleaned_data["q"] if search.is_valid() else ""
    working = _tokens(here, q).filter(revoked_at=None, expires_at__gt=now)
    ended = _tokens(here, q).exclude(revoked_at=None, expires_at__gt=now)
    context = {
        "place": "parties",
        "may_sign": may(me, "agreement.sign", here),
        "parties": here.parties.order_by("name"),
        "search": search,
        "page": Paginator(_agreements(here, q), PAGE).get_page(request.GET.get("page")),
        "tokens": Paginator(working, PAGE).get_page(request.GET.get("tokens")),
        "ended": ended[:20],
        "waiting": AccessRequest.objects.filter(dataset__community=here, status="open").count(),
        "undo": now - agreements.UNDO,
        "now": now,
        "party_form": party_form,
        "agreement_form": agreement_form,
        "token_form": token_form if token_form.running else None,
        "made": made[0] if made else None,
        "secret": made[1] if made else "",
        "failed": next((f for f in (party_form, agreement_form, token_form) if f.is_bound and f.errors), None),
        "keyid": signing.current_keyid(),
    }
    return render(request, "governance/parties.html", context, status=422 if context["failed"] else 200)


@members
@require_http_methods(["GET", "HEAD", "POST"])
def end_agreement(request: HttpRequest, community: str, agreement: str) -> HttpResponse:
    """Ask once more, then end an agreement; or undo its end for half a minute."""
    row = _agreements(request.community).filter(public_id=agreement).first()  # type: ignore[attr-defined]  # set by @members
    if row is None:
        raise Missing("not-found", NOT_HERE)
    if request.method != "POST":
        pulling = row.tokens.filter(revoked_at=None, expires_at__gt=timezone.now()).count()
        return render(request, "governance/end_agreement.html", {"place": "parties", "row": row, "pulling": pulling})
    if request.POST.get("undo"):
        agreements.restore(row, by=person_of(request))
        messages.success(request, _("It stands again. Nothing was let through meanwhile."))
    else:
        agreements.end(row, by=person_of(request))
        messages.warning(
            request, _("It ended at once, also for pulls that were under way. For half a minute you can undo it.")
        )
    return redirect(reverse("parties", kwargs={"community": community}) + "#agreements")


@members
@require_http_methods(["GET", "HEAD", "POST"])
def end_token(request: HttpRequest, community: str, token: str) -> HttpResponse:
    """Ask once more, then end a token; or undo its end for half a minute."""
    row = _tokens(request.community).filter(public_id=token).first()  # type: ignore[attr-defined]  # set by @members
    if row is None:
        raise Missing("not-found", NOT_HERE)
    if request.method != "POST":
        return render(request, "governance/end_token.html", {"place": "parties", "row": row})
    if request.POST.get("undo"):
        agreements.restore_token(row, by=person_of(request))
        messages.success(request, _("It works again. Nothing was let through meanwhile."))
    else:
        agreements.revoke_token(row, by=person_of(request))
        messages.warning(
            request, _("It ended at once, also for pulls that were under way. For half a minute you can undo it.")
        )
    return redirect(reverse("parties", kwargs={"community": community}) + "#tokens")


def _agreements(community: Community, q: str = "") -> QuerySet[Agreement]:
    rows = Agreement.objects.filter(party__community=community)
    if q:
        rows = rows.filter(Q(party__name__icontains=q) | Q(project__icontains=q) | Q(dataset__name__icontains=q))
    return rows.select_related("party__community", "dataset__community", "policy", "signed_by").order_by("-signed_at")


def _tokens(community: Community, q: str = "") -> QuerySet[Token]:
    rows = Token.objects.filter(agreement__party__community=community)
    if q:
        rows = rows.filter(Q(label__icontains=q) | Q(agreement__party__name__icontains=q) | Q(prefix__startswith=q))
    return rows.select_related("agreement__party__community", "agreement__dataset", "created_by").order_by(
        "-created_at"
    )


urlpatterns: list[URLPattern] = [
    path("communities/<slug:community>/parties/", parties_page, name="parties"),
    path("communities/<slug:community>/agreements/<str:agreement>/end/", end_agreement, name="agreement-end"),
    path("communities/<slug:community>/tokens/<str:token>/end/", end_token, name="token-end"),
]
