"""The change of the house's signing key, as an act that the log tells.

A planned change is endorsed: the old key signs the new one before it is destroyed. A lost key endorses nothing; then people must
learn the new one from the keepers. Either way old public keys stay published, so whatever was signed can still be checked.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from governance import log, signing
from governance.acts import record
from governance.models import Event
from governance.roles import Machine

MACHINE = Machine("rotate_key")


@dataclass(frozen=True)
class Key:
    """A key of the house as the log names it: by its id."""

    public_id: str


@dataclass(frozen=True)
class Change:
    """What was changed: ids of the old key (empty when it was lost) and of the new one, and the new verifier key."""

    old: str
    new: str
    vkey: str


def change(*, is_lost: bool = False) -> Change:
    """Seal what is there with the old key if there is one, put a new key into use, write it down, and seal that with the new."""
    before = set(signing.public_key_ids())
    if not is_lost:
        log.seal()
    with transaction.atomic():
        old, new, endorsed = signing.change_key(is_lost=is_lost)
        details: dict[str, object] = {"old": old, "lost": is_lost, "endorsed": endorsed, "known": sorted(before)}
        record(MACHINE, "key.change", Key(new), details)
    log.seal()
    return Change(old, new, log.vkey())


def changes() -> list[Event]:
    """The events of every change, the newest first."""
    return list(Event.objects.filter(verb="key.change").order_by("-pk")[:50])


def is_lost(details: Mapping[str, object]) -> bool:
    """Whether a change was made because the key before was lost."""
    return details.get("lost") is True
