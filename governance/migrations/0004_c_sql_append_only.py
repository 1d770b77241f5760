"""The log, the rules and what people said about consent: rows can be added, and neither changed nor taken away.

PostgreSQL: a trigger function that refuses UPDATE, DELETE and TRUNCATE, and the column ``tx`` (the id of the writing transaction),
by which sealing knows what can no longer be overtaken. A test database may be emptied between tests: TRUNCATE passes there, and only
there, when the session says so. SQLite: triggers for UPDATE and DELETE; INSERT OR REPLACE is caught because the connection sets
``recursive_triggers``.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

TABLES = (
    "governance_event",
    "governance_leaf",
    "governance_checkpoint",
    "governance_policyrevision",
    "governance_consentevent",
)

ROW = "FOR EACH ROW EXECUTE FUNCTION wellhouse_append_only()"
STATEMENT = "FOR EACH STATEMENT EXECUTE FUNCTION wellhouse_append_only()"

POSTGRESQL = (
    """
    CREATE FUNCTION wellhouse_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'TRUNCATE' AND current_database() LIKE 'test\\_%' AND current_setting('app.purge', true) = 'on' THEN
        RETURN NULL;
      END IF;
      RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
    END $$
    """,
    *(f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} {ROW}" for table in TABLES),
    *(f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} {STATEMENT}" for table in TABLES),
    "ALTER TABLE governance_event ADD COLUMN tx xid8 NOT NULL DEFAULT pg_current_xact_id()",
    "CREATE INDEX governance_event_tx ON governance_event (tx, id)",
)
UNDO_POSTGRESQL = (
    "DROP INDEX governance_event_tx",
    "ALTER TABLE governance_event DROP COLUMN tx",
    *(f"DROP TRIGGER {table}_{name} ON {table}" for table in TABLES for name in ("append_only", "no_truncate")),
    "DROP FUNCTION wellhouse_append_only()",
)
SQLITE = tuple(
    f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} "
    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {verb} is refused'); END"
    for table in TABLES
    for verb in ("update", "delete")
)
UNDO_SQLITE = tuple(f"DROP TRIGGER {table}_no_{verb}" for table in TABLES for verb in ("update", "delete"))


class AppendOnly(Operation):
    """Install what the vendor of the database needs; the models do not change."""

    reversible = True

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change no model."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Install the triggers."""
        _run(schema_editor, {"postgresql": POSTGRESQL, "sqlite": SQLITE})

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        """Take them away again."""
        _run(schema_editor, {"postgresql": UNDO_POSTGRESQL, "sqlite": UNDO_SQLITE})

    def describe(self) -> str:
        """Say what this does."""
        return "Refuse UPDATE, DELETE and TRUNCATE on the log, on policy revisions and on consent events"


def _run(schema_editor: BaseDatabaseSchemaEditor, statements: dict[str, tuple[str, ...]]) -> None:
    for statement in statements[schema_editor.connection.vendor]:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("governance", "0003_c_log_hashes")]

    operations = [AppendOnly()]
