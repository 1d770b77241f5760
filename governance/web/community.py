"""A community's own page for its members: what is open to them, what was decided, what is held, who to talk to."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods, require_safe

from governance import communities, roles
from governance.models import Community, Dataset, Membership, Person, Proposal, Sample
from governance.web.access_rules import members
from governance.web.forms import Form
from governance.web.needs import needs
from governance.web.people import word
from governance.web.reach import person_of

DECIDED = 5


class AboutForm(Form):
    """How a community shows itself."""

    name = forms.CharField(label=lazy("Its name"), max_length=120, widget=forms.TextInput({"dir": "auto"}))
    description = forms.CharField(
        label=lazy("What it is"),
        help_text=lazy("One or two sentences, for whoever is invited."),
        max_length=1000,
        required=False,
        widget=forms.Textarea({"rows": 3, "dir": "auto"}),
    )
    contact = forms.CharField(
        label=lazy("How to reach the keepers without this page"),
        help_text=lazy("For example: ring 0100 555 034, or come on Thursdays, 10 to 12."),
        max_length=255,
        required=False,
    )
    authority_word = forms.CharField(
        label=lazy("Your word for somebody whose flag holds at once"),
        max_length=40,
        help_text=lazy("For example Elder."),
    )
    greeting = forms.CharField(
        label=lazy("A greeting at the door, in your language"),
        max_length=200,
        required=False,
        widget=forms.TextInput({"dir": "auto", "spellcheck": "false"}),
    )
    greeting_language = forms.CharField(
        label=lazy("The tag of that language"),
        help_text=lazy("For example ha, or qaa-x-marren."),
        max_length=35,
        required=False,
    )
    welcome = forms.CharField(
        label=lazy("What the keepers say there"),
        max_length=400,
        required=False,
        widget=forms.Textarea({"rows": 2, "dir": "auto"}),
    )


@members
@require_http_methods(["GET", "HEAD", "POST"])
def about_page(request: HttpRequest, community: str) -> HttpResponse:
    """How the community shows itself; keepers change it."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    me = person_of(request)
    roles.require(me, "community.change", here)
    welcome = here.charter.get("welcome") or {}
    as_it_is = {
        "name": here.name,
        "description": here.description,
        "contact": here.contact,
        "authority_word": here.authority_word,
        "greeting": welcome.get("greeting", ""),
        "greeting_language": welcome.get("language", ""),
        "welcome": welcome.get("words", ""),
    }
    form = AboutForm(request.POST or None, initial=as_it_is)
    if request.method == "POST" and form.is_valid():
        changed = form.attempt(communities.change, here, by=me, **form.cleaned_data)
        if changed is not None:
            messages.success(request, _("Kept. The door and the invitations say it from now on."))
            return redirect("about", community=here.slug)
    return render(request, "governance/about.html", {"place": "people", "form": form})


@dataclass(frozen=True)
class Contact:
    """Somebody to talk to, and about what."""

    person: Person
    roles: list[str]
    about: str


@dataclass(frozen=True)
class Holding:
    """A dataset with how many of its samples the reader may see."""

    dataset: Dataset
    samples: int


@members
@require_safe
def community_page(request: HttpRequest, community: str) -> HttpResponse:
    """The community as a member sees it."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    me = person_of(request)
    closed = Proposal.objects.filter(community=here).exclude(status__in=[Proposal.Status.OPEN, Proposal.Status.VOID])
    context = {
        "place": "community",
        "open_votes": [need for need in needs(me, here) if need.place in ("votes", "people")],
        "decided": closed.order_by("-closed_at")[:DECIDED],
        "holdings": _holdings(here, me),
        "contacts": _contacts(here),
        "is_desk": bool(roles.roles_of(me, here) & (roles.DESK | {roles.REVIEWER, roles.AUTHORITY})),
        "desk": reverse("desk", kwargs={"community": here.slug}),
    }
    return render(request, "governance/community.html", context)


def _holdings(community: Community, person: Person) -> list[Holding]:
    seen = Sample.objects.visible_to(person).filter(dataset__community=community)
    counts = dict(seen.order_by().values_list("dataset").annotate(number=Count("pk")))
    datasets = Dataset.objects.visible_to(person).filter(community=community).order_by("name", "pk")
    return [Holding(dataset, counts.get(dataset.pk, 0)) for dataset in datasets]


def _contacts(community: Community) -> list[Contact]:
    rows = Membership.objects.current().filter(
        community=community, role__in=(roles.KEEPER, roles.STEWARD, roles.AUTHORITY), person__is_active=True
    )
    ordered = rows.select_related("person").order_by("person__display_name", "person__pk", "role")
    about = {
        roles.KEEPER: _("Rules, taking back, a forgotten password, anything that should not be here."),
        roles.STEWARD: _("The work itself, and questions about it."),
        roles.AUTHORITY: _("What may be told, and when."),
    }
    found = []
    for person, group in groupby(ordered, key=lambda row: row.person):
        held = list(group)
        said = " ".join(about[roles.Membership.Role(row.role)] for row in held)
        found.append(Contact(person, [word(community, row.role) for row in held], said))
    return found


urlpatterns: Sequence[URLPattern] = [
    path("communities/<slug:community>/", community_page, name="community"),
    path("communities/<slug:community>/about/", about_page, name="about"),
]
