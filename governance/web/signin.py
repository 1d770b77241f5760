"""The door: signing in and out, light and dark, languages, accepting an invitation, a new password with a keeper's code."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import check_for_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from governance import communities, people
from governance.kernel.errors import NotAllowed, Unavailable
from governance.models import Community, Person
from governance.web.access_rules import public
from governance.web.context import THEME_COOKIE, THEMES
from governance.web.forms import Form

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

BACKEND = "django.contrib.auth.backends.ModelBackend"
A_YEAR = 60 * 60 * 24 * 365


def username_field(hint: "str | StrPromise" = "") -> forms.CharField:
    """The name with which somebody signs in: no capitals forced, no spelling, any script."""
    attrs = {"autocomplete": "username", "autocapitalize": "off", "spellcheck": "false", "dir": "auto"}
    return forms.CharField(label=lazy("Your name here"), help_text=hint, max_length=64, widget=forms.TextInput(attrs))


def password_field(label: "str | StrPromise", autocomplete: str, hint: "str | StrPromise" = "") -> forms.CharField:
    """A password that is never trimmed and never sent back."""
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(label=label, help_text=hint, strip=False, max_length=256, widget=widget)


class SignInForm(Form):
    """Name and password."""

    MENDS = (NotAllowed, Unavailable)

    username = username_field(lazy("The name you were given, for example ilse.m"))
    password = password_field(lazy("Password"), "current-password")


CODE_ATTRS = {"autocomplete": "one-time-code", "autocapitalize": "characters", "spellcheck": "false", "dir": "ltr"}


class CodeForm(Form):
    """A code from a card or a message."""

    code = forms.CharField(
        label=lazy("The code"),
        help_text=lazy("Sixteen signs, for example K7QM-2VTX-9KCR-4H2B. Capitals and hyphens do not matter."),
        max_length=64,
        widget=forms.TextInput(attrs=CODE_ATTRS),
    )


NEW_PASSWORD_HINT = lazy("At least ten signs. A few words in a row are easy to keep: you may write them down at home.")


class JoinForm(Form):
    """A new account."""

    display_name = forms.CharField(
        label=lazy("How shall we call you?"),
        help_text=lazy("The people of the community see this. Any script, any name."),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name", "dir": "auto"}),
    )
    username = username_field(lazy("With this you sign in: letters and digits, for example ilse.m"))
    password = password_field(lazy("A password"), "new-password", NEW_PASSWORD_HINT)


class RecoverForm(CodeForm):
    """A new password with a keeper's code."""

    password = password_field(lazy("A new password"), "new-password", NEW_PASSWORD_HINT)


def address_of(request: HttpRequest) -> str:
    """The visitor's address: behind proxies of ours, the one that the outermost of them wrote."""
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    trusted = settings.TRUSTED_PROXIES
    if trusted and len(hops) >= trusted:
        return hops[-trusted]
    return str(request.META.get("REMOTE_ADDR", ""))


def _next(request: HttpRequest, default: str = "/") -> str:
    """Where to go afterwards: an address of ours, never another host."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if wanted and ours else default


def host_community() -> Community | None:
    """The community that greets at the door: the only one here, and only if its charter says that it wants to be named."""
    rows = list(Community.objects.all()[:2])
    return rows[0] if len(rows) == 1 and rows[0].charter.get("welcome") else None


@public
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Lead to Today, or to the door."""
    return redirect("today" if request.user.is_authenticated else "signin")


@public
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def signin(request: HttpRequest) -> HttpResponse:
    """The welcome page with the form; a wrong try stays here and says what to do."""
    form = SignInForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        person = form.attempt(people.sign_in, given["username"], given["password"], address=address_of(request))
        if person is not None:
            return _enter(request, person, _next(request))
    status = 429 if isinstance(form.refusal, Unavailable) else 200
    return _door(request, "governance/signin.html", {"form": form, "next": _next(request, "")}, status)


def _door(request: HttpRequest, template: str, context: dict[str, object], status: int = 200) -> HttpResponse:
    host = host_community()
    greeting = host.charter.get("welcome") if host is not None else None
    response = render(request, template, context | {"host": host, "greeting": greeting}, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _enter(request: HttpRequest, person: Person, target: str) -> HttpResponse:
    login(request, person, backend=BACKEND)
    response = redirect(target)
    if person.language and check_for_language(person.language):
        _keep(response, settings.LANGUAGE_COOKIE_NAME, person.language)
    return response


def _keep(response: HttpResponse, name: str, value: str) -> None:
    response.set_cookie(name, value, max_age=A_YEAR, samesite="Lax", httponly=True, secure=settings.PRODUCTION)


@public
@require_POST
def signout(request: HttpRequest) -> HttpResponse:
    """End the session and lead to the door."""
    logout(request)
    messages.success(request, _("You are signed out. Nothing of yours stays on this device."))
    return redirect("signin")


@public
@require_POST
def look(request: HttpRequest) -> HttpResponse:
    """Keep a language or light and dark in a cookie, and come back to where one was."""
    response = redirect(_next(request))
    language, theme = request.POST.get("language", ""), request.POST.get("theme")
    if language in dict(settings.LANGUAGES):
        _keep(response, settings.LANGUAGE_COOKIE_NAME, language)
    if theme in THEMES:
        _keep(response, THEME_COOKIE, theme)
    elif theme is not None:
        response.delete_cookie(THEME_COOKIE, samesite="Lax")
    return response


@public
@require_http_methods(["GET", "HEAD", "POST"])
def code(request: HttpRequest) -> HttpResponse:
    """Where somebody with a printed card types its code."""
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return redirect("join", code=form.cleaned_data["code"].replace("/", "").strip(". ") or "-")
    return _door(request, "governance/code.html", {"form": form})


@public
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, code: str) -> HttpResponse:
    """What the invitation is for, and one form to accept it: a new account, or the one that is signed in."""
    invitation = communities.invitation_of(code)
    context = {
        "invitation": invitation,
        "community": invitation.community,
        "role": communities.role_word(invitation.community, invitation.role),
        "code": code,
    }
    if isinstance(request.user, Person):
        if request.method == "POST":
            community = communities.accept_as(code, by=request.user)
            return redirect("community", community=community.slug)
        return _door(request, "governance/invite.html", context)
    form = JoinForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        person = form.attempt(communities.accept, code, **form.cleaned_data)
        if person is not None:
            messages.success(request, _("Welcome. Your place is ready."))
            return _enter(request, person, reverse("community", kwargs={"community": invitation.community.slug}))
    return _door(request, "governance/invite.html", context | {"form": form})


@public
@sensitive_post_parameters("password", "code")
@require_http_methods(["GET", "HEAD", "POST"])
def recover(request: HttpRequest) -> HttpResponse:
    """A new password with a code from a keeper."""
    form = RecoverForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        person = form.attempt(people.use_recovery, form.cleaned_data["code"], password=form.cleaned_data["password"])
        if person is not None:
            messages.success(request, _("Your new password holds. All other devices were signed out."))
            return _enter(request, person, "/")
    return _door(request, "governance/recovery.html", {"form": form})


class FoundForm(CodeForm):
    """A new community."""

    name = forms.CharField(label=lazy("Its name"), help_text=lazy("As you write it, in any script."), max_length=120)
    slug = forms.CharField(
        label=lazy("Its name in addresses"),
        help_text=lazy("Small letters a to z, digits and hyphens, for example saltmarsh-quay. It never changes."),
        max_length=64,
        widget=forms.TextInput(attrs={"autocapitalize": "off", "spellcheck": "false", "dir": "ltr"}),
    )


class FoundAnewForm(FoundForm, JoinForm):
    """A new community and the account of its first keeper."""

    field_order = ("code", "name", "slug", "display_name", "username", "password")


@public
@sensitive_post_parameters("password", "code")
@require_http_methods(["GET", "HEAD", "POST"])
def found(request: HttpRequest) -> HttpResponse:
    """Found a community with a code from the operator; who is new gets an account with it."""
    known = request.user if isinstance(request.user, Person) else None
    form = (FoundForm if known else FoundAnewForm)(request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = dict(form.cleaned_data)
        code = given.pop("code")
        made = form.attempt(communities.found_with, code, by=known, **given)
        if made is not None:
            community, founder = made
            return _enter(request, founder, reverse("people", kwargs={"community": community.slug}))
    return _door(request, "governance/found.html", {"form": form})


urlpatterns: Sequence[URLPattern] = [
    path("", home, name="home"),
    path("signin/", signin, name="signin"),
    path("signout/", signout, name="signout"),
    path("look/", look, name="look"),
    path("join/", code, name="code"),
    path("join/<str:code>/", join, name="join"),
    path("recovery/", recover, name="recover"),
    path("communities/founding/", found, name="found"),
]
