"""The job that opens a campaign: label-studio-sdk tries the config, then every sample becomes a task with its slots.

It goes through the samples in the order of their rows, a chunk a transaction, and remembers the last one, so a second attempt goes
on where the first stopped. Samples that already are tasks are left alone.
"""

import time

from django.db import connection, transaction
from django.db.models import Max

from annotations import labelstudio, queue
from annotations.models import Campaign, Opening, Task
from governance.acts import record
from governance.kernel.jobs import Claim
from governance.kernel.moves import move
from governance.models import Sample
from governance.roles import Machine

CHUNK = 2000
# A bulk writer starves others on SQLite unless it pauses (platform measurements, section 5).
PAUSE_SECONDS = 0.02

_TASKS = """
INSERT INTO annotations_task (campaign_id, sample_id, status, answers)
SELECT %s, s.id, 'open', 0 FROM governance_sample s
 WHERE s.dataset_id = %s AND s.id > %s AND s.id <= %s ORDER BY s.id
ON CONFLICT (campaign_id, sample_id) DO NOTHING
"""
_SLOTS = """
INSERT INTO annotations_queueslot (task_id, campaign_id, prio, seq, slots)
SELECT n.id, %s, 0, {seq}, %s
  FROM (SELECT t.id, row_number() OVER (ORDER BY t.sample_id) AS place FROM annotations_task t
         WHERE t.campaign_id = %s AND t.sample_id > %s AND t.sample_id <= %s AND t.id > %s ORDER BY t.sample_id) n
"""


def run(row: Opening, claim: Claim) -> None:
    """Open the campaign of ``row`` or add what came since; ``Invalid`` when label-studio-sdk refuses the config."""
    campaign = row.campaign
    labelstudio.check(campaign.config)
    samples = Sample.objects.filter(dataset=campaign.dataset_id)
    total, cursor = samples.count(), row.cursor
    done = samples.filter(pk__lte=cursor).count()
    while chunk := list(samples.filter(pk__gt=cursor).order_by("pk").values_list("pk", flat=True)[:CHUNK]):
        with transaction.atomic():
            enqueue(campaign, cursor, chunk[-1])
            Opening.objects.filter(pk=row.pk, attempt=claim.attempt).update(cursor=chunk[-1])
        cursor = chunk[-1]
        done += len(chunk)
        claim.progress(done, total)
        if connection.vendor == "sqlite":
            time.sleep(PAUSE_SECONDS)
    if connection.vendor == "postgresql":
        # The first claim comes sooner than autovacuum; without figures it would be planned for an empty queue.
        with connection.cursor() as database:
            database.execute("ANALYZE annotations_task, annotations_queueslot")
    with claim.finish(done=done, total=done):
        move(campaign, Campaign.Status.OPEN, where={"status": Campaign.Status.DRAFT})
        record(
            Machine("opening"), "campaign.ready", campaign, {"tasks": Task.objects.filter(campaign=campaign).count()}
        )


def enqueue(campaign: Campaign, after: int, until: int) -> None:
    """Make tasks and queue rows of the samples with ``after < pk <= until`` that are none yet; in the caller's transaction."""
    queue.lock(campaign.pk)
    newest = Task.objects.aggregate(newest=Max("pk"))["newest"] or 0
    if connection.vendor == "postgresql":
        seq, first = "nextval('annotations_queue_seq')", []
    else:
        seq, first = "%s + n.place", [queue.last_seq(campaign.pk, queue.NEW)]
    with connection.cursor() as cursor:
        cursor.execute(_TASKS, [campaign.pk, campaign.dataset_id, after, until])
        cursor.execute(
            _SLOTS.format(seq=seq), [campaign.pk, *first, campaign.overlap, campaign.pk, after, until, newest]
        )
