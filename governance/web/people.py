"""The pages about people: who belongs here and does what, invitations, roles, codes, leaving; and one's own account."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django import forms
from django.contrib import messages
from django.contrib.auth import login
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from governance import communities, people, roles, votes
from governance.kernel.errors import Missing
from governance.models import Community, Invitation, Membership, Person, Proposal, RecoveryCode
from governance.web.access_rules import members, signed_in
from governance.web.forms import Form
from governance.web.reach import NOT_HERE, person_of
from governance.web.signin import BACKEND, NEW_PASSWORD_HINT, password_field

PAGE = 50
ROLE = Membership.Role


@dataclass(frozen=True)
class Belonging:
    """One person in one community, or one community of a person, with the roles in words."""

    person: Person
    community: Community
    roles: list[str]
    until: datetime | None = None
    given_by: Person | None = None


class FindForm(Form):
    """Find a person by name or role."""

    name = forms.CharField(label=lazy("Name"), required=False, widget=forms.TextInput(attrs={"type": "search"}))
    role = forms.ChoiceField(label=lazy("Role"), required=False)

    def __init__(self, *args: object, community: Community, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [("", _("Any")), *role_choices(community)]  # type: ignore[attr-defined]  # a ChoiceField


class InviteForm(Form):
    """Invite one person."""

    note = forms.CharField(
        label=lazy("What you call them"),
        help_text=lazy("Only the keepers see it."),
        max_length=120,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )
    role = forms.ChoiceField(label=lazy("As what"))

    def __init__(self, *args: object, community: Community, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        two = communities.needs_two(community, ROLE.KEEPER)
        choices = [
            (
                code,
                _("%(role)s (a second keeper must agree)") % {"role": word}
                if two and code != ROLE.CONTRIBUTOR
                else word,
            )
            for code, word in role_choices(community)
        ]
        self.fields["role"].choices = choices  # type: ignore[attr-defined]  # a ChoiceField


class NameForm(Form):
    """What somebody is called."""

    display_name = forms.CharField(
        label=lazy("How shall we call you?"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name", "dir": "auto"}),
    )


class PasswordForm(Form):
    """A new password for the old one."""

    old = password_field(lazy("The password that you have now"), "current-password")
    new = password_field(lazy("The new one"), "new-password", NEW_PASSWORD_HINT)


def role_choices(community: Community) -> list[tuple[str, str]]:
    """Return every role with its word in this community, contributor first."""
    order = (ROLE.CONTRIBUTOR, ROLE.REVIEWER, ROLE.STEWARD, ROLE.KEEPER, ROLE.AUTHORITY, ROLE.REPRESENTATIVE)
    return [(role.value, word(community, role)) for role in order]


def word(community: Community, role: str) -> str:
    """Return a role's word in the language of the page, with a capital."""
    said = _(communities.role_word(community, role))
    return said[:1].upper() + said[1:]


def _memberships(community: Community) -> QuerySet[Membership]:
    current = Membership.objects.current().filter(community=community, person__is_active=True)
    return current.select_related("person", "granted_by").order_by("person__display_name", "person__pk", "role")


def _belongings(rows: Sequence[Membership], community: Community) -> list[Belonging]:
    found = []
    for person, held in groupby(rows, key=lambda row: row.person):
        mine = list(held)
        ends = [row.valid_to for row in mine if row.valid_to]
        words = [word(community, row.role) for row in mine]
        found.append(Belonging(person, community, words, min(ends, default=None), mine[0].granted_by))
    return found


@members
@require_safe
def people_page(request: HttpRequest, community: str) -> HttpResponse:
    """Who does what here; for keepers also what waits for them, invitations and the form to invite."""
    return _people_page(request, request.community)  # type: ignore[attr-defined]  # set by @members


def _people_page(request: HttpRequest, community: Community, invite: InviteForm | None = None) -> HttpResponse:
    me = person_of(request)
    find = FindForm(request.GET, community=community)
    rows = _memberships(community)
    if find.is_valid() and find.cleaned_data["name"]:
        rows = rows.filter(person__display_name__icontains=find.cleaned_data["name"])
    if find.is_valid() and find.cleaned_data["role"]:
        rows = rows.filter(person__in=rows.filter(role=find.cleaned_data["role"]).values("person"))
    page = Paginator(_belongings(list(rows), community), PAGE).get_page(request.GET.get("page"))
    is_keeper = roles.KEEPER in roles.roles_of(me, community)
    context = {
        "place": "people",
        "page": page,
        "find": find,
        "is_keeper": is_keeper,
        "how_many": Person.objects.filter(pk__in=_memberships(community).order_by().values("person")).count(),
        "keepers": list(communities.keepers(community).order_by("display_name")),
    }
    context["recoveries"] = _recoveries(community, me, is_keeper)
    if is_keeper:
        context |= {
            "proposals": _open_proposals(community, me),
            "invitations": [(row, word(community, row.role)) for row in communities.open_invitations(community)],
            "invite": invite or InviteForm(community=community),
        }
    return render(request, "governance/people.html", context)


def _recoveries(community: Community, me: Person, is_keeper: bool) -> list[tuple[RecoveryCode, bool]]:
    """Return the codes that wait for a second, each with whether that may be the reader; keepers see all of them."""
    rows = [
        (row, me in people.seconds_for(community, row.issued_by, row.person))
        for row in communities.waiting_recoveries(community).exclude(person=me)
    ]
    return [(row, may_second) for row, may_second in rows if is_keeper or may_second]


def _open_proposals(community: Community, me: Person) -> list[tuple[Proposal, bool]]:
    """Return the open changes of roles, each with whether the reader may answer it now."""
    rows = Proposal.objects.filter(community=community, subject_kind=communities.SUBJECT, status=Proposal.Status.OPEN)
    return [
        (row, row.proposed_by_id != me.pk and me.public_id in row.eligible)
        for row in rows.select_related("proposed_by").order_by("opened_at")
    ]


def _person_here(community: Community, public_id: str) -> Person:
    person = Person.objects.filter(
        public_id=public_id, pk__in=_memberships(community).order_by().values("person")
    ).first()
    if person is None:
        raise Missing("not-found", NOT_HERE)
    return person


@members
@require_safe
def person_page(request: HttpRequest, community: str, person: str) -> HttpResponse:
    """One person's roles here, and what a keeper can do about them."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    me, somebody = person_of(request), _person_here(here, person)
    held = list(_memberships(here).filter(person=somebody))
    have = {row.role for row in held}
    context = {
        "place": "people",
        "somebody": somebody,
        "held": [(row, word(here, row.role)) for row in held],
        "others": [choice for choice in role_choices(here) if choice[0] not in have],
        "two": communities.needs_two(here, ROLE.KEEPER),
        "is_keeper": roles.KEEPER in roles.roles_of(me, here),
        "is_me": somebody.pk == me.pk,
    }
    return render(request, "governance/person.html", context)


@members
@require_POST
def grant(request: HttpRequest, community: str, person: str) -> HttpResponse:
    """Give a role."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    role = request.POST.get("role", "")
    if role not in ROLE.values:
        raise Missing("not-found", NOT_HERE)
    made = communities.grant(here, person=_person_here(here, person), role=role, by=person_of(request))
    return _said(request, here, person, made)


@members
@require_POST
def end_role(request: HttpRequest, community: str, person: str, membership: int) -> HttpResponse:
    """Take a role back."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    row = _memberships(here).filter(person__public_id=person, pk=membership).first()
    if row is None:
        raise Missing("not-found", NOT_HERE)
    made = communities.end(row, by=person_of(request))
    return _said(request, here, person, made)


def _said(request: HttpRequest, community: Community, person: str, made: Membership | Proposal) -> HttpResponse:
    if isinstance(made, Proposal):
        messages.info(request, _("Proposed. It holds as soon as a second keeper agrees."))
        return redirect("people", community=community.slug)
    messages.success(request, _("It holds now, and stands in the log."))
    still = _memberships(community).filter(person__public_id=person).exists()
    if still:
        return redirect("person", community=community.slug, person=person)
    return redirect("people", community=community.slug)


@members
@require_POST
def answer(request: HttpRequest, community: str, proposal: str) -> HttpResponse:
    """A second keeper's yes or no to a change of roles."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    row = Proposal.objects.filter(community=here, subject_kind=communities.SUBJECT, public_id=proposal).first()
    if row is None:
        raise Missing("not-found", NOT_HERE)
    choice = "yes" if request.POST.get("choice") == "yes" else "no"
    votes.cast(row, by=person_of(request), choice=choice)
    row = votes.close_if_decided(row)
    if row.status == Proposal.Status.PASSED:
        messages.success(request, _("Agreed. It holds now."))
    else:
        messages.info(request, _("Your answer is written down."))
    return redirect("people", community=here.slug)


@members
@require_http_methods(["POST"])
def invite(request: HttpRequest, community: str) -> HttpResponse:
    """Make an invitation and show its code, once."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    form = InviteForm(request.POST, community=here)
    if not form.is_valid():
        return _people_page(request, here, form)
    row, code = communities.invite(here, by=person_of(request), **form.cleaned_data)
    words = _("Invitation for %(name)s, as %(role)s") % {
        "name": row.note or _("one person"),
        "role": _(communities.role_word(here, row.role)),
    }
    link = request.build_absolute_uri(reverse("join", kwargs={"code": code}))
    return _card(request, _("An invitation"), words, code, row, link=link, where=reverse("code"))


def _card(
    request: HttpRequest,
    heading: str,
    words: str,
    code: str,
    row: Invitation | RecoveryCode,
    *,
    where: str,
    link: str = "",
    waits: bool = False,
) -> HttpResponse:
    context = {
        "place": "people",
        "heading": heading,
        "words": words,
        "code": code,
        "link": link,
        "until": row.expires_at,
        "where": request.build_absolute_uri(where),
        "waits": waits,
    }
    response = render(request, "governance/card.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response


@members
@require_POST
def revoke(request: HttpRequest, community: str, invitation: str) -> HttpResponse:
    """Take an invitation back."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    row = Invitation.objects.filter(community=here, public_id=invitation).first()
    if row is None or roles.KEEPER not in roles.roles_of(person_of(request), here):
        raise Missing("not-found", NOT_HERE)
    communities.revoke(row, by=person_of(request))
    messages.success(request, _("Taken back. The code opens nothing any more."))
    return redirect("people", community=here.slug)


@members
@require_POST
def recovery(request: HttpRequest, community: str, person: str) -> HttpResponse:
    """Make a code for a new password and show it, once."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    somebody = _person_here(here, person)
    row, code = people.issue_recovery(somebody, community=here, by=person_of(request))
    words = _("A new password for %(name)s") % {"name": somebody}
    if row.works_from is not None:
        said = _(
            "Nobody here can agree as the second, so the code works from %(when)s on. Until then %(name)s can stop it."
        )
        day = date_format(timezone.localtime(row.works_from), "j F, H:i")
        messages.info(request, said % {"when": day, "name": somebody})
    return _card(
        request, _("A code for a new password"), words, code, row, where=reverse("recover"), waits=row.needs_second
    )


@members
@require_POST
def second(request: HttpRequest, community: str, recovery: str) -> HttpResponse:
    """Agree to a recovery code as the second keeper."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    row = communities.waiting_recoveries(here).filter(public_id=recovery).first()
    if row is None or not roles.roles_of(person_of(request), here) - {roles.CONTRIBUTOR, roles.REVIEWER}:
        raise Missing("not-found", NOT_HERE)
    people.second_recovery(row, by=person_of(request))
    messages.success(request, _("Agreed. The code works now."))
    return redirect("people", community=here.slug)


@signed_in
@require_POST
def stop(request: HttpRequest, recovery: str) -> HttpResponse:
    """Say that one did not ask for a code for one's own account."""
    row = next((one for one in people.recoveries_for(person_of(request)) if one.public_id == recovery), None)
    if row is None:
        raise Missing("not-found", NOT_HERE)
    people.stop_recovery(row, by=person_of(request))
    messages.success(request, _("Stopped. That code opens nothing. Tell the other keepers what happened."))
    return redirect("me")


@members
@require_POST
def leave(request: HttpRequest, community: str) -> HttpResponse:
    """Leave the community."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    communities.leave(here, by=person_of(request))
    messages.success(request, _("You have left %(name)s. You may come back by invitation.") % {"name": here.name})
    return redirect("me")


@signed_in
@sensitive_post_parameters("old", "new")
@require_http_methods(["GET", "HEAD", "POST"])
def me(request: HttpRequest) -> HttpResponse:
    """One's own account: looks, name, password, where one belongs, signing out."""
    person = person_of(request)
    what = request.POST.get("what")
    name = NameForm(
        request.POST if what == "name" else None, initial={"display_name": person.display_name}, prefix=None
    )
    password = PasswordForm(request.POST if what == "password" else None)
    if name.is_valid():
        renamed = name.attempt(people.change, person, by=person, language=person.language, **name.cleaned_data)
        if renamed is not None:
            messages.success(request, _("Kept."))
            return redirect("me")
    if password.is_valid():
        changed = password.attempt(people.change_password, person, by=person, **password.cleaned_data)
        if changed is not None:
            login(request, person, backend=BACKEND)
            messages.success(request, _("Your new password holds. All other devices were signed out."))
            return redirect("me")
    current = Membership.objects.current().filter(person=person).select_related("community")
    rows = current.order_by("community__name", "community__pk", "role")
    belongings = [
        Belonging(person, community, [word(community, row.role) for row in held])
        for community, held in groupby(rows, key=lambda row: row.community)
    ]
    context = {
        "community": belongings[0].community if belongings else None,
        "name": name,
        "password": password,
        "belongings": belongings,
        "recoveries": people.recoveries_for(person),
    }
    return render(request, "governance/me.html", context)


urlpatterns: Sequence[URLPattern] = [
    path("me/", me, name="me"),
    path("me/recoveries/<str:recovery>/stop/", stop, name="recovery-stop"),
    path("communities/<slug:community>/people/", people_page, name="people"),
    path("communities/<slug:community>/people/<str:person>/", person_page, name="person"),
    path("communities/<slug:community>/people/<str:person>/roles/", grant, name="person-roles"),
    path(
        "communities/<slug:community>/people/<str:person>/roles/<int:membership>/end/", end_role, name="person-role-end"
    ),
    path("communities/<slug:community>/people/<str:person>/recovery/", recovery, name="person-recovery"),
    path("communities/<slug:community>/role-changes/<str:proposal>/ballot/", answer, name="role-change-ballot"),
    path("communities/<slug:community>/recoveries/<str:recovery>/second/", second, name="recovery-second"),
    path("communities/<slug:community>/invitations/", invite, name="invitations"),
    path("communities/<slug:community>/invitations/<str:invitation>/revocation/", revoke, name="invitation-revocation"),
    path("communities/<slug:community>/departure/", leave, name="leave"),
]
