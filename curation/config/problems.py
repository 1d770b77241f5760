"""Refusals at the edge: the one table from kind to status, and the two shapes in which a refusal is told.

Machines get RFC 9457 `application/problem+json`; people get a page that says what happened, why, and what they can do next.
Every code has a page under `docs/problems/`, which is also served as `/problems/<code>/` and named in the member `type`.
"""

import logging
import math
import secrets
import sys
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import DataError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from rest_framework import exceptions as rest
from rest_framework.response import Response

from governance.kernel.errors import Conflict, Gone, Invalid, Missing, NotAllowed, Reason, Refusal, Unavailable
from governance.web.forms import sentence

STATUS: Mapping[type[Refusal], int] = {
    NotAllowed: 403,
    Missing: 404,
    Conflict: 409,
    Gone: 410,
    Invalid: 422,
    Unavailable: 503,
}
"""The one table from kind to status."""

MEDIA_TYPE = "application/problem+json"

NOT_SIGNED_IN = "not-signed-in"
CHALLENGE = 'Session realm="wellhouse"'
"""What a 401 has to name: here one signs in with a session; pull tokens have addresses of their own."""

ICONS: Mapping[int, str] = {403: "lock", 404: "search", 409: "clock", 410: "return", 422: "flag", 503: "clock"}

log = logging.getLogger("wellhouse.problems")


def status_of(refusal: Refusal) -> int:
    """Return the HTTP status of a refusal; who has not signed in gets 401 whatever they may do once inside."""
    if refusal.code == NOT_SIGNED_IN:
        return 401
    return next(STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS)


def title_of(status: int) -> str:
    """Return the heading of a refusal's page."""
    return {
        400: _("This could not be read"),
        401: _("Please sign in first"),
        403: _("This is not open to you"),
        404: _("There is nothing here for you to see"),
        405: _("This cannot be done here"),
        409: _("Something has changed meanwhile"),
        410: _("This was withdrawn"),
        422: _("Something does not fit yet"),
        429: _("Please wait a moment"),
        503: _("Not at this moment"),
    }.get(status, _("Something broke on our side"))


def address_of(code: str) -> str:
    """Return the absolute address of the page that explains ``code``."""
    return f"{settings.PUBLIC_URL.rstrip('/')}/problems/{code}/"


def problem(refusal: Refusal, status: int | None = None, **extra: object) -> dict[str, object]:
    """Return the RFC 9457 document of a refusal, with every reason under ``errors``; ``extra`` members are added."""
    return document(status or status_of(refusal), refusal.code, refusal.reasons) | extra


def document(status: int, code: str, reasons: Sequence[Reason]) -> dict[str, object]:
    """Return a problem document: ``type, title, status, detail, code, errors[{code, detail, pointer, line}]``."""
    return {
        "type": address_of(code),
        "title": title_of(status),
        "status": status,
        "detail": " ".join(sentence(reason) for reason in reasons),
        "code": code,
        "errors": [_error(reason) for reason in reasons],
    }


def _error(reason: Reason) -> dict[str, object]:
    told: dict[str, object] = {"code": reason.code, "detail": sentence(reason)}
    if reason.path is not None:
        told["pointer"] = reason.path
    if reason.line is not None:
        told["line"] = reason.line
    return told


def wants_json(request: HttpRequest) -> bool:
    """Say whether a machine asks: below ``/api/``, with a JSON body, or preferring JSON to HTML."""
    if request.path.startswith("/api/") or request.content_type == "application/json":
        return True
    best = request.get_preferred_type(["text/html", "application/json", MEDIA_TYPE])
    return best is not None and best != "text/html"


def answer(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """Return the answer to a refusal, as problem details or as a page."""
    status = status_of(refusal)
    if wants_json(request):
        response: HttpResponse = JsonResponse(problem(refusal), status=status, content_type=MEDIA_TYPE)
    elif status == 404:
        response = missing(request)
    elif status in (401, 403) and not request.user.is_authenticated:
        response = HttpResponseRedirect(f"{reverse('signin')}?{_next(request)}")
    else:
        response = _page(request, refusal, status)
    if isinstance(refusal, Unavailable):
        response.headers["Retry-After"] = str(refusal.retry_after)
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = CHALLENGE
    return response


def _next(request: HttpRequest) -> str:
    return urlencode({"next": request.get_full_path() if request.method == "GET" else "/"})


def _page(request: HttpRequest, refusal: Refusal, status: int) -> HttpResponse:
    context = {
        "heading": title_of(status),
        "reasons": [sentence(reason) for reason in refusal.reasons],
        "code": refusal.code,
        "status": status,
        "picture": ICONS.get(status, "lock"),
        "successor": getattr(refusal, "successor", None),
        "back": _back(request),
    }
    return render(request, "errors/refused.html", context, status=status)


def _back(request: HttpRequest) -> str:
    """Return where the person came from, when that was a page of ours."""
    referer = request.headers.get("Referer", "")
    ours = url_has_allowed_host_and_scheme(referer, allowed_hosts={request.get_host()})
    parts = urlsplit(referer)
    return (parts.path + (f"?{parts.query}" if parts.query else "")) if referer and ours else ""


def missing(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404: the same words whether a thing is absent or restricted, so that nobody learns what exists."""
    if wants_json(request):
        reason = Reason("not-found", _("There is nothing here that you may see. Check the address and the sign-in."))
        return JsonResponse(document(404, "not-found", [reason]), status=404, content_type=MEDIA_TYPE)
    return render(request, "errors/missing.html", {"picture": "search"}, status=404)


def refused(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer Django's own 403."""
    return answer(
        request,
        NotAllowed("not-allowed", _("Your role here does not include this. A keeper can tell you who may do it.")),
    )


def unreadable(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer Django's own 400: a request that was cut off, too large, or made up; its traceback, if any, is kept."""
    if isinstance(sys.exc_info()[1], DataError):
        log.warning("%s %r was not kept", request.method, request.path, exc_info=True)
    said = _("The request could not be read; it may have been cut off on its way. Please go back and send it again.")
    if wants_json(request):
        return JsonResponse(
            document(400, "unreadable", [Reason("unreadable", said)]), status=400, content_type=MEDIA_TYPE
        )
    page = render_to_string("errors/unreadable.html", {"heading": title_of(400), "reasons": [said]})
    return HttpResponse(page, status=400)


def stale(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form whose CSRF token does not fit: mostly a page that stood open for long, or cookies that are off."""
    said = _(
        "This page stood open for long, or your browser keeps no cookies. Nothing was changed. "
        "Please go back, load the page again and send it once more."
    )
    if wants_json(request):
        return JsonResponse(
            document(403, "stale-form", [Reason("stale-form", said)]), status=403, content_type=MEDIA_TYPE
        )
    context = {
        "heading": _("Please send this once more"),
        "reasons": [said],
        "code": "stale-form",
        "status": 403,
        "picture": "clock",
        "back": _back(request),
    }
    return render(request, "errors/refused.html", context, status=403)


def broken(request: HttpRequest) -> HttpResponse:
    """Answer 500 with a number that stands beside the traceback in the server's log; touches no database."""
    number = f"{secrets.token_hex(2)}-{secrets.token_hex(2)}".upper()
    log.error("incident %s at %s %s", number, request.method, request.path, exc_info=sys.exc_info())
    if wants_json(request):
        reason = Reason(
            "broken",
            _("Something broke on our side; nothing was half done. Name this number to the operator: {number}"),
            values={"number": number},
        )
        return JsonResponse(document(500, "broken", [reason]), status=500, content_type=MEDIA_TYPE)
    return HttpResponse(
        render_to_string("errors/broken.html", {"number": number, "again": request.get_full_path()}), status=500
    )


def drf_handler(exception: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer exceptions of API views (Django REST framework's ``EXCEPTION_HANDLER``) as problem details."""
    if isinstance(exception, Refusal):
        response = _rest(problem(exception), status_of(exception))
        if isinstance(exception, Unavailable):
            response["Retry-After"] = str(exception.retry_after)
        if response.status_code == 401:
            response["WWW-Authenticate"] = CHALLENGE
        return response
    if isinstance(exception, Http404):
        exception = rest.NotFound()
    elif isinstance(exception, PermissionDenied):
        exception = rest.PermissionDenied()
    elif isinstance(exception, RecursionError | DataError):
        exception = rest.ParseError()
    if not isinstance(exception, rest.APIException):
        return None
    code = _code(exception)
    status = 401 if code == NOT_SIGNED_IN else exception.status_code
    response = _rest(document(status, code, _reasons(exception)), status)
    scheme: str | None = getattr(exception, "auth_header", None) or (CHALLENGE if status == 401 else None)
    wait: float | None = getattr(exception, "wait", None)
    if scheme:
        response["WWW-Authenticate"] = scheme
    if wait:
        response["Retry-After"] = str(math.ceil(wait))
    return response


def _rest(body: Mapping[str, object], status: int) -> Response:
    return Response(body, status=status, content_type=MEDIA_TYPE)


CODES: Mapping[type[rest.APIException], str] = {
    rest.NotFound: "not-found",
    rest.PermissionDenied: "not-allowed",
    rest.NotAuthenticated: NOT_SIGNED_IN,
    rest.AuthenticationFailed: NOT_SIGNED_IN,
    rest.MethodNotAllowed: "method-not-allowed",
    rest.ValidationError: "invalid",
    rest.ParseError: "unreadable",
    rest.UnsupportedMediaType: "unreadable",
    rest.NotAcceptable: "unreadable",
    rest.Throttled: "too-many-requests",
}


def _code(exception: rest.APIException) -> str:
    return next((CODES[kind] for kind in type(exception).__mro__ if kind in CODES), "broken")


def _reasons(exception: rest.APIException) -> list[Reason]:
    code = _code(exception)
    return [Reason(code, message, path=path or None) for path, message in _flat(exception.detail, "")]


def _flat(detail: object, path: str) -> list[tuple[str, str]]:
    """Return REST framework's nested errors as (JSON pointer, sentence)."""
    if isinstance(detail, Mapping):
        return [
            pair
            for key, value in detail.items()
            for pair in _flat(value, path if key == "non_field_errors" else f"{path}/{key}")
        ]
    if isinstance(detail, list):
        plain = all(not isinstance(value, Mapping | list) for value in detail)
        return [pair for i, value in enumerate(detail) for pair in _flat(value, path if plain else f"{path}/{i}")]
    return [(path, str(detail))]
