"""Protocol groups: who is let in, when they are open, and which samples are theirs.

A keeper of the community founds a group and names its first keeper. From then on the group is its own: its keepers alone let
people in, open and close its season, and give its samples to others. Keepers of the community step in only where a group has
nobody left. Nobody lets themselves in. A group's name is told to its own people only; an event names the group and the
membership by public ids that say nothing, and never a person beside a group.

What somebody may see is never decided here: ``Sample.objects.visible_to`` reads these rows at each question.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta

from django.db import IntegrityError, models, transaction
from django.db.models import F, Q
from django.utils import timezone

from governance import collective, roles
from governance.acts import act
from governance.kernel.errors import Conflict, Invalid, Missing, NotAllowed, Reason
from governance.kernel.words import _
from governance.models import (
    Community,
    Dataset,
    GroupMembership,
    Import,
    Membership,
    Person,
    Protocol,
    ProtocolGroup,
    Sample,
    SeasonWindow,
)
from governance.models.holdings import SampleQuerySet

MOST_GROUPS = 7
"""As many groups as a protocol's key has room for."""
CHUNK = 500


# Groups and their people


def found(community: Community, *, name: str, by: Person, first_keeper: Person, is_open: bool = False) -> ProtocolGroup:
    """Found a group and name its first keeper, who may be the founder: nothing is in it yet.

    Raises ``Invalid`` (``name-missing``, ``group-name-taken``) and ``Missing`` when the first keeper is no member here.
    """
    name = name.strip()
    if not name:
        raise Invalid(
            "name-missing",
            reasons=[Reason("name-missing", _("Give the group a name. Its own people alone see it."), "name")],
        )
    with act(by, "group.found", on=community) as details:
        _require_member(community, first_keeper)
        try:
            with transaction.atomic():
                group = ProtocolGroup.objects.create(community=community, name=name[:120], is_open=is_open)
        except IntegrityError as taken:
            said = _("Please choose another name for the group.")
            raise Invalid("group-name-taken", reasons=[Reason("group-name-taken", said, "name")]) from taken
        GroupMembership.objects.create(group=group, person=first_keeper, is_keeper=True, granted_by=by)
        details |= {"object": group, "mode": group.mode}
    return group


def admit(group: ProtocolGroup, *, person: Person, by: Person, is_keeper: bool = False) -> GroupMembership:
    """Let a member of the community into a group, or make somebody who is in it one of its keepers.

    Raises ``NotAllowed`` (``not-group-keeper``, ``not-oneself``), ``Missing`` for a stranger and ``Conflict`` (``in-group``).
    """
    with act(by, "group.admit", on=group) as details:
        _require_keeper(group, by)
        if person.pk == by.pk:
            raise NotAllowed("not-oneself", _("Nobody lets themselves in. Another keeper of the group can."))
        _require_member(group.community, person)
        now = timezone.now()
        current = GroupMembership.objects.current(now).filter(group=group, person=person)
        if current.filter(is_keeper=is_keeper).exists():
            raise Conflict("in-group", _("This person is in the group already."))
        current.update(valid_to=now, ended_by=by)
        row = _admitted(group, person, by, is_keeper, now)
        details |= {"membership": row.public_id, "keeper": is_keeper}
    return row


def _admitted(group: ProtocolGroup, person: Person, by: Person, is_keeper: bool, now: datetime) -> GroupMembership:
    try:
        with transaction.atomic():
            return GroupMembership.objects.create(
                group=group, person=person, is_keeper=is_keeper, granted_by=by, valid_from=now
            )
    except IntegrityError as error:
        raise Conflict("in-group", _("This person is in the group already.")) from error


def release(membership: GroupMembership, *, by: Person) -> GroupMembership:
    """Let somebody out of a group: its keepers anybody, everybody themselves. Raises ``Conflict`` (``moved-on``)."""
    group = membership.group
    with act(by, "group.release", on=group) as details:
        if membership.person_id != by.pk:
            _require_keeper(group, by)
        now = timezone.now()
        if not GroupMembership.objects.current(now).filter(pk=membership.pk).update(valid_to=now, ended_by=by):
            raise Conflict("moved-on", _("This person is not in the group any more."))
        details |= {"membership": membership.public_id}
    membership.refresh_from_db()
    return membership


def let_go(community: Community, person: Person, at: datetime | None = None) -> None:
    """End what somebody who has left the community had in its groups, so that coming back brings nothing with it.

    Called in the transaction that ends their last role.
    """
    now = at or timezone.now()
    if not Membership.objects.current(now).filter(person=person, community=community).exists():
        GroupMembership.objects.current(now).filter(person=person, group__community=community).update(valid_to=now)


def known_to(person: Person, community: Community, at: datetime | None = None) -> models.QuerySet[ProtocolGroup]:
    """The groups whose names ``person`` may read: those that they are in, and the open ones; by name."""
    own = GroupMembership.objects.current(at).filter(person=person).values("group")
    mine = Membership.objects.current(at).filter(person=person, community=community)
    rows = ProtocolGroup.objects.filter(community=community, community__in=mine.values("community"))
    return rows.filter(Q(pk__in=own) | Q(is_open=True)).order_by("name", "pk")


def orphans(community: Community, at: datetime | None = None) -> models.QuerySet[ProtocolGroup]:
    """The groups without a keeper of their own, where the community's keepers may name one."""
    kept = _kept(at).values("group")
    return ProtocolGroup.objects.filter(community=community).exclude(pk__in=kept).order_by("pk")


def is_kept_by(group: ProtocolGroup, person: Person, at: datetime | None = None) -> bool:
    """Say whether ``person`` keeps the group: is one of its keepers, or a keeper of the community where it has none."""
    here = roles.roles_of(person, group.community, at)
    if not here:
        return False
    current = GroupMembership.objects.current(at).filter(group=group, is_keeper=True)
    if current.filter(person=person).exists():
        return True
    # Somebody who left the community keeps nothing in it.
    still = Membership.objects.current(at).filter(community=group.community).values("person")
    return roles.KEEPER in here and not current.filter(person__in=still, person__is_active=True).exists()


def _kept(at: datetime | None) -> models.QuerySet[GroupMembership]:
    current = GroupMembership.objects.current(at).filter(is_keeper=True, person__is_active=True)
    still = Membership.objects.current(at).filter(
        person=models.OuterRef("person"), community=models.OuterRef("group__community")
    )
    return current.filter(models.Exists(still))


def _require_keeper(group: ProtocolGroup, by: Person) -> None:
    """Raise ``Missing`` for somebody who may not know the group, ``NotAllowed`` for somebody who is only in it."""
    if is_kept_by(group, by):
        return
    if known_to(by, group.community).filter(pk=group.pk).exists():
        raise NotAllowed("not-group-keeper", _("The keepers of this group say who is in it and when it is open."))
    raise Missing("not-found", _("There is nothing here that you can see."))


def _require_member(community: Community, person: Person) -> None:
    if not person.is_active or not roles.roles_of(person, community):
        raise Missing("not-found", _("Only members of the community can be in its groups. Invite them first."))


# Seasons


def begin_season(group: ProtocolGroup, *, by: Person, now: datetime | None = None) -> ProtocolGroup:
    """Give a group a season: from now on it is closed, but for the windows that its keepers set."""
    return _season(group, by, has_season=True, now=now)


def end_season(group: ProtocolGroup, *, by: Person, now: datetime | None = None) -> ProtocolGroup:
    """Take a group's season away: it is always open again."""
    return _season(group, by, has_season=False, now=now)


def _season(group: ProtocolGroup, by: Person, *, has_season: bool, now: datetime | None) -> ProtocolGroup:
    with act(by, "group.season", on=group, at=now) as details:
        _require_keeper(group, by)
        changed = ProtocolGroup.objects.filter(pk=group.pk, has_season=not has_season).update(has_season=has_season)
        if not changed:
            raise Conflict("moved-on", _("It is so already."))
        group.has_season = has_season
        details["season"] = "begun" if has_season else "ended"
    return group


def open_now(group: ProtocolGroup, *, by: Person, now: datetime | None = None) -> SeasonWindow:
    """Open a group by a keeper's word, until their next. Raises ``Conflict`` (``season-open``) when it is open."""
    now = now or timezone.now()
    with act(by, "group.season", on=group, at=now) as details:
        _require_keeper(group, by)
        if ProtocolGroup.objects.in_season(now).filter(pk=group.pk).exists():
            raise Conflict("season-open", _("This group is open already."))
        window = SeasonWindow.objects.create(group=group, opens_at=now, set_by=by, set_at=now)
        details["season"] = "opened"
    return window


def close_now(group: ProtocolGroup, *, by: Person, now: datetime | None = None) -> ProtocolGroup:
    """Close a group by a keeper's word, at once and everywhere: a group without a season gets one, open windows end.

    A window that comes every year ends with it, and one that lies ahead stays. Raises ``Conflict`` (``season-closed``).
    """
    now = now or timezone.now()
    with act(by, "group.season", on=group, at=now) as details:
        _require_keeper(group, by)
        ended = SeasonWindow.objects.open_at(now).filter(group=group).update(ended_at=now, ended_by=by)
        begun = ProtocolGroup.objects.filter(pk=group.pk, has_season=False).update(has_season=True)
        if not ended and not begun:
            raise Conflict("season-closed", _("This group is closed already."))
        group.has_season = True
        details["season"] = "closed"
    return group


def set_window(
    group: ProtocolGroup,
    *,
    by: Person,
    opens_on: date,
    closes_on: date | None = None,
    is_yearly: bool = False,
    now: datetime | None = None,
) -> SeasonWindow:
    """Say when a group is open: from a day until another, both included; every year if wanted.

    A group that had no season gets one, so it closes at once when today lies outside. Raises ``Invalid`` (``season-days``).
    """
    now = now or timezone.now()
    if is_yearly and closes_on is None:
        said = _("A season that comes every year needs its last day too.")
        raise Invalid("season-days", reasons=[Reason("season-days", said, "closes_on")])
    if not is_yearly and closes_on is not None and closes_on < opens_on:
        said = _("The last day lies before the first.")
        raise Invalid("season-days", reasons=[Reason("season-days", said, "closes_on")])
    with act(by, "group.season", on=group, at=now) as details:
        _require_keeper(group, by)
        dates: dict[str, object] = {"opens_at": _morning(opens_on)}
        if is_yearly and closes_on is not None:
            dates = {
                "opens_at": now,
                "first_day": opens_on.month * 100 + opens_on.day,
                "last_day": closes_on.month * 100 + closes_on.day,
            }
        elif closes_on is not None:
            dates["closes_at"] = _morning(closes_on + timedelta(days=1))
        window = SeasonWindow.objects.create(group=group, set_by=by, set_at=now, **dates)
        ProtocolGroup.objects.filter(pk=group.pk).update(has_season=True)
        group.has_season = True
        details["season"] = "window set"
    return window


def drop_window(window: SeasonWindow, *, by: Person, now: datetime | None = None) -> SeasonWindow:
    """Take a window back; if it was open, the group closes at once. Raises ``Conflict`` (``moved-on``)."""
    now = now or timezone.now()
    with act(by, "group.season", on=window.group, at=now) as details:
        _require_keeper(window.group, by)
        if not SeasonWindow.objects.standing(now).filter(pk=window.pk).update(ended_at=now, ended_by=by):
            raise Conflict("moved-on", _("This window is over already."))
        details["season"] = "window taken back"
    window.refresh_from_db()
    return window


def is_in_season(group: ProtocolGroup, at: datetime | None = None) -> bool:
    """Say whether a group is open at ``at`` (default: now)."""
    return ProtocolGroup.objects.in_season(at).filter(pk=group.pk).exists()


def _morning(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


# Whose samples are whose


def protocol_of(community: Community, groups: Iterable[ProtocolGroup], *, needs_all: bool = False) -> Protocol | None:
    """Return the protocol of a set of groups, made when it is first asked for; None for no group at all.

    Raises ``Invalid`` (``too-many-groups``, ``group-elsewhere``).
    """
    wanted = {group.pk: group for group in groups}
    if not wanted:
        return None
    if len(wanted) > MOST_GROUPS:
        raise Invalid("too-many-groups", _("A sample can have at most {n} groups."), n=MOST_GROUPS)
    if any(group.community_id != community.pk for group in wanted.values()):
        raise Invalid("group-elsewhere", _("A sample can only have groups of its own community."))
    # One group is one group: any and all of it are the same.
    needs_all = needs_all and len(wanted) > 1
    key = ":".join(["all" if needs_all else "any", *sorted(group.public_id for group in wanted.values())])
    with transaction.atomic():
        protocol, made = Protocol.objects.get_or_create(community=community, key=key, defaults={"needs_all": needs_all})
        if made:
            protocol.groups.set(wanted.values())
    return protocol


def protect(
    dataset: Dataset, *, samples: SampleQuerySet, groups: Sequence[ProtocolGroup], by: Person, needs_all: bool = False
) -> int:
    """Give those of ``samples`` that ``by`` sees to groups; return how many changed.

    Without groups, their contributor and the community's keepers alone see them. Only groups that ``by`` knows. To narrow who
    sees a sample needs a keeper or steward; anything else needs a keeper of every group that the sample had (of the community,
    where only its keepers see it). Raises ``Missing`` or ``NotAllowed`` (``role-missing``, ``not-group-keeper``), and nothing is
    changed.
    """
    with act(by, "sample.protect", on=dataset) as details:
        for group in groups:
            _require_known(group, by)
        wanted = protocol_of(dataset.community, groups, needs_all=needs_all)
        new = wanted.pk if wanted else None
        seen = Sample.objects.visible_to(by).filter(dataset=dataset, pk__in=samples.order_by().values("pk"))
        rows = list(seen.order_by("pk").values_list("pk", "protocol_id"))
        changed = 0
        for old in sorted({protocol for _pk, protocol in rows} - {new}, key=lambda pk: pk or 0):
            _require_may_change(dataset, old, wanted, by)
            ids = [pk for pk, protocol in rows if protocol == old]
            for start in range(0, len(ids), CHUNK):
                # Only what still stands as it was looked at: whoever was faster decided about it.
                still = Sample.objects.filter(pk__in=ids[start : start + CHUNK], protocol=old)
                changed += still.update(protocol=wanted)
        count_change(dataset)
        details |= {"samples": changed, "everyone": new == dataset.default_protocol_id}
    return changed


def count_change(dataset: Dataset) -> None:
    """Count that who may see samples of ``dataset`` has changed; in the transaction that changes it."""
    Dataset.objects.filter(pk=dataset.pk).update(protocols_changed=F("protocols_changed") + 1)


def leaving(dataset: Dataset, purposes: Sequence[str], at: datetime | None = None) -> frozenset[int]:
    """The protocols whose samples may leave for all of ``purposes`` at ``at``: the open one of the dataset, and those that a
    collective decision names; each only while it is in season.
    """
    named = collective.named_protocols(dataset, purposes, at) if purposes else frozenset()
    wanted = Q(pk=dataset.default_protocol_id or 0) | Q(community=dataset.community_id, key__in=named)
    return frozenset(Protocol.objects.in_season(at).filter(wanted).values_list("pk", flat=True))


def state_of(dataset: Dataset, at: datetime | None = None) -> tuple[int, int | None, bool]:
    """How often who may see samples of ``dataset`` has changed, its open protocol, and whether that is in season; read anew."""
    is_open = models.Exists(Protocol.objects.in_season(at).filter(pk=models.OuterRef("default_protocol")))
    rows = Dataset.objects.filter(pk=dataset.pk).annotate(is_open=is_open)
    return rows.values_list("protocols_changed", "default_protocol", "is_open").get()


def groups_named(community: Community, public_ids: Sequence[str], *, by: Person) -> list[ProtocolGroup]:
    """The groups of those public ids that ``by`` knows; raises ``Missing`` when one is not among them."""
    known = {group.public_id: group for group in known_to(by, community)}
    if any(public_id not in known for public_id in public_ids):
        raise Missing("not-found", _("There is nothing here that you can see."))
    return [known[public_id] for public_id in dict.fromkeys(public_ids)]


def of_import(row: Import) -> Protocol | None:
    """The protocol that the samples of an import get: the dataset's open one, or what whoever brought them in chose."""
    wanted = row.settings.get("groups")
    if wanted is None:
        return row.dataset.default_protocol
    found = ProtocolGroup.objects.filter(community=row.community, public_id__in=wanted)
    return protocol_of(row.community, found, needs_all=bool(row.settings.get("needs_all")))


def imports_known_to(person: Person, dataset: Dataset) -> models.QuerySet[Import]:
    """The imports of ``dataset`` that ``person`` may know of: those for everyone, their own, and those of groups that they know."""
    rows = Import.objects.filter(dataset=dataset)
    known = set(known_to(person, dataset.community).values_list("public_id", flat=True))
    chosen = rows.filter(settings__has_key="groups").exclude(by=person).values_list("pk", "settings__groups")
    is_keeper = roles.KEEPER in roles.roles_of(person, dataset.community)
    hidden = [pk for pk, wanted in chosen if not set(wanted) <= known or (not wanted and not is_keeper)]
    return rows.exclude(pk__in=hidden)


def is_narrower(new: tuple[bool, frozenset[int]], old: tuple[bool, frozenset[int]]) -> bool:
    """Say whether everybody who passes ``new`` passes ``old``, whoever is in which group; each is (needs all, groups)."""
    new_all, new_groups = new
    old_all, old_groups = old
    if new_all and old_all:
        return old_groups <= new_groups
    if new_all:
        return bool(old_groups & new_groups)
    if old_all:
        return all(old_groups <= {group} for group in new_groups)
    return new_groups <= old_groups


def _require_known(group: ProtocolGroup, by: Person) -> None:
    if not known_to(by, group.community).filter(pk=group.pk).exists():
        raise Missing("not-found", _("There is nothing here that you can see."))


def _require_may_change(dataset: Dataset, old_id: int | None, new: Protocol | None, by: Person) -> None:
    here = roles.roles_of(by, dataset.community)
    old = Protocol.objects.get(pk=old_id) if old_id else None
    is_open = old_id == dataset.default_protocol_id
    if is_open or (old and new and is_narrower(_set_of(new), _set_of(old))):
        may, words = bool(here & roles.DESK), "keeper, steward"
    elif old is None:
        may, words = roles.KEEPER in here, "keeper"
    elif all(is_kept_by(group, by) for group in old.groups.all()):
        return
    else:
        raise NotAllowed(
            "not-group-keeper",
            _("This would show a sample to more people. Only a keeper of its own group can decide that."),
        )
    if not may:
        message = _("This needs one of these roles: {roles}. A keeper can grant it.")
        raise NotAllowed("role-missing", message, roles=words)


def _set_of(protocol: Protocol) -> tuple[bool, frozenset[int]]:
    return protocol.needs_all, frozenset(protocol.groups.values_list("pk", flat=True))
