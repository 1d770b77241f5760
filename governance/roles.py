"""One table: verb -> who may.

A verb is at once the permission and the entry in the log. It is granted by a current membership of the community that the thing
belongs to; nobody has it by running the machine. What depends on the thing itself (nobody reviews their own annotation) is
decided by the operation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Protocol, runtime_checkable

from governance.kernel.errors import Missing, NotAllowed
from governance.kernel.words import _
from governance.models import Community, Membership, Person

KEEPER, STEWARD, REVIEWER = Membership.Role.KEEPER, Membership.Role.STEWARD, Membership.Role.REVIEWER
CONTRIBUTOR, REPRESENTATIVE = Membership.Role.CONTRIBUTOR, Membership.Role.REPRESENTATIVE
AUTHORITY = Membership.Role.AUTHORITY
EVERY_ROLE = frozenset(Membership.Role)
DESK = frozenset({KEEPER, STEWARD})


@dataclass(frozen=True)
class Who:
    """Who may: the roles, and whether the machine itself, a token or a nameless visitor (an ``Outsider``) may."""

    roles: frozenset[Membership.Role] = frozenset()
    machine: bool = False
    outsider: bool = False
    # Somebody signed in who need not be a member yet: founding, joining, changing one's own password.
    anyone: bool = False


def _by(*roles: Membership.Role, machine: bool = False, outsider: bool = False, anyone: bool = False) -> Who:
    return Who(frozenset(roles), machine, outsider, anyone)


VERBS: Mapping[str, Who] = {
    # people
    "community.found": _by(machine=True, anyone=True),
    "community.change": _by(KEEPER),
    "invitation.create": _by(KEEPER),
    "invitation.revoke": _by(KEEPER),
    "invitation.accept": _by(anyone=True, outsider=True),
    "membership.grant": _by(KEEPER, machine=True),
    "membership.end": _by(KEEPER),
    "membership.leave": Who(EVERY_ROLE),
    "recovery.issue": _by(KEEPER),
    "recovery.second": _by(KEEPER, STEWARD, AUTHORITY, REPRESENTATIVE),
    "recovery.stop": Who(EVERY_ROLE),
    "recovery.use": _by(anyone=True, outsider=True),
    "person.change": _by(anyone=True),
    "person.erase": _by(anyone=True),
    # holdings
    "dataset.register": _by(KEEPER, STEWARD, machine=True),
    "import.start": _by(KEEPER, STEWARD),
    "import.chunk": _by(machine=True),
    "import.finish": _by(machine=True),
    "contributor.add": _by(KEEPER, STEWARD),
    "contributor.link": _by(KEEPER),
    "voice.add": _by(KEEPER, STEWARD),
    "voice.name": _by(KEEPER, STEWARD),
    "notice.publish": _by(KEEPER, STEWARD),
    "consent.record": _by(KEEPER, STEWARD, CONTRIBUTOR, REPRESENTATIVE),
    "evidence.keep": _by(KEEPER, STEWARD, REPRESENTATIVE),
    "consent.take-in": _by(KEEPER, STEWARD),
    "consent.import": _by(KEEPER, STEWARD),
    "export.ask": Who(EVERY_ROLE),
    "export.finish": _by(machine=True),
    "receipt.issue": _by(KEEPER, STEWARD),
    "withdrawal.open": Who(EVERY_ROLE, outsider=True),
    "withdrawal.close": _by(KEEPER),
    # who may see what; a group's own keepers may hold any role, so its operations ask
    "group.found": _by(KEEPER),
    "group.admit": Who(EVERY_ROLE),
    "group.release": Who(EVERY_ROLE),
    "group.season": Who(EVERY_ROLE),
    "sample.protect": Who(EVERY_ROLE),
    "breakglass.ask": _by(KEEPER),
    "breakglass.second": _by(KEEPER),
    "breakglass.end": _by(KEEPER),
    "breakglass.see": Who(EVERY_ROLE),
    # rules
    "policy.revise": _by(KEEPER, STEWARD),
    "policy.revise-own": _by(KEEPER, STEWARD, CONTRIBUTOR, REPRESENTATIVE),
    "proposal.open": _by(KEEPER, STEWARD),
    "proposal.close": Who(EVERY_ROLE, machine=True),
    "ballot.cast": Who(EVERY_ROLE),
    "proxy.give": Who(EVERY_ROLE),
    "proxy.revoke": Who(EVERY_ROLE),
    "charter.change": _by(KEEPER),
    "handover.start": _by(KEEPER),
    "handover.finish": _by(machine=True),
    "handover.fetch": _by(KEEPER),
    "handover.arrive": _by(machine=True),
    "collective.decide": _by(machine=True),
    "hold.place": _by(KEEPER, STEWARD, AUTHORITY),
    "hold.lift": _by(KEEPER, STEWARD, machine=True),
    "party.add": _by(KEEPER, STEWARD),
    "party.change": _by(KEEPER, STEWARD),
    "party.change-key": _by(KEEPER, STEWARD, outsider=True),
    "access.ask": _by(outsider=True),
    "access.say": _by(KEEPER, STEWARD, outsider=True),
    "access.assign": _by(KEEPER, STEWARD),
    "access.accept": _by(KEEPER, STEWARD),
    "access.decline": _by(KEEPER, STEWARD),
    "access.take-back": _by(outsider=True),
    "agreement.draw-up": _by(KEEPER, STEWARD),
    "agreement.give-code": _by(KEEPER, STEWARD),
    "agreement.sign": _by(KEEPER, STEWARD, machine=True),
    "agreement.countersign": _by(machine=True, outsider=True),
    "agreement.end": _by(KEEPER, STEWARD),
    "agreement.restore": _by(KEEPER, STEWARD),
    "document.add": _by(KEEPER, STEWARD, outsider=True),
    "document.verify": _by(KEEPER, STEWARD),
    "grant.open": _by(KEEPER, STEWARD, machine=True, outsider=True),
    "grant.end": _by(KEEPER, STEWARD),
    "grant.suspend": _by(KEEPER, STEWARD, machine=True),
    "grant.resume": _by(KEEPER, STEWARD, machine=True),
    "token.issue": _by(KEEPER, STEWARD, outsider=True),
    "token.revoke": _by(KEEPER, STEWARD, outsider=True),
    "token.restore": _by(KEEPER, STEWARD),
    # work
    "campaign.create": _by(KEEPER, STEWARD),
    "campaign.open": _by(KEEPER, STEWARD),
    "campaign.ready": _by(machine=True),
    "campaign.pause": _by(KEEPER, STEWARD),
    "campaign.close": _by(KEEPER, STEWARD),
    "annotation.submit": Who(EVERY_ROLE),
    "annotation.undo": Who(EVERY_ROLE),
    "annotation.skip": Who(EVERY_ROLE),
    "annotation.review": _by(KEEPER, STEWARD, REVIEWER),
    "flag.raise": Who(EVERY_ROLE),
    "flag.resolve": _by(KEEPER, STEWARD),
    # versions
    "check.run": _by(KEEPER, STEWARD),
    "check.finish": _by(machine=True),
    "version.propose": _by(KEEPER, STEWARD, machine=True),
    "version.freeze": _by(machine=True),
    "version.override": _by(KEEPER, STEWARD),
    "version.approve": Who(EVERY_ROLE, machine=True),
    "version.reject": Who(EVERY_ROLE, machine=True),
    "version.resume": _by(KEEPER, STEWARD),
    "version.publish": _by(machine=True),
    "version.withdraw": Who(EVERY_ROLE, machine=True, outsider=True),
    "takedown.ask": _by(outsider=True),
    "takedown.open": _by(KEEPER, STEWARD, REPRESENTATIVE, AUTHORITY),
    "takedown.close": _by(KEEPER, STEWARD, machine=True),
    "revocation.append": _by(machine=True),
    "notice.open": _by(machine=True),
    "notice.remind": _by(KEEPER, STEWARD),
    "receipt.take": _by(outsider=True),
    "pull.permit": _by(machine=True),
    "pull.refuse": _by(machine=True),
    "sample.erase": _by(machine=True),
    "pull.open": _by(machine=True),
    "pull.close": _by(machine=True),
    # the log itself
    "witness.add": _by(KEEPER),
    "witness.end": _by(KEEPER),
    "key.change": _by(machine=True),
}


@runtime_checkable
class Held(Protocol):
    """Anything that one community answers for."""

    @property
    def community(self) -> Community: ...

    @property
    def public_id(self) -> str: ...


@dataclass(frozen=True)
class Machine:
    """A background job or command, acting by rule and not by will; the log names it."""

    name: str

    @property
    def ref(self) -> str:
        """How the log names it."""
        return f"machine:{self.name}"


@dataclass(frozen=True)
class Outsider:
    """Somebody who showed a code or a token and has no account here; ``ref`` names the code's row, never the person."""

    ref: str


Actor = Person | Machine | Outsider


def roles_of(person: Person, community: Community, at: datetime | None = None) -> frozenset[Membership.Role]:
    """The roles of ``person`` in ``community`` at ``at`` (default: now); empty for somebody who is no member."""
    held = Membership.objects.current(at).filter(person=person, community=community).values_list("role", flat=True)
    return frozenset(Membership.Role(role) for role in held)


def may(by: Actor, verb: str, community: Community | None) -> bool:
    """Say whether ``by`` may do ``verb`` to what ``community`` answers for; an unknown verb is nobody's."""
    who = VERBS.get(verb)
    if who is None:
        return False
    if isinstance(by, Machine):
        return who.machine
    if isinstance(by, Outsider):
        return who.outsider
    if not by.is_active:
        return False
    if who.anyone:
        return True
    return community is not None and bool(who.roles & roles_of(by, community))


def require(by: Actor, verb: str, community: Community | None) -> None:
    """Raise unless ``by`` may: ``Missing`` for somebody who is no member (they cannot know it exists), else ``NotAllowed``."""
    if may(by, verb, community):
        return
    if isinstance(by, Person) and community is not None and not roles_of(by, community):
        raise Missing("not-found", _("There is nothing here that you can see."))
    words = ", ".join(sorted(who_may(verb)))
    raise NotAllowed(
        "role-missing", _("This needs one of these roles: {roles}. A keeper can grant it."), roles=words or _("none")
    )


@cache
def who_may(verb: str) -> frozenset[str]:
    """The role names that ``verb`` asks for."""
    return frozenset(str(role.value) for role in VERBS[verb].roles)
