"""A sample as the tags of a config show it: its columns, and the address of its recording or picture."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.urls import reverse

from annotations import configs
from annotations.configs import Result
from annotations.models import Campaign
from annotations.nodes import Widget
from governance.models import Sample


@dataclass(frozen=True)
class Shown:
    """What a page shows of one sample: the tags that display, and those that ask."""

    objects: Sequence[Widget]
    controls: Sequence[Widget]


def show(campaign: Campaign, sample: Sample, results: Sequence[Result] = ()) -> Shown:
    """Return what ``campaign``'s config shows of ``sample``, with ``results`` already chosen."""
    config = configs.parse(campaign.config)
    data = dict(sample.data)
    kind = sample.media.mime.split("/")[0] if sample.media else ""
    for node in config.objects:
        if node.id in {"audio", "image"}:
            # Never an address out of the data: only the sample's own file, and only where it is of that kind.
            data[node.key] = address(campaign, sample) if node.id == kind else ""
    widgets = configs.widgets(config, data, results)
    asks = [widget for widget in widgets if widget.field]
    # A control without a Header is called by the work's name when it stands first, else by its own.
    titled = [replace(w, title=w.title or (w.name if place else campaign.name)) for place, w in enumerate(asks)]
    return Shown([widget for widget in widgets if not widget.field], titled)


def address(campaign: Campaign, sample: Sample) -> str:
    """Where the recording or picture of a sample is read by members who may see it."""
    dataset = campaign.dataset
    where = {"community": dataset.community.slug, "dataset": dataset.slug, "uid": sample.uid}
    return reverse("sample-media", kwargs=where)
