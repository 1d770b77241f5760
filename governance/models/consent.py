"""What each contributor agreed to, refused or took back: an append-only history per purpose."""

from django.db import models
from django.utils import timezone

from governance.models.holdings import Contributor, Dataset, Sample
from governance.models.people import Community, Person, new_id
from governance.models.protocols import ProtocolGroup


class ConsentNotice(models.Model):
    """The words that somebody was shown or read when they were asked; immutable, by version and language."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="notices")
    version = models.PositiveIntegerField()
    language = models.CharField(max_length=35)
    text = models.TextField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["community", "version", "language"], name="consent_notice")]


class Evidence(models.Model):
    """What shows that somebody said what is written down; the file lies apart, by its own hash, and is opened by few.

    Append-only. Only the salted hash ever stands in the log or in an export: without the salt nobody can try out files.
    """

    class Kind(models.TextChoices):
        SIGNATURE = "signature"
        AUDIO = "audio"
        PAPER = "paper"
        MARK = "mark"

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    contributor = models.ForeignKey(Contributor, on_delete=models.PROTECT, related_name="evidence")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    # The SHA-256 under which the file lies; never shown.
    stored_as = models.CharField(max_length=64)
    mime = models.CharField(max_length=64)
    size = models.BigIntegerField()
    salt = models.CharField(max_length=64)
    salted_hash = models.CharField(max_length=64)
    # Who of the keepers and stewards may open it; none: all of them.
    access_group = models.ForeignKey(ProtocolGroup, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    added_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(default=timezone.now)

    @property
    def community(self) -> Community:
        """The contributor's community."""
        return self.contributor.community


class ConsentEvent(models.Model):
    """One answer of one contributor about one purpose; the newest by id counts, and the clock.

    With ``sample`` it is about that one alone and stands beside what they say in general: a no at either place is a no.

    Statuses are those of DPV 2.1; only given and renewed are valid. What nobody asked has no row and is a no.
    """

    class Status(models.TextChoices):
        REQUESTED = "ConsentRequested"
        DEFERRED = "ConsentRequestDeferred"
        GIVEN = "ConsentGiven"
        RENEWED = "RenewedConsentGiven"
        REFUSED = "ConsentRefused"
        EXPIRED = "ConsentExpired"
        INVALIDATED = "ConsentInvalidated"
        REVOKED = "ConsentRevoked"
        WITHDRAWN = "ConsentWithdrawn"
        UNKNOWN = "ConsentUnknown"

    VALID = frozenset({Status.GIVEN.value, Status.RENEWED.value})

    class Method(models.TextChoices):
        SELF = "self"
        REPRESENTATIVE = "representative"
        PHONE = "phone"
        PAPER = "paper"
        SPOKEN = "spoken"
        IMPORTED = "imported"

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    contributor = models.ForeignKey(Contributor, on_delete=models.PROTECT, related_name="consent_events")
    sample = models.ForeignKey(Sample, on_delete=models.PROTECT, null=True, blank=True, related_name="consent_events")
    evidence = models.ForeignKey(Evidence, on_delete=models.PROTECT, null=True, blank=True, related_name="events")
    # A leaf or branch of the purpose vocabulary (rulings: urn:wellhouse:purpose:CODE); the code alone is stored.
    purpose = models.CharField(max_length=64)
    status = models.CharField(max_length=24, choices=Status.choices)
    at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(null=True, blank=True)
    method = models.CharField(max_length=16, choices=Method.choices)
    language = models.CharField(max_length=35, blank=True, default="")
    notice = models.ForeignKey(ConsentNotice, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    recorded_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    witness = models.CharField(max_length=120, blank=True, default="")
    # Salted hash of the evidence; the evidence itself is never in the log or an export.
    evidence_hash = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        indexes = [models.Index(fields=["contributor", "purpose", "-id"], name="consent_newest")]

    @property
    def community(self) -> Community:
        """The contributor's community."""
        return self.contributor.community


class ConsentReceipt(models.Model):
    """What a contributor takes home: a code (only its hash is kept) that lets them withdraw without an account."""

    contributor = models.ForeignKey(Contributor, on_delete=models.PROTECT, related_name="receipts")
    code_hash = models.CharField(max_length=64, unique=True)
    issued_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    issued_at = models.DateTimeField(default=timezone.now)
    revoked_at = models.DateTimeField(null=True, blank=True)


class Withdrawal(models.Model):
    """Somebody took their words back. Opening it holds them in the same transaction; nobody is asked for a reason."""

    class Channel(models.TextChoices):
        SELF = "self"
        REPRESENTATIVE = "representative"
        STEWARD = "steward"
        RECEIPT = "receipt"
        # A nameless web form: a case for the keepers, which holds nothing.
        FORM = "form"

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="withdrawals")
    contributor = models.ForeignKey(
        Contributor, on_delete=models.PROTECT, null=True, blank=True, related_name="withdrawals"
    )
    # Empty: all datasets; empty purposes: all purposes.
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    purposes = models.JSONField(default=list, blank=True)
    channel = models.CharField(max_length=16, choices=Channel.choices)
    opened_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    note = models.TextField(blank=True, default="")
    at = models.DateTimeField(default=timezone.now)
    # Keepers confirm who it was afterwards; a form's case may be answered as unfounded.
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    outcome = models.CharField(max_length=16, blank=True, default="")

    @property
    def holds_now(self) -> bool:
        """Whether it took effect when it was opened."""
        return self.channel != self.Channel.FORM
