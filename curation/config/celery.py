"""The Celery application of the workers. Jobs are rows; the messages only ring (``governance.kernel.jobs``)."""

import gc
import os
import signal
import sys
from typing import Any

from celery import Celery
from celery.signals import worker_before_create_process, worker_process_init, worker_ready

from curation.config.schedule import SCHEDULE
from curation.supervisor import die_with_parent

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


_worker = 0  # the process that makes the others


@worker_before_create_process.connect
def share_memory(**_: Any) -> None:
    """Keep the collector off what the parent has loaded, so that its pages stay shared with the processes."""
    global _worker
    _worker = os.getpid()
    gc.collect()
    gc.freeze()


@worker_process_init.connect
def end_with_the_worker(**_: Any) -> None:
    """Let the kernel end a process whose worker was killed: nobody could give it work or stop it."""
    if before := die_with_parent():
        before()
        if os.getppid() != _worker:  # it was killed before we could ask
            os.kill(os.getpid(), signal.SIGKILL)
