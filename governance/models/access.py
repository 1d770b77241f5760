"""Who outside may draw what, for which purpose: parties, agreements, tokens, decisions, holds."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from governance.models.holdings import Contributor, Dataset, Sample
from governance.models.people import Community, Person, new_id
from governance.models.rules import PolicyRevision


class Party(models.Model):
    """An organisation that draws data: a school, a university, a company."""

    class Kind(models.TextChoices):
        NON_PROFIT = "non-profit"
        PUBLIC = "public"
        FOR_PROFIT = "for-profit"
        COMMUNITY = "community"

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="parties")
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    contact = models.CharField(max_length=255, blank=True, default="")
    place = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "parties"
        constraints = [models.UniqueConstraint(fields=["community", "name"], name="party_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def ref(self) -> str:
        """How the log names it."""
        return f"party:{self.public_id}"


class Agreement(models.Model):
    """One party, one dataset, one purpose, under one policy revision, from one version on, until a date."""

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="agreements")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="agreements")
    purpose = models.CharField(max_length=64)
    is_commercial = models.BooleanField(default=False)
    project = models.CharField(max_length=255, blank=True, default="")
    policy = models.ForeignKey(PolicyRevision, on_delete=models.PROTECT, related_name="agreements")
    from_version = models.PositiveIntegerField(default=1)
    signed_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    @property
    def community(self) -> Community:
        """The community that gave it."""
        return self.party.community


class Token(models.Model):
    """What a pipeline shows: bound to one agreement, shown once, kept as a hash."""

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="tokens")
    label = models.CharField(max_length=120, blank=True, default="")
    # The first characters, to find it and to name it; the rest is only hashed.
    prefix = models.CharField(max_length=12, db_index=True)
    key_hash = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    @property
    def community(self) -> Community:
        """The community whose agreement it carries."""
        return self.agreement.community

    @property
    def ref(self) -> str:
        """How the log names it."""
        return f"token:{self.public_id}"


class Decision(models.Model):
    """What was decided about one request, with everything it was decided from; can be replayed to the same outcome."""

    class Outcome(models.TextChoices):
        PERMIT = "permit"
        DENY = "deny"

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="decisions")
    subject_kind = models.CharField(max_length=32)
    subject_id = models.CharField(max_length=64)
    subject_digest = models.CharField(max_length=64, blank=True, default="")
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    request = models.JSONField()
    reasons = models.JSONField(default=list)
    # All facts that decide() saw, and the hash that tells whether anything changed since.
    snapshot = models.JSONField()
    snapshot_hash = models.CharField(max_length=64)
    engine = models.CharField(max_length=32)
    vocabulary = models.CharField(max_length=32)
    at = models.DateTimeField(default=timezone.now)
    valid_until = models.DateTimeField()
    signature = models.JSONField(null=True, blank=True)


class Hold(models.Model):
    """Something rests: a sample, all of a contributor's samples, or a thing of an upper floor named by a string."""

    class Kind(models.TextChoices):
        FLAG = "flag"
        WITHDRAWAL = "withdrawal"
        TAKEDOWN = "takedown"
        KEEPER = "keeper"

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="holds")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    subject_kind = models.CharField(max_length=32)
    subject_id = models.CharField(max_length=64)
    # Filled when the subject is one of these, so that claims and queries can join.
    sample = models.ForeignKey(Sample, on_delete=models.PROTECT, null=True, blank=True, related_name="holds")
    contributor = models.ForeignKey(Contributor, on_delete=models.PROTECT, null=True, blank=True, related_name="holds")
    reason = models.CharField(max_length=64)
    note = models.TextField(blank=True, default="")
    # What it came from, e.g. ("flag", public id).
    origin_kind = models.CharField(max_length=32, blank=True, default="")
    origin_id = models.CharField(max_length=64, blank=True, default="")
    placed_by = models.CharField(max_length=64)
    placed_at = models.DateTimeField(default=timezone.now)
    lifted_by = models.CharField(max_length=64, blank=True, default="")
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["sample"], condition=Q(lifted_at=None), name="hold_open_sample"),
            models.Index(fields=["contributor"], condition=Q(lifted_at=None), name="hold_open_contributor"),
            models.Index(fields=["subject_kind", "subject_id"], condition=Q(lifted_at=None), name="hold_open_subject"),
        ]
