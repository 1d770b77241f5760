"""Evidence: the signature, recording, scanned page or witnessed mark that shows what somebody said.

The file lies under its own hash in a folder that no address serves. Keepers and stewards may open it, and where an access group
is named only those of them who are in it now. The log and every export hold a salted hash and nothing else: who has the file can
show that it is the one, and nobody can find out by trying.
"""

import hashlib
import secrets
from pathlib import Path
from typing import BinaryIO

from governance import media
from governance.acts import act
from governance.kernel.errors import Invalid, Missing
from governance.kernel.words import _
from governance.models import Contributor, Evidence, GroupMembership, Person, ProtocolGroup
from governance.roles import DESK, roles_of

FOLDER = "evidence"
MOST_BYTES = 50 * 1024**2
PDF = (b"%PDF-", "application/pdf")


def keep(
    contributor: Contributor, *, kind: str, file: BinaryIO, by: Person, access_group: ProtocolGroup | None = None
) -> Evidence:
    """Keep a file that shows what ``contributor`` said.

    Raises ``Invalid`` (``evidence-kind``, ``evidence-too-big``, ``evidence-elsewhere``).
    """
    head = file.read(16)
    file.seek(0)
    mime = PDF[1] if head.startswith(PDF[0]) else (media.sniff(head) or ("", ""))[0]
    if kind not in Evidence.Kind.values or not mime:
        raise Invalid("evidence-kind", _("Keep a recording, a picture or a PDF, and say what it is."))
    if access_group is not None and access_group.community_id != contributor.community_id:
        raise Invalid("evidence-elsewhere", _("This shows what somebody else said."))
    salt = secrets.token_hex(32)
    salted, size = hashlib.sha256(bytes.fromhex(salt)), 0
    while block := file.read(1 << 20):
        salted.update(block)
        size += len(block)
        if size > MOST_BYTES:
            raise Invalid("evidence-too-big", _("Keep a file of at most 50 MB."))
    file.seek(0)
    stored, _size = media.keep(file, FOLDER)
    with act(by, "evidence.keep", on=contributor.community) as details:
        found = Evidence.objects.create(
            contributor=contributor,
            kind=kind,
            stored_as=stored,
            mime=mime,
            size=size,
            salt=salt,
            salted_hash=salted.hexdigest(),
            access_group=access_group,
            added_by=by,
        )
        details |= {"object": found, "contributor": contributor.ref, "kind": kind, "hash": found.salted_hash}
    return found


def open_for(evidence: Evidence, person: Person) -> Path:
    """Return where the file lies, for whoever may open it; for everybody else it does not exist."""
    at_desk = bool(roles_of(person, evidence.community) & DESK)
    inside = evidence.access_group_id is None or (
        GroupMembership.objects.filter(group=evidence.access_group_id, person=person).current().exists()
    )
    path = media.path_of(evidence.stored_as, FOLDER)
    if not at_desk or not inside or not path.is_file():
        raise Missing("not-found", _("There is nothing here for you."))
    return path
