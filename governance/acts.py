"""``with act(by, verb, on=...)``: permitted, whole, written down.

One context manager joins permission, transaction and log entry. The verb is looked up in the one table of ``roles.py``; the event
is written in the same transaction as the change, so neither exists without the other. Inside the block: database only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from governance import roles
from governance.kernel.digests import canonical, sha256
from governance.models import Event
from governance.models.subjects import Subject
from governance.roles import Actor, Held


def kind_of(thing: object) -> str:
    """The name of a thing's kind in the log: its class, in lower case with hyphens (``PolicyRevision``: ``policy-revision``)."""
    name = type(thing).__name__
    return "".join(f"-{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))


@contextmanager
def act(by: Actor, verb: str, *, on: Held, at: datetime | None = None) -> Iterator[dict[str, object]]:
    """Permit, do and record one act.

    Yields a dict for the event's details: JSON values only, no personal data in clear, no content. The object is named when the
    block ends, so a row that is created inside may be put in by ``details["object"] = row``.

    Raises ``Missing`` or ``NotAllowed`` before anything happened; whatever the block raises undoes everything.
    """
    roles.require(by, verb, on.community)
    with transaction.atomic():
        details: dict[str, object] = {}
        yield details
        thing = details.pop("object", on)
        record(by, verb, thing, details, at=at)


def record(
    by: Actor, verb: str, on: object, details: dict[str, object] | None = None, *, at: datetime | None = None
) -> Event:
    """Append one event in the caller's transaction; permission is the caller's matter. Use :func:`act` wherever possible."""
    now = at or timezone.now()
    community = on.community.public_id if isinstance(on, Held) else ""
    object_id = _id_of(on)
    body = canonical(
        {
            "at": now.isoformat(),
            "actor": by.ref,
            "verb": verb,
            "object": {"kind": kind_of(on), "id": object_id},
            "community": community,
            "details": details or {},
        }
    )
    return Event.objects.create(
        at=now,
        actor=by.ref,
        verb=verb,
        object_kind=kind_of(on),
        object_id=object_id,
        community=community,
        body=body.decode(),
        hash=sha256(body),
    )


def _id_of(thing: object) -> str:
    """How the log names a thing: a subject by its pseudonym, anything else by its public id."""
    if isinstance(thing, Subject):
        return thing.pseudonym or "erased"
    return str(getattr(thing, "public_id", None) or getattr(thing, "pk", ""))
