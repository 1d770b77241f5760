"""People, communities, and what a person is in a community."""

from datetime import datetime
from typing import Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.utils import timezone

from governance.models.subjects import Subject, new_id


class PersonManager(BaseUserManager["Person"]):
    """Makes people; a username is unique whatever its case."""

    def create_user(self, username: str, password: str | None = None, **fields: object) -> "Person":
        """Create a person who can sign in."""
        person = self.model(username=username.strip().lower(), **fields)
        person.set_password(password)
        person.save()
        return person


class Person(AbstractBaseUser, Subject):
    """Somebody who can sign in. Carries no trait of a person: what somebody may see is a membership, never an attribute."""

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    username = models.CharField(max_length=64, unique=True)
    display_name = models.CharField(max_length=120)
    email = models.EmailField(blank=True, default="")
    language = models.CharField(max_length=35, blank=True, default="")
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(default=timezone.now)

    objects = PersonManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS = ["display_name"]

    def __str__(self) -> str:
        return self.display_name or self.username

    @property
    def ref(self) -> str:
        """How the log names this person: a pseudonym that only this row resolves."""
        return self.named("person")


class Community(models.Model):
    """The people who hold data together, and the charter by which they decide."""

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True, default="")
    contact = models.CharField(max_length=255, blank=True, default="")
    languages = models.JSONField(default=list, blank=True)
    authority_word = models.CharField(max_length=40, default="Elder")
    accent = models.CharField(max_length=7, blank=True, default="")
    is_fictional = models.BooleanField(default=False)
    # The charter: who decides what, and how many. Keys and defaults: governance/votes.py.
    charter = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = "communities"

    def __str__(self) -> str:
        return self.name

    @property
    def community(self) -> Self:
        """Itself, so that every held thing answers ``.community``."""
        return self


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Named questions about memberships."""

    def current(self, at: datetime | None = None) -> Self:
        """Those in force at ``at`` (default: now)."""
        at = at or timezone.now()
        return self.filter(valid_from__lte=at).filter(Q(valid_to=None) | Q(valid_to__gt=at))


class Membership(models.Model):
    """One role of one person in one community, granted by a keeper (or founding), until it ends."""

    class Role(models.TextChoices):
        KEEPER = "keeper"
        STEWARD = "steward"
        REVIEWER = "reviewer"
        CONTRIBUTOR = "contributor"
        REPRESENTATIVE = "representative"
        AUTHORITY = "authority"

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="memberships")
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=16, choices=Role.choices)
    granted_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    valid_from = models.DateTimeField(default=timezone.now)
    valid_to = models.DateTimeField(null=True, blank=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "community", "role"],
                condition=Q(valid_to=None),
                name="one_current_membership_per_role",
            )
        ]


class Invitation(models.Model):
    """A link or a printed code that lets one person join once; only its hash is kept."""

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="invitations")
    role = models.CharField(max_length=16, choices=Membership.Role.choices, default=Membership.Role.CONTRIBUTOR)
    code_hash = models.CharField(max_length=64, unique=True)
    note = models.CharField(max_length=120, blank=True, default="")
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)


class RecoveryCode(models.Model):
    """A keeper's code that lets a member set a new password once, where there is no e-mail.

    For somebody with a role above contributor a second keeper must agree before it works.
    """

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="recovery_codes")
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="+")
    code_hash = models.CharField(max_length=64, unique=True)
    issued_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    needs_second = models.BooleanField(default=False)
    # Set where nobody can be the second: it works only after days in which the person may stop it.
    works_from = models.DateTimeField(null=True, blank=True)
    seconded_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)


class FounderCode(models.Model):
    """A code from the operator that lets one person found one community; the operator gains nothing in it."""

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    code_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)


class SignInAttempt(models.Model):
    """A failed sign-in, kept for the throttle: by account and by address, both as salted hashes."""

    key = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["key", "at"], name="signin_key_at")]
