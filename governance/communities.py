"""Communities and who belongs to them.

Roles are given by keepers, never by the operator. A role above contributor needs two keepers as soon as there are two; until then
the founder acts alone. Nobody is added without their own yes: an invitation is accepted, a role is granted to a member, and
everybody may leave at any time.
"""

from datetime import datetime, timedelta

from django.db import IntegrityError, models, transaction
from django.utils import timezone
from django.utils.text import slugify

from governance import people, protocols, votes
from governance.acts import act, record
from governance.codes import hash_code, new_code
from governance.kernel.digests import digest
from governance.kernel.errors import Conflict, Gone, Invalid, Missing, Reason
from governance.kernel.words import _
from governance.models import Community, FounderCode, Invitation, Membership, Person, Proposal, RecoveryCode
from governance.roles import Actor, Machine, Outsider, require

ROLE = Membership.Role
INVITATION_LIVES = timedelta(days=14)
FOUNDER_CODE_LIVES = timedelta(days=7)
SUBJECT = "membership"
"""The kind of subject under which a change of roles is voted on."""


def found(
    *,
    name: str,
    slug: str,
    by: Actor,
    founder: Person | None = None,
    charter: dict[str, object] | None = None,
    is_fictional: bool = False,
) -> Community:
    """Found a community; the founder (``by``, when that is a person) becomes its first keeper.

    Raises ``Invalid`` when the name is empty or the address name is taken or malformed.
    """
    first = founder or (by if isinstance(by, Person) else None)
    if not name.strip() or slugify(slug) != slug or not slug:
        said = _(
            "Write the address name in small letters a to z, digits and single hyphens, for example saltmarsh-quay."
        )
        raise Invalid("slug-invalid", reasons=[Reason("slug-invalid", said, path="slug")])
    community = Community(name=name.strip(), slug=slug, charter=charter or {}, is_fictional=is_fictional)
    with act(by, "community.found", on=community) as details:
        try:
            with transaction.atomic():
                community.save()
        except IntegrityError as taken:
            said = _("Another community here has this address name. Please choose another one.")
            raise Invalid("slug-taken", reasons=[Reason("slug-taken", said, path="slug")]) from taken
        if first is not None:
            Membership.objects.create(person=first, community=community, role=ROLE.KEEPER, granted_by=first)
            details["keeper"] = first.ref
    return community


def change(
    community: Community,
    *,
    by: Actor,
    name: str,
    description: str = "",
    contact: str = "",
    authority_word: str = "Elder",
    greeting: str = "",
    greeting_language: str = "",
    welcome: str = "",
) -> Community:
    """Change how a community shows itself: its name, what it says at the door, whom to reach, its word for an authority.

    The door names the community only where it wants to greet there, that is with ``greeting`` or ``welcome``. Rules of the
    charter are not touched.
    """
    if not name.strip():
        said = _("A community needs a name. Any script is fine.")
        raise Invalid("name-missing", reasons=[Reason("name-missing", said, path="name")])
    words = {"greeting": greeting.strip(), "language": greeting_language.strip(), "words": welcome.strip()}
    with act(by, "community.change", on=community) as details:
        # Whoever writes this looked at the charter some time ago; the one in force stays as it is.
        in_force = Community.objects.select_for_update().get(pk=community.pk).charter
        charter = {key: value for key, value in in_force.items() if key != "welcome"}
        if words["greeting"] or words["words"]:
            charter["welcome"] = words
        community.name, community.description = name.strip(), description.strip()
        community.contact, community.authority_word = contact.strip(), authority_word.strip() or "Elder"
        community.charter = charter
        fields = ["name", "description", "contact", "authority_word", "charter"]
        community.save(update_fields=fields)
        details["changed"] = fields
    return community


def issue_founder_code(*, now: datetime | None = None) -> str:
    """Return a new code, good for a week, that lets one person found one community: the operator's only part in it."""
    code, now = new_code(), now or timezone.now()
    FounderCode.objects.create(code_hash=hash_code(code), created_at=now, expires_at=now + FOUNDER_CODE_LIVES)
    return code


def found_with(
    code: str, *, name: str, slug: str, by: Person | None, now: datetime | None = None, **account: str
) -> tuple[Community, Person]:
    """Found a community with an operator's code, which is used up by it.

    Without ``by`` an account is made for the founder from ``account`` (``username``, ``display_name``, ``password``).
    """
    now = now or timezone.now()
    with transaction.atomic():
        spent = FounderCode.objects.filter(code_hash=hash_code(code), used_at=None, expires_at__gt=now)
        if not spent.update(used_at=now):
            said = _("This code does not work: it is mistyped, used, or too old. The operator can give you a new one.")
            raise Invalid("code-unknown", reasons=[Reason("code-unknown", said, path="code")])
        founder = by or people.new_person(**account)
        return found(name=name, slug=slug, by=founder), founder


def keepers(community: Community) -> models.QuerySet[Person]:
    """Return the people who are keepers now."""
    held = Membership.objects.current().filter(community=community, role=ROLE.KEEPER)
    return Person.objects.filter(pk__in=held.values("person"), is_active=True)


def needs_two(community: Community, role: str) -> bool:
    """Say whether giving or taking ``role`` needs two keepers now."""
    return role != ROLE.CONTRIBUTOR and keepers(community).count() >= 2


def grant(community: Community, *, person: Person, role: str, by: Actor) -> Membership | Proposal:
    """Give ``person`` a role: at once, or as a proposal that a second keeper must agree to.

    Raises ``Conflict`` (``role-held``) when the person has it already.
    """
    if Membership.objects.current().filter(person=person, community=community, role=role).exists():
        raise Conflict("role-held", _("This person has that role already."))
    if isinstance(by, Person) and needs_two(community, role):
        title = _("{name} becomes {role}").format(name=person, role=role_word(community, role))
        return _propose(community, person, role, by=by, title=title, gives=True)
    with act(by, "membership.grant", on=community) as details:
        row = _give(community, person, role, by if isinstance(by, Person) else None)
        details |= {"person": person.ref, "role": role}
    return row


def _give(community: Community, person: Person, role: str, by: Person | None) -> Membership:
    row, _new = Membership.objects.get_or_create(
        person=person, community=community, role=role, valid_to=None, defaults={"granted_by": by}
    )
    return row


def end(membership: Membership, *, by: Person) -> Membership | Proposal:
    """Take a role back: at once, or as a proposal to a second keeper. The last keeper cannot be taken away."""
    community = membership.community
    if membership.role == ROLE.KEEPER:
        with transaction.atomic():
            _not_the_last(community, membership.person)
    if needs_two(community, membership.role):
        title = _("{name} is no longer {role}").format(
            name=membership.person, role=role_word(community, membership.role)
        )
        return _propose(community, membership.person, membership.role, by=by, title=title, gives=False)
    with act(by, "membership.end", on=community) as details:
        if membership.role == ROLE.KEEPER:
            _not_the_last(community, membership.person)
        _end(community, membership.person, [membership.role])
        details |= {"person": membership.person.ref, "role": membership.role}
    membership.refresh_from_db()
    return membership


def _end(community: Community, person: Person, roles: list[str], now: datetime | None = None) -> None:
    rows = Membership.objects.current(now).filter(person=person, community=community, role__in=roles)
    rows.update(valid_to=now or timezone.now())
    protocols.let_go(community, person, now)


def _not_the_last(community: Community, person: Person) -> None:
    """Refuse to take the last keeper away; called in the transaction that takes, which from here on is alone in doing so."""
    # Two keepers who leave in one moment would each still see the other.
    Community.objects.select_for_update().get(pk=community.pk)
    if not keepers(community).exclude(pk=person.pk).exists():
        raise Conflict(
            "last-keeper",
            _(
                "This is the only keeper. Name another keeper first: a community without one could decide nothing any more."
            ),
        )


def _propose(community: Community, person: Person, role: str, *, by: Person, title: str, gives: bool) -> Proposal:
    # The one who proposes is one of the two keepers; stewards, who may open other votes, are not.
    require(by, "membership.grant" if gives else "membership.end", community)
    terms: dict[str, object] = {"person": person.public_id, "role": role, "gives": gives}
    # The same person may be voted on in several communities at once.
    about = digest({"person": person.public_id, "role": role, "community": community.public_id})[:48]
    subject = (SUBJECT, about, digest(terms | {"community": community.public_id}))
    return votes.propose(community=community, subject=subject, title=title, rule_name="role", by=by, terms=terms)


@votes.when_passed(SUBJECT)
def settle(proposal: Proposal) -> None:
    """Put a passed proposal about roles into force; called in the transaction that closes it."""
    community, terms = proposal.community, proposal.terms
    person = Person.objects.get(public_id=terms["person"])
    details: dict[str, object] = {"person": person.ref, "role": terms["role"], "proposal": proposal.public_id}
    if terms["gives"]:
        # Whoever left meanwhile is not brought back by a vote.
        if Membership.objects.current().filter(person=person, community=community).exists():
            _give(community, person, str(terms["role"]), proposal.proposed_by)
            record(Machine("votes"), "membership.grant", community, details)
        return
    if terms["role"] == ROLE.KEEPER:
        _not_the_last(community, person)
    _end(community, person, [str(terms["role"])])
    record(Machine("votes"), "membership.end", community, details)


def invite(
    community: Community,
    *,
    by: Person,
    role: str = ROLE.CONTRIBUTOR,
    note: str = "",
    days: int = INVITATION_LIVES.days,
    now: datetime | None = None,
) -> tuple[Invitation, str]:
    """Make an invitation for one person; returns its code beside it, which is shown once and kept only as a hash.

    ``note`` is what the keepers call the guest among themselves.
    """
    now, code = now or timezone.now(), new_code()
    with act(by, "invitation.create", on=community) as details:
        row = Invitation.objects.create(
            community=community,
            role=role,
            note=note.strip(),
            code_hash=hash_code(code),
            created_by=by,
            created_at=now,
            expires_at=now + timedelta(days=days),
        )
        details |= {"object": row, "role": role}
    return row, code


def open_invitations(community: Community, now: datetime | None = None) -> models.QuerySet[Invitation]:
    """Return the invitations that can still be used, newest first."""
    rows = Invitation.objects.filter(community=community, used_at=None, revoked_at=None)
    return rows.filter(expires_at__gt=now or timezone.now()).select_related("created_by").order_by("-created_at", "pk")


def invitation_of(code: str, now: datetime | None = None) -> Invitation:
    """Return the invitation that ``code`` opens; raises ``Gone`` whether it is mistyped, used, taken back or too old."""
    now = now or timezone.now()
    rows = Invitation.objects.filter(code_hash=hash_code(code), used_at=None, revoked_at=None, expires_at__gt=now)
    row = rows.select_related("community", "created_by").first()
    if row is None:
        raise Gone(
            "invitation-gone",
            _(
                "This invitation does not work: it is mistyped, used, taken back, or too old. Ask who gave it to you for a new one."
            ),
        )
    return row


def accept(
    code: str, *, username: str, display_name: str, password: str, language: str = "", now: datetime | None = None
) -> Person:
    """Join with a new account; the invitation is used up. Raises ``Gone`` or ``Invalid`` with every reason."""
    invitation = invitation_of(code, now)
    with act(Outsider(f"invitation:{invitation.public_id}"), "invitation.accept", on=invitation) as details:
        person = people.new_person(username=username, display_name=display_name, password=password, language=language)
        details |= _join(invitation, person, now)
    return person


def accept_as(code: str, *, by: Person, now: datetime | None = None) -> Community:
    """Join with the account that one has; the invitation is used up."""
    invitation = invitation_of(code, now)
    with act(by, "invitation.accept", on=invitation) as details:
        details |= _join(invitation, by, now)
    return invitation.community


def _join(invitation: Invitation, person: Person, now: datetime | None) -> dict[str, object]:
    now = now or timezone.now()
    open_row = Invitation.objects.filter(pk=invitation.pk, used_at=None, revoked_at=None, expires_at__gt=now)
    if not open_row.update(used_at=now, used_by=person):
        raise Gone("invitation-gone", _("This invitation was used a moment ago."))
    community, role, host = invitation.community, invitation.role, invitation.created_by
    is_keeper = keepers(community).filter(pk=host.pk).exists()
    if role == ROLE.CONTRIBUTOR or not is_keeper or needs_two(community, role):
        _give(community, person, ROLE.CONTRIBUTOR, host)
        if role != ROLE.CONTRIBUTOR and is_keeper:
            grant(community, person=person, role=role, by=host)
    else:
        _give(community, person, role, host)
    return {"person": person.ref, "role": role}


def revoke(invitation: Invitation, *, by: Person, now: datetime | None = None) -> Invitation:
    """Take an invitation back; one that was used already stays used."""
    with act(by, "invitation.revoke", on=invitation):
        rows = Invitation.objects.filter(pk=invitation.pk, used_at=None, revoked_at=None)
        if not rows.update(revoked_at=now or timezone.now()):
            raise Conflict("invitation-over", _("This invitation was used or taken back already."))
    invitation.refresh_from_db()
    return invitation


def leave(community: Community, *, by: Person, now: datetime | None = None) -> None:
    """Leave a community with all one's roles; the last keeper must name another first."""
    held = list(Membership.objects.current(now).filter(person=by, community=community).values_list("role", flat=True))
    if not held:
        raise Missing("not-found", _("There is nothing here that you can see."))
    with act(by, "membership.leave", on=community) as details:
        if ROLE.KEEPER in held:
            _not_the_last(community, by)
        _end(community, by, held, now)
        details["roles"] = sorted(held)


def waiting_recoveries(community: Community, now: datetime | None = None) -> models.QuerySet[RecoveryCode]:
    """Return the recovery codes that wait for a second keeper."""
    rows = RecoveryCode.objects.filter(community=community, needs_second=True, seconded_by=None, used_at=None)
    return rows.filter(expires_at__gt=now or timezone.now()).select_related("person", "issued_by")


def role_word(community: Community, role: str) -> str:
    """Return how the community calls a role; an authority has a word of its own there (“Elder” by default)."""
    words = {
        ROLE.KEEPER: _("keeper"),
        ROLE.STEWARD: _("steward"),
        ROLE.REVIEWER: _("reviewer"),
        ROLE.CONTRIBUTOR: _("contributor"),
        ROLE.REPRESENTATIVE: _("representative"),
        ROLE.AUTHORITY: community.authority_word,
    }
    return words[ROLE(role)]
