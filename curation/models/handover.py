"""Handing everything of a community over to itself, and what came here from another house."""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from governance.models import Community, Person, Proposal, Request, new_id


class HandOver(Request):
    """The request for one archive of everything that a community holds; keepers fetch it while it lies here."""

    JOB: ClassVar[str] = "curation.handover:run"

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="hand_overs")
    asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    # The vote that allowed it; null where one keeper acts alone.
    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    sha256 = models.CharField(max_length=64, blank=True, default="")
    size = models.BigIntegerField(null=True, blank=True)
    rows = models.BigIntegerField(null=True, blank=True)
    # Its file is removed then; the row stays.
    gone_at = models.DateTimeField(null=True, blank=True)

    class Meta(Request.Meta):
        pass


class Arrival(models.Model):
    """That a community came here from another house: which archive it was, and the keys and log of that house.

    The old keys only check what was signed there; here nobody is trusted because of them.
    """

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    community = models.OneToOneField(Community, on_delete=models.PROTECT, related_name="arrival")
    manifest = models.JSONField()
    manifest_sha256 = models.CharField(max_length=64)
    # Key id -> PEM of the house that it came from.
    keys = models.JSONField(default=dict)
    # The signed note over that house's log, under which the archive's leaves stand.
    checkpoint = models.TextField(blank=True, default="")
    at = models.DateTimeField(default=timezone.now)
