"""Do what waits, by looking into the database: the worker of a machine without a broker.

The rows are the queue (``governance.kernel.jobs``), so nothing needs to ring. It also does what beat would send by the clock.
"""

import signal
import threading
import time
from typing import Any

from celery import current_app
from django.core.management.base import BaseCommand, CommandParser
from django.db import close_old_connections

from governance.kernel import jobs

PAUSE_SECONDS = 0.5
SWEEP = "wellhouse.sweep"  # rings for rows that wait; here nobody needs the bell


class Command(BaseCommand):
    """Work until told to stop, or until nothing waits."""

    help = "Do the jobs that wait in the database, without a broker; --poll goes on until it is stopped."

    def add_arguments(self, parser: CommandParser) -> None:
        """Say how long to go on."""
        parser.add_argument("--poll", action="store_true", help="go on until Ctrl-C or SIGTERM")

    def handle(self, *args: Any, poll: bool, **options: Any) -> None:
        """Work."""
        if not poll:
            while jobs.work_waiting():
                pass
            return
        stopping = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stopping.set())
        current_app.loader.import_default_modules()
        clock = Clock()
        self.stdout.write("Looking for work in the database: ready.")
        self.stdout.flush()
        while not stopping.is_set():
            close_old_connections()
            clock.tick()
            if not jobs.work_waiting(limit=1):
                stopping.wait(PAUSE_SECONDS)


class Clock:
    """Does by the clock what beat would send."""

    def __init__(self) -> None:
        entries = current_app.conf.beat_schedule.values()
        self.entries = [(entry["task"], float(entry["schedule"])) for entry in entries if entry["task"] != SWEEP]
        self.due = dict.fromkeys((name for name, _ in self.entries), time.monotonic())

    def tick(self) -> None:
        """Run every entry whose time has come, once."""
        for name, seconds in self.entries:
            if time.monotonic() >= self.due[name]:
                self.due[name] = time.monotonic() + seconds
                current_app.tasks[name].apply(throw=False)
