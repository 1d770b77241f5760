"""What follows when something is taken back: the revocation list, who was told, what they answered, what was erased."""

import json
from typing import ClassVar

from django.db import models
from django.utils import timezone

from curation.models.versions import Version
from governance.models import Community, Dataset, Party, Request, Withdrawal, new_id


class RevocationList(models.Model):
    """The head of a dataset's revocation list: entries are appended behind this row's lock, so that none is ever missing."""

    dataset = models.OneToOneField(Dataset, on_delete=models.PROTECT, primary_key=True, related_name="revocation_list")
    seq = models.PositiveIntegerField(default=0)
    # SHA-256 of the newest entry's body; empty while there is none.
    head = models.CharField(max_length=64, blank=True, default="")


class RevocationEntry(models.Model):
    """One line of the list; immutable (the database refuses UPDATE and DELETE), chained to the one before by its digest."""

    class Kind(models.TextChoices):
        # A person took samples back, or one use of them.
        WITHDRAWN = "ConsentWithdrawn"
        PURPOSE = "PurposeWithdrawn"
        # A case against the whole version: opened, unfounded, upheld; or a demand by law.
        CASE = "CaseOpened"
        CLEARED = "CaseUnfounded"
        UPHELD = "CaseUpheld"
        LEGAL = "LegalDemand"
        # Another version takes its place.
        SUPERSEDED = "VersionSuperseded"

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="revocations")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="revocations")
    seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=24, choices=Kind.choices)
    # Canonical JSON: exactly what is published.
    body = models.TextField()
    digest = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)
    deadline = models.DateTimeField(null=True, blank=True)
    # What it came from (withdrawal, takedown) by public id; never published.
    origin_kind = models.CharField(max_length=32, blank=True, default="")
    origin_id = models.CharField(max_length=64, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "seq"], name="revocation_without_gap")]
        indexes = [models.Index(fields=["origin_kind", "origin_id"], name="revocation_origin")]

    @property
    def community(self) -> Community:
        """The community that answers for the dataset."""
        return self.dataset.community

    @property
    def said(self) -> dict[str, object]:
        """The body, read."""
        found: dict[str, object] = json.loads(self.body)
        return found

    @property
    def withdrawn_purposes(self) -> list[str]:
        """The purposes that it is about; none means all."""
        found = self.said["purposes"]
        return [str(code) for code in found] if isinstance(found, list) else []


class Notice(models.Model):
    """One party that pulled a version, and one entry of the list that it must be told of and must answer."""

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    entry = models.ForeignKey(RevocationEntry, on_delete=models.PROTECT, related_name="notices")
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="notices")
    at = models.DateTimeField(default=timezone.now)
    deadline = models.DateTimeField()
    # They said that they know of it; what they did says the receipt.
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["entry", "party"], name="notice_once")]
        indexes = [models.Index(fields=["party", "deadline"], name="notice_due", condition=models.Q(answered_at=None))]

    @property
    def community(self) -> Community:
        """The community that tells it."""
        return self.party.community


class Delivery(Request):
    """One attempt to bring a notice to its party; each attempt is a row of its own, so that the rows are the delivery log."""

    JOB: ClassVar[str] = "curation.deliveries:deliver"

    class Channel(models.TextChoices):
        WEBHOOK = "webhook"
        EMAIL = "email"

    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="deliveries")
    channel = models.CharField(max_length=8, choices=Channel.choices)
    # Counts from 1 within the channel; ``round`` above 0 is a reminder.
    number = models.PositiveSmallIntegerField(default=1)
    round = models.PositiveSmallIntegerField(default=0)
    address = models.CharField(max_length=500)
    # The HTTP status that came back, where one did.
    answer = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta(Request.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(fields=["notice", "channel", "round", "number"], name="delivery_attempt")
        ]


class Receipt(models.Model):
    """What a party signed: which copies it deleted, what was trained, what cannot be undone. Kept as it came, never changed."""

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="receipts")
    # The compact JWS; its payload is the in-toto Statement.
    jws = models.TextField()
    digest = models.CharField(max_length=64, unique=True)
    keyid = models.CharField(max_length=64)
    # A party without a key answered with the code of its letter; the house signed what it said.
    is_by_code = models.BooleanField(default=False)
    # The predicate, read once: acts, copies, derived.
    said = models.JSONField(default=dict)
    at = models.DateTimeField(default=timezone.now)

    @property
    def community(self) -> Community:
        """The community that asked for it."""
        return self.notice.community


class Succession(Request):
    """The job that proposes the version which takes the place of one that was closed by a withdrawal."""

    JOB: ClassVar[str] = "curation.successions:run"

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="successions")

    @property
    def community(self) -> Community:
        """The community that answers for the dataset."""
        return self.dataset.community


class Erasure(Request):
    """The job that destroys what is held of the samples of one withdrawal, once its thirty days are over."""

    JOB: ClassVar[str] = "curation.erasures:run"

    withdrawal = models.OneToOneField(Withdrawal, on_delete=models.PROTECT, related_name="erasure")
    samples = models.PositiveIntegerField(default=0)
    files = models.PositiveIntegerField(default=0)

    @property
    def community(self) -> Community:
        """The community that answers for them."""
        return self.withdrawal.community
