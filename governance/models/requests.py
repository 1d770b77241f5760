"""A request: a row that *is* the queue entry of a background job.

Celery only rings the doorbell. What is to be done, how far it is and who holds it stand in the row, so a lost message is a
delay and never a loss, and a job that is delivered twice does its work once (``governance.kernel.jobs``).
"""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from governance.kernel.moves import Moves


class Request(models.Model):
    """What every job row has; subclasses name the function that does the work in ``JOB`` (``"module:function"``)."""

    JOB: ClassVar[str]
    ATTEMPTS: ClassVar[int] = 5

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    MOVES: ClassVar[Moves] = {
        "queued": frozenset({"running", "failed"}),
        "running": frozenset({"running", "queued", "done", "failed"}),
        "failed": frozenset({"queued"}),
    }

    status = models.CharField(max_length=12, choices=Status.choices, default=Status.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    rung_at = models.DateTimeField(null=True, blank=True)
    queued_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(null=True, blank=True)
    message = models.TextField(blank=True, default="")
    error_code = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        abstract = True
        indexes = [models.Index(fields=["status", "rung_at"], name="%(app_label)s_%(class)s_ring")]

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.status in {self.Status.DONE, self.Status.FAILED}

    @property
    def share(self) -> float | None:
        """How far it is, 0..1; None while the total is unknown."""
        return min(1.0, self.done / self.total) if self.total else None
