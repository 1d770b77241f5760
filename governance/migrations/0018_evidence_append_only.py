"""Evidence and notices can be added, and neither changed nor taken away: the database refuses it, as for the log.

The trigger function of PostgreSQL is that of migration 0004; a test database may be emptied between tests there too.
"""

from django.db import migrations

TABLES = ("governance_evidence", "governance_consentnotice")
ROW = "FOR EACH ROW EXECUTE FUNCTION wellhouse_append_only()"
STATEMENT = "FOR EACH STATEMENT EXECUTE FUNCTION wellhouse_append_only()"
FORWARDS = {
    "postgresql": (
        *(f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} {ROW}" for table in TABLES),
        *(f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} {STATEMENT}" for table in TABLES),
    ),
    "sqlite": tuple(
        f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {verb} is refused'); END"
        for table in TABLES
        for verb in ("update", "delete")
    ),
}
BACKWARDS = {
    "postgresql": tuple(f"DROP TRIGGER {t}_{name} ON {t}" for t in TABLES for name in ("append_only", "no_truncate")),
    "sqlite": tuple(f"DROP TRIGGER {t}_no_{verb}" for t in TABLES for verb in ("update", "delete")),
}


def forwards(apps, schema_editor):
    for statement in FORWARDS[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def backwards(apps, schema_editor):
    for statement in BACKWARDS[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):
    dependencies = [("governance", "0017_consent_whole")]

    operations = [migrations.RunPython(forwards, backwards)]
