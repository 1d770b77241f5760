"""Campaigns: one question about the samples of a dataset, prepared, opened, paused and closed by keepers and stewards.

A campaign begins as a draft with a labeling config that holds. Opening it is a job: label-studio-sdk tries the config, then the
queue is filled in chunks. Opening an open or paused campaign again adds the samples that came since.
"""

import re
from collections.abc import Sequence

from django.db import IntegrityError

from annotations import configs
from annotations.models import Annotation, Campaign, Opening, QueueSlot, Task
from governance.acts import act
from governance.kernel import jobs
from governance.kernel.digests import sha256
from governance.kernel.errors import Conflict, Invalid, Reason
from governance.kernel.moves import must_move
from governance.kernel.words import _
from governance.models import Dataset, Person, Sample

SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
MOST_OVERLAP = 50
LOOK_AT = 50


def create(
    dataset: Dataset,
    *,
    slug: str,
    name: str,
    config: str,
    overlap: int,
    by: Person,
    instructions: str = "",
    needs_review: bool = False,
) -> Campaign:
    """Draft a campaign.

    Raises ``Invalid`` (``campaign-invalid``) with every reason, faults of the config with their line, and ``Conflict``
    (``campaign-exists``).
    """
    reasons = faults(dataset, slug=slug, name=name, config=config, overlap=overlap, by=by)
    if reasons:
        raise Invalid("campaign-invalid", _("The campaign cannot be kept like this yet."), reasons=reasons)
    parsed = configs.parse(config)
    try:
        with act(by, "campaign.create", on=dataset) as details:
            campaign = Campaign.objects.create(
                dataset=dataset,
                slug=slug,
                name=name.strip(),
                instructions=instructions.strip(),
                config=config,
                config_digest=sha256(config.encode()),
                label_control=parsed.main.name if parsed.has_label else "",
                labels=list(parsed.labels),
                overlap=overlap,
                needs_review=needs_review,
                created_by=by,
            )
            details.update(object=campaign, slug=slug, overlap=overlap, config=campaign.config_digest)
    except IntegrityError as error:
        raise Conflict("campaign-exists", _("This dataset has a campaign “{slug}” already."), slug=slug) from error
    return campaign


def faults(dataset: Dataset, *, slug: str, name: str, config: str, overlap: int, by: Person) -> list[Reason]:
    """Everything that keeps a draft from being made."""
    reasons = []
    if not SLUG.fullmatch(slug) or len(slug) > 64:
        reasons.append(Reason("slug-wrong", _("Use small letters, digits and single hyphens."), "slug"))
    if not name.strip() or len(name.strip()) > 60:
        reasons.append(Reason("name-wrong", _("Give it a name of at most 60 characters."), "name"))
    if not 1 <= overlap <= MOST_OVERLAP:
        words = _("Between 1 and {most} people can answer each.")
        reasons.append(Reason("overlap-wrong", words, "overlap", None, {"most": MOST_OVERLAP}))
    parsed, wrong = configs.inspect(config)
    return reasons + wrong + (column_faults(dataset, parsed, by) if parsed else [])


def column_faults(dataset: Dataset, config: configs.Config, by: Person) -> list[Reason]:
    """Columns that the config shows and the samples that ``by`` sees lack; nothing while there are none."""
    known = columns(dataset, by)
    words = _("No sample has a column “{key}”. There are: {known}.")
    return [
        node.reason("column-missing", words, "value", key=node.key, known=", ".join(known))
        for node in config.objects
        if known and node.id == "text" and node.key not in known
    ]


def columns(dataset: Dataset, by: Person) -> Sequence[str]:
    """The data columns of a dataset, sorted, read off the first samples that ``by`` sees."""
    first = (
        Sample.objects.visible_to(by).filter(dataset=dataset).order_by("pk").values_list("data", flat=True)[:LOOK_AT]
    )
    return sorted({str(key) for data in first for key in data})


def open(campaign: Campaign, *, by: Person) -> Opening:  # the verb of design.md
    """Start the job that opens a campaign, or that adds the samples which came since; a job under way is returned.

    Raises ``Conflict`` (``moved-on``) for a closed campaign.
    """
    under_way = campaign.openings.filter(status__in=["queued", "running"]).first()
    if under_way is not None:
        return under_way
    with act(by, "campaign.open", on=campaign):
        if campaign.status == Campaign.Status.CLOSED:
            raise Conflict("campaign-closed", _("“{name}” is closed for good."), name=campaign.name)
        if campaign.status == Campaign.Status.PAUSED:
            must_move(campaign, Campaign.Status.OPEN)
        opening = Opening.objects.create(campaign=campaign, by=by)
        jobs.later(opening)
    return opening


def pause(campaign: Campaign, *, by: Person) -> Campaign:
    """Offer no more tasks for now; what people hold may still be answered. Raises ``Conflict`` (``moved-on``)."""
    with act(by, "campaign.pause", on=campaign):
        must_move(campaign, Campaign.Status.PAUSED)
    return campaign


def close(campaign: Campaign, *, by: Person) -> Campaign:
    """End a campaign for good; its answers stay. Raises ``Conflict`` (``moved-on``)."""
    with act(by, "campaign.close", on=campaign) as details:
        must_move(campaign, Campaign.Status.CLOSED)
        QueueSlot.objects.filter(campaign=campaign).delete()
        details["answers"] = campaign.annotations.filter(standing=Annotation.Standing.COUNTS).count()
        Task.objects.filter(campaign=campaign, status=Task.Status.OPEN).update(status=Task.Status.CLOSED)
    return campaign
