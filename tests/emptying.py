"""Empty the tables between transactional tests, although the log refuses it.

The product never deletes a line of the log, and the database sees to it. A test database is emptied all the same: on
PostgreSQL the session says so (the trigger believes it in a test database only), on SQLite the triggers are taken
away and put back.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.test import TransactionTestCase


@contextmanager
def emptying_allowed() -> Iterator[None]:
    """Let DELETE (SQLite) and TRUNCATE (PostgreSQL) pass on the log's tables."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET app.purge = 'on'")
            yield
            connection.ensure_connection()
            connection.cursor().execute("RESET app.purge")
            return
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = cursor.fetchall()
        for name, _sql in triggers:
            cursor.execute(f'DROP TRIGGER "{name}"')
        try:
            yield
        finally:
            for _name, sql in triggers:
                connection.cursor().execute(sql)


def allow_emptying() -> None:
    """Make every transactional test end like this; called once, when the tests begin."""
    empty = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]  # Django's own hook

    def teardown(case: TransactionTestCase) -> None:
        with emptying_allowed():
            empty(case)

    TransactionTestCase._fixture_teardown = teardown  # type: ignore[attr-defined]
