"""Marks: whether anything that decides about a community's data changed since a moment, without reading it again.

Every change writes its line in the log in its own transaction (``governance.acts``), so the lines since a mark tell of every
change since then. A mark is not the newest number alone: on PostgreSQL a transaction that began early can commit late, with a
number below the newest. So it also holds the horizon, below which nothing is under way any more, and how many lines at or
above that horizon were there already; one more of them, whatever its number, and the mark is stale. Numbers are compared as
well, because transactions of a restored database start anew. On SQLite there is one writer, and numbers are enough.

Take the mark *before* reading what it stands for: what comes between makes it stale, never wrong.
"""

from dataclasses import asdict, dataclass

from django.db import connection

from governance.models import Community

QUIET = ("annotation.", "campaign.", "check.", "pull.")
"""Beginnings of verbs that change nothing a decision looks at, and that are frequent; every other verb makes marks stale."""
FAR = 1000


@dataclass(frozen=True)
class Mark:
    """Where the log stood: the newest number, the horizon (empty on SQLite), and the lines there were at or above both."""

    newest: int
    horizon: str
    lines: int

    def to_json(self) -> dict[str, object]:
        """As it is stored beside what it stands for."""
        return asdict(self)


def take(community: Community) -> Mark:
    """Return the mark of this moment."""
    with connection.cursor() as cursor:
        horizon = ", pg_snapshot_xmin(pg_current_snapshot())::text" if _has_horizon() else ", ''"
        cursor.execute(f"SELECT coalesce(max(id), 0){horizon} FROM governance_event")  # noqa: S608  # constants only
        newest, at = cursor.fetchone()
    return Mark(newest, at, _lines(community, newest, at))


def is_fresh(mark: Mark, community: Community) -> bool:
    """Say whether nothing that decides was written since ``mark`` was taken."""
    return _lines(community, mark.newest, mark.horizon) == mark.lines


def is_far(mark: Mark, now: Mark) -> bool:
    """Say whether so much was written since that asking about ``mark`` begins to cost; then ``now`` takes its place."""
    return now.newest - mark.newest > FAR


def _lines(community: Community, newest: int, horizon: str) -> int:
    """How many lines of ``community`` that are not quiet stand above ``newest`` or at or above ``horizon``."""
    if _has_horizon() and not horizon:
        return -1  # taken on SQLite, and moved here since: never fresh
    # The plus keeps SQLite from walking all lines of the community instead of the few new ones.
    where, since = ("community", "(id > %s OR tx >= %s::xid8)") if _has_horizon() else ("+community", "id > %s")
    loud = " AND ".join("verb NOT LIKE %s" for _ in QUIET)
    values: list[str | int] = [
        community.public_id,
        newest,
        *([horizon] if _has_horizon() else []),
        *(f"{one}%" for one in QUIET),
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM governance_event WHERE {where} = %s AND {since} AND {loud}", values)  # noqa: S608  # constants only
        return int(cursor.fetchone()[0])


def _has_horizon() -> bool:
    return connection.vendor == "postgresql"
