"""Groups: who belongs to them and when they are open; and which samples are theirs.

A group that somebody may not know is a 404 for them, like one that does not exist.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods, require_POST

from governance import datasets, protocols, roles
from governance.kernel.errors import Invalid, Missing, NotAllowed
from governance.models import (
    Community,
    Dataset,
    GroupMembership,
    Membership,
    Person,
    ProtocolGroup,
    Sample,
    SeasonWindow,
)
from governance.models.holdings import SampleQuerySet
from governance.web.access_rules import members
from governance.web.forms import Form
from governance.web.intake_samples import filtered
from governance.web.reach import NOT_HERE, dataset_or_404, person_of

ANY, ALL = "any", "all"


class FoundForm(Form):
    """Found a group."""

    name = forms.CharField(
        label=lazy("What its people call it"),
        help_text=lazy("Only they read it. Nobody else learns that name, keepers neither."),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )
    first_keeper = forms.ChoiceField(
        label=lazy("Its first keeper"), help_text=lazy("They let the others in. It can be you.")
    )
    is_open = forms.BooleanField(
        label=lazy("Everyone in the community belongs to it"),
        help_text=lazy("For what everyone may see, but only in its season."),
        required=False,
    )

    def __init__(self, *args: object, community: Community, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["first_keeper"].choices = people_of(community)  # type: ignore[attr-defined]  # a ChoiceField


class AdmitForm(Form):
    """Let somebody in."""

    person = forms.ChoiceField(label=lazy("Who"))
    is_keeper = forms.BooleanField(label=lazy("As a keeper of the group, who lets others in"), required=False)

    def __init__(self, *args: object, group: ProtocolGroup, me: Person, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        others = [choice for choice in people_of(group.community) if choice[0] != me.public_id]
        self.fields["person"].choices = others  # type: ignore[attr-defined]  # a ChoiceField


class WindowForm(Form):
    """When a group is open."""

    opens_on = forms.DateField(label=lazy("First day"), widget=forms.DateInput(attrs={"type": "date"}))
    closes_on = forms.DateField(
        label=lazy("Last day"),
        help_text=lazy("Left empty, it is open until a keeper closes it."),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    is_yearly = forms.BooleanField(label=lazy("Every year, on these days"), required=False)


class ProtectForm(Form):
    """Who may see some samples."""

    groups = forms.MultipleChoiceField(
        label=lazy("Which groups"),
        help_text=lazy("With none ticked, only whoever gave it and the keepers see it."),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    needs = forms.ChoiceField(
        label=lazy("If you tick more than one"),
        choices=[(ANY, lazy("To be in one of them is enough")), (ALL, lazy("Only who is in all of them"))],
        widget=forms.RadioSelect,
        initial=ANY,
        required=False,
    )

    def __init__(self, *args: object, known: Sequence[ProtocolGroup], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.known = {group.public_id: group for group in known}
        self.fields["groups"].choices = [(key, name_of(group)) for key, group in self.known.items()]  # type: ignore[attr-defined]  # a ChoiceField

    def chosen(self) -> list[ProtocolGroup]:
        """The groups that were ticked."""
        return [self.known[key] for key in self.cleaned_data["groups"]]


@dataclass(frozen=True)
class Card:
    """One group in the list, as its reader may know it."""

    group: ProtocolGroup
    name: str
    is_open_now: bool
    is_kept: bool
    people: int


def people_of(community: Community) -> list[tuple[str, str]]:
    """The members of a community as choices, by name."""
    current = Membership.objects.current().filter(community=community)
    rows = Person.objects.filter(pk__in=current.values("person"), is_active=True)
    return [(row.public_id, str(row)) for row in rows.order_by("display_name", "pk")]


def name_of(group: ProtocolGroup) -> str:
    """What a group is called on a page for somebody who may know it; the one that every dataset begins with, in their language."""
    return _("Everyone in the community") if group.name == datasets.EVERYONE else group.name


def group_or_404(request: HttpRequest, community: Community, public_id: str) -> tuple[ProtocolGroup, bool]:
    """The group, if the person may know it or keeps it now; and whether they may know its name."""
    me = person_of(request)
    found = ProtocolGroup.objects.filter(community=community, public_id=public_id).first()
    is_known = found is not None and protocols.known_to(me, community).filter(pk=found.pk).exists()
    if found is None or not (is_known or protocols.is_kept_by(found, me)):
        raise Missing("not-found", NOT_HERE)
    found.community = community
    return found, is_known


@members
@require_http_methods(["GET", "HEAD", "POST"])
def groups(request: HttpRequest, community: str) -> HttpResponse:
    """One's own groups; for keepers also the form that founds one, and groups that nobody keeps any more."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    me = person_of(request)
    is_keeper = roles.KEEPER in roles.roles_of(me, here)
    form = FoundForm(request.POST or None, community=here, initial={"first_keeper": me.public_id})
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data | {"first_keeper": Person.objects.get(public_id=form.cleaned_data["first_keeper"])}
        made = form.attempt(protocols.found, here, by=me, **given)
        if made is not None:
            messages.success(request, _("The group is there. From now on its own keepers say who is in it."))
            return redirect("groups", community=community)
    known = protocols.known_to(me, here)
    nobodys = protocols.orphans(here).filter(is_open=False).exclude(pk__in=known.values("pk")) if is_keeper else []
    context = {
        "place": "groups",
        "cards": [_card(group, me) for group in known],
        "nobodys": [group.public_id for group in nobodys],
        "form": form if is_keeper else None,
    }
    return render(request, "governance/groups.html", context, status=422 if form.errors else 200)


def _card(group: ProtocolGroup, me: Person) -> Card:
    return Card(
        group,
        name_of(group),
        protocols.is_in_season(group),
        protocols.is_kept_by(group, me),
        GroupMembership.objects.current().filter(group=group).count(),
    )


@members
@require_http_methods(["GET", "HEAD"])
def group_page(request: HttpRequest, community: str, group: str) -> HttpResponse:
    """One group: its people, when it is open, and what its keepers can do."""
    found, is_known = group_or_404(request, request.community, group)  # type: ignore[attr-defined]  # set by @members
    return _group_page(request, found, is_known)


def _group_page(
    request: HttpRequest,
    group: ProtocolGroup,
    is_known: bool,
    *,
    admit: AdmitForm | None = None,
    window: WindowForm | None = None,
) -> HttpResponse:
    me = person_of(request)
    people = GroupMembership.objects.current().filter(group=group).select_related("person", "granted_by")
    windows = SeasonWindow.objects.standing().filter(group=group).order_by("first_day", "opens_at")
    context = {
        "place": "groups",
        "group": group,
        "name": name_of(group) if is_known else "",
        "is_kept": protocols.is_kept_by(group, me),
        "is_open_now": protocols.is_in_season(group),
        "people": people.order_by("-is_keeper", "person__display_name", "pk") if is_known else [],
        "windows": [(row, window_words(row)) for row in windows],
        "admit": admit or AdmitForm(group=group, me=me),
        "window": window or WindowForm(),
    }
    wrong = bool((admit and admit.errors) or (window and window.errors))
    return render(request, "governance/group.html", context, status=422 if wrong else 200)


def window_words(row: SeasonWindow) -> str:
    """Say when a window is open."""
    if row.first_day is not None and row.last_day is not None:
        first, last = (date(2024, *divmod(code, 100)) for code in (row.first_day, row.last_day))
        days = {"first": date_format(first, "j F"), "last": date_format(last, "j F")}
        return _("every year from %(first)s to %(last)s") % days
    first_day = date_format(timezone.localtime(row.opens_at), "j F Y")
    if row.closes_at is None:
        return _("since %(first)s, until a keeper closes it") % {"first": first_day}
    last_day = date_format(timezone.localtime(row.closes_at) - timedelta(minutes=1), "j F Y")
    return _("from %(first)s to %(last)s") % {"first": first_day, "last": last_day}


@members
@require_POST
def group_people(request: HttpRequest, community: str, group: str) -> HttpResponse:
    """Let somebody in."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    found, is_known = group_or_404(request, here, group)
    me = person_of(request)
    form = AdmitForm(request.POST, group=found, me=me)
    if form.is_valid():
        person = Person.objects.get(public_id=form.cleaned_data["person"])
        made = form.attempt(protocols.admit, found, person=person, by=me, is_keeper=form.cleaned_data["is_keeper"])
        if made is not None:
            messages.success(request, _("%(name)s is in.") % {"name": person})
            return redirect("group", community=community, group=group)
    return _group_page(request, found, is_known, admit=form)


@members
@require_POST
def group_person_end(request: HttpRequest, community: str, group: str, membership: str) -> HttpResponse:
    """Let somebody out, or go oneself."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    found, _is_known = group_or_404(request, here, group)
    row = GroupMembership.objects.filter(group=found, public_id=membership).select_related("person", "group").first()
    if row is None:
        raise Missing("not-found", NOT_HERE)
    protocols.release(row, by=person_of(request))
    messages.success(request, _("It holds now."))
    if row.person_id == person_of(request).pk:
        return redirect("groups", community=community)
    return redirect("group", community=community, group=group)


@members
@require_POST
def group_season(request: HttpRequest, community: str, group: str) -> HttpResponse:
    """Open or close a group by a keeper's word, or take its season away."""
    found, _is_known = group_or_404(request, request.community, group)  # type: ignore[attr-defined]  # set by @members
    switch(found, request.POST.get("state", ""), by=person_of(request))
    messages.success(request, _("It holds now, everywhere."))
    return redirect("group", community=community, group=group)


def switch(group: ProtocolGroup, state: str, *, by: Person) -> None:
    """Put a group into a state by its name: open, closed, or always (without a season)."""
    if state == "open":
        protocols.open_now(group, by=by)
    elif state == "closed":
        protocols.close_now(group, by=by)
    elif state == "always":
        protocols.end_season(group, by=by)
    else:
        raise Invalid("state-unknown", _("A group can be open, closed, or always open."))


@members
@require_POST
def group_windows(request: HttpRequest, community: str, group: str) -> HttpResponse:
    """Say on which days a group is open."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    found, is_known = group_or_404(request, here, group)
    form = WindowForm(request.POST)
    made = (
        form.attempt(protocols.set_window, found, by=person_of(request), **form.cleaned_data)
        if form.is_valid()
        else None
    )
    if made is not None:
        messages.success(request, _("It holds now. Outside these days nobody sees what is the group's."))
        return redirect("group", community=community, group=group)
    return _group_page(request, found, is_known, window=form)


@members
@require_POST
def group_window_end(request: HttpRequest, community: str, group: str, window: str) -> HttpResponse:
    """Take days back."""
    found, _is_known = group_or_404(request, request.community, group)  # type: ignore[attr-defined]  # set by @members
    row = SeasonWindow.objects.filter(group=found, public_id=window).select_related("group__community").first()
    if row is None:
        raise Missing("not-found", NOT_HERE)
    protocols.drop_window(row, by=person_of(request))
    messages.success(request, _("Taken back. It holds now, everywhere."))
    return redirect("group", community=community, group=group)


# Which samples are whose


@members
@require_http_methods(["GET", "HEAD", "POST"])
def protection(request: HttpRequest, community: str, dataset: str) -> HttpResponse:
    """Say who may see one sample (``uid``) or everything that a search finds."""
    me, held = person_of(request), dataset_or_404(request, community, dataset)
    found = _asked_for(request, held, me)
    known = list(protocols.known_to(me, held.community))
    form = ProtectForm(request.POST or None, known=known)
    if request.method == "POST" and form.is_valid():
        needs_all = form.cleaned_data["needs"] == ALL
        done = form.attempt(protocols.protect, held, samples=found, groups=form.chosen(), by=me, needs_all=needs_all)
        if done is not None:
            messages.success(request, _("It holds now: for %(n)d samples.") % {"n": done})
            return redirect("samples", community=community, dataset=dataset)
    context = {
        "community": held.community,
        "dataset": held,
        "place": "samples",
        "form": form,
        "number": found.count(),
        "one": found.first() if request.GET.get("uid") else None,
        "query": request.GET.urlencode(),
    }
    return render(request, "governance/protection.html", context, status=422 if form.errors else 200)


def _asked_for(request: HttpRequest, held: Dataset, me: Person) -> SampleQuerySet:
    """The samples that the address names, of those that the person sees; raises ``Missing`` when one is named that is not there."""
    here = roles.roles_of(me, held.community)
    if not here & roles.DESK and not ProtocolGroup.objects.filter(
        memberships__in=GroupMembership.objects.current().filter(person=me, is_keeper=True), community=held.community
    ):
        raise NotAllowed("role-missing", _("Keepers, stewards and the keepers of a group say who may see what."))
    if uid := request.GET.get("uid"):
        one: SampleQuerySet = Sample.objects.visible_to(me).filter(dataset=held, uid=uid)
        if not one.exists():
            raise Missing("not-found", NOT_HERE)
        return one
    return filtered(request, held, me)


urlpatterns: Sequence[URLPattern] = [
    path("communities/<slug:community>/groups/", groups, name="groups"),
    path("communities/<slug:community>/groups/<str:group>/", group_page, name="group"),
    path("communities/<slug:community>/groups/<str:group>/people/", group_people, name="group-people"),
    path(
        "communities/<slug:community>/groups/<str:group>/people/<str:membership>/end/",
        group_person_end,
        name="group-person-end",
    ),
    path("communities/<slug:community>/groups/<str:group>/season/", group_season, name="group-season"),
    path("communities/<slug:community>/groups/<str:group>/windows/", group_windows, name="group-windows"),
    path(
        "communities/<slug:community>/groups/<str:group>/windows/<str:window>/end/",
        group_window_end,
        name="group-window-end",
    ),
    path("datasets/<slug:community>/<slug:dataset>/protection/", protection, name="protection"),
]
