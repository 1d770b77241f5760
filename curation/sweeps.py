"""What runs by the clock on the top floor; beat sends it by name."""

from celery import shared_task

from curation import pulls, takedowns
from curation.models import Version
from governance.models import Hold


@shared_task(name="wellhouse.close_pulls", ignore_result=True)
def close_pulls() -> None:
    """Close the pulls that were idle for 15 minutes, and write tombstones for versions that were taken back."""
    pulls.close_idle()
    bury_all()


def bury_all() -> int:
    """Write tombstones where somebody took words back; return how many. Pulls were refused before, by reading."""
    where = Hold.objects.filter(kind=Hold.Kind.WITHDRAWAL).values("community")
    published = Version.objects.filter(status=Version.Status.PUBLISHED, dataset__community__in=where)
    return sum(takedowns.bury(version) for version in published.select_related("dataset__community").order_by("pk"))
