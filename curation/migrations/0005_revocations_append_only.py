"""Entries of the revocation list can be added, and neither changed nor taken away: the database refuses it, as for the log.

The trigger function of PostgreSQL is that of governance's migration 0004; a test database may be emptied between tests there too.
"""

from django.db import migrations

TABLE = "curation_revocationentry"
ROW = "FOR EACH ROW EXECUTE FUNCTION wellhouse_append_only()"
STATEMENT = "FOR EACH STATEMENT EXECUTE FUNCTION wellhouse_append_only()"
FORWARDS = {
    "postgresql": (
        f"CREATE TRIGGER {TABLE}_append_only BEFORE UPDATE OR DELETE ON {TABLE} {ROW}",
        f"CREATE TRIGGER {TABLE}_no_truncate BEFORE TRUNCATE ON {TABLE} {STATEMENT}",
    ),
    "sqlite": tuple(
        f"CREATE TRIGGER {TABLE}_no_{verb} BEFORE {verb} ON {TABLE} "
        f"BEGIN SELECT RAISE(ABORT, '{TABLE} is append-only: {verb} is refused'); END"
        for verb in ("update", "delete")
    ),
}
BACKWARDS = {
    "postgresql": tuple(f"DROP TRIGGER {TABLE}_{name} ON {TABLE}" for name in ("append_only", "no_truncate")),
    "sqlite": tuple(f"DROP TRIGGER {TABLE}_no_{verb}" for verb in ("update", "delete")),
}


def forwards(apps, schema_editor):
    for statement in FORWARDS[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def backwards(apps, schema_editor):
    for statement in BACKWARDS[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("curation", "0004_revocations"), ("governance", "0004_c_sql_append_only")]

    operations = [migrations.RunPython(forwards, backwards)]
