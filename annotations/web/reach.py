"""From an address to a piece of work, through what the person may see; what they may not see is a 404."""

from typing import TypeVar

from django.http import HttpRequest

from annotations.models import Annotation, Campaign, Flag, Lease
from governance.kernel.errors import Missing
from governance.models import Dataset, Sample
from governance.web.reach import NOT_HERE, person_of

T = TypeVar("T")


def campaign_or_404(request: HttpRequest, public_id: str) -> Campaign:
    """The campaign of that public id, if the person is a member of its community now."""
    seen = Campaign.objects.visible_to(person_of(request)).select_related("dataset__community")
    return _or_404(seen.filter(public_id=public_id).first())


def campaign_of(dataset: Dataset, slug: str) -> Campaign:
    """The campaign of that name in a dataset that was reached already."""
    return _or_404(Campaign.objects.filter(dataset=dataset, slug=slug).select_related("dataset__community").first())


def lease_or_404(request: HttpRequest, public_id: str) -> Lease:
    """One's own lease of that public id, whatever became of it, in a community that one still belongs to."""
    me = person_of(request)
    mine = Lease.objects.filter(annotator=me, campaign__in=Campaign.objects.visible_to(me))
    return _or_404(
        mine.select_related("task__sample__media", "campaign__dataset__community").filter(public_id=public_id).first()
    )


def annotation_or_404(request: HttpRequest, public_id: str) -> Annotation:
    """The annotation of that public id, over a sample that the person may see."""
    me = person_of(request)
    seen = Annotation.objects.filter(sample__in=Sample.objects.visible_to(me))
    return _or_404(seen.select_related("campaign__dataset__community", "sample").filter(public_id=public_id).first())


def flag_or_404(request: HttpRequest, public_id: str) -> Flag:
    """The flag of that public id, over a sample that the person may see."""
    seen = Flag.objects.filter(sample__in=Sample.objects.visible_to(person_of(request)))
    return _or_404(seen.select_related("sample__dataset__community").filter(public_id=public_id).first())


def sample_or_404(request: HttpRequest, dataset: Dataset, uid: str) -> Sample:
    """The sample of that uid in a dataset that was reached already, if the person may see it and it does not rest."""
    seen = Sample.objects.visible_to(person_of(request)).not_held()
    return _or_404(seen.filter(dataset=dataset, uid=uid).select_related("dataset__community", "media").first())


def _or_404(found: T | None) -> T:
    if found is None:
        raise Missing("not-found", NOT_HERE)
    return found
