"""Contributors: whose words, voice or picture a sample is. Not an account; somebody may have one.

The name is how the community calls them, a pseudonym if they like; it is shown to keepers and stewards only and never leaves
in a version.
"""

from collections.abc import Iterable

from django.db import IntegrityError, transaction

from governance.acts import act
from governance.kernel.errors import Conflict, Invalid
from governance.kernel.words import _
from governance.models import Community, Contributor, Membership, Person
from governance.roles import roles_of

NAME_LENGTH = 200
DESK = frozenset({Membership.Role.KEEPER, Membership.Role.STEWARD})


def add(
    community: Community, *, name: str, by: Person, person: Person | None = None, contact_note: str = ""
) -> Contributor:
    """Add one contributor; raises ``Conflict`` (``contributor-exists``) when the name is taken."""
    name = name.strip()
    if not name or len(name) > NAME_LENGTH:
        raise Invalid(
            "name-missing", _("Give the person a name or a number of at most {most} letters."), most=NAME_LENGTH
        )
    with act(by, "contributor.add", on=community) as details:
        try:
            with transaction.atomic():
                contributor = Contributor.objects.create(
                    community=community, name=name, person=person, contact_note=contact_note
                )
        except IntegrityError:
            raise Conflict(
                "contributor-exists", _("Somebody is listed under this name already. Use another name, or that entry.")
            ) from None
        details["object"] = contributor
    return contributor


def link(contributor: Contributor, *, person: Person | None, by: Person) -> Contributor:
    """Say which account belongs to ``contributor`` (or that none does); a keeper's word."""
    with act(by, "contributor.link", on=_held(contributor)) as details:
        contributor.person = person
        contributor.save(update_fields=["person"])
        details |= {"contributor": contributor.ref, "linked": person is not None}
    return contributor


def _held(contributor: Contributor) -> Community:
    """A contributor is held by its community, which is what permission asks for."""
    return contributor.community


def get_or_add(community: Community, names: Iterable[str]) -> dict[str, Contributor]:
    """Return the contributors of these names, adding those that are missing; the caller's act is what the log tells.

    Names are stripped; an empty one is nobody and is left out. Safe when two imports add the same name at once.
    """
    wanted = {name.strip() for name in names} - {""}
    found = {one.name: one for one in community.contributors.filter(name__in=wanted)} if wanted else {}
    missing = sorted(wanted - found.keys())
    if missing:
        Contributor.objects.bulk_create(
            [Contributor(community=community, name=name) for name in missing], ignore_conflicts=True
        )
        found |= {one.name: one for one in community.contributors.filter(name__in=missing)}
    return found


def may_see_names(person: Person, community: Community) -> bool:
    """Whether ``person`` may see who contributed what: keepers and stewards only."""
    return bool(roles_of(person, community) & DESK)
