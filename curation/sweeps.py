"""What runs by the clock on the top floor; beat sends these by name."""

from celery import shared_task


@shared_task(name="wellhouse.close_pulls", ignore_result=True)
def close_pulls() -> None:
    """Close the pulls that were idle for 15 minutes (replaced by the delivery slice)."""
