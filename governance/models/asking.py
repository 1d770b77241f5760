"""Asking from outside: a request for access, what was said about it, the documents it brought, and the answer."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from governance.kernel.moves import Moves
from governance.models.access import Agreement, Party
from governance.models.holdings import Dataset
from governance.models.people import Community, Person, new_id


class AccessRequest(models.Model):
    """What a pipeline asks for, in its own words and in terms that rules can judge; reached by a code, not an account.

    ``precheck`` is what the rules said when it came in: reasons against, and how the DUO terms match.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        ACCEPTED = "accepted"
        DECLINED = "declined"
        TAKEN_BACK = "taken-back"

    MOVES: ClassVar[Moves] = {
        "open": frozenset({"accepted", "declined", "taken-back"}),
        "accepted": frozenset(),
        "declined": frozenset(),
        "taken-back": frozenset(),
    }

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    code_hash = models.CharField(max_length=64, unique=True)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="access_requests")
    organisation = models.CharField(max_length=120)
    kind = models.CharField(max_length=16, choices=Party.Kind.choices)
    contact = models.CharField(max_length=255)
    email = models.EmailField(blank=True, default="")
    place = models.CharField(max_length=64, blank=True, default="")
    institution = models.CharField(max_length=255, blank=True, default="")
    users = models.JSONField(default=list, blank=True)
    public_key = models.TextField(blank=True, default="")
    webhook_url = models.URLField(max_length=500, blank=True, default="")
    purpose = models.CharField(max_length=64)
    is_commercial = models.BooleanField(default=False)
    project = models.CharField(max_length=255)
    words = models.TextField()
    months = models.PositiveSmallIntegerField()
    duo = models.JSONField(default=list, blank=True)
    language = models.CharField(max_length=35, blank=True, default="")
    precheck = models.JSONField(default=dict)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.OPEN)
    assigned_to = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    # Whose turn it is: true when the last word was the asker's.
    is_our_turn = models.BooleanField(default=True)
    turned_at = models.DateTimeField(default=timezone.now)
    party = models.ForeignKey(Party, on_delete=models.PROTECT, null=True, blank=True, related_name="requests")
    agreement = models.OneToOneField(
        Agreement, on_delete=models.PROTECT, null=True, blank=True, related_name="asked_by_request"
    )

    class Meta:
        indexes = [
            models.Index(fields=["dataset", "asked_at"], condition=Q(status="open"), name="access_request_open"),
        ]

    def __str__(self) -> str:
        return f"{self.organisation}, {self.project}"

    @property
    def community(self) -> Community:
        """The community that is asked."""
        return self.dataset.community

    @property
    def ref(self) -> str:
        """How the log names the asker."""
        return f"access-request:{self.public_id}"


class RequestMessage(models.Model):
    """One thing said about a request; without an author it is the asker's."""

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    request = models.ForeignKey(AccessRequest, on_delete=models.PROTECT, related_name="messages")
    author = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    body = models.TextField()
    at = models.DateTimeField(default=timezone.now)


class RequestAnswer(models.Model):
    """How a request was decided, by whom and why; there is one answer, whoever was faster."""

    class Outcome(models.TextChoices):
        ACCEPT = "accept"
        DECLINE = "decline"

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    request = models.OneToOneField(AccessRequest, on_delete=models.PROTECT, related_name="answer")
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    # One of requests.DECLINED, said in the asker's language, and words of one's own beside it.
    reason = models.CharField(max_length=64, blank=True, default="")
    words = models.TextField(blank=True, default="")
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)


class Document(models.Model):
    """A paper that a duty before use asks for, such as an ethics approval: kept by its hash, shown to the desk only."""

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    request = models.ForeignKey(
        AccessRequest, on_delete=models.PROTECT, null=True, blank=True, related_name="documents"
    )
    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, null=True, blank=True, related_name="documents")
    # The action of the duty that it answers.
    duty = models.CharField(max_length=120)
    title = models.CharField(max_length=200)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    media_type = models.CharField(max_length=64)
    uploaded_by = models.CharField(max_length=64)
    uploaded_at = models.DateTimeField(default=timezone.now)

    @property
    def community(self) -> Community:
        """The community that is asked."""
        if self.agreement is not None:
            return self.agreement.community
        assert self.request is not None  # held by the constraint
        return self.request.community

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(request__isnull=False) | Q(agreement__isnull=False), name="document_of_something"
            )
        ]


class Verification(models.Model):
    """What a steward found when they looked at a document: it fulfils its duty until a day, or it does not."""

    document = models.OneToOneField(Document, on_delete=models.PROTECT, related_name="verification")
    is_good = models.BooleanField()
    valid_until = models.DateField(null=True, blank=True)
    note = models.CharField(max_length=500, blank=True, default="")
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(default=timezone.now)
