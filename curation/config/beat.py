"""The clock: a small Celery application that sends messages by name and loads no Django.

``celery -A curation.config.beat beat --scheduler celery.beat:Scheduler``; exactly one of it runs. The broker is REDIS_URL's,
or the one that CELERY_BROKER_URL names (``curation.supervisor`` sets it for its own).
"""

import os

from celery import Celery

from curation.config.schedule import CELERY_SETTINGS, SCHEDULE

# Celery's Django fixup would load the whole product as soon as DJANGO_SETTINGS_MODULE is set.
app = Celery("wellhouse-beat", broker=os.environ.get("REDIS_URL") or None, fixups=[])
app.conf.update(CELERY_SETTINGS)
# A message that waited longer than until the next one has nothing to say any more.
app.conf.beat_schedule = {
    name: {**entry, "options": {"expires": entry["schedule"]}} for name, entry in SCHEDULE.items()
}
