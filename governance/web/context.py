"""What every frame knows: who is here, in which community, how it shall look, and in which languages it can speak."""

from functools import cache
from typing import Any, TypedDict

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language_info

from governance import breakglass, roles
from governance.models import BreakGlass, Dataset, Person

THEMES = ("light", "dark")
THEME_COOKIE = "theme"


class Tongue(TypedDict):
    """One language of the interface, named in itself."""

    code: str
    name: str
    bidi: bool


def tongues() -> list[Tongue]:
    """Return the languages of the interface by their own names, in the order of the settings."""
    return [_tongue(code) for code, _ in settings.LANGUAGES]


def _tongue(code: str) -> Tongue:
    known = get_language_info(code)
    return {"code": code, "name": known["name_local"], "bidi": known["bidi"]}


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return what the frames need beside `dataset` and `place`, which the page gives.

    `community` is the one of the address (``@members`` sets it); a page outside an address names its own. `places`,
    `at_desk` (keeper or steward) and `glass_open` (what two keepers opened, shown to everybody) are questions that
    are asked only where a frame shows the places of the desk.
    """
    theme = request.COOKIES.get(THEME_COOKIE, "")
    user = getattr(request, "user", None)
    community = getattr(request, "community", None)

    @cache
    def places() -> list[Dataset]:
        if community is None or user is None:
            return []
        return list(Dataset.objects.visible_to(user).filter(community=community).order_by("name", "pk"))

    @cache
    def at_desk() -> bool:
        return isinstance(user, Person) and community is not None and bool(roles.roles_of(user, community) & roles.DESK)

    @cache
    def glass_open() -> list[BreakGlass]:
        is_member = isinstance(user, Person) and community is not None and bool(roles.roles_of(user, community))
        return list(breakglass.open_in(community)) if is_member and community is not None else []

    return {
        "at_desk": at_desk,
        "glass_open": glass_open,
        "me": user if user is not None and user.is_authenticated else None,
        "community": community,
        "places": places,
        "theme": theme if theme in THEMES else "",
        "tongues": tongues(),
    }
