"""Pages about the house itself: what each problem code means, and, while building, every component in every state."""

import re
from collections.abc import Sequence

from django.conf import settings
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from governance.kernel.errors import Missing
from governance.web.access_rules import public
from governance.web.context import THEMES
from governance.web.reach import NOT_HERE

CODE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

Block = tuple[str, list[str]]


@public
@require_safe
def problem(request: HttpRequest, code: str) -> HttpResponse:
    """What a code means, from its page in ``docs/problems/``."""
    source = settings.BASE_DIR / "docs" / "problems" / f"{code}.md"
    if not CODE.fullmatch(code) or not source.is_file():
        raise Missing("not-found", NOT_HERE)
    return render(request, "errors/problem.html", {"code": code, "blocks": blocks(source.read_text("utf-8"))})


def blocks(text: str) -> list[Block]:
    """Return a small Markdown page without its title as (kind, lines): ``heading``, ``list`` or ``text``."""
    found: list[Block] = []
    for part in re.split(r"\n\s*\n", text.strip()):
        lines = [line.strip() for line in part.splitlines() if line.strip()]
        if not lines or lines[0].startswith("# "):
            lines = lines[1:]
        if not lines:
            continue
        if lines[0].startswith("#"):
            found.append(("heading", [plain(lines.pop(0).lstrip("# "))]))
        if lines and lines[0].startswith(("- ", "* ")):
            items = re.split(r"^[-*] ", "\n".join(lines), flags=re.MULTILINE)[1:]
            found.append(("list", [plain(" ".join(item.split())) for item in items]))
        elif lines:
            found.append(("text", [plain(" ".join(lines))]))
    return found


def plain(text: str) -> str:
    """Return a line of Markdown without its marks."""
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
    return re.sub(r"[*`]", "", text)


@public
@require_safe
def components(request: HttpRequest) -> HttpResponse:
    """Every part in every state, while building only: ``?theme=dark`` and ``?dir=rtl`` switch the whole page."""
    if not settings.DEVELOPMENT:
        raise Missing("not-found", NOT_HERE)
    theme = request.GET.get("theme", "")
    context: dict[str, object] = {
        "rtl": request.GET.get("dir") == "rtl",
        "page": Paginator(range(4812), 50).get_page(2),
        "needs": _needs(),
        "conditions": _conditions(),
        "steps": [
            {"name": _("Asked"), "note": _("17 Nov"), "state": "done"},
            {"name": _("Read"), "note": _("3 days left"), "state": "now"},
            {"name": _("Signed"), "state": "next"},
        ],
        "facts": [(_("Whose"), "Saltmarsh Quay"), (_("Commit"), "5505af9d6472bc799316e9ad2cc2a5765017843d")],
        "rows": [
            {"name": _("Plain telling"), "number": 2262, "share": 0.54},
            {"name": _("Glad"), "number": 1049, "share": 0.25},
            {"name": _("Angry or afraid"), "number": 178, "share": 0.04, "pill": _("few")},
        ],
        "head": [_("Feeling"), _("Samples"), _("Share")],
        "feelings": [54, 25, 17, 4],
    }
    if theme in THEMES:
        context["theme"] = theme
    return render(request, "components.html", context)


def _needs() -> list[dict[str, object]]:
    return [
        {
            "text": _("11 samples are held after a flag by an elder"),
            "why": _("“Told in the closed season.” Nobody can see them."),
            "url": "#lists",
            "action": _("Decide"),
            "is_first": True,
        },
        {
            "text": _("Two consents end within 30 days"),
            "why": _("Ilse Marram, and one person reached by phone."),
            "url": "#lists",
            "action": _("Ask again"),
        },
    ]


def _conditions() -> list[dict[str, str]]:
    return [
        {"text": _("Every story is covered by consent"), "why": _("4,755 of 4,755."), "state": "met"},
        {"text": _("Two people say yes"), "why": _("One so far."), "state": "no"},
        {"text": _("Everybody had two days"), "why": _("Until Sunday, 16:10."), "state": "wait"},
        {"text": _("One feeling is thin"), "why": _("21 samples in test."), "state": "warn"},
    ]


urlpatterns: Sequence[URLPattern] = [
    path("problems/<str:code>/", problem, name="problem"),
    path("components/", components, name="components"),
]
