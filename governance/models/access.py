"""Who outside may draw what, for which purpose: parties, agreements, grants, tokens, decisions, holds."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils import timezone

from governance.models.audit import Event
from governance.models.holdings import Contributor, Dataset, Sample
from governance.models.people import Community, Person, new_id
from governance.models.rules import PolicyRevision


class Party(models.Model):
    """An organisation that draws data: a school, a university, a company.

    ``place`` is where it processes (ISO 3166 country or region code, upper case), ``users`` the people it named, and
    ``public_key`` the Ed25519 key, in PEM, that signs for it today; the keys before it stay in ``PartyKey``, so that
    what they signed can still be checked.
    """

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
    email = models.EmailField(blank=True, default="")
    webhook_url = models.URLField(max_length=500, blank=True, default="")
    place = models.CharField(max_length=64, blank=True, default="")
    institution = models.CharField(max_length=255, blank=True, default="")
    users = models.JSONField(default=list, blank=True)
    public_key = models.TextField(blank=True, default="")
    key_id = models.CharField(max_length=32, blank=True, default="")
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


class PartyKey(models.Model):
    """A public key that signs, or once signed, for a party; never deleted. A compromised one counts for nothing."""

    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="keys")
    key_id = models.CharField(max_length=32)
    pem = models.TextField()
    added_by = models.CharField(max_length=64)
    added_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True, blank=True)
    is_compromised = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["party", "key_id"], name="party_key_once"),
            models.UniqueConstraint(fields=["party"], condition=Q(retired_at=None), name="party_key_current"),
        ]


class Agreement(models.Model):
    """One party, one dataset, one purpose, under one policy revision, from one version on, until a date.

    ``document`` is its text as an ODRL Agreement; both sides sign exactly that (``Signature``), and only then is it in
    force.
    """

    class Role(models.TextChoices):
        CONTROLLER = "controller"
        PROCESSOR = "processor"

    class AtEnd(models.TextChoices):
        DELETE = "delete"
        RETURN = "return"

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="agreements")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="agreements")
    purpose = models.CharField(max_length=64)
    is_commercial = models.BooleanField(default=False)
    project = models.CharField(max_length=255, blank=True, default="")
    policy = models.ForeignKey(PolicyRevision, on_delete=models.PROTECT, related_name="agreements")
    from_version = models.PositiveIntegerField(default=1)
    # Whoever drew it up for the community, and when.
    signed_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(default=timezone.now)
    not_before = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    # What the party is under data protection law, and what becomes of copies (GDPR, article 28).
    role = models.CharField(max_length=12, choices=Role.choices, default=Role.CONTROLLER)
    sub_processors = models.TextField(blank=True, default="")
    at_end = models.CharField(max_length=8, choices=AtEnd.choices, default=AtEnd.DELETE)
    users = models.JSONField(default=list, blank=True)
    # What the party was when it was drawn up; where it was something else since, nothing is given.
    kind = models.CharField(max_length=16, blank=True, default="")
    place = models.CharField(max_length=64, blank=True, default="")
    to_version = models.PositiveIntegerField(null=True, blank=True)
    # Anything else that they must do, in words.
    more = models.CharField(max_length=500, blank=True, default="")
    # What the request said in DUO's terms, and which terms people looked at because no machine can judge them.
    duo = models.JSONField(default=list, blank=True)
    reviewed = models.JSONField(default=list, blank=True)
    document = models.JSONField(null=True, blank=True)
    digest = models.CharField(max_length=64, blank=True, default="")
    # When the second of the two signatures came; null: not in force.
    in_force_at = models.DateTimeField(null=True, blank=True)
    code_hash = models.CharField(max_length=64, blank=True, default="", db_index=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    @property
    def community(self) -> Community:
        """The community that gave it."""
        return self.party.community

    @property
    def is_over(self) -> bool:
        """Whether its time has run out."""
        return self.expires_at <= timezone.now()

    @property
    def starts_at(self) -> datetime:
        """When it begins: when both had signed, or later where the text says so."""
        signed = self.in_force_at or self.signed_at
        return max(signed, self.not_before) if self.not_before else signed


class Signature(models.Model):
    """One side's signature under the text of an agreement: a compact JWS over its canonical bytes."""

    class Side(models.TextChoices):
        COMMUNITY = "community"
        PARTY = "party"

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="signatures")
    side = models.CharField(max_length=12, choices=Side.choices)
    jws = models.TextField()
    key_id = models.CharField(max_length=32)
    by = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["agreement", "side"], name="agreement_side_once")]

    @property
    def community(self) -> Community:
        """The community of the agreement."""
        return self.agreement.community


class Grant(models.Model):
    """What an agreement opens: versions from one to another, from a moment to a moment; it can rest or end alone."""

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="grants")
    from_version = models.PositiveIntegerField(default=1)
    to_version = models.PositiveIntegerField(null=True, blank=True)
    not_before = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    created_by = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    @property
    def community(self) -> Community:
        """The community whose agreement it is part of."""
        return self.agreement.community


class Suspension(models.Model):
    """Why a grant rests: placed by a steward or by rule (an overdue receipt), lifted when the cause is gone."""

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="suspensions")
    code = models.CharField(max_length=64)
    note = models.CharField(max_length=500, blank=True, default="")
    placed_by = models.CharField(max_length=64)
    placed_at = models.DateTimeField(default=timezone.now)
    lifted_by = models.CharField(max_length=64, blank=True, default="")
    lifted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["grant", "code"], condition=Q(lifted_at=None), name="suspended_once")
        ]

    @property
    def community(self) -> Community:
        """The community of the grant."""
        return self.grant.community


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
    # Only this version and no other; null: every version that the agreement opens.
    only_version = models.PositiveIntegerField(null=True, blank=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

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
    # A JWS over what the party may read of it, without its payload, which is made again from the row.
    signature = models.JSONField(null=True, blank=True)
    # Its line in the log; null for what was decided before every decision had one.
    event = models.OneToOneField(Event, on_delete=models.PROTECT, null=True, blank=True, related_name="decision")


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
