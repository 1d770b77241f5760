"""Witnesses: people outside who vouch, with their own key, that the log only ever grew.

A keeper names a witness by the key that the witness gave them. The witness runs ``clients/wellhouse_witness.py`` on a machine of
their own: it reads the newest checkpoint with the proof that it extends what it saw last, refuses a fork or a shorter log and keeps
the evidence, and else sends its cosignature here. We keep what fits and show it; nobody in this house can make one. So whoever
rewrites the log, the operator included, is found out by the next visit, or by anybody who compares two cosigned checkpoints.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Max, QuerySet
from django.utils import timezone

from governance import log
from governance.acts import act
from governance.kernel import notes
from governance.kernel.errors import Conflict, Invalid, Missing
from governance.kernel.words import _
from governance.models import Checkpoint, Community, Cosignature, Person, Witness

AHEAD = timedelta(minutes=5)
"""How far a witness's clock may be before ours."""
AT_MOST = 20
"""Witnesses of one community at a time."""


@dataclass(frozen=True)
class Seen:
    """A witness and the last size that it vouched for; None while it has not."""

    witness: Witness
    size: int | None
    at: datetime | None


def add(community: Community, *, vkey: str, by: Person) -> Witness:
    """Name a witness by its verifier key; raises ``Invalid`` (``key-unreadable``), ``Conflict`` (``witness-known``)."""
    key = notes.read_key(vkey)
    if key.kind != notes.COSIGNS or key.raw in log.our_keys():
        raise Invalid("key-unreadable", _("This is no key of a witness. The witness's command prints the right one."))
    known = Conflict(
        "witness-known", _("A witness of this name is here already. End it first, or ask for another name.")
    )
    with act(by, "witness.add", on=community) as details:
        if current(community).count() >= AT_MOST:
            raise Conflict("witness-known", _("There are many witnesses already. End one that no longer comes first."))
        try:
            with transaction.atomic():
                witness = Witness.objects.create(community=community, name=key.name, vkey=key.vkey)
        except IntegrityError as error:
            raise known from error
        details |= {"object": witness, "key": key.hash.hex()}
    return witness


def end(witness: Witness, *, by: Person) -> None:
    """Take nothing more from a witness; what it vouched for stays."""
    with act(by, "witness.end", on=witness):
        if not Witness.objects.filter(pk=witness.pk, ended_at=None).update(ended_at=timezone.now()):
            raise Conflict("moved-on", _("This was done already."))


def current(community: Community | None = None) -> QuerySet[Witness]:
    """The witnesses whose word is taken now: of one community, or of all in this house."""
    found = Witness.objects.filter(ended_at=None)
    return found.filter(community=community) if community else found


def receive(note: str, *, now: datetime | None = None) -> list[Cosignature]:
    """Keep the words of witnesses under one of our checkpoints; sending the same again changes nothing.

    ``note`` is the checkpoint's text with our line and one or more of theirs. Raises ``Invalid``: ``proof-unreadable``;
    ``signature-wrong`` (not our checkpoint, or no witness that we know signed it); ``Missing``: ``size-unknown``.
    """
    now = now or timezone.now()
    said = notes.read(note)
    size, root = log.read_note(note, log.our_keys())
    if not Checkpoint.objects.filter(size=size, root=root.hex()).exists():
        raise Missing("size-unknown", _("This log has no such checkpoint."))
    ours = note[: note.index("\n\n") + 2] + "".join(
        f"{part}\n" for part in note.partition("\n\n")[2].splitlines() if part.startswith(f"— {said.origin} ")
    )
    kept = [one for witness in _named(said) if (one := _keep(witness, said, ours, note, now)) is not None]
    if not kept:
        raise Invalid("signature-wrong", _("No witness that we know signed this checkpoint."))
    return kept


def seen(community: Community) -> list[Seen]:
    """The witnesses of a community, each with what it vouched for last."""
    rows = current(community).annotate(last=Max("cosignatures__size"), at=Max("cosignatures__at")).order_by("name")
    return [Seen(witness, witness.last, witness.at) for witness in rows]


def newest_cosigned() -> Checkpoint | None:
    """The newest checkpoint that somebody outside vouched for."""
    last = Cosignature.objects.order_by("-size").first()
    return Checkpoint.objects.filter(size=last.size, root=last.root).first() if last else None


def _named(said: notes.Checkpoint) -> Iterable[Witness]:
    return current().filter(name__in=[name for name, _signature in said.signatures][:AT_MOST]).order_by("pk")


def _keep(witness: Witness, said: notes.Checkpoint, ours: str, note: str, now: datetime) -> Cosignature | None:
    key = notes.read_key(witness.vkey)
    moment = notes.cosigned_at(said, key)
    if moment is None:
        return None
    at = datetime.fromtimestamp(moment, UTC)
    if at > now + AHEAD:
        raise Invalid("signature-wrong", _("This cosignature says that it was made later than now. Check the clock."))
    theirs = next(
        part
        for part in note.partition("\n\n")[2].splitlines()
        if part.startswith(f"— {key.name} ") and notes.cosigned_at(notes.read(f"{said.text}\n{part}\n"), key) == moment
    )
    made, _created = Cosignature.objects.get_or_create(
        witness=witness, size=said.size, defaults={"root": said.root.hex(), "note": f"{ours}{theirs}\n", "at": at}
    )
    return made
