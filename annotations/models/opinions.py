"""What people said: annotations, reviews of them, flags and how they were answered."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from annotations.models.work import Campaign, Lease, Task
from governance.kernel.moves import Moves
from governance.models import Community, Person, Sample, new_id


class Annotation(models.Model):
    """One person's answer to one task, as Label Studio results; immutable but for its standing."""

    class Standing(models.TextChoices):
        COUNTS = "counts"
        REJECTED = "rejected"
        # Undone by its author; kept, never counted.
        UNDONE = "undone"
        # Came after its lease had ended and the slot was filled: kept as evidence.
        LATE = "late"

    MOVES: ClassVar[Moves] = {
        "counts": frozenset({"rejected", "undone"}),
        "late": frozenset({"undone"}),
        "rejected": frozenset({"counts"}),
    }

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="annotations", db_index=False)
    task = models.ForeignKey(Task, on_delete=models.PROTECT, related_name="annotations")
    sample = models.ForeignKey(Sample, on_delete=models.PROTECT, related_name="annotations")
    annotator = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="annotations", db_index=False)
    lease = models.ForeignKey(Lease, on_delete=models.SET_NULL, null=True, blank=True, related_name="annotations")
    # The client's own key: sending twice returns the first answer.
    client_id = models.CharField(max_length=64)
    result = models.JSONField()
    # The answer of the campaign's label control: one alias, or several joined in config order as a JSON list.
    label = models.TextField(blank=True, default="")
    standing = models.CharField(max_length=8, choices=Standing.choices, default=Standing.COUNTS)
    config_digest = models.CharField(max_length=64)
    sample_revision = models.PositiveIntegerField(default=1)
    seconds = models.FloatField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["annotator", "client_id"], name="annotation_sent_once"),
            models.UniqueConstraint(
                fields=["annotator", "task"], condition=Q(standing="counts"), name="one_counting_annotation"
            ),
        ]
        indexes = [
            models.Index(fields=["campaign", "standing", "task"], name="annotation_votes"),
            models.Index(fields=["annotator", "campaign", "-id"], name="annotation_of_person"),
        ]

    @property
    def community(self) -> Community:
        """The community that answers for the dataset."""
        return self.campaign.community


class Review(models.Model):
    """One reviewer's verdict on one annotation; a rejection has a reason, which reaches the author."""

    class Verdict(models.TextChoices):
        ACCEPT = "accept"
        REJECT = "reject"

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    annotation = models.ForeignKey(Annotation, on_delete=models.PROTECT, related_name="reviews")
    reviewer = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="reviews")
    verdict = models.CharField(max_length=8, choices=Verdict.choices)
    reason = models.CharField(max_length=32, blank=True, default="")
    text = models.TextField(blank=True, default="")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["annotation", "reviewer"], name="one_review_per_person"),
            models.CheckConstraint(condition=~Q(verdict="reject", reason=""), name="rejection_has_a_reason"),
        ]

    @property
    def community(self) -> Community:
        """The community that answers for the dataset."""
        return self.annotation.community


class Flag(models.Model):
    """Somebody says that something is wrong with a sample. An authority's flag rests it at once."""

    class Kind(models.TextChoices):
        TECHNICAL = "technical"
        WRONG_TEXT = "wrong-text"
        PERSONAL = "personal"
        SACRED = "sacred"
        NO_CONSENT = "no-consent"
        HARMFUL = "harmful"

    # Kinds that stop a version while they are open.
    BLOCKING = frozenset({Kind.PERSONAL.value, Kind.SACRED.value, Kind.NO_CONSENT.value, Kind.HARMFUL.value})

    class Status(models.TextChoices):
        OPEN = "open"
        UPHELD = "upheld"
        DISMISSED = "dismissed"

    MOVES: ClassVar[Moves] = {"open": frozenset({"upheld", "dismissed"}), "upheld": frozenset({"dismissed"})}

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    sample = models.ForeignKey(Sample, on_delete=models.PROTECT, related_name="flags")
    annotation = models.ForeignKey(Annotation, on_delete=models.PROTECT, null=True, blank=True, related_name="flags")
    raised_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="flags")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    text = models.TextField(blank=True, default="")
    # Raised with authority: it placed a hold.
    holds = models.BooleanField(default=False)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    at = models.DateTimeField(default=timezone.now)

    @property
    def community(self) -> Community:
        """The community that answers for the dataset."""
        return self.sample.community


class Resolution(models.Model):
    """A keeper's or steward's answer to a flag."""

    flag = models.ForeignKey(Flag, on_delete=models.PROTECT, related_name="resolutions")
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    verdict = models.CharField(max_length=10, choices=[("upheld", "upheld"), ("dismissed", "dismissed")])
    text = models.TextField(blank=True, default="")
    at = models.DateTimeField(default=timezone.now)
