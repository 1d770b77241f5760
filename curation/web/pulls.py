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
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from curation import standing, takedowns
from curation.models import Pull, Takedown, Version
from curation.web.reach import version_of
from governance import roles
from governance.models import Dataset, Decision
from governance.odrl.purposes import STANDARD
from governance.web.access_rules import members
from governance.web.forms import Form
from governance.web.reach import dataset_or_404, person_of

PAGE = 50


class CaseForm(Form):
    """What is wrong with a version."""

    reason = forms.CharField(
        label=lazy("What is wrong with it?"),
        help_text=lazy("Keepers and stewards read it. The public page only says that the community is looking."),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )


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
    form = CaseForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        opened = form.attempt(takedowns.open, version, by=me, reason=form.cleaned_data["reason"])
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
        "earlier": version.takedowns.exclude(status=Takedown.Status.OPEN).select_related("closed_by").order_by("-pk"),
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
        takedowns.close(found, by=person_of(request), upheld=upheld)
        said = _("It is withdrawn for good.") if upheld else _("It is back, exactly as it was.")
        messages.success(request, said)
    return redirect("version-case", community=community, dataset=dataset, number=number)


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
]
