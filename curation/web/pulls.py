"""Pulls as the desk sees them: who drew what, under which decision; and the case that closes a version to everybody."""

from dataclasses import dataclass

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from curation import standing, takedowns
from curation.models import Pull, Takedown, Version
from curation.web.public import seen
from curation.web.reach import version_of
from governance import roles, votes
from governance.kernel.errors import Missing
from governance.models import Dataset, Decision
from governance.odrl.purposes import STANDARD
from governance.web.access_rules import members, public
from governance.web.forms import Form
from governance.web.reach import NOT_HERE, dataset_or_404, person_of
from governance.web.signin import address_of

PAGE = 50


class CaseForm(Form):
    """What is wrong with a version."""

    reason = forms.CharField(
        label=lazy("What is wrong with it?"),
        help_text=lazy("Keepers and stewards read it. The public page only says that the community is looking."),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )


class OpenForm(CaseForm):
    """A case that closes the version."""

    kind = forms.ChoiceField(
        label=lazy("What kind of case"),
        choices=[
            (Takedown.Kind.COMPLAINT, lazy("a complaint, or a doubt of our own")),
            (Takedown.Kind.LEGAL, lazy("a demand by law")),
        ],
        initial=Takedown.Kind.COMPLAINT,
        required=False,
    )
    blocked_by = forms.URLField(
        label=lazy("Who demands it by law"),
        help_text=lazy("An address that everybody can read. Only for a demand by law: whoever asks is told."),
        required=False,
        max_length=500,
        assume_scheme="https",
        widget=forms.URLInput(attrs={"dir": "ltr"}),
    )

    field_order = ("kind", "reason", "blocked_by")


@dataclass(frozen=True)
class Refused:
    """A no that was given to a pipeline: when, to whom, why."""

    decision: Decision
    version: Version | None
    party: str

    @property
    def why(self) -> str:
        """The first reason."""
        return str(self.decision.reasons[0]["public"]) if self.decision.reasons else ""


@members
@require_safe
def pull_list(request: HttpRequest, community: str, dataset: str) -> HttpResponse:
    """Every pull of a dataset, the newest first, and what was refused lately."""
    found = dataset_or_404(request, community, dataset)
    pulls = Pull.objects.filter(version__dataset=found).select_related("version", "token__agreement__party", "decision")
    page = Paginator(pulls.annotate(n_files=Count("files")).order_by("-pk"), PAGE).get_page(request.GET.get("page"))
    context = {
        "dataset": found,
        "place": "pulls",
        "page": page,
        "lines": [(pull, _purpose(pull.token.agreement.purpose)) for pull in page],
        "refused": _refused(found),
        "newest": standing.newest_open(found),
    }
    return render(request, "curation/pulls.html", context)


@members
@require_http_methods(["GET", "HEAD", "POST"])
def case(request: HttpRequest, community: str, dataset: str, number: int) -> HttpResponse:
    """Close a version to everybody while the community looks at it, or see the case that did."""
    version = version_of(dataset_or_404(request, community, dataset), number)
    me = person_of(request)
    form = OpenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        opened = form.attempt(
            takedowns.open, version, by=me, reason=given["reason"], kind=given["kind"], blocked_by=given["blocked_by"]
        )
        if opened is not None:
            messages.success(request, _("Version {n} is closed to everybody now.").format(n=version.number))
            return redirect("version-case", community=community, dataset=dataset, number=number)
    context = {
        "dataset": version.dataset,
        "place": "versions",
        "version": version,
        "how": standing.of(version),
        "form": form,
        "case": version.takedowns.filter(status=Takedown.Status.OPEN).select_related("opened_by").first(),
        "asked": version.takedowns.filter(status=Takedown.Status.ASKED).order_by("pk"),
        "earlier": version.takedowns.filter(closed_at__isnull=False).select_related("closed_by").order_by("-pk"),
        "needs_vote": votes.is_asked(version.community, takedowns.KIND),
        "may_open": roles.may(me, "takedown.open", version.community),
        "may_close": roles.may(me, "takedown.close", version.community),
    }
    return render(request, "curation/version_case.html", context, status=422 if form.errors else 200)


@members
@require_POST
def case_end(request: HttpRequest, community: str, dataset: str, number: int) -> HttpResponse:
    """End the open case: the version comes back, or is withdrawn for good."""
    version = version_of(dataset_or_404(request, community, dataset), number)
    upheld = request.POST.get("outcome") == "upheld"
    found = version.takedowns.filter(status=Takedown.Status.OPEN).first()
    if found is not None:
        takedowns.close(found, by=person_of(request), upheld=upheld, answer=request.POST.get("answer", ""))
        if found.status == Takedown.Status.OPEN:
            said = _("The community votes on it now. The version stays closed until then.")
        else:
            said = _("It is withdrawn for good.") if upheld else _("It is back, exactly as it was.")
        messages.success(request, said)
    return redirect("version-case", community=community, dataset=dataset, number=number)


@members
@require_POST
def case_asked(request: HttpRequest, community: str, dataset: str, number: int, case: str) -> HttpResponse:
    """Answer somebody without a name who asked for a case: close the version, or say that there is no ground."""
    version = version_of(dataset_or_404(request, community, dataset), number)
    found = version.takedowns.filter(public_id=case, status=Takedown.Status.ASKED).first()
    if found is None:
        raise Missing("not-found", NOT_HERE)
    if request.POST.get("outcome") == "open":
        takedowns.accept(found, by=person_of(request))
        messages.success(request, _("Version {n} is closed to everybody now.").format(n=version.number))
    else:
        takedowns.close(found, by=person_of(request), upheld=False)
        messages.success(request, _("Written down."))
    return redirect("version-case", community=community, dataset=dataset, number=number)


@public
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: HttpRequest, community: str, dataset: str, number: int) -> HttpResponse:
    """Anybody, on anybody's behalf, without an account: tell the keepers that something is wrong with a version."""
    found = seen(request, community, dataset)
    version = found.versions.exclude(commit="").filter(number=number).select_related("dataset__community").first()
    if version is None:
        raise Missing("not-found", NOT_HERE)
    form = CaseForm(request.POST or None)
    made = None
    if request.method == "POST" and form.is_valid():
        made = form.attempt(takedowns.ask, version, reason=form.cleaned_data["reason"], address=address_of(request))
    context = {"community": found.community, "dataset": found, "version": version, "form": form, "made": made}
    return render(request, "curation/version_ask.html", context, status=422 if form.errors else 200)


def _purpose(code: str) -> str:
    return _(STANDARD[code].title) if code in STANDARD else code


def _refused(dataset: Dataset) -> list[Refused]:
    """The last ten times that a pipeline was told no."""
    versions = {version.public_id: version for version in dataset.versions.all()}
    denied = Decision.objects.filter(
        community=dataset.community_id,
        subject_kind=standing.KIND,
        subject_id__in=list(versions),
        outcome=Decision.Outcome.DENY,
    )
    parties = {party.ref: party.name for party in dataset.community.parties.all()}
    return [
        Refused(one, versions.get(one.subject_id), parties.get(str(one.request.get("party")), "–"))
        for one in denied.order_by("-pk")[:10]
    ]


_BASE = "datasets/<slug:community>/<slug:dataset>/"
urlpatterns: list[URLPattern] = [
    path(_BASE + "pulls/", pull_list, name="pulls"),
    path(_BASE + "versions/<int:number>/case/", case, name="version-case"),
    path(_BASE + "versions/<int:number>/case/end/", case_end, name="version-case-end"),
    path(_BASE + "versions/<int:number>/case/<str:case>/", case_asked, name="version-case-asked"),
    path(_BASE + "published/<int:number>/ask/", ask, name="version-ask"),
]
