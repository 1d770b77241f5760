"""The order of the queue on PostgreSQL comes from a sequence: a number is never given twice, even after its row is gone.

SQLite has one writer and takes the number after every slot and every mark instead (``annotations.queue``).
"""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def forward(apps: Apps, schema: BaseDatabaseSchemaEditor) -> None:
    """Make the sequence, and let the queue's rows be rewritten in place."""
    if schema.connection.vendor == "postgresql":
        schema.execute("CREATE SEQUENCE annotations_queue_seq")
        schema.execute(
            "ALTER TABLE annotations_queueslot SET (fillfactor=70, autovacuum_vacuum_scale_factor=0.01, "
            "autovacuum_vacuum_threshold=500, autovacuum_vacuum_cost_delay=0)"
        )


def backward(apps: Apps, schema: BaseDatabaseSchemaEditor) -> None:
    """Drop the sequence and the table's settings."""
    if schema.connection.vendor == "postgresql":
        schema.execute("DROP SEQUENCE annotations_queue_seq")
        schema.execute(
            "ALTER TABLE annotations_queueslot RESET (fillfactor, autovacuum_vacuum_scale_factor, "
            "autovacuum_vacuum_threshold, autovacuum_vacuum_cost_delay)"
        )


class Migration(migrations.Migration):
    dependencies = [("annotations", "0002_d_lease_ends")]

    operations = [migrations.RunPython(forward, backward)]
