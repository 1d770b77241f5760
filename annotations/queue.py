"""The queue of a campaign: one narrow row for each task that still wants people, with the slots that are left.

One statement takes a slot and writes the lease. Nothing is counted, so nothing can be given out beyond its overlap. On PostgreSQL
claimers step around each other's locks (SKIP LOCKED); on SQLite the same statements run inside BEGIN IMMEDIATE. So that somebody
who has done a hundred thousand tasks need not step over them again, each annotator has a *low-water mark* in each class: no row
up to it is unseen. The mark ignores locks, holds and visibility, which pass; those are asked at each claim
(docs/decisions, platform measurements section 6).

There are two classes: what came back (99) is offered before what is new (0). A row that comes back gets a new number, which lies
beyond every mark.
"""

from datetime import UTC, date, datetime
from functools import cache

from django.db import connection
from django.db.models import F

from annotations.models import Campaign, Lease, QueueMark, QueueSlot
from governance.models import Contribution, Person, Sample, new_id
from governance.models.holdings import SampleQuerySet
from governance.models.protocols import day_code

RETURNED, NEW = 99, 0
CLASSES = (RETURNED, NEW)

Param = int | str | date | None

_UNSEEN = """
    FROM annotations_queueslot q JOIN annotations_task t ON t.id = q.task_id
   WHERE q.campaign_id = %s AND q.prio = {prio}
     AND q.seq > COALESCE((SELECT k.seq FROM annotations_queuemark k
                            WHERE k.campaign_id = %s AND k.annotator_id = %s AND k.prio = {prio}), 0)
     AND NOT EXISTS (SELECT 1 FROM annotations_lease a
                      WHERE a.task_id = q.task_id AND a.annotator_id = %s AND a.state < 3)
"""

_CLAIM = """
WITH pick AS (
  SELECT p.task_id, p.slots FROM unnest(%s::smallint[]) WITH ORDINALITY c(prio, place)
  CROSS JOIN LATERAL (
    SELECT q.task_id, q.slots {unseen} AND EXISTS ({offerable})
    ORDER BY q.seq LIMIT 1 FOR UPDATE OF q SKIP LOCKED) p LIMIT 1),
gone AS (DELETE FROM annotations_queueslot q USING pick WHERE q.task_id = pick.task_id AND pick.slots = 1),
less AS (UPDATE annotations_queueslot q SET slots = q.slots - 1 FROM pick WHERE q.task_id = pick.task_id AND pick.slots > 1)
INSERT INTO annotations_lease (public_id, campaign_id, task_id, annotator_id, state, lease_until, created_at, skip_reason)
SELECT %s, %s, task_id, %s, 0, %s, %s, '' FROM pick RETURNING id
"""

_PUT_BACK = """
INSERT INTO annotations_queueslot (task_id, campaign_id, prio, seq, slots) VALUES (%s, %s, %s, {seq}, %s)
ON CONFLICT (task_id) DO UPDATE
SET slots = annotations_queueslot.slots + excluded.slots, prio = excluded.prio, seq = excluded.seq
"""

_SET_MARK = """
INSERT INTO annotations_queuemark (campaign_id, annotator_id, prio, seq) VALUES (%s, %s, %s, %s)
ON CONFLICT (campaign_id, annotator_id, prio) DO UPDATE SET seq = excluded.seq WHERE annotations_queuemark.seq < excluded.seq
"""


_ANYBODY, _ANY_TIME = -1, datetime(1970, 1, 1, tzinfo=UTC)
"""Stand in for the person and the moment in the statement that is compiled once."""


def offerable(person: Person, at: datetime | None = None) -> SampleQuerySet:
    """The samples that ``person`` may be asked about: seen by them, not resting, not with their own voice in it."""
    seen: SampleQuerySet = Sample.objects.visible_to(person, at).not_held().exclude(contributor__person=person)
    heard = Contribution.objects.filter(contributor__person=person).values("sample")
    return seen.exclude(pk__in=heard)


@cache
def _offerable_sql(vendor: str) -> tuple[str, tuple[Param, ...]]:
    """The SQL of :func:`offerable` with its parameters, for nobody at no time: to write it anew costs more than to run it."""
    query = (
        offerable(Person(pk=_ANYBODY), _ANY_TIME).extra(where=["governance_sample.id = t.sample_id"]).values("pk").query
    )
    sql, params = query.sql_with_params()
    return sql, tuple(params)


def _offerable_to(person: Person, now: datetime) -> tuple[str, list[Param]]:
    sql, params = _offerable_sql(connection.vendor)
    adapt = connection.ops.adapt_datetimefield_value
    actual: dict[Param, Param] = {
        _ANYBODY: person.pk,
        adapt(_ANY_TIME): adapt(now),
        # A season that comes every year is asked by the day; a number, where every other number is the person's.
        day_code(_ANY_TIME): day_code(now),
    }
    return sql, [p if isinstance(p, bool) else actual.get(p, p) for p in params]


def may_offer(task_id: int, person: Person, now: datetime) -> bool:
    """Whether the sample of a task may be shown to ``person`` at ``now``."""
    offer_sql, offer_params = _offerable_to(person, now)
    sql = f"SELECT 1 FROM annotations_task t WHERE t.id = %s AND EXISTS ({offer_sql})"  # noqa: S608  # our own text, compiled
    with connection.cursor() as cursor:
        cursor.execute(sql, [task_id, *offer_params])
        return cursor.fetchone() is not None


def take(campaign: Campaign, person: Person, *, now: datetime, until: datetime) -> Lease | None:
    """Take one slot and write its lease, in the caller's transaction; None when nothing is there for this person.

    Raises ``IntegrityError`` when the same person takes from two tabs at once.
    """
    offer_sql, offer_params = _offerable_to(person, now)
    mine = (campaign.pk, campaign.pk, person.pk, person.pk)
    if connection.vendor == "postgresql":
        sql = _CLAIM.format(unseen=_UNSEEN.format(prio="c.prio"), offerable=offer_sql)
        row = (new_id(), campaign.pk, person.pk, until, now)
        with connection.cursor() as cursor:
            cursor.execute(sql, [list(CLASSES), *mine, *offer_params, *row])
            found = cursor.fetchone()
        return _with_sample(found[0]) if found else None
    for prio in CLASSES:
        sql = f"SELECT q.task_id {_UNSEEN.format(prio=prio)} AND EXISTS ({offer_sql}) ORDER BY q.seq LIMIT 1"
        with connection.cursor() as cursor:
            cursor.execute(sql, [*mine, *offer_params])
            found = cursor.fetchone()
        if found and take_slot(found[0]):
            made = Lease.objects.create(
                campaign=campaign, task_id=found[0], annotator=person, lease_until=until, created_at=now
            )
            return _with_sample(made.pk)
    return None


def _with_sample(pk: int) -> Lease:
    return Lease.objects.select_related("task__sample__media", "campaign__dataset__community").get(pk=pk)


def take_slot(task_id: int) -> bool:
    """Take one slot of one task, if any is left; the row goes with its last."""
    slots = QueueSlot.objects.filter(task_id=task_id)
    if slots.filter(slots__gt=1).update(slots=F("slots") - 1):
        return True
    return bool(slots.filter(slots=1).delete()[0])


def put_back(campaign_id: int, task_id: int, slots: int = 1) -> None:
    """Return slots to the queue, before what is new and beyond every mark; in the caller's transaction."""
    lock(campaign_id)
    seq, params = _next_seq(campaign_id, RETURNED)
    with connection.cursor() as cursor:
        cursor.execute(_PUT_BACK.format(seq=seq), [task_id, campaign_id, RETURNED, *params, slots])


def lock(campaign_id: int) -> None:
    """Let one transaction at a time number rows of a campaign, so that numbers are committed in order.

    SQLite has one writer and needs no lock.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('annotations.queue'), %s)", [campaign_id % 2**31])


def _next_seq(campaign_id: int, prio: int) -> tuple[str, list[int]]:
    if connection.vendor == "postgresql":
        return "nextval('annotations_queue_seq')", []
    return "%s", [last_seq(campaign_id, prio) + 1]


def last_seq(campaign_id: int, prio: int) -> int:
    """The highest number that any row or mark of a class has had and that still matters (SQLite)."""
    rows = QueueSlot.objects.filter(campaign_id=campaign_id, prio=prio).order_by("-seq").values_list("seq", flat=True)
    marks = QueueMark.objects.filter(campaign_id=campaign_id, prio=prio).order_by("-seq").values_list("seq", flat=True)
    return max(rows.first() or 0, marks.first() or 0)


def advance(campaign: Campaign, person: Person) -> None:
    """Move the person's marks up to the first row that they have not seen, in each class."""
    mine = [campaign.pk, campaign.pk, person.pk, person.pk]
    for prio in CLASSES:
        first = f"SELECT q.seq - 1 {_UNSEEN.format(prio=prio)} ORDER BY q.seq LIMIT 1"
        last = "SELECT q.seq FROM annotations_queueslot q WHERE q.campaign_id = %s AND q.prio = %s ORDER BY q.seq DESC LIMIT 1"
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT COALESCE(({first}), ({last}), 0)", [*mine, campaign.pk, prio])
            (seq,) = cursor.fetchone()
            cursor.execute(_SET_MARK, [campaign.pk, person.pk, prio, seq])


def drop_marks(campaign: Campaign, person: Person) -> bool:
    """Forget the person's marks; say whether there were any."""
    return bool(QueueMark.objects.filter(campaign=campaign, annotator=person).delete()[0])
