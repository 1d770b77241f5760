"""The read side of the Hugging Face Hub for datasets: what unmodified clients ask, answered under our own decisions.

Paths, headers and fields are those of pull.md, section 2; which are indispensable was found by leaving each out. The trap that
decides how a refusal looks: a client with a warm cache takes almost any refusal for a network fault and goes on with what it
has. Only ``X-Error-Code: RevisionNotFound`` stops it, so 401, 403 and 410 carry it too. A HEAD answer has no body, therefore
the sentence also travels in ``X-Error-Message``, and in ``X-HF-Warning``, which clients log.
"""

import base64
import binascii
import hashlib
import json
import re
import threading
import unicodedata
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import wraps
from pathlib import PurePosixPath
from typing import Concatenate, ParamSpec
from urllib.parse import urlencode

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.urls import path, register_converter
from django.utils.translation import gettext
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from curation import pulls, revocations, standing, storage
from curation.exporters import croissant, manifest
from curation.models import BuiltFile, Version
from curation.pulls import Access, Closed, Credential, Denied, Unknown
from curation.web import ranges
from governance.kernel.errors import Invalid, Missing, Reason, Refusal, Unavailable
from governance.kernel.words import _
from governance.models import Dataset, Token, new_id
from governance.web.access_rules import public, pullers

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

LONGEST_HEADER = 300
PAGE = 1000
SMALL = 64 * 1024
TYPES: Mapping[str, str] = {
    ".md": "text/markdown; charset=utf-8",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
}
STATUS: tuple[tuple[type[Refusal], int, str], ...] = (
    (Unknown, 401, "RevisionNotFound"),
    (Denied, 403, "RevisionNotFound"),
    (Closed, 410, "RevisionNotFound"),
    (Unavailable, 503, ""),
    (Invalid, 400, ""),
)
MISSING: Mapping[str, str] = {
    "dataset-unknown": "RepoNotFound",
    "version-unknown": "RevisionNotFound",
    "file-unknown": "EntryNotFound",
}
"""Refusals as the clients know them: status and X-Error-Code."""

TOPICS: Mapping[int, str] = {401: "token", 403: "access", 410: "withdrawn", 451: "withdrawn"}
OLD_DATASETS = re.compile(r"\bdatasets/([0-3]\.|4\.[0-4](?!\d))")
ASCII = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "…": "...", "‑": "-"})

_downloads = threading.BoundedSemaphore(settings.DOWNLOADS_AT_ONCE)


class Revision:
    """A tag, ``main`` or a commit; ``refs/...`` comes quoted and is decoded before routing."""

    regex = r"(?:refs/[a-z]+/)?[A-Za-z0-9._-]+"

    def to_python(self, value: str) -> str:
        """As it is."""
        return value

    def to_url(self, value: str) -> str:
        """As it is."""
        return value


register_converter(Revision, "revision")


# The edge: refusals as clients read them


def told(view: View[P]) -> View[P]:
    """Tell a refusal in the way that reaches a pipeline's operator, whichever client they use."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            response: HttpResponseBase = view(request, *args, **kwargs)
        except Refusal as refusal:
            response = refused(request, refusal)
        response.as_it_is = True  # type: ignore[attr-defined]  # read by the compressing middleware
        response.headers.setdefault("X-Request-Id", new_id())
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return pullers(csrf_exempt(wrapped))


def refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """Return a refusal: status, the codes and sentences in headers, and problem details with ``error`` in the body."""
    status, code = _status_of(refusal)
    sentence = plain(" ".join(_sentence(reason) for reason in refusal.reasons))
    body = _problem(refusal, status, sentence) | _tombstone(request, refusal, sentence)
    response = HttpResponse(b"", status=status, content_type="application/problem+json")
    if request.method != "HEAD":
        response.content = json.dumps(body).encode()
    is_check = request.path.endswith("/auth-check")
    if is_check:
        code = {401: "", 403: "GatedRepo"}.get(status, code)
    if code:
        response["X-Error-Code"] = code
    response["X-Error-Message"] = sentence
    if status in TOPICS:
        response["X-HF-Warning"] = f"{TOPICS[status]}; {sentence}"
    if status == 401:
        response["WWW-Authenticate"] = 'Bearer realm="wellhouse"'
    if isinstance(refusal, Unavailable):
        response["Retry-After"] = str(refusal.retry_after)
    if isinstance(refusal, NoFile):
        response["X-Repo-Commit"] = refusal.commit
    if isinstance(refusal, Denied | Closed) and refusal.decision:
        response["X-Request-Id"] = refusal.decision
    if isinstance(refusal, Closed) and (links := links_of(refusal.following, refusal.how)):
        response["Link"] = links
    return response


def links_of(following: Version | None, how: standing.Standing) -> str:
    """Return the Link header of a tombstone: what takes its place (RFC 5829), and who demands by law that it be gone (RFC 7725)."""
    links = [f'<{_page(following)}>; rel="successor-version"'] if following else []
    links += [f'<{how.blocked_by}>; rel="blocked-by"'] if how.blocked_by else []
    return ", ".join(links)


def plain(text: str) -> str:
    """Return one line of ASCII of at most 300 characters: what fits into any header."""
    folded = unicodedata.normalize("NFKD", text.translate(ASCII)).encode("ascii", "ignore").decode()
    line = " ".join(folded.split())
    return line if len(line) <= LONGEST_HEADER else line[: LONGEST_HEADER - 3].rstrip() + "..."


class NoFile(Missing):
    """A file that is not in a version which could be pulled; clients probe for some and must learn the commit."""

    def __init__(self, refusal: Missing, commit: str) -> None:
        super().__init__(refusal.code, reasons=refusal.reasons)
        self.commit = commit


def _status_of(refusal: Refusal) -> tuple[int, str]:
    if isinstance(refusal, Missing):
        return 404, MISSING.get(refusal.code, "RepoNotFound")
    if isinstance(refusal, Closed) and refusal.how.blocked_by:
        return 451, "RevisionNotFound"
    return next(((status, code) for kind, status, code in STATUS if isinstance(refusal, kind)), (409, ""))


def _sentence(reason: Reason) -> str:
    said = gettext(reason.message)
    return said.format(**reason.values) if reason.values else said


def _problem(refusal: Refusal, status: int, sentence: str) -> dict[str, object]:
    """RFC 9457, with the member that clients print."""
    problem: dict[str, object] = {
        "type": f"{settings.PUBLIC_URL}/problems/{refusal.code}/",
        "title": _title(refusal, status),
        "status": status,
        "detail": " ".join(_sentence(reason) for reason in refusal.reasons),
        "code": refusal.code,
        "error": sentence,
    }
    if isinstance(refusal, Denied | Closed):
        problem["decision_id"] = refusal.decision
    if isinstance(refusal, Denied):
        problem["reasons"] = [{"code": r["code"], "gate": r["gate"], "public": r["public"]} for r in refusal.because]
    if isinstance(refusal, Closed):
        problem |= {
            "version": str(refusal.version),
            "commit": refusal.version.commit,
            "withdrawnAt": _time(refusal.how.since),
            "publicReason": gettext(refusal.how.reason),
            "successor": _page(refusal.following) if refusal.following else None,
            **revocations.told_of(refusal.version),
        }
        if refusal.how.blocked_by:
            problem["blockedBy"] = refusal.how.blocked_by
    return problem


def _title(refusal: Refusal, status: int) -> str:
    if isinstance(refusal, Closed) and refusal.code == standing.TAKEDOWN:
        return gettext("This is closed for now")
    titles = {
        401: gettext("A pull token is needed"),
        403: gettext("This was refused"),
        404: gettext("Not found"),
        410: gettext("This was withdrawn"),
        451: gettext("This is blocked by a demand of law"),
    }
    return titles.get(status, gettext("Not at this moment"))


def _tombstone(request: HttpRequest, refusal: Refusal, sentence: str) -> dict[str, object]:
    """For Croissant, whose client looks at no status: a document that makes it print the sentence."""
    if not request.path.rstrip("/").endswith(("/croissant", "croissant.json")):
        return {}
    return croissant.tombstone("refused", sentence)


# Who and what


def _credential(request: HttpRequest) -> Credential:
    """Read a token from the header (Bearer, or as the password of Basic), or a signature from the address."""
    kind, _space, given = request.headers.get("Authorization", "").partition(" ")
    given = given.strip()
    if kind.lower() == "bearer":
        return Credential(secret=given)
    if kind.lower() == "basic":
        try:
            return Credential(secret=base64.b64decode(given, validate=True).decode().partition(":")[2])
        except (binascii.Error, UnicodeDecodeError):
            return Credential(secret="?")  # noqa: S106  # a token that nobody has
    if request.method in ("GET", "HEAD"):
        return Credential(signature=request.GET.get("sig", ""))
    return Credential()


def _token(request: HttpRequest) -> Token:
    """The token of a request that needs one in a header."""
    return pulls.token_of(Credential(secret=_credential(request).secret))


def _open(request: HttpRequest, community: str, slug: str, revision: str, name: str = "") -> Access:
    """Decide about one request for one version, or for one file of it."""
    credential = _credential(request)
    token = pulls.token_of(credential)
    version = pulls.version_of(pulls.dataset_of(token, community, slug), revision)
    pulls.require_for(credential, version, name)
    return pulls.open_version(token, version, client=request.headers.get("User-Agent", ""))


def _warn(response: HttpResponseBase, request: HttpRequest, access: Access, revision: str) -> HttpResponseBase:
    """Name the decision, and warn of an old version or of a client that would hide a withdrawal."""
    response["X-Request-Id"] = access.decision
    version = access.version
    if OLD_DATASETS.search(request.headers.get("User-Agent", "")):
        response["X-HF-Warning"] = plain(
            gettext("client; datasets before 4.5 goes on with its cache when a version is withdrawn. Please upgrade.")
        )
    elif revision not in pulls.MAIN and (newer := standing.successor(version)):
        said = gettext("version; {tag} is newer than {version}.")
        response["X-HF-Warning"] = plain(said.format(tag=newer.tag, version=version))
    return response


# Endpoints


@public
@require_http_methods(["GET", "HEAD"])
def harnesses(request: HttpRequest) -> HttpResponse:
    """What newer clients ask once a day; there is nothing to say."""
    return JsonResponse({"standardEnvVars": [], "harnesses": {}})


@public
@csrf_exempt
def telemetry(request: HttpRequest, rest: str) -> HttpResponse:
    """Nothing is collected."""
    return HttpResponse(status=204)


@told
def whoami(request: HttpRequest) -> HttpResponse:
    """Say whose token it is, and for which purpose."""
    token = _token(request)
    party = token.agreement.party
    return JsonResponse(
        {
            "type": "user",
            "id": party.public_id,
            "name": party.name,
            "fullname": party.name,
            "isPro": False,
            "orgs": [],
            "auth": {
                "type": "access_token",
                "accessToken": {"displayName": token.agreement.purpose, "role": "read"},
            },
        }
    )


@told
def auth_check(request: HttpRequest, community: str, slug: str) -> HttpResponse:
    """Say whether this token may pull the newest version; here the clients expect the plain codes."""
    _open(request, community, slug, "main")
    return JsonResponse({})


@told
def info(request: HttpRequest, community: str, slug: str, revision: str = "main") -> HttpResponseBase:
    """Describe one version as a repository at a commit."""
    access = _open(request, community, slug, revision)
    version = access.version
    with_blobs = "blobs" in request.GET
    siblings = [_sibling(file, with_blobs) for file in _files(version)]
    body = {
        "_id": version.dataset.public_id[:24],
        "id": version.dataset.path,
        "author": community,
        "sha": version.commit,
        "lastModified": _time(version.published_at),
        "createdAt": _time(version.dataset.created_at),
        "private": True,
        "gated": "manual",
        "disabled": False,
        "downloads": 0,
        "likes": 0,
        "tags": ["croissant", f"purpose:{access.token.agreement.purpose}"],
        "cardData": {},
        "siblings": siblings,
    }
    return _warn(JsonResponse(body), request, access, revision)


@told
def refs(request: HttpRequest, community: str, slug: str) -> HttpResponse:
    """List ``main`` and the tags of all versions that are not gone and that the token's agreement opens."""
    token = _token(request)
    dataset = pulls.dataset_of(token, community, slug)
    newest = standing.newest_open(dataset)
    published = pulls.open_versions(token, [v for v in _published(dataset) if not standing.of(v).is_gone])
    is_main = newest is not None and newest in published
    main = [{"name": "main", "ref": "refs/heads/main", "targetCommit": newest.commit}] if newest and is_main else []
    tags = [{"name": v.tag, "ref": f"refs/tags/{v.tag}", "targetCommit": v.commit} for v in published]
    return JsonResponse({"branches": main, "tags": tags, "converts": [], "pullRequests": []})


@told
def commits(request: HttpRequest, community: str, slug: str, revision: str) -> HttpResponseBase:
    """List the versions up to one, newest first."""
    access = _open(request, community, slug, revision)
    shown = [v for v in _published(access.version.dataset) if v.number <= access.version.number]
    shown = [v for v in shown if v == access.version or not standing.of(v).is_gone]
    body = [
        {"id": v.commit, "title": f"Publish {v.tag}", "message": "", "authors": [], "date": _time(v.published_at)}
        for v in shown
    ]
    response = JsonResponse(body, safe=False)
    response["X-Total-Count"] = str(len(body))
    return _warn(response, request, access, revision)


@told
def tree(request: HttpRequest, community: str, slug: str, revision: str, folder: str = "") -> HttpResponseBase:
    """List a folder of a version, in pages."""
    access = _open(request, community, slug, revision)
    folder = folder.strip("/")
    entries = _entries(access.version, folder, _flag(request, "recursive"), _flag(request, "expand"))
    if folder and not entries:
        missing = Missing("file-unknown", _("{path} is not in {version}."), path=folder, version=str(access.version))
        raise NoFile(missing, access.version.commit)
    start, size = _number(request, "cursor", 0), max(1, min(_number(request, "limit", PAGE), PAGE))
    response = JsonResponse(entries[start : start + size], safe=False)
    if start + size < len(entries):
        query = {**request.GET.dict(), "cursor": str(start + size)}
        response["Link"] = f'<{request.build_absolute_uri(request.path)}?{urlencode(query)}>; rel="next"'
    return _warn(response, request, access, revision)


@public
@require_http_methods(["GET", "HEAD"])
def withdrawals(request: HttpRequest, community: str, slug: str) -> HttpResponse:
    """The signed list of what must no longer be used, as a compact JWS; anybody may read it, only holders know their rows."""
    found = Dataset.objects.filter(community__slug=community, slug=slug).select_related("community").first()
    if found is None or not found.versions.exclude(commit="").exists():
        missing = Missing("dataset-unknown", _("There is no such dataset. Check its name."))
        return refused(request, missing)
    after = _number(request, "after", 0)
    response = HttpResponse(revocations.signed(found, after=after), content_type=f"application/{revocations.TYP}")
    response["Cache-Control"] = "public, max-age=60"
    return response


@told
@require_http_methods(["POST"])
def paths_info(request: HttpRequest, community: str, slug: str, revision: str) -> HttpResponse:
    """Describe some paths of a version; those that do not exist are left out."""
    access = _open(request, community, slug, revision)
    wanted, expand = _wanted(request)
    entries = {str(e["path"]): e for e in _entries(access.version, "", True, expand)}
    return JsonResponse([entries[path] for path in wanted if path in entries], safe=False)


@told
def croissant_file(request: HttpRequest, community: str, slug: str) -> HttpResponseBase:
    """The Croissant of the newest version."""
    return _send(request, _open(request, community, slug, "main"), croissant.PATH, "main")


@told
@require_http_methods(["GET", "HEAD"])
def resolve(request: HttpRequest, community: str, slug: str, revision: str, name: str) -> HttpResponseBase:
    """One file of a version: whole, in part, or only its headers."""
    return _send(request, _open(request, community, slug, revision, name), name, revision)


# Files


def _send(request: HttpRequest, access: Access, name: str, revision: str) -> HttpResponseBase:
    """Answer with a file's headers, and for GET with the bytes that were asked for."""
    try:
        file = pulls.file_of(access.version, name)
    except Missing as missing:
        raise NoFile(missing, access.version.commit) from missing
    etag = f'"{file.sha256 if file.is_lfs else file.git_oid}"'
    headers = {
        "X-Repo-Commit": access.version.commit,
        "ETag": etag,
        "X-Linked-Etag": etag,
        "X-Linked-Size": str(file.size),
        "Accept-Ranges": "bytes",
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="{PurePosixPath(name).name}"',
        "Content-Type": TYPES.get(PurePosixPath(name).suffix, "application/octet-stream"),
    }
    if request.headers.get("If-None-Match") == etag:
        return _warn(HttpResponse(status=304, headers=headers), request, access, revision)
    asked = request.headers.get("Range") if request.headers.get("If-Range", etag) == etag else None
    try:
        span = ranges.parse(asked, file.size)
    except ranges.Unsatisfiable:
        return HttpResponse(status=416, headers=headers | {"Content-Range": f"bytes */{file.size}"})
    status = 206 if span else 200
    whole = span or ranges.Span(0, file.size)
    headers["Content-Length"] = str(whole.length)
    if span:
        headers["Content-Range"] = span.content_range(file.size)
    if request.method == "HEAD":
        response: HttpResponseBase = HttpResponse(status=status, headers=headers)
    else:
        response = _bytes(file, whole, status, headers)
        pulls.took(access, name, whole.length)
    return _warn(response, request, access, revision)


def _bytes(file: BuiltFile, span: ranges.Span, status: int, headers: dict[str, str]) -> HttpResponseBase:
    """The bytes themselves: by the proxy where there is one, else by this process, few at a time."""
    place = storage.locate(file.path, file.sha256)
    if settings.ACCEL == "nginx":
        kept = {k: v for k, v in headers.items() if k not in ("Content-Length", "Content-Range", "Accept-Ranges")}
        kept["X-Accel-Redirect"] = f"/files/{place.relative_to(settings.FILES_ROOT).as_posix()}"
        return HttpResponse(headers=kept)
    release = _slot(span.length)
    try:
        stream = place.open("rb", buffering=0)
    except OSError as error:
        release()
        raise Unavailable(
            "file-not-held", _("The bytes of this file are not at hand. The keepers were told."), retry_after=60
        ) from error
    response = FileResponse(ranges.Slice(stream, span, release), status=status)
    for header, value in headers.items():
        response[header] = value
    return response


def _slot(length: int) -> Callable[[], None]:
    """Take one of the places for downloads and return what gives it back; small files need none.

    Raises ``Unavailable`` (``downloads-busy``), so that slow clients never hold every thread.
    """
    if length <= SMALL:
        return lambda: None
    if not _downloads.acquire(blocking=False):
        raise Unavailable(
            "downloads-busy", _("Many files are being drawn just now. Try again in a moment."), retry_after=2
        )
    return _downloads.release


# Listings


def _published(dataset: Dataset) -> list[Version]:
    """Versions that were published, newest first."""
    return list(dataset.versions.exclude(commit="").select_related("dataset__community").order_by("-number"))


def _files(version: Version) -> list[BuiltFile]:
    """All files of a version in the order of the bytes of their paths."""
    return sorted(version.files.all(), key=lambda file: file.path.encode())


def _sibling(file: BuiltFile, with_blobs: bool) -> dict[str, object]:
    entry: dict[str, object] = {"rfilename": file.path}
    if with_blobs:
        entry |= {"size": file.size, "blobId": file.git_oid}
        if file.is_lfs:
            entry["lfs"] = {"sha256": file.sha256, "size": file.size, "pointerSize": _pointer_size(file)}
    return entry


def _entries(version: Version, folder: str, recursive: bool, expand: bool) -> list[dict[str, object]]:
    """Folders first, then files, below ``folder``."""
    folders: dict[str, dict[str, object]] = {}
    found = []
    prefix = f"{folder}/" if folder else ""
    for file in _files(version):
        if not file.path.startswith(prefix):
            continue
        parts = file.path[len(prefix) :].split("/")
        for depth in range(1, len(parts) if recursive else min(2, len(parts))):
            path = prefix + "/".join(parts[:depth])
            folders.setdefault(path, _folder(path))
        if recursive or len(parts) == 1:
            found.append(_file(file, version, expand))
    return [*folders.values(), *found]


def _folder(path: str) -> dict[str, object]:
    oid = hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest()
    return {"type": "directory", "oid": oid, "size": 0, "path": path}


def _file(file: BuiltFile, version: Version, expand: bool) -> dict[str, object]:
    entry: dict[str, object] = {"type": "file", "oid": file.git_oid, "size": file.size, "path": file.path}
    if file.is_lfs:
        entry["lfs"] = {"oid": file.sha256, "size": file.size, "pointerSize": _pointer_size(file)}
    if expand:
        entry["lastCommit"] = {
            "id": version.commit,
            "title": f"Publish {version.tag}",
            "date": _time(version.published_at),
        }
    return entry


def _pointer_size(file: BuiltFile) -> int:
    return len(manifest.pointer(file.sha256, file.size))


def _wanted(request: HttpRequest) -> tuple[list[str], bool]:
    """The paths of a POST, as a form or as JSON."""
    if request.content_type != "application/json":
        return request.POST.getlist("paths"), request.POST.get("expand", "").lower() == "true"
    try:
        body = json.loads(request.body)
        return [str(p) for p in body.get("paths", [])], bool(body.get("expand"))
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise Invalid("unreadable", _("The list of paths could not be read.")) from error


def _flag(request: HttpRequest, name: str) -> bool:
    """Older clients write True, newer ones true."""
    return request.GET.get(name, "").lower() == "true"


def _number(request: HttpRequest, name: str, default: int) -> int:
    given = request.GET.get(name, "")
    return int(given) if given.isdecimal() and len(given) < 10 else default


def _time(at: datetime | None) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000Z") if at else ""


def _page(version: Version) -> str:
    return f"{settings.PUBLIC_URL}/datasets/{version.dataset.path}/published/{version.number}/"


API = "api/datasets/<slug:community>/<slug:slug>"
urlpatterns = [
    path("api/whoami-v2", whoami, name="hub-whoami"),
    path("api/agent-harnesses", harnesses, name="hub-harnesses"),
    path("api/telemetry/<path:rest>", telemetry, name="hub-telemetry"),
    path(API, info, name="hub-info"),
    path(f"{API}/revision/<revision:revision>", info, name="hub-revision"),
    path(f"{API}/refs", refs, name="hub-refs"),
    path(f"{API}/commits/<revision:revision>", commits, name="hub-commits"),
    path(f"{API}/tree/<revision:revision>", tree, name="hub-tree"),
    path(f"{API}/tree/<revision:revision>/<path:folder>", tree, name="hub-folder"),
    path(f"{API}/paths-info/<revision:revision>", paths_info, name="hub-paths-info"),
    path(f"{API}/auth-check", auth_check, name="hub-auth-check"),
    path(f"{API}/croissant", croissant_file, name="hub-croissant"),
    path(f"{API}/withdrawals", withdrawals, name="hub-withdrawals"),
    path("datasets/<slug:community>/<slug:slug>/resolve/<revision:revision>/<path:name>", resolve, name="hub-resolve"),
    path("datasets/<slug:community>/<slug:slug>/raw/<revision:revision>/<path:name>", resolve, name="hub-raw"),
]
