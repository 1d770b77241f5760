"""The clock: a small Celery application that sends messages by name and loads no Django.

``python -m curation.config.beat``; exactly one of it runs. The broker is REDIS_URL's, or the one that CELERY_BROKER_URL
names (``curation.supervisor`` sets it for its own). It keeps no file: every entry is due at its interval from the start on.
"""

import logging
import os
import signal

from celery import Celery
from celery.beat import Scheduler, Service

from curation.config.schedule import CELERY_SETTINGS, SCHEDULE

# Celery's Django fixup would load the whole product as soon as DJANGO_SETTINGS_MODULE is set.
app = Celery(
    "wellhouse-beat", broker=os.environ.get("CELERY_BROKER_URL") or os.environ.get("REDIS_URL") or None, fixups=[]
)
app.conf.update(CELERY_SETTINGS)
# A message that waited longer than until the next one has nothing to say any more.
app.conf.beat_schedule = {
    name: {**entry, "options": {"expires": entry["schedule"]}} for name, entry in SCHEDULE.items()
}


def main() -> None:
    """Send by the clock until told to stop; without Celery's command line, which would cost another 10 MB."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    service = Service(app, scheduler_cls=Scheduler)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: service.stop())
    service.start()


if __name__ == "__main__":
    main()
