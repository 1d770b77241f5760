"""Whether the process answers, and whether what it needs answers too. For proxies and watchers, not for people."""

import os
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from governance.web.access_rules import public

PATIENCE_SECONDS = 2.0


@public
@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process is up. Touches nothing else."""
    return JsonResponse({"status": "ok"})


@public
@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Database, broker and storage answer: 200, else 503 with what does not. Names no host and no path."""
    parts = {"database": _database(), "broker": _broker(), "storage": _storage()}
    ready = all(parts.values())
    body = {
        "status": "ready" if ready else "not ready",
        "parts": {name: "ok" if good else "down" for name, good in parts.items()},
    }
    return JsonResponse(body, status=200 if ready else 503)


def _database() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return cursor.fetchone() == (1,)
    except DatabaseError:
        return False


def _broker() -> bool:
    """A PING over a socket of its own; a broker that wants a password first is there too (``-NOAUTH``)."""
    try:
        with _dial() as connected:
            connected.settimeout(PATIENCE_SECONDS)
            connected.sendall(b"PING\r\n")
            return connected.recv(64).startswith((b"+PONG", b"-NOAUTH"))
    except OSError:
        return False


def _dial() -> socket.socket:
    if not settings.REDIS_URL:
        connected = socket.socket(socket.AF_UNIX)
        connected.settimeout(PATIENCE_SECONDS)
        connected.connect(urlsplit(settings.CELERY_BROKER_URL).path)
        return connected
    parts = urlsplit(settings.REDIS_URL)
    host = parts.hostname or "localhost"
    connected = socket.create_connection((host, parts.port or 6379), timeout=PATIENCE_SECONDS)
    return (
        ssl.create_default_context().wrap_socket(connected, server_hostname=host)
        if parts.scheme == "rediss"
        else connected
    )


def _storage() -> bool:
    """The folder of files is there, or could be made, and can be written."""
    root = Path(settings.FILES_ROOT)
    while not root.exists() and root != root.parent:
        root = root.parent
    return os.access(root, os.W_OK)


urlpatterns: Sequence[URLPattern] = [path("healthz", healthz, name="healthz"), path("readyz", readyz, name="readyz")]
