"""Who inside a community may see what: protocol groups, who belongs to them, their seasons, and sets of groups.

A group *is* the rule: no trait of a person is stored anywhere. A group is open (everyone in the community belongs to
it) or strict (those whom its keepers let in). A group may have a season; while it is closed, the group lets nobody
in, whoever they are. A protocol is a set of groups of which a sample needs *any* or *all*; a sample without a
protocol is seen by its contributor and the community's keepers only.

Everything here is read at the moment of the question, from the clock and the rows: no job opens or closes anything.
"""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from governance.models.people import Community, Membership, Person, new_id


def day_code(at: datetime) -> int:
    """The day of the year as month and day, 101 to 1231: what a season that comes every year is compared with."""
    local = timezone.localtime(at)
    return local.month * 100 + local.day


class ProtocolGroupQuerySet(models.QuerySet["ProtocolGroup"]):
    """Named questions about protocol groups."""

    def in_season(self, at: datetime | None = None) -> Self:
        """Those that are not closed at ``at`` (default: now)."""
        windows = SeasonWindow.objects.open_at(at).filter(group=OuterRef("pk"))
        return self.filter(Q(has_season=False) | Exists(windows))

    def letting_in(self, person: Person, at: datetime | None = None) -> Self:
        """Those that let ``person`` in at ``at``: in season, of a community of theirs, and open or with them among its people."""
        mine = Membership.objects.current(at).filter(person=person).values("community")
        own = GroupMembership.objects.current(at).filter(person=person).values("group")
        return self.in_season(at).filter(community__in=mine).filter(Q(is_open=True) | Q(pk__in=own))


class ProtocolGroup(models.Model):
    """People inside a community who may see some samples. The group *is* the rule; no trait of a person is stored.

    Its name is shown to its own people only.
    """

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="protocol_groups")
    name = models.CharField(max_length=120)
    is_open = models.BooleanField(default=False, help_text="Everyone in the community belongs to it.")
    # True: it is open only while one of its windows is; without any window it is closed.
    has_season = models.BooleanField(default=False)

    objects = ProtocolGroupQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["community", "name"], name="protocol_group_name")]

    @property
    def mode(self) -> str:
        """``open`` or ``strict``."""
        return "open" if self.is_open else "strict"


class GroupMembershipQuerySet(models.QuerySet["GroupMembership"]):
    """Named questions about who belongs to groups."""

    def current(self, at: datetime | None = None) -> Self:
        """Those in force at ``at`` (default: now)."""
        at = at or timezone.now()
        return self.filter(valid_from__lte=at).filter(Q(valid_to=None) | Q(valid_to__gt=at))


class GroupMembership(models.Model):
    """That somebody belongs to a group, from when until when, and by whose word; its keepers let others in."""

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    group = models.ForeignKey(ProtocolGroup, on_delete=models.PROTECT, related_name="memberships")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="group_memberships")
    is_keeper = models.BooleanField(default=False)
    granted_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    valid_from = models.DateTimeField(default=timezone.now)
    valid_to = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    objects = GroupMembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["group", "person"], condition=Q(valid_to=None), name="one_current_membership_per_group"
            )
        ]


class SeasonWindowQuerySet(models.QuerySet["SeasonWindow"]):
    """Named questions about seasons."""

    def standing(self, at: datetime | None = None) -> Self:
        """Those that nobody has taken back and that are not over."""
        at = at or timezone.now()
        return self.filter(Q(ended_at=None) | Q(ended_at__gt=at)).filter(Q(closes_at=None) | Q(closes_at__gt=at))

    def open_at(self, at: datetime | None = None) -> Self:
        """Those that are open at ``at`` (default: now), by their dates and, where they come every year, by the day."""
        at = at or timezone.now()
        day = day_code(at)
        within = Q(first_day__lte=F("last_day")) & Q(first_day__lte=day, last_day__gte=day)
        around = Q(first_day__gt=F("last_day")) & (Q(first_day__lte=day) | Q(last_day__gte=day))
        return self.standing(at).filter(opens_at__lte=at).filter(Q(first_day=None) | within | around)


class SeasonWindow(models.Model):
    """A time in which a group is open: between two moments, or from a keeper's word until their next, or every year.

    A season need not follow the calendar: opening by hand is a window from now without an end, closing by hand ends it.
    """

    public_id = models.CharField(max_length=32, unique=True, default=new_id, editable=False)
    group = models.ForeignKey(ProtocolGroup, on_delete=models.PROTECT, related_name="windows")
    opens_at = models.DateTimeField()
    closes_at = models.DateTimeField(null=True, blank=True)
    # Every year from the first to the last day, both included, as month and day (101 to 1231); the first may lie behind the last.
    first_day = models.PositiveSmallIntegerField(null=True, blank=True)
    last_day = models.PositiveSmallIntegerField(null=True, blank=True)
    set_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    objects = SeasonWindowQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(closes_at=None) | Q(closes_at__gt=F("opens_at")), name="season_ends_after_it_begins"
            ),
            models.CheckConstraint(
                condition=Q(first_day=None, last_day=None)
                | Q(first_day__gte=101, first_day__lte=1231, last_day__gte=101, last_day__lte=1231),
                name="season_days_go_together",
            ),
        ]


class ProtocolQuerySet(models.QuerySet["Protocol"]):
    """Named questions about sets of groups."""

    def passed_by(self, person: Person, at: datetime | None = None) -> Self:
        """Those whose samples ``person`` may see at ``at``."""
        return self._satisfied(ProtocolGroup.objects.letting_in(person, at))

    def in_season(self, at: datetime | None = None) -> Self:
        """Those that somebody could pass at ``at``: of an ``any`` one group is open, of an ``all`` every one."""
        return self._satisfied(ProtocolGroup.objects.in_season(at))

    def _satisfied(self, good: ProtocolGroupQuerySet) -> Self:
        named = Protocol.groups.through._default_manager.filter(protocol=OuterRef("pk"))
        some = Exists(named.filter(protocolgroup__in=good.values("pk")))
        lacking = Exists(named.exclude(protocolgroup__in=good.values("pk")))
        return self.filter(some).filter(Q(needs_all=False) | ~lacking)


class Protocol(models.Model):
    """A set of protocol groups with ``any`` or ``all``; shared by the samples that have the same set."""

    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="protocols")
    # Canonical: the mode and the sorted public ids of the groups.
    key = models.CharField(max_length=255)
    needs_all = models.BooleanField(default=False)
    groups = models.ManyToManyField(ProtocolGroup, related_name="protocols")

    objects = ProtocolQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["community", "key"], name="protocol_key")]
