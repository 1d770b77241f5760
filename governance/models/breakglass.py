"""Break-glass: two keepers let one named person look past a protocol, for a reason, until a moment, in front of everybody.

It is the only way past a protocol, and it is not one that lists, queues or searches know: what was opened is looked
at on pages of its own, where each sample that is shown is written down first.
"""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from governance.models.holdings import Dataset, Sample
from governance.models.people import Community, Person, new_id


class BreakGlassQuerySet(models.QuerySet["BreakGlass"]):
    """Named questions about openings."""

    def open_at(self, at: datetime | None = None) -> Self:
        """Those under which somebody may look at ``at`` (default: now)."""
        at = at or timezone.now()
        return self.filter(opened_at__lte=at, ends_at__gt=at).filter(Q(ended_at=None) | Q(ended_at__gt=at))

    def asked_at(self, at: datetime | None = None) -> Self:
        """Those that wait for a second keeper at ``at``."""
        at = at or timezone.now()
        return self.filter(seconded_by=None, asked_until__gt=at).filter(Q(ended_at=None) | Q(ended_at__gt=at))


class BreakGlass(models.Model):
    """One opening: asked for by one keeper, opened by another, for one person, over one dataset, until it ends by the clock."""

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="openings")
    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    # Everybody in the community reads it, at once.
    reason = models.TextField()
    hours = models.PositiveSmallIntegerField()
    asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    asked_until = models.DateTimeField()
    seconded_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    opened_at = models.DateTimeField(null=True, blank=True)
    ends_at = models.DateTimeField(null=True, blank=True)
    # Ended before its time, or taken back before it was opened.
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    objects = BreakGlassQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(hours__gte=1, hours__lte=24), name="breakglass_at_most_a_day"),
            models.CheckConstraint(
                condition=Q(seconded_by=None) | ~Q(seconded_by=F("asked_by")), name="breakglass_needs_two"
            ),
            models.CheckConstraint(
                condition=Q(seconded_by=None, opened_at=None, ends_at=None)
                | Q(seconded_by__isnull=False, opened_at__isnull=False, ends_at__isnull=False),
                name="breakglass_opened_by_the_second",
            ),
        ]


class BreakGlassView(models.Model):
    """One sample that was shown under an opening; written before it is shown."""

    opening = models.ForeignKey(BreakGlass, on_delete=models.PROTECT, related_name="views")
    sample = models.ForeignKey(Sample, on_delete=models.PROTECT, related_name="+")
    first_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["opening", "sample"], name="breakglass_view_once")]
