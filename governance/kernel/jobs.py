"""Background work. The row is the queue, Celery is the doorbell.

A job is a function ``run(request, claim)`` named by the ``JOB`` of a :class:`governance.models.requests.Request` subclass. It is
started in one way only, ``later(row)``, which rings after the caller's transaction has committed. The worker claims the row
(attempt + 1, one UPDATE), works outside any transaction, and finishes in one short transaction that is guarded by its attempt:
a worker that lost its lease can finish nothing. Delivered twice, late, or killed halfway: the same result.
"""

import importlib
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from celery import shared_task
from celery.exceptions import OperationalError
from django.apps import apps
from django.db import close_old_connections, connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from governance.kernel.errors import Conflict, Refusal, Unavailable
from governance.kernel.words import _

log = logging.getLogger("wellhouse.jobs")

LEASE = timedelta(seconds=60)
BEAT_SECONDS = 15
QUEUED_TOO_LONG = timedelta(seconds=30)
SWEEP_LIMIT = 500


class Lost(Conflict):
    """The claim's lease went to somebody else; whatever this worker still does must not count."""


class Claim:
    """A worker's hold on one request row: reports progress, and alone may finish."""

    def __init__(self, row: Any, attempt: int) -> None:
        self.row = row
        self.attempt = attempt
        self._model = type(row)

    def _mine(self) -> Any:
        return self._model._default_manager.filter(pk=self.row.pk, attempt=self.attempt, status="running")

    def progress(self, done: int, total: int | None = None, message: str = "") -> None:
        """Write how far the work is and prolong the lease; raises ``Lost`` when the row is no longer ours."""
        changes: dict[str, object] = {"done": done, "lease_until": timezone.now() + LEASE}
        if total is not None:
            changes["total"] = total
        if message:
            changes["message"] = message
        if not self._mine().update(**changes):
            raise Lost("lease-lost", _("Another worker has taken this over."))
        self.row.done = done

    def prolong(self) -> bool:
        """Prolong the lease without progress; False when the row is no longer ours."""
        return bool(self._mine().update(lease_until=timezone.now() + LEASE))

    @contextmanager
    def finish(self, **changes: object) -> Iterator[None]:
        """One short transaction that holds the effect and the status ``done``; raises ``Lost`` and rolls back when not ours."""
        with transaction.atomic():
            now = timezone.now()
            if not self._mine().update(status="done", finished_at=now, lease_until=None, **changes):
                raise Lost("lease-lost", _("Another worker has taken this over."))
            yield
        self.row.status = "done"
        self.row.finished_at = now
        for name, value in changes.items():
            setattr(self.row, name, value)


def label_of(row: Any) -> str:
    """The model label that the message carries, as ``app.model``."""
    return str(type(row)._meta.label_lower)


def later(row: Any) -> None:
    """Ring for ``row`` once the current transaction has committed. The only way to start a job."""
    label, pk = label_of(row), row.pk
    transaction.on_commit(lambda: ring(label, pk), robust=True)


def ring(label: str, pk: int) -> None:
    """Send the message; a broker that is down costs a delay, since the sweep rings again."""
    apps.get_model(label)._default_manager.filter(pk=pk).update(rung_at=timezone.now())
    try:
        work_message.delay(label, pk)
    except (OperationalError, OSError) as error:
        log.warning("no broker for %s %s (%s); the sweep will ring again", label, pk, error)


@shared_task(name="wellhouse.work", ignore_result=True, acks_late=True, reject_on_worker_lost=True)
def work_message(label: str, pk: int) -> None:
    """What a worker does when the bell rings."""
    work(label, pk)


@shared_task(name="wellhouse.sweep", ignore_result=True)
def sweep_message() -> None:
    """Ring again for what was queued too long or whose worker is gone."""
    sweep()


def request_models() -> list[Any]:
    """Every concrete subclass of Request."""
    return [model for model in apps.get_models() if getattr(model, "JOB", None)]


def waiting(model: Any, now: datetime) -> Any:
    """The rows of ``model`` that somebody should work on now."""
    return model._default_manager.filter(Q(status="queued") | Q(status="running", lease_until__lt=now))


def waiting_or_running(model: Any) -> Any:
    """The rows of ``model`` that are not over yet."""
    return model._default_manager.filter(status__in=("queued", "running"))


def sweep(now: datetime | None = None) -> int:
    """Ring for every row that was queued too long or whose lease ran out; return how many."""
    now = now or timezone.now()
    rung = 0
    for model in request_models():
        # Wait twice as long after each attempt, so that a long queue is not rung in storms.
        stale = waiting(model, now).filter(Q(rung_at=None) | Q(rung_at__lt=now - QUEUED_TOO_LONG))
        for pk in stale.order_by("rung_at").values_list("pk", flat=True)[:SWEEP_LIMIT]:
            ring(str(model._meta.label_lower), pk)
            rung += 1
    return rung


def claim(label: str, pk: int, now: datetime | None = None) -> Claim | None:
    """Take the row in one UPDATE (attempt + 1); None when it is done, held by a live worker, or was tried too often."""
    model: Any = apps.get_model(label)
    now = now or timezone.now()
    taken = waiting(model, now).filter(pk=pk, attempt__lt=model.ATTEMPTS)
    if taken.update(status="running", attempt=F("attempt") + 1, lease_until=now + LEASE, message="", error_code=""):
        row = model._default_manager.get(pk=pk)
        return Claim(row, row.attempt)
    waiting(model, now).filter(pk=pk, attempt__gte=model.ATTEMPTS).update(
        status="failed",
        finished_at=now,
        error_code="tried-too-often",
        message=_("This stopped several times without an answer. Nothing was lost; start it again when you are ready."),
    )
    return None


def function_of(model: Any) -> Callable[[Any, Claim], None]:
    """The function that ``model.JOB`` names; imported now, since it may pull in heavy libraries."""
    module, name = model.JOB.split(":")
    found: Callable[[Any, Claim], None] = getattr(importlib.import_module(module), name)
    return found


def work(label: str, pk: int) -> bool:
    """Claim one row, do its job, write the end; False when there was nothing to claim.

    A ``Refusal`` is an answer: it ends the job as failed with its code and sentence. ``Unavailable`` is cured by time: the row is
    queued again. Anything else is a fault of ours: it is logged with its traceback and ends the job as failed.
    """
    held = claim(label, pk)
    if held is None:
        return False
    stop = threading.Event()
    beat = threading.Thread(target=_heartbeat, args=(held, stop), daemon=True)
    if connection.vendor != "sqlite" or not connection.in_atomic_block:
        beat.start()
    try:
        function_of(type(held.row))(held.row, held)
        held._mine().update(status="done", finished_at=timezone.now(), lease_until=None)
    except Lost:
        log.warning("%s %s went to another worker", label, pk)
    except Unavailable as wait:
        held._mine().update(status="queued", lease_until=None, message=str(wait), error_code=wait.code)
    except Refusal as refusal:
        _fail(held, refusal.code, " ".join(str(reason) for reason in refusal.reasons))
    except Exception:  # the edge of a job: whatever it is, the person who waits must be told
        log.exception("%s %s failed", label, pk)
        _fail(held, "broken", _("Something broke on our side. Nothing was lost; it can be started again."))
    finally:
        stop.set()
        if beat.is_alive():
            beat.join(timeout=5)
    return True


def _fail(held: Claim, code: str, message: str) -> None:
    held._mine().update(status="failed", finished_at=timezone.now(), lease_until=None, error_code=code, message=message)


def _heartbeat(held: Claim, stop: threading.Event) -> None:
    try:
        while not stop.wait(BEAT_SECONDS):
            if not held.prolong():
                return
    finally:
        close_old_connections()
        connection.close()


def work_waiting(limit: int = 100) -> int:
    """Do what waits, in this process; the polling worker and tests use it. Returns how many rows were worked on."""
    count = 0
    for model in request_models():
        pks = list(waiting(model, timezone.now()).order_by("queued_at").values_list("pk", flat=True)[:limit])
        for pk in pks:
            count += work(str(model._meta.label_lower), pk)
    return count


def again(row: Any) -> bool:
    """Queue a failed row once more, from attempt 0, and ring; False when it had not failed."""
    changed = (
        type(row)
        ._default_manager.filter(pk=row.pk, status="failed")
        .update(status="queued", attempt=0, error_code="", message="", finished_at=None, queued_at=timezone.now())
    )
    if changed:
        row.refresh_from_db()
        later(row)
    return bool(changed)
