"""Who may call an address: every view says so with one of these, and a rule test holds every address to it.

The declaration is about the door. What may be done inside is decided by ``act`` and by querysets.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse

from governance.web.reach import community_or_404

View = TypeVar("View", bound=Callable[..., Any])
DECLARED = "wellhouse_access"


def _declare(view: View, who: str) -> View:
    setattr(view, DECLARED, who)
    return view


def public(view: View) -> View:
    """Anybody, signed in or not."""
    return _declare(view, "public")


def pullers(view: View) -> View:
    """Whoever shows a pull token; the view itself decides by it."""
    return _declare(view, "pullers")


def signed_in(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Anybody who is signed in; others are sent to sign in first."""
    return _declare(login_required(view), "signed_in")


def members(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Members of the community in the address (``community`` keyword); for anybody else it does not exist.

    Sets ``request.community``.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        request.community = community_or_404(request, str(kwargs["community"]))  # type: ignore[attr-defined]  # read by views and frames
        return view(request, *args, **kwargs)

    return _declare(login_required(wrapped), "members")
