"""The log: events, appended in the transaction of the change they tell of, and the tree that seals them.

Neither table is ever updated or deleted from: triggers in the database refuse it (migration 0002). On PostgreSQL an event also
carries ``tx`` (its transaction id), added by that migration, since order there is settled by a horizon and not by id.
"""

from django.db import models
from django.utils import timezone


class Event(models.Model):
    """One thing that happened: canonical JSON and its SHA-256. Position and order come from sealing."""

    at = models.DateTimeField(default=timezone.now)
    actor = models.CharField(max_length=64)
    verb = models.CharField(max_length=48)
    object_kind = models.CharField(max_length=32)
    object_id = models.CharField(max_length=64)
    # The community that may read it, by public id; empty for what concerns the house alone. No foreign key: rows never change.
    community = models.CharField(max_length=32, blank=True, default="", db_index=True)
    # RFC 8785 text over all of the above and the details.
    body = models.TextField()
    hash = models.CharField(max_length=64)

    class Meta:
        indexes = [models.Index(fields=["object_kind", "object_id"], name="event_object")]


class Leaf(models.Model):
    """The place of an event in the RFC 9162 tree."""

    index = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="leaf")
    # The RFC 9162 leaf hash of the event's body as it was sealed, in hex.
    hash = models.CharField(max_length=64, default="")


class Checkpoint(models.Model):
    """A signed statement of the tree's size and root (C2SP signed-note form)."""

    size = models.BigIntegerField(unique=True)
    root = models.CharField(max_length=64)
    note = models.TextField()
    # Where the tree goes on: [level, hash in hex] of its complete parts. Never trusted when it is verified.
    frontier = models.JSONField(default=list)
    at = models.DateTimeField(default=timezone.now)
