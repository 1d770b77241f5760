"""Requests for access as the desk reads them: the queue, one request, and the answer."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from governance import asking, documents, media
from governance.agreements import Terms
from governance.kernel.errors import Missing
from governance.models import AccessRequest, Agreement, Community, Document, Membership, Person
from governance.odrl.duo_terms import NAMES
from governance.roles import DESK, roles_of
from governance.web.access_rules import members
from governance.web.forms import Form
from governance.web.reach import NOT_HERE, person_of

PAGE = 30
STATES = (
    ("", lazy("waiting for an answer")),
    ("accepted", lazy("accepted")),
    ("declined", lazy("declined")),
    ("taken-back", lazy("taken back")),
    ("all", lazy("all of them")),
)


class SearchForm(forms.Form):
    """Find requests."""

    q = forms.CharField(label=lazy("Organisation or project"), required=False, max_length=120)
    state = forms.ChoiceField(label=lazy("Which"), choices=STATES, required=False)
    mine = forms.BooleanField(label=lazy("Only those that I look after"), required=False)


class SayForm(Form):
    """Ask back."""

    body = forms.CharField(
        label=lazy("Ask back"),
        help_text=lazy("They read it with their code. They see your role; your name only if you write it."),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )


class DeclineForm(Form):
    """Say no, with a reason."""

    reason = forms.ChoiceField(label=lazy("Why not"))
    words = forms.CharField(
        label=lazy("In your own words"),
        help_text=lazy("They read it. Say what would make it a yes, if anything would."),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        said = [(code, _(sentence)) for code, sentence in asking.DECLINED.items()]
        self.fields["reason"].choices = [("", _("Choose")), *said]  # type: ignore[attr-defined]  # a ChoiceField


class AcceptForm(Form):
    """Say yes, as they ask or narrower."""

    months = forms.IntegerField(label=lazy("Months"), min_value=1)
    is_commercial = forms.BooleanField(label=lazy("They may earn money with it, as they ask"), required=False)
    from_version = forms.IntegerField(label=lazy("From version"), min_value=1, initial=1)
    to_version = forms.IntegerField(
        label=lazy("To version"), help_text=lazy("Empty: and all that follow."), min_value=1, required=False
    )
    role = forms.ChoiceField(
        label=lazy("What they are under data protection law"),
        choices=(
            (Agreement.Role.CONTROLLER, lazy("they decide for themselves (independent controller)")),
            (Agreement.Role.PROCESSOR, lazy("they work for us (processor)")),
        ),
    )
    sub_processors = forms.CharField(
        label=lazy("Who else may work on it"),
        help_text=lazy("Other companies, by name. Empty: nobody."),
        required=False,
        max_length=500,
    )
    at_end = forms.ChoiceField(
        label=lazy("At the end"),
        choices=(
            (Agreement.AtEnd.DELETE, lazy("they delete every copy")),
            (Agreement.AtEnd.RETURN, lazy("they give it back, and delete copies")),
        ),
    )
    more = forms.CharField(
        label=lazy("Anything else that they must do"),
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"dir": "auto"}),
    )
    words = forms.CharField(
        label=lazy("A word to them"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
    )
    reviewed = forms.BooleanField(
        label=lazy("People have looked at what no machine can judge, and it is right"), required=False
    )

    def __init__(self, *args: object, asked: AccessRequest, **kwargs: object) -> None:
        super().__init__(*args, initial={"months": asked.months, "from_version": 1}, **kwargs)
        self.fields["months"].max_value = asked.months  # type: ignore[attr-defined]
        if not asked.is_commercial:
            del self.fields["is_commercial"]
        if not asked.precheck.get("needs_people"):
            del self.fields["reviewed"]

    def terms(self) -> Terms:
        """What the agreement says beyond its purpose and its end."""
        given = self.cleaned_data
        return Terms(
            from_version=given["from_version"],
            to_version=given["to_version"],
            role=given["role"],
            sub_processors=given["sub_processors"],
            at_end=given["at_end"],
            more=given["more"],
            reviewed=tuple(sorted(NAMES)) if given.get("reviewed") else (),
        )


class PaperForm(Form):
    """Say what a paper is worth."""

    valid_until = forms.DateField(
        label=lazy("Valid until"),
        help_text=lazy("As it says itself; empty: without an end."),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    note = forms.CharField(label=lazy("If it is not right: why"), required=False, max_length=500)


@members
@require_safe
def request_list(request: HttpRequest, community: str) -> HttpResponse:
    """The requests that wait, the longest first; and the others by search."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    _desk(request)
    form = SearchForm(request.GET)
    form.is_valid()
    rows = _found(here, person_of(request), form.cleaned_data)
    context = {
        "place": "requests",
        "form": form,
        "page": Paginator(rows, PAGE).get_page(request.GET.get("page")),
        "late": timezone.now() - asking.DUE,
        "waiting": _requests(here).filter(status="open").count(),
    }
    return render(request, "governance/requests.html", context)


@members
@require_http_methods(["GET", "HEAD", "POST"])
def request_page(request: HttpRequest, community: str, asked: str) -> HttpResponse:
    """One request beside the rules, what was said about it, its papers, and the answer."""
    me = _desk(request)
    row = request_or_404(request.community, asked)  # type: ignore[attr-defined]  # set by @members
    do = request.POST.get("do", "")
    say = SayForm(request.POST if do == "say" else None)
    decline = DeclineForm(request.POST if do == "decline" else None)
    accept = AcceptForm(request.POST if do == "accept" else None, asked=row)
    done, agreement = _do(row, me, do, say, decline, accept)
    if agreement is not None:
        messages.success(request, _("It is drawn up. Read it once more, then sign it."))
        return redirect("agreement", community=community, agreement=agreement.public_id)
    if done:
        messages.success(request, done)
        return redirect("request", community=community, asked=asked)
    row.refresh_from_db()
    failed = next((f for f in (say, decline, accept) if f.is_bound and f.errors), None)
    context = {
        "place": "requests",
        "row": row,
        "checked": row.precheck,
        "now_checked": asking.precheck(row.dataset, asked_of(row)) if row.status == "open" else None,
        "words": row.messages.select_related("author").order_by("pk"),
        "papers": row.documents.select_related("verification__by").order_by("pk"),
        "paper_form": PaperForm(),
        "answer": getattr(row, "answer", None),
        "say": say,
        "decline": decline,
        "accept": accept,
        "failed": failed,
        "desk": _desk_people(row.community),
        "due": row.asked_at + asking.DUE,
        "earlier": _earlier(row),
        "duo": [NAMES[code] for code in row.duo if code in NAMES],
        "me": me,
    }
    return render(request, "governance/request.html", context, status=422 if failed else 200)


@members
@require_POST
def assignment(request: HttpRequest, community: str, asked: str) -> HttpResponse:
    """Say who looks after a request."""
    me = _desk(request)
    row = request_or_404(request.community, asked)  # type: ignore[attr-defined]  # set by @members
    to = Person.objects.filter(public_id=request.POST.get("to", "")).first()
    asking.assign(row, to=to, by=me)
    messages.success(request, _("Noted."))
    return redirect("request", community=community, asked=asked)


@members
@require_safe
def paper(request: HttpRequest, community: str, document: str) -> HttpResponse:
    """A paper's bytes, to be kept and not to be shown in this page."""
    _desk(request)
    row = paper_or_404(request.community, document)  # type: ignore[attr-defined]  # set by @members
    return sent(row)


@members
@require_POST
def verification(request: HttpRequest, community: str, document: str) -> HttpResponse:
    """Say whether a paper is right."""
    me = _desk(request)
    row = paper_or_404(request.community, document)  # type: ignore[attr-defined]  # set by @members
    form = PaperForm(request.POST)
    is_good = request.POST.get("verdict") == "good"
    if form.is_valid():
        found = form.attempt(documents.verify, row, is_good=is_good, by=me, **form.cleaned_data)
        if found is not None:
            messages.success(request, _("Noted. They read it, too."))
    for error in (e for errors in form.errors.values() for e in errors):
        messages.error(request, str(error))
    if row.request is not None:
        return redirect("request", community=community, asked=row.request.public_id)
    assert row.agreement is not None  # held by the constraint
    return redirect("agreement", community=community, agreement=row.agreement.public_id)


def request_or_404(community: Community, public_id: str) -> AccessRequest:
    """A request of a community."""
    row = _requests(community).filter(public_id=public_id).first()
    if row is None:
        raise Missing("not-found", NOT_HERE)
    return row


def paper_or_404(community: Community, public_id: str) -> Document:
    """A paper of a request or an agreement of a community."""
    ours = Q(request__dataset__community=community) | Q(agreement__dataset__community=community)
    row = Document.objects.filter(ours, public_id=public_id).select_related("request__dataset__community").first()
    if row is None:
        raise Missing("not-found", NOT_HERE)
    return row


def sent(row: Document) -> HttpResponse:
    """A paper as a download under a name of ours; never shown in the page, whatever it claims to be."""
    suffix = next(suffix for _mark, mime, suffix in documents.MARKS if mime == row.media_type)
    held = media.path_of(row.sha256, documents.FOLDER)
    response = HttpResponse(held.read_bytes(), content_type=row.media_type)
    response["Content-Disposition"] = f'attachment; filename="paper-{row.public_id[:8]}.{suffix}"'
    response["Cache-Control"] = "private, no-store"
    return response


def asked_of(row: AccessRequest) -> asking.Asked:
    """A request as it was asked, to compare it with the rules anew."""
    return asking.Asked(
        organisation=row.organisation,
        kind=row.kind,
        contact=row.contact,
        purpose=row.purpose,
        project=row.project,
        words=row.words,
        months=row.months,
        is_commercial=row.is_commercial,
        place=row.place,
        institution=row.institution,
        users=tuple(row.users),
        duo=tuple(row.duo),
    )


def _do(
    row: AccessRequest, me: Person, do: str, say: SayForm, decline: DeclineForm, accept: AcceptForm
) -> tuple[str, Agreement | None]:
    """Do what a form of the page asks; what to say about it, or the agreement that came of it."""
    if do == "say" and say.is_valid():
        said = say.attempt(asking.say, row, body=say.cleaned_data["body"], by=me)
        return (_("Asked. It is their turn now.") if said else ""), None
    if do == "decline" and decline.is_valid():
        given = decline.cleaned_data
        if decline.attempt(asking.decline, row, reason=given["reason"], words=given["words"], by=me):
            return _("They read your no with its reason. They may ask again."), None
    if do == "accept" and accept.is_valid():
        given = accept.cleaned_data
        drawn = accept.attempt(
            asking.accept,
            row,
            by=me,
            words=given["words"],
            months=given["months"],
            is_commercial=given.get("is_commercial"),
            terms=accept.terms(),
        )
        return "", drawn
    return "", None


def require_desk(person: Person, community: Community) -> None:
    """Raise unless the person is of the desk: what was written to the keepers is not there for others."""
    if not roles_of(person, community) & DESK:
        raise Missing("not-found", NOT_HERE)


def _desk(request: HttpRequest) -> Person:
    me = person_of(request)
    require_desk(me, request.community)  # type: ignore[attr-defined]  # set by @members
    return me


def _desk_people(community: Community) -> QuerySet[Person]:
    current = Membership.objects.current().filter(community=community, role__in=list(DESK))
    return Person.objects.filter(pk__in=current.values("person"), is_active=True).order_by("display_name", "pk")


def _requests(community: Community) -> QuerySet[AccessRequest]:
    rows = AccessRequest.objects.filter(dataset__community=community)
    return rows.select_related("dataset__community", "assigned_to", "party", "agreement")


def _found(community: Community, me: Person, wanted: dict[str, Any]) -> QuerySet[AccessRequest]:
    rows = _requests(community)
    state = wanted.get("state") or "open"
    if state != "all":
        rows = rows.filter(status=state)
    if q := wanted.get("q"):
        rows = rows.filter(Q(organisation__icontains=q) | Q(project__icontains=q))
    if wanted.get("mine"):
        rows = rows.filter(assigned_to=me)
    return rows.order_by("asked_at", "pk") if state == "open" else rows.order_by("-asked_at", "-pk")


def _earlier(row: AccessRequest) -> QuerySet[AccessRequest]:
    """What the same organisation asked before."""
    same = Q(organisation__iexact=row.organisation) | (Q(email__iexact=row.email) if row.email else Q(pk=-1))
    return _requests(row.community).filter(same).exclude(pk=row.pk).order_by("-asked_at")[:10]


_HERE = "communities/<slug:community>/"
urlpatterns: list[URLPattern] = [
    path(_HERE + "requests/", request_list, name="requests"),
    path(_HERE + "requests/<str:asked>/", request_page, name="request"),
    path(_HERE + "requests/<str:asked>/assignment/", assignment, name="request-assignment"),
    path(_HERE + "papers/<str:document>/", paper, name="paper"),
    path(_HERE + "papers/<str:document>/verification/", verification, name="paper-verification"),
]
