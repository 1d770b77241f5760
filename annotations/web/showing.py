"""A sample as the tags of a config show it: its columns, and addresses for its recording or picture."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_safe

from annotations import configs
from annotations.configs import Result
from annotations.models import Campaign
from annotations.nodes import Widget
from annotations.web.reach import campaign_or_404, sample_or_404
from governance import media
from governance.kernel.errors import Missing
from governance.models import Sample
from governance.web.access_rules import signed_in
from governance.web.reach import NOT_HERE


@dataclass(frozen=True)
class Shown:
    """What a page shows of one sample: the tags that display, and those that ask."""

    objects: Sequence[Widget]
    controls: Sequence[Widget]


def show(campaign: Campaign, sample: Sample, results: Sequence[Result] = ()) -> Shown:
    """Return what ``campaign``'s config shows of ``sample``, with ``results`` already chosen."""
    config = configs.parse(campaign.config)
    data = dict(sample.data)
    kinds = [sample.media.mime.split("/")[0]] if sample.media else []
    for node in config.objects:
        if node.id in {"audio", "image"}:
            # Never an address out of the data: only the sample's own file, and only where it is of that kind.
            data[node.key] = address(campaign, sample) if node.id in kinds else ""
    widgets = configs.widgets(config, data, results)
    asks = {"choices", "rating", "textarea"}
    return Shown([w for w in widgets if w.tag not in asks], [w for w in widgets if w.tag in asks])


def address(campaign: Campaign, sample: Sample) -> str:
    """Where the recording or picture of a sample is read by who works on it."""
    return reverse("work-media", kwargs={"campaign": campaign.public_id, "sample": sample.uid})


@signed_in
@require_safe
def media_page(request: HttpRequest, campaign: str, sample: str) -> HttpResponseBase:
    """The bytes of a sample's recording or picture, whole or one range of them; never shown as a page."""
    work = campaign_or_404(request, campaign)
    found = sample_or_404(request, work.dataset, sample)
    if found.media is None:
        raise Missing("not-found", NOT_HERE)
    file = media.path_of(found.media.sha256).open("rb")
    size = found.media.size
    start, end = _range(request.headers.get("Range", ""), size)
    if start is None:
        response: HttpResponseBase = FileResponse(file, content_type=found.media.mime)
        response["Content-Length"] = str(size)
    else:
        file.seek(start)
        with file:
            response = HttpResponse(file.read(end - start + 1), content_type=found.media.mime, status=206)
        response["Content-Range"] = f"bytes {start}-{end}/{size}"
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = "private, max-age=600"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    return response


# What one request for a part may hold in memory; players ask again for more.
MOST = 4 << 20


def _range(header: str, size: int) -> tuple[int | None, int]:
    """One ``bytes=a-b`` range within the file, at most ``MOST`` long; (None, 0) for anything else, which means all of it."""
    unit, _equals, spec = header.partition("=")
    first, dash, last = spec.partition("-")
    if unit.strip() != "bytes" or not dash or "," in spec:
        return None, 0
    if not first.strip() and last.strip().isdecimal():
        start, end = max(0, size - int(last)), size - 1
    elif first.strip().isdecimal() and (not last.strip() or last.strip().isdecimal()):
        start, end = int(first), int(last) if last.strip() else size - 1
    else:
        return None, 0
    end = min(end, size - 1, start + MOST - 1)
    return (start, end) if start <= end else (None, 0)


urlpatterns: list[URLPattern] = [
    path("work/<str:campaign>/media/<str:sample>/", media_page, name="work-media"),
]
