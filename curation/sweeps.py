"""What runs by the clock on the top floor; beat sends it by name."""

from celery import shared_task

from curation import deliveries, erasures, notices, pulls, successions, takedowns
from curation.models import Version
from governance.models import Hold


@shared_task(name="wellhouse.close_pulls", ignore_result=True)
def close_pulls() -> None:
    """Close the pulls that were idle for 15 minutes, and write tombstones for versions that were taken back."""
    pulls.close_idle()
    bury_all()


@shared_task(name="wellhouse.follow_withdrawals", ignore_result=True)
def follow_withdrawals() -> None:
    """What follows a withdrawal and was missed or is due: who is still to be told, and which version is still to come."""
    notices.tell_latecomers()
    deliveries.retry()
    deliveries.remind()
    erasures.start_due()
    successions.catch_up()


def bury_all() -> int:
    """Write tombstones where somebody took words back; return how many. Pulls were refused before, by reading."""
    where = Hold.objects.filter(kind=Hold.Kind.WITHDRAWAL).values("community")
    published = Version.objects.filter(status=Version.Status.PUBLISHED, dataset__community__in=where)
    return sum(takedowns.bury(version) for version in published.select_related("dataset__community").order_by("pk"))
