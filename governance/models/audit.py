"""The log: events, appended in the transaction of the change they tell of, and the tree that seals them.

None of these rows is ever updated or deleted (a witness may end): triggers in the database refuse it. On PostgreSQL an event also
carries ``tx`` (its transaction id), added by that migration, since order there is settled by a horizon and not by id.
"""

from django.db import models
from django.utils import timezone

from governance.models.people import Community, new_id


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

    class Meta:
        indexes = [models.Index(fields=["hash"], name="leaf_hash")]


class Node(models.Model):
    """An inner node of the tree, kept at every eighth level so that a proof reads few rows; never trusted when it is verified."""

    height = models.PositiveSmallIntegerField()
    index = models.BigIntegerField()
    hash = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["height", "index"], name="one_node_per_place")]


class Checkpoint(models.Model):
    """A signed statement of the tree's size and root (C2SP signed-note form)."""

    size = models.BigIntegerField(unique=True)
    root = models.CharField(max_length=64)
    note = models.TextField()
    # Where the tree goes on: [level, hash in hex] of its complete parts. Never trusted when it is verified.
    frontier = models.JSONField(default=list)
    at = models.DateTimeField(default=timezone.now)


class Witness(models.Model):
    """Somebody outside who vouches that the log only grows: named by a keeper, known by a key that only they hold."""

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="witnesses")
    # The name and the key as the witness gave them (C2SP verifier key, algorithm 4).
    name = models.CharField(max_length=200)
    vkey = models.CharField(max_length=400)
    added_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "witnesses"
        constraints = [
            models.UniqueConstraint(
                fields=["community", "name"], condition=models.Q(ended_at=None), name="one_current_witness_per_name"
            )
        ]


class Cosignature(models.Model):
    """A witness's word that it saw the tree at this size: kept whole, apart from our checkpoint, so that it outlives it."""

    witness = models.ForeignKey(Witness, on_delete=models.PROTECT, related_name="cosignatures")
    size = models.BigIntegerField()
    root = models.CharField(max_length=64)
    # The checkpoint with the log's line and this witness's.
    note = models.TextField()
    # The moment that the witness signed.
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["witness", "size"], name="one_cosignature_per_size")]
