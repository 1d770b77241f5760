"""What every answer carries, and what becomes of a refusal.

The Content-Security-Policy allows nothing but what this host serves: no inline script, no inline style, no other host. A page
that needs more does not exist; a picture or a sound may come from a `blob:` that the page itself made.
"""

from collections.abc import Callable

from django.db import DataError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

from curation.config import problems
from governance.kernel.errors import Refusal

Handler = Callable[[HttpRequest], HttpResponse]

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "font-src 'self'",
        "manifest-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)

PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(self), payment=(), usb=(), interest-cohort=()"

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Permissions-Policy": PERMISSIONS_POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


class SecurityHeaders:
    """Set the security headers on every answer, also on those that Django itself makes; a value that a view set stays.

    An answer that was made for somebody's session is kept by no cache, so that "back" after signing out shows nothing.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        session = getattr(request, "session", None)
        if session is not None and not session.is_empty():
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response


class Refusals:
    """Turn a ``Refusal`` that leaves a view into its answer: problem details for machines, a friendly page for people."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer a refusal, and what no column can hold (a NUL, too long a name); leave every other exception to Django."""
        if isinstance(exception, DataError):
            return problems.unreadable(request)
        return problems.answer(request, exception) if isinstance(exception, Refusal) else None


class Compression(GZipMiddleware):
    """Compress pages, JSON and other text; never files, parts of files, or what a view marked ``as_it_is``.

    Ranges of a compressed file mean nothing to a client, and sound, pictures and Parquet are compressed inside.
    """

    TEXT = ("text/", "application/json", "application/problem+json", "application/ld+json", "image/svg+xml")

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Compress, or leave alone."""
        is_text = response.headers.get("Content-Type", "").startswith(self.TEXT)
        if getattr(response, "as_it_is", False) or response.status_code == 206 or not is_text:
            return response
        return super().process_response(request, response)
