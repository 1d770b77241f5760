"""From an address to a version, a run or a finding, through what the person may see; what they may not see is a 404."""

from typing import TypeVar

from django.http import HttpRequest

from curation.models import CheckRun, Finding, Version
from governance.kernel.errors import Missing
from governance.models import Dataset, Person, Sample
from governance.web.reach import NOT_HERE, person_of

T = TypeVar("T")
IDS_AT_ONCE = 500


def version_of(dataset: Dataset, number: int) -> Version:
    """The version of that number in a dataset that was reached already."""
    found = dataset.versions.select_related(
        "dataset__community", "proposed_by", "proposal__community", "policy", "campaign"
    )
    return _or_404(found.filter(number=number).first())


def finding_of(dataset: Dataset, public_id: str) -> Finding:
    """The finding of that public id in a dataset that was reached already."""
    found = Finding.objects.filter(run__dataset=dataset).select_related(
        "run__dataset__community", "run__version__proposal"
    )
    return _or_404(found.filter(public_id=public_id).first())


def version_or_404(request: HttpRequest, public_id: str) -> Version:
    """The version of that public id, if the person is a member of its community now."""
    seen = Version.objects.filter(dataset__in=Dataset.objects.visible_to(person_of(request)))
    return _or_404(
        seen.select_related("dataset__community", "proposed_by", "proposal__community")
        .filter(public_id=public_id)
        .first()
    )


def run_or_404(request: HttpRequest, public_id: str) -> CheckRun:
    """The check run of that public id, if the person is a member of its community now."""
    seen = CheckRun.objects.filter(dataset__in=Dataset.objects.visible_to(person_of(request)))
    return _or_404(seen.select_related("dataset__community", "version").filter(public_id=public_id).first())


def finding_or_404(request: HttpRequest, public_id: str) -> Finding:
    """The finding of that public id, if the person is a member of its community now."""
    seen = Finding.objects.filter(run__dataset__in=Dataset.objects.visible_to(person_of(request)))
    return _or_404(
        seen.select_related("run__dataset__community", "run__version__proposal").filter(public_id=public_id).first()
    )


def shown_to(found: Finding, person: Person) -> Finding:
    """The finding as ``person`` may read it: without the rows of evidence that name a sample which is not for them."""
    named = sorted({str(uid) for row in found.evidence for uid in row["ids"]})
    hidden: set[str] = set()
    for start in range(0, len(named), IDS_AT_ONCE):
        some = Sample.objects.filter(dataset=found.run.dataset_id, uid__in=named[start : start + IDS_AT_ONCE])
        seen = Sample.objects.visible_to(person).filter(pk__in=some.values("pk"))
        hidden |= set(some.exclude(pk__in=seen.values("pk")).values_list("uid", flat=True))
    found.evidence = [row for row in found.evidence if hidden.isdisjoint(map(str, row["ids"]))]
    return found


def _or_404(found: T | None) -> T:
    if found is None:
        raise Missing("not-found", NOT_HERE)
    return found
