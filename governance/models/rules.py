"""Rules and how they come about: policy revisions, proposals, ballots."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from governance.kernel.moves import Moves
from governance.models.holdings import Contributor, Dataset, Sample
from governance.models.people import Community, Person, new_id


class PolicyRevision(models.Model):
    """One immutable revision of a usage policy: of a community, a dataset, one person's words, or one sample.

    ``body`` is the plain form (governance/odrl/policy.py says its keys), ``odrl`` the same as an ODRL 2.2 Set in our profile.
    """

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="policies")
    # What it is for; all three null: the community's own layer.
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, null=True, blank=True, related_name="policies")
    contributor = models.ForeignKey(
        Contributor, on_delete=models.PROTECT, null=True, blank=True, related_name="policies", db_index=False
    )
    sample = models.ForeignKey(
        Sample, on_delete=models.PROTECT, null=True, blank=True, related_name="policies", db_index=False
    )
    number = models.PositiveIntegerField()
    body = models.JSONField()
    odrl = models.JSONField()
    digest = models.CharField(max_length=64)
    note = models.TextField(blank=True, default="")
    effective_at = models.DateTimeField(default=timezone.now)
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dataset", "number"], name="policy_of_dataset"),
            models.UniqueConstraint(
                fields=["community", "number"],
                condition=Q(dataset=None, contributor=None, sample=None),
                name="policy_of_community",
            ),
            models.UniqueConstraint(
                fields=["contributor", "number"], condition=Q(contributor__isnull=False), name="policy_of_contributor"
            ),
            models.UniqueConstraint(
                fields=["sample", "number"], condition=Q(sample__isnull=False), name="policy_of_sample"
            ),
            models.CheckConstraint(
                condition=Q(contributor=None, sample=None)
                | Q(dataset=None, sample=None)
                | Q(dataset=None, contributor=None),
                name="policy_of_one_thing",
            ),
        ]
        indexes = [
            models.Index(
                fields=["community"],
                condition=Q(contributor__isnull=False) | Q(sample__isnull=False),
                name="policy_of_a_part",
            )
        ]


class Proposal(models.Model):
    """Something a community decides by vote, bound to a digest of exactly what is decided."""

    class Status(models.TextChoices):
        OPEN = "open"
        PASSED = "passed"
        REJECTED = "rejected"
        VETOED = "vetoed"
        VOID = "void"

    MOVES: ClassVar[Moves] = {"open": frozenset({"passed", "rejected", "vetoed", "void"})}

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="proposals")
    # What is voted on, e.g. ("version", public id, members root) or ("membership", public id, digest of the grant).
    subject_kind = models.CharField(max_length=32)
    subject_id = models.CharField(max_length=64)
    subject_digest = models.CharField(max_length=64)
    title = models.CharField(max_length=255)
    # For subjects that live nowhere else (a role grant): what a passed vote puts into force.
    terms = models.JSONField(default=dict, blank=True)
    # The rule and the eligible people as they stood when it was opened: all of them, and by what each may do
    # ("who", "veto": public ids; "groups": the community's group -> public ids). The digest is over the latter.
    rule = models.JSONField()
    eligible = models.JSONField(default=list)
    electorate = models.JSONField(default=dict, blank=True)
    eligible_digest = models.CharField(max_length=64)
    proposed_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    opened_at = models.DateTimeField(default=timezone.now)
    closes_at = models.DateTimeField(null=True, blank=True)
    # Since when the yes suffice; from then on the veto window runs. Null again when they no longer do.
    won_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.OPEN)
    closed_at = models.DateTimeField(null=True, blank=True)
    tally = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject_kind", "subject_id"], condition=Q(status="open"), name="one_open_proposal_per_subject"
            )
        ]


class Proxy(models.Model):
    """One person's written word that another may answer for them in votes whose rule allows it, until it is taken back.

    It goes one level: whoever carries a voice cannot hand it on.
    """

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="proxies")
    giver = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="proxies_given")
    holder = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="proxies_held")
    # Null: for every vote of the community that allows it.
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, null=True, blank=True, related_name="proxies")
    note = models.TextField(blank=True, default="")
    given_at = models.DateTimeField(default=timezone.now)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "proxies"
        constraints = [
            models.UniqueConstraint(
                fields=["community", "giver"],
                condition=Q(revoked_at=None, proposal=None),
                name="one_standing_proxy_per_giver",
            ),
            models.UniqueConstraint(
                fields=["proposal", "giver"], condition=Q(revoked_at=None), name="one_proxy_per_giver_and_vote"
            ),
            models.CheckConstraint(condition=~Q(giver=models.F("holder")), name="nobody_is_their_own_proxy"),
        ]


class Ballot(models.Model):
    """One person's answer; changing one's mind writes a new ballot and replaces the old.

    In a secret vote the choice and the reason are here only until it closes; then both are erased and the tally stays.
    """

    class Choice(models.TextChoices):
        YES = "yes"
        NO = "no"
        ABSTAIN = "abstain"
        VETO = "veto"

    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="ballots")
    voter = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="ballots")
    choice = models.CharField(max_length=8, choices=Choice.choices)
    reason = models.TextField(blank=True, default="")
    # Set when somebody else answered for the voter.
    proxy = models.ForeignKey(Proxy, on_delete=models.PROTECT, null=True, blank=True, related_name="ballots")
    subject_digest = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)
    replaced_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["proposal", "voter"], condition=Q(replaced_at=None), name="one_counting_ballot_per_person"
            )
        ]


class CharterRevision(models.Model):
    """One immutable revision of a community's charter: how it decides, and its own words about that.

    ``Community.charter`` is always the newest of these.
    """

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="charters")
    number = models.PositiveIntegerField()
    body = models.JSONField()
    digest = models.CharField(max_length=64)
    note = models.TextField(blank=True, default="")
    # The vote that put it into force; null where one keeper could act alone.
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["community", "number"], name="charter_number")]


class CollectiveDecision(models.Model):
    """What a community decided about the use of one of its datasets, signed when the vote closed.

    It stands beside what each contributor said, never instead of it. ``token`` is the whole decision as a JWS.
    """

    class Outcome(models.TextChoices):
        GIVEN = "given"
        REFUSED = "refused"
        # Too few said yes: nothing was given, and what stood before still stands.
        NOT_CARRIED = "not-carried"

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="collective_decisions")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="collective_decisions")
    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="collective_decision")
    purposes = models.JSONField()
    # Public ids of the protocols beside the open one whose samples a version may hold.
    protocols = models.JSONField(default=list, blank=True)
    outcome = models.CharField(max_length=12, choices=Outcome.choices)
    minutes = models.CharField(max_length=255, blank=True, default="")
    valid_until = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(default=timezone.now)
    token = models.TextField()

    class Meta:
        indexes = [models.Index(fields=["dataset", "decided_at"], name="collective_of_dataset")]
