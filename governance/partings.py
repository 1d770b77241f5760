"""Erasing a person: what is removed for good, and what stays because it is no longer about anybody.

The account loses its name, username, e-mail, language and password and can never be entered again; every role ends; contributors
who were linked to it are linked to nobody. The pseudonym is emptied, and with it the only link between this person and the lines
of the log: the lines, the tree and every proof stay as they are, and nobody can say any more whose they are. What somebody *gave*
(words, voices) is not removed here: that is a withdrawal, and the page offers it first.
"""

import secrets

from django.db import transaction

from governance import communities
from governance.acts import record
from governance.kernel.errors import NotAllowed
from governance.kernel.words import _
from governance.models import Contributor, Membership, Person, RecoveryCode


def erase(person: Person, *, by: Person) -> None:
    """Erase an account for good; only the person themselves may, and the last keeper must name another first.

    Raises ``NotAllowed`` (``not-yours``) and ``Conflict`` (``last-keeper``); then nothing has changed.
    """
    if person.pk != by.pk:
        raise NotAllowed("not-yours", _("Only the person themselves may change this."))
    with transaction.atomic():
        here = Membership.objects.current().filter(person=person).select_related("community")
        for community in {row.community.pk: row.community for row in here}.values():
            communities.leave(community, by=by)
        # The last line that names this pseudonym; after it nothing resolves it any more.
        record(by, "person.erase", person)
        RecoveryCode.objects.filter(person=person).delete()
        Contributor.objects.filter(person=person).update(person=None)
        person.set_unusable_password()
        person.username, person.display_name = f"erased-{secrets.token_hex(12)}", ""
        person.email = person.language = ""
        person.pseudonym, person.is_active = None, False
        person.save()
