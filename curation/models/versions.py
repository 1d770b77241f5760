"""What is made of a dataset: versions, their frozen members, the ledger of splits."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from annotations.models import Campaign
from governance.kernel.moves import Moves
from governance.models import Community, Contributor, Dataset, Person, PolicyRevision, Proposal, Request, Sample, new_id


class Split(models.TextChoices):
    """The three parts of a version."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Version(models.Model):
    """A numbered, frozen, approved body of samples; its bytes never change under one number."""

    class Status(models.TextChoices):
        # Members are being frozen.
        FREEZING = "freezing"
        # Frozen; checks run, people vote.
        PROPOSED = "proposed"
        APPROVED = "approved"
        PUBLISHED = "published"
        REJECTED = "rejected"
        FAILED = "failed"
        # A contributor took their words back: closed for good.
        WITHDRAWN = "withdrawn"

    MOVES: ClassVar[Moves] = {
        "freezing": frozenset({"proposed", "failed"}),
        "proposed": frozenset({"approved", "rejected", "failed"}),
        "approved": frozenset({"published", "failed", "rejected"}),
        "published": frozenset({"withdrawn"}),
    }

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, null=True, blank=True, related_name="versions")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.FREEZING)
    # Set when it was proposed because something was taken back: its members are that version's, without what must not stay.
    takes_place_of = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="successors"
    )
    # The purposes that it covers: every member's contributor said yes to each of them.
    purposes = models.JSONField(default=list)
    policy = models.ForeignKey(PolicyRevision, on_delete=models.PROTECT, related_name="+")
    labels = models.JSONField(default=list)
    split_family = models.PositiveIntegerField(default=1)
    split_digest = models.CharField(max_length=64, blank=True, default="")
    # RFC 9162 root over (sample id, content hash, label JSON, split) in order of sample id.
    members_root = models.CharField(max_length=64, blank=True, default="")
    recipe = models.JSONField(default=dict)
    recipe_digest = models.CharField(max_length=64, blank=True, default="")
    # Who saw what when it was proposed: counts of what was left out, by reason.
    left_out = models.JSONField(default=dict)
    counts = models.JSONField(default=dict)
    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, null=True, blank=True, related_name="version")
    proposed_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(default=timezone.now)
    frozen_at = models.DateTimeField(null=True, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    # First 40 hex of SHA-256 of manifest.json, once built.
    commit = models.CharField(max_length=40, blank=True, default="", db_index=True)
    note = models.TextField(blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "number"], name="version_number")]

    def __str__(self) -> str:
        return f"{self.dataset.path}@{self.tag}"

    @property
    def tag(self) -> str:
        """``v3``."""
        return f"v{self.number}"

    @property
    def community(self) -> Community:
        """The community that answers for the dataset."""
        return self.dataset.community


class Member(models.Model):
    """One sample in one version, with a copy of what was frozen."""

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="members", db_index=False)
    sample = models.ForeignKey(Sample, on_delete=models.PROTECT, related_name="memberships")
    uid = models.CharField(max_length=32)
    content_hash = models.CharField(max_length=64)
    # Canonical JSON of the label: a string, a list, or null.
    label = models.TextField(default="null")
    split = models.CharField(max_length=10, choices=Split.choices)
    n_votes = models.PositiveIntegerField(default=0)
    agreement = models.FloatField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "uid"], name="member_once")]


class LeftOut(models.Model):
    """A sample that was looked at and left out of a version, and why."""

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="left_out_samples", db_index=False)
    sample = models.ForeignKey(Sample, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=32)
    partner_uid = models.CharField(max_length=32, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "sample"], name="left_out_once")]


class VersionContributor(models.Model):
    """Whose samples a version holds: what withdrawal and consent are held against at each pull."""

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="contributors", db_index=False)
    contributor = models.ForeignKey(Contributor, on_delete=models.PROTECT, related_name="+")
    samples = models.PositiveIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "contributor"], name="version_contributor")]


class LedgerEntry(models.Model):
    """Where a sample stands in a split family, for ever; append-only, and kept when the sample is withdrawn."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="ledger", db_index=False)
    family = models.PositiveIntegerField(default=1)
    uid = models.CharField(max_length=32)
    # Empty: quarantined.
    split = models.CharField(max_length=10, blank=True, default="")
    since_version = models.PositiveIntegerField()
    reason = models.CharField(max_length=32)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "family", "uid"], name="ledger_entry")]


class Freeze(Request):
    """The job that freezes a version's members, splits them and queues the checks."""

    JOB: ClassVar[str] = "curation.freezing:run"

    version = models.OneToOneField(Version, on_delete=models.PROTECT, related_name="freeze")

    @property
    def community(self) -> Community:
        """The community that answers for the dataset."""
        return self.version.community
