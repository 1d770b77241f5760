"""Who may call an address: every view says so with one of these, and a rule test holds every address to it.

The declaration is about the door. What may be done inside is decided by ``act`` and by querysets.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse

from governance.kernel.errors import NotAllowed
from governance.kernel.words import _
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
    return _declare(_inside(view), "signed_in")


def programs(view: Any) -> Callable[..., Any]:
    """An API view for anybody who is signed in; DRF answers others with a problem document, not with a page."""
    made: Callable[..., Any] = view.as_view()
    return _declare(made, "signed_in")


def members(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Members of the community in the address (``community`` keyword); for anybody else it does not exist.

    Sets ``request.community``.
    """

    @wraps(view)
    def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        request.community = community_or_404(request, str(kwargs["community"]))  # type: ignore[attr-defined]  # read by views and frames
        return view(request, *args, **kwargs)

    return _declare(_inside(wrapped), "members")


def _inside(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Refuse whoever is not signed in: the edge leads a person to the door and answers a program 401."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if not request.user.is_authenticated:
            raise NotAllowed("not-signed-in", _("Please sign in first, then come back to this address."))
        return view(request, *args, **kwargs)

    return wrapped
