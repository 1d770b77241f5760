"""What was found: check runs, findings, overrides."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from curation.models.versions import Version
from governance.models import Community, Dataset, Person, Request, new_id


class CheckRun(Request):
    """One run of the checks, over a version's frozen members or over a dataset as it stands."""

    JOB: ClassVar[str] = "curation.check_runs:run"

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="check_runs")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, null=True, blank=True, related_name="check_runs")
    by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    # What it looked at; a vote and a finding are bound to both.
    members_root = models.CharField(max_length=64, blank=True, default="")
    recipe_digest = models.CharField(max_length=64, blank=True, default="")
    # Over the inputs of all checks: unchanged inputs are not checked again.
    inputs_digest = models.CharField(max_length=64, blank=True, default="")
    params = models.JSONField(default=dict, blank=True)

    @property
    def community(self) -> Community:
        """The community that answers for the dataset."""
        return self.dataset.community


class Finding(models.Model):
    """What one check said in one run."""

    class Status(models.TextChoices):
        PASS = "pass"  # noqa: S105  # a verdict, not a secret
        WARN = "warn"
        BLOCK = "block"
        ERROR = "error"
        NOT_APPLICABLE = "not_applicable"

    # What stops a version until somebody answers for it by name.
    STOPS = frozenset({Status.BLOCK.value, Status.ERROR.value})

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    run = models.ForeignKey(CheckRun, on_delete=models.PROTECT, related_name="findings")
    check_id = models.CharField(max_length=32)
    check_version = models.PositiveIntegerField()
    params_hash = models.CharField(max_length=64)
    status = models.CharField(max_length=16, choices=Status.choices)
    score = models.FloatField(null=True, blank=True)
    metric = models.JSONField(default=dict)
    threshold = models.JSONField(default=dict)
    n_checked = models.BigIntegerField(default=0)
    n_failed = models.BigIntegerField(default=0)
    scope = models.CharField(max_length=120, default="global")
    # Capped at 1,000 rows; ``evidence_total`` says how many there were.
    evidence = models.JSONField(default=list)
    evidence_total = models.BigIntegerField(default=0)
    suggested_fix = models.JSONField(null=True, blank=True)
    reason = models.TextField(blank=True, default="")
    # The same sentence as a template with its values, so that it can be told in any language.
    words = models.JSONField(default=dict, blank=True)
    seconds = models.FloatField(default=0)
    # Taken over from an earlier run with the same inputs.
    is_carried = models.BooleanField(default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "check_id", "scope"], name="finding_once")]

    @property
    def community(self) -> Community:
        """The community that answers for the dataset."""
        return self.run.community


class Override(models.Model):
    """A named approver let a blocking finding or a warning stand, with a reason that every puller reads."""

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="overrides")
    finding = models.ForeignKey(Finding, on_delete=models.PROTECT, related_name="overrides")
    check_id = models.CharField(max_length=32)
    members_root = models.CharField(max_length=64)
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version", "finding"], name="override_once"),
            models.CheckConstraint(condition=~Q(reason=""), name="override_has_a_reason"),
        ]

    @property
    def community(self) -> Community:
        """The community that answers for the dataset."""
        return self.version.community
