"""The Celery application of the workers. Jobs are rows; the messages only ring (``governance.kernel.jobs``)."""

import os

from celery import Celery

from curation.config.schedule import SCHEDULE

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "curation.config.settings")

app = Celery("wellhouse")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.beat_schedule = SCHEDULE
# The modules that define messages; light ones, since the web process loads them too.
app.conf.imports = (
    "governance.kernel.jobs",
    "governance.log",
    "governance.votes",
    "annotations.leases",
    "curation.sweeps",
)
