"""What a community holds: datasets, samples, their media, and who may see them.

A dataset exists because a community answers for it, before anyone labels it. A sample's identity comes from where it stood
(source and key), never from when it was imported, so importing twice makes no doubles.
"""

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Self

from django.apps import apps
from django.db import models
from django.db.models import Q
from django.utils import timezone

from governance.models.people import Community, Membership, Person, new_id
from governance.models.protocols import Protocol
from governance.models.requests import Request
from governance.models.subjects import Subject

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


class DatasetQuerySet(models.QuerySet["Dataset"]):
    """Named questions about datasets."""

    def visible_to(self, person: "Person | AnonymousUser") -> Self:
        """Those of the communities in which ``person`` has a membership now."""
        if not isinstance(person, Person):
            return self.none()
        mine = Membership.objects.current().filter(person=person).values("community")
        return self.filter(community__in=mine)


class Dataset(models.Model):
    """A body of samples that one community answers for."""

    class Modality(models.TextChoices):
        TEXT = "text"
        AUDIO = "audio"
        IMAGE = "image"

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    # Goes into every sample's identity; never changes.
    key = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="datasets")
    slug = models.SlugField(max_length=64)
    name = models.CharField(max_length=120)
    description = models.TextField(blank=True, default="")
    modality = models.CharField(max_length=8, choices=Modality.choices, default=Modality.TEXT)
    language = models.CharField(max_length=35, blank=True, default="")
    text_column = models.CharField(max_length=64, default="text")
    default_protocol = models.ForeignKey(Protocol, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    # Counts up with every change of who may see any of its samples: what was worked out under an older count is worked out anew.
    protocols_changed = models.PositiveIntegerField(default=0)
    created_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    objects = DatasetQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["community", "slug"], name="dataset_slug")]

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> str:
        """``community/dataset``, as pipelines name it."""
        return f"{self.community.slug}/{self.slug}"


class Media(models.Model):
    """A file of sound or picture, named by its own SHA-256; stored once, however many samples use it."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    size = models.BigIntegerField()
    mime = models.CharField(max_length=64)
    suffix = models.CharField(max_length=8)
    seconds = models.FloatField(null=True, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True)
    height = models.PositiveIntegerField(null=True, blank=True)
    # 400 unsigned bytes, for drawing the sound before it is loaded.
    peaks = models.BinaryField(null=True, blank=True)
    added_at = models.DateTimeField(default=timezone.now)


class Contributor(Subject):
    """The source of samples: somebody whose words, voice or picture they are. Not an account; may have one."""

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="contributors")
    # As the community calls them; shown to keepers and stewards only. Corpora name speakers by 128 hex digits.
    name = models.CharField(max_length=200)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="contributors")
    contact_note = models.CharField(max_length=255, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["community", "name"], name="contributor_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def ref(self) -> str:
        """How the log names it: a pseudonym that only this row resolves."""
        return self.named("contributor")


class Import(Request):
    """One file that is being, or was, brought into a dataset."""

    JOB: ClassVar[str] = "governance.intake:run_import"

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="imports")
    by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    # The given name is shown and is the source part of sample ids; the bytes lie under their own hash.
    filename = models.CharField(max_length=255)
    stored_as = models.CharField(max_length=255)
    format = models.CharField(max_length=32)
    # Mapping of columns, contributor, label and split columns, encoding, media root.
    settings = models.JSONField(default=dict)
    is_all_or_nothing = models.BooleanField(default=False)
    is_dry_run = models.BooleanField(default=False)
    # The last input line whose rows are committed: where a second attempt goes on.
    cursor = models.BigIntegerField(default=0)
    new = models.BigIntegerField(default=0)
    changed = models.BigIntegerField(default=0)
    unchanged = models.BigIntegerField(default=0)
    refused = models.BigIntegerField(default=0)
    report = models.CharField(max_length=255, blank=True, default="")

    @property
    def community(self) -> Community:
        """The community that answers for it."""
        return self.dataset.community


class SampleQuerySet(models.QuerySet["Sample"]):
    """Named questions about samples. ``visible_to`` is the permission to see: every list, page, count and file uses it."""

    def visible_to(self, person: "Person | AnonymousUser", at: datetime | None = None) -> Self:
        """What ``person`` may see at ``at`` (default: now): what the groups of its protocol let them see, what they gave, and what
        nobody else may see where they are a keeper.

        A group that is out of season lets nobody in. An emptied protocol (null) is seen by whoever is heard in it and the
        community's keepers only. There is no bypass: no other role, and no flag of an account, opens anything.
        """
        if not isinstance(person, Person):
            return self.none()
        current = Membership.objects.current(at).filter(person=person)
        kept = current.filter(role=Membership.Role.KEEPER).values("community")
        return self.filter(
            Q(protocol__in=Protocol.objects.passed_by(person, at).values("pk"))
            | Q(contributor__person=person)
            | Q(pk__in=Contribution.objects.filter(contributor__person=person).values("sample"))
            | Q(protocol=None, dataset__community__in=kept)
        )

    def with_voice(self, contributor: Contributor) -> Self:
        """Those in which ``contributor`` is heard in any role: what they gave, and what others gave with them in it."""
        return self.filter(
            Q(contributor=contributor) | Q(pk__in=Contribution.objects.filter(contributor=contributor).values("sample"))
        )

    def with_voice_of(self, person: Person) -> Self:
        """Those in which somebody is heard who has the account ``person``."""
        return self.filter(
            Q(contributor__person=person)
            | Q(pk__in=Contribution.objects.filter(contributor__person=person).values("sample"))
        )

    def not_held(self) -> Self:
        """Without an open hold on themselves or on anybody who is heard in them, and not erased."""
        holds = apps.get_model("governance", "Hold")._default_manager.filter(lifted_at=None)
        on_sample = holds.filter(sample=models.OuterRef("pk"))
        on_contributor = holds.filter(contributor=models.OuterRef("contributor"))
        # Asked once and not for each sample: further voices are few, and holds on people fewer.
        people = holds.exclude(contributor=None).values("contributor")
        heard = Contribution.objects.filter(contributor__in=people).values("sample")
        found = self.filter(erased_at=None)
        return found.exclude(models.Exists(on_sample)).exclude(models.Exists(on_contributor)).exclude(pk__in=heard)


class Sample(models.Model):
    """One thing that somebody said, wrote, recorded or drew; the row holds its newest revision."""

    uid = models.CharField(max_length=32)
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="samples", db_index=False)
    source = models.CharField(max_length=255)
    key = models.CharField(max_length=255)
    revision = models.PositiveIntegerField(default=1)
    # SHA-256 over the canonical JSON of the data columns and the media hash.
    content_hash = models.CharField(max_length=64)
    # BLAKE2b-128 of the normal form of the text; empty when there is nothing to compare.
    text_hash = models.CharField(max_length=32, blank=True, default="")
    contributor = models.ForeignKey(
        Contributor, on_delete=models.PROTECT, null=True, blank=True, related_name="samples", db_index=False
    )
    protocol = models.ForeignKey(
        Protocol, on_delete=models.PROTECT, null=True, blank=True, related_name="samples", db_index=False
    )
    # The data columns under their own names.
    data = models.JSONField(default=dict)
    media = models.ForeignKey(
        Media, on_delete=models.PROTECT, null=True, blank=True, related_name="samples", db_index=False
    )
    source_split = models.CharField(max_length=32, blank=True, default="")
    # An opinion that came with the file; shown as imported, never as somebody's of ours.
    imported_label = models.CharField(max_length=255, blank=True, default="")
    # Hard group keys (speaker, document, session...), as "name=value".
    groups = models.JSONField(default=list, blank=True)
    imported = models.ForeignKey(
        Import, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    added_at = models.DateTimeField(default=timezone.now)
    # Its content was destroyed after it was taken back; the id stays, so that a later import cannot bring it back.
    erased_at = models.DateTimeField(null=True, blank=True)

    objects = SampleQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["dataset", "uid"], name="sample_uid")]
        indexes = [
            models.Index(fields=["contributor", "dataset"], name="sample_of_contributor"),
            # Grows at its end only, so an import hardly pays for it; lists and exports walk a dataset in order by it.
            models.Index(fields=["dataset", "id"], name="sample_in_order"),
        ]

    def __str__(self) -> str:
        return self.uid

    @property
    def public_id(self) -> str:
        """Its name outside: the uid."""
        return self.uid

    @property
    def community(self) -> Community:
        """The community that answers for it."""
        return self.dataset.community

    @property
    def text(self) -> str:
        """The words of the dataset's text column, as they came; empty when there are none."""
        value = self.data.get(self.dataset.text_column, "")
        return value if isinstance(value, str) else str(value)


class Contribution(models.Model):
    """A further voice in a sample, beside the one who gave it; without ``contributor`` it is somebody nobody knows yet.

    Every voice counts: a sample is used only where each of them says yes, so an unknown one makes it unusable. A voice is
    added and named, and never taken away by an import.
    """

    class Role(models.TextChoices):
        SPEAKER = "speaker"
        NARRATOR = "narrator"
        TRANSLATOR = "translator"
        HEARD = "heard"

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    sample = models.ForeignKey(Sample, on_delete=models.PROTECT, related_name="contributions", db_index=False)
    contributor = models.ForeignKey(
        Contributor, on_delete=models.PROTECT, null=True, blank=True, related_name="contributions", db_index=False
    )
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.SPEAKER)
    # When it was known: what was frozen before asks this voice too.
    added_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sample", "contributor", "role"], name="contribution_once"),
            models.UniqueConstraint(
                fields=["sample", "role"], condition=Q(contributor=None), name="contribution_unknown_once"
            ),
        ]
        indexes = [models.Index(fields=["contributor", "sample"], name="contribution_of")]

    @property
    def community(self) -> Community:
        """The community that answers for the sample."""
        return self.sample.community


class SampleRevision(models.Model):
    """An earlier content of a sample; immutable."""

    sample = models.ForeignKey(Sample, on_delete=models.PROTECT, related_name="revisions")
    revision = models.PositiveIntegerField()
    content_hash = models.CharField(max_length=64)
    data = models.JSONField(default=dict)
    media = models.ForeignKey(Media, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    replaced_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sample", "revision"], name="sample_revision")]
