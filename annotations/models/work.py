"""Work that is offered to people: campaigns, their tasks, the queue, leases."""

from typing import TYPE_CHECKING, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from governance.kernel.moves import Moves
from governance.models import Community, Dataset, Person, Request, Sample, new_id

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class CampaignQuerySet(models.QuerySet["Campaign"]):
    """Named questions about campaigns."""

    def visible_to(self, person: "Person | AnonymousUser") -> Self:
        """Those over datasets that ``person`` may see."""
        return self.filter(dataset__in=Dataset.objects.visible_to(person))


class Campaign(models.Model):
    """One question about the samples of a dataset, and how many people answer it for each."""

    class Status(models.TextChoices):
        DRAFT = "draft"
        OPEN = "open"
        PAUSED = "paused"
        CLOSED = "closed"

    MOVES: ClassVar[Moves] = {
        "draft": frozenset({"open", "closed"}),
        "open": frozenset({"paused", "closed"}),
        "paused": frozenset({"open", "closed"}),
    }

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="campaigns")
    slug = models.SlugField(max_length=64)
    # 19 characters fit the top line of a phone.
    name = models.CharField(max_length=60)
    instructions = models.TextField(blank=True, default="")
    config = models.TextField()
    config_digest = models.CharField(max_length=64)
    # The control whose answers become the label of the dataset, and its declared classes in order.
    label_control = models.CharField(max_length=64, blank=True, default="")
    labels = models.JSONField(default=list)
    overlap = models.PositiveSmallIntegerField(default=3)
    needs_review = models.BooleanField(default=False)
    lease_seconds = models.PositiveIntegerField(default=900)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.DRAFT)
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "slug"], name="campaign_slug")]

    def __str__(self) -> str:
        return self.name

    @property
    def community(self) -> Community:
        """The community that answers for the dataset."""
        return self.dataset.community


class Opening(Request):
    """The job that opens a campaign: the config is tried by label-studio-sdk, then the queue is filled in chunks."""

    JOB: ClassVar[str] = "annotations.opening:run"

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="openings")
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    # The last sample (primary key) that was put into the queue.
    cursor = models.BigIntegerField(default=0)

    @property
    def community(self) -> Community:
        """The community that answers for the dataset."""
        return self.campaign.community


class Task(models.Model):
    """One sample in one campaign."""

    class Status(models.TextChoices):
        OPEN = "open"
        DONE = "done"
        CLOSED = "closed"

    MOVES: ClassVar[Moves] = {"open": frozenset({"done", "closed"}), "done": frozenset({"open", "closed"})}

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="tasks", db_index=False)
    sample = models.ForeignKey(Sample, on_delete=models.PROTECT, related_name="tasks")
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.OPEN)
    # Answers that count so far; kept by the same UPDATE that takes an answer.
    answers = models.PositiveSmallIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "sample"], name="task_once")]

    @property
    def community(self) -> Community:
        """The community that answers for the dataset."""
        return self.campaign.community


class QueueSlot(models.Model):
    """A task that still wants people: how many slots are left. The row goes with its last slot.

    ``slots`` is in no index on purpose: on PostgreSQL a decrement is then a HOT update (platform measurements, section 6).
    """

    task = models.OneToOneField(Task, on_delete=models.CASCADE, primary_key=True, related_name="slot")
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="+", db_index=False)
    prio = models.SmallIntegerField(default=0)
    seq = models.BigIntegerField()
    slots = models.SmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint("campaign", models.F("prio").desc(), "seq", name="queue_order"),
            models.CheckConstraint(condition=Q(slots__gt=0), name="queue_slots_left"),
        ]


class Lease(models.Model):
    """A slot that somebody holds until a moment; one person once per task."""

    class State(models.IntegerChoices):
        OPEN = 0
        DONE = 1
        SKIPPED = 2
        # Ended without an answer: the slot went back, and the person may be asked again.
        ENDED = 3

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    # The task's campaign, repeated so that a person's one open lease in it is a constraint.
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="leases", db_index=False)
    task = models.ForeignKey(Task, on_delete=models.CASCADE, related_name="leases", db_index=False)
    annotator = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="leases", db_index=False)
    state = models.SmallIntegerField(choices=State.choices, default=State.OPEN)
    lease_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    skip_reason = models.CharField(max_length=32, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["annotator", "task"], condition=Q(state__lt=3), name="lease_once"),
            models.UniqueConstraint(fields=["annotator", "campaign"], condition=Q(state=0), name="one_open_lease"),
        ]
        indexes = [
            models.Index(fields=["lease_until"], condition=Q(state=0), name="lease_open_until"),
            models.Index(fields=["task"], name="lease_task"),
        ]

    @property
    def community(self) -> Community:
        """The community that answers for the dataset."""
        return self.task.community


class QueueMark(models.Model):
    """One annotator's low-water mark in one priority class: everything up to ``seq`` was seen."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="+", db_index=False)
    annotator = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+", db_index=False)
    prio = models.SmallIntegerField()
    seq = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "annotator", "prio"], name="queue_mark")]
