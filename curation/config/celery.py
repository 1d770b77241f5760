"""The Celery application of the workers. Jobs are rows; the messages only ring (``governance.kernel.jobs``)."""

import gc
import os
import sys
from typing import Any

from celery import Celery
from celery.signals import worker_before_create_process, worker_ready

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
    "governance.communities",  # what a passed vote about roles puts into force
    "annotations.leases",
    "curation.sweeps",
    "curation.versions",  # what a passed vote about a version puts into force
)


@worker_ready.connect
def say_ready(**_: Any) -> None:
    """Tell the supervisor, whatever the log level, that messages are taken from now on."""
    sys.stdout.write("Taking messages: ready.\n")
    sys.stdout.flush()


@worker_before_create_process.connect
def share_memory(**_: Any) -> None:
    """Keep the collector off what the parent has loaded, so that its pages stay shared with the processes."""
    gc.collect()
    gc.freeze()
