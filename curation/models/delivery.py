"""How a version leaves: builds, files, pulls, takedowns, tombstones."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from curation.models.versions import Version
from governance.kernel.moves import Moves
from governance.models import Community, Decision, Person, Proposal, Request, Token, new_id


class Build(Request):
    """The job that makes a version's files; nothing is visible until all of them are whole."""

    JOB: ClassVar[str] = "curation.build_runs:run"

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="builds")
    commit = models.CharField(max_length=40, blank=True, default="")
    # SHA-256 of manifest.json: the same inputs give the same one.
    manifest_sha256 = models.CharField(max_length=64, blank=True, default="")
    # What the shards are cut by: kinds of the data columns, of the label, of the media; set once with them.
    plan = models.JSONField(default=dict, blank=True)

    @property
    def community(self) -> Community:
        """The community that answers for the dataset."""
        return self.version.community


class Shard(Request):
    """One part of a build: a range of sample ids in one split, written by whichever worker takes it."""

    JOB: ClassVar[str] = "curation.build_runs:run_shard"

    build = models.ForeignKey(Build, on_delete=models.PROTECT, related_name="shards")
    path = models.CharField(max_length=255)
    split = models.CharField(max_length=10)
    first_uid = models.CharField(max_length=32, blank=True, default="")
    last_uid = models.CharField(max_length=32, blank=True, default="")
    rows = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    size = models.BigIntegerField(default=0)

    class Meta(Request.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["build", "path"], name="shard_path")]


class Gathered(models.Model):
    """What the people in a version said to a purpose, kept while nothing changed (curation/gathering.py); may be lost."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="gathered", db_index=False)
    purpose = models.CharField(max_length=64)
    # Engine and vocabulary that read it; another one reads anew.
    made_by = models.CharField(max_length=64)
    # Where the log stood before it was read.
    mark = models.JSONField()
    body = models.JSONField()
    # From when to when the clock changes nothing.
    since = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "purpose"], name="gathered_once")]


class BuiltFile(models.Model):
    """One file of a published version; the bytes lie in storage under their SHA-256."""

    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="files")
    path = models.CharField(max_length=255)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    # The git blob id, which clients use as the ETag of text files.
    git_oid = models.CharField(max_length=40)
    is_lfs = models.BooleanField(default=False)
    # Its bytes were destroyed because they held something that was taken back; name, size and digest stay.
    erased_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "path"], name="built_file_path")]


class Pull(models.Model):
    """One pipeline drawing one version: from its first request until 15 idle minutes have passed."""

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    token = models.ForeignKey(Token, on_delete=models.PROTECT, related_name="pulls")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="pulls")
    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="+")
    snapshot_hash = models.CharField(max_length=64)
    client = models.CharField(max_length=255, blank=True, default="")
    opened_at = models.DateTimeField(default=timezone.now)
    last_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    requests = models.BigIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["token", "version"], condition=Q(closed_at=None), name="one_open_pull")
        ]

    @property
    def community(self) -> Community:
        """The community that answers for the dataset."""
        return self.version.community


class PullFile(models.Model):
    """What one pull took of one file."""

    pull = models.ForeignKey(Pull, on_delete=models.PROTECT, related_name="files")
    path = models.CharField(max_length=255)
    requests = models.PositiveIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["pull", "path"], name="pull_file")]


class Takedown(models.Model):
    """A case against a version: it is closed to everybody while the case is open.

    Somebody without a name only asks for one; that holds nothing until a keeper or steward opens it.
    """

    class Kind(models.TextChoices):
        COMPLAINT = "complaint"
        # A court or an authority demands it: answered with 451, which names who.
        LEGAL = "legal"

    class Status(models.TextChoices):
        ASKED = "asked"
        OPEN = "open"
        UNFOUNDED = "unfounded"
        UPHELD = "upheld"

    MOVES: ClassVar[Moves] = {
        "asked": frozenset({"open", "unfounded"}),
        "open": frozenset({"unfounded", "upheld"}),
    }

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.COMPLAINT)
    # Who demands it, as an address: what ``Link: rel="blocked-by"`` names (RFC 7725).
    blocked_by = models.URLField(max_length=500, blank=True, default="")
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="takedowns")
    opened_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.TextField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    opened_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    # What is told to whoever asked, and read with the tombstone: public words.
    answer = models.TextField(blank=True, default="")
    # The vote on how it ends, where the charter asks for one.
    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version"], condition=Q(status="open"), name="one_open_takedown")
        ]

    @property
    def community(self) -> Community:
        """The community that answers for the dataset."""
        return self.version.community


class Tombstone(models.Model):
    """What stays of a withdrawn version: when, why in public words, and what came after it."""

    version = models.OneToOneField(Version, on_delete=models.PROTECT, related_name="tombstone")
    at = models.DateTimeField(default=timezone.now)
    public_reason = models.TextField()
    # Set where the law demanded it.
    blocked_by = models.URLField(max_length=500, blank=True, default="")
    successor = models.ForeignKey(Version, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
