"""Receipts: what a party signs about the copies that it had, and about what it made of them.

A receipt is an in-toto Statement v1 in a compact JWS (``typ: receipt+jwt``). Its subjects are the version (the digest of its
manifest) and the entry of the revocation list (its digest), so that it cannot be passed off as an answer to anything else; its
predicate says which acts were done, what became of each copy, and what became of each thing that was derived. The party's own
current key signs it; a party that gave no key answers with the code of its letter, and the house signs that it said so.

Wellhouse writes down what was signed. It never says that a model forgot.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db import IntegrityError
from django.utils import timezone
from joserfc.errors import JoseError
from joserfc.jws import extract_compact

from curation import notices, revocations
from curation.models import BuiltFile, Notice, Receipt
from governance import parties, signing
from governance.acts import act
from governance.kernel.digests import sha256
from governance.kernel.errors import Conflict, Invalid, Missing, NotAllowed, Reason
from governance.kernel.words import _
from governance.models import Party
from governance.roles import Outsider

TYP = "receipt+jwt"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:wellhouse:deletion-receipt:1"
DELETED, RETRAINED, RETIRED, UNDOABLE = "deleted", "retrained-without", "retired", "cannot-undo"
COPY_ACTS = (DELETED, UNDOABLE)
DERIVED_ACTS = (RETRAINED, RETIRED, DELETED, UNDOABLE)
MOST = 200
LONGEST = 2000
LARGEST = 200_000
"""A receipt's length in characters."""


def statement(
    notice: Notice,
    *,
    acts: Sequence[str],
    copies: Sequence[Mapping[str, str]] = (),
    derived: Sequence[Mapping[str, str]] = (),
    at: datetime | None = None,
) -> dict[str, object]:
    """Return what a party is to sign: ``copies`` hold what, act, reason; ``derived`` hold name, digest, act, reason."""
    return {
        "_type": STATEMENT,
        "subject": subjects(notice),
        "predicateType": PREDICATE,
        "predicate": {
            "party": notice.party.ref,
            "acts": list(acts),
            "copies": [dict(one) for one in copies],
            "derived": [dict(one) for one in derived],
            "at": revocations.text_of(at or timezone.now()),
        },
    }


def subjects(notice: Notice) -> list[dict[str, object]]:
    """Return the two things that a receipt is about: the version by its manifest, and the entry of the list."""
    entry, version = notice.entry, notice.entry.version
    manifest = BuiltFile.objects.filter(version=version, path="manifest.json").values_list("sha256", flat=True).first()
    return [
        {"name": str(version), "digest": {"sha256": manifest or ""}},
        {"name": f"{version.dataset.path}/revocations/{entry.seq}", "digest": {"sha256": entry.digest}},
    ]


def take(jws: str) -> Receipt:
    """Take a signed receipt from whoever sends it: its signature says whose it is, its subjects what it is about.

    Raises ``Invalid`` (``signature-wrong``, ``receipt-unreadable`` with every reason) and ``Missing`` (``notice-unknown``).
    """
    keyid = _keyid(jws)
    holders = Party.objects.filter(key_id=keyid).order_by("pk") if keyid else Party.objects.none()
    pem = {party.key_id: party.public_key for party in holders}
    said = signing.read_jws(jws, TYP, pem)
    entry = _named_entry(said)
    notice = Notice.objects.filter(party__in=holders, entry__digest=entry).select_related(*_RELATED).first()
    if notice is None:
        raise Missing(
            "notice-unknown", _("No party with this key was asked about this entry. Sign what the letter names.")
        )
    return _keep(notice, jws, said, keyid)


def take_for(notice: Notice, /, jws: str) -> Receipt:
    """Take a signed receipt as the answer to ``notice``: only its party's current key counts."""
    said = signing.read_jws(jws, TYP, parties.current_key(notice.party))
    return _keep(notice, jws, said, notice.party.key_id)


def take_by_code(
    notice: Notice,
    *,
    acts: Sequence[str],
    copies: Sequence[Mapping[str, str]] = (),
    derived: Sequence[Mapping[str, str]] = (),
) -> Receipt:
    """Take the answer of a party that has no key: whoever had the code of its letter said so, and the house signs that.

    Raises ``NotAllowed`` (``receipt-needs-key``) for a party that has one.
    """
    if notice.party.key_id:
        raise NotAllowed("receipt-needs-key", _("This party has a key, so only what it signs with it counts."))
    said = statement(notice, acts=acts, copies=copies, derived=derived)
    return _keep(notice, signing.jws(said, TYP), said, signing.current_keyid(), is_by_code=True)


def gaps(notice: Notice, said: Mapping[str, object]) -> list[str]:
    """Return the acts that the entry asks for and the predicate does not speak of."""
    asked = notice.entry.said["act"]
    done = said.get("acts")
    return [str(one) for one in asked if one not in (done if isinstance(done, list) else ())]  # type: ignore[attr-defined]  # a list


def undone(receipt: Receipt) -> list[dict[str, str]]:
    """Return what cannot be undone, as the party wrote it: copies and derived things with their reason."""
    both = [*receipt.said.get("copies", ()), *receipt.said.get("derived", ())]
    return [one for one in both if one.get("act") == UNDOABLE]


_RELATED = ("party__community", "entry__version__dataset__community")


def _keep(notice: Notice, jws: str, said: Mapping[str, object], keyid: str, *, is_by_code: bool = False) -> Receipt:
    """Check what was said and write it down; the answer to a notice when nothing that was asked for is left out."""
    if said.get("subject") != subjects(notice) or said.get("_type") != STATEMENT:
        raise Invalid("receipt-elsewhere", _("This is signed about another version or another entry of the list."))
    predicate = _predicate(said)
    missing = gaps(notice, predicate)
    now, made = timezone.now(), sha256(jws.encode())
    known = Receipt.objects.filter(digest=made).first()
    if known is not None:
        return known
    try:
        with act(Outsider(notice.party.ref), "receipt.take", on=notice, at=now) as details:
            receipt = Receipt.objects.create(
                notice=notice, jws=jws, digest=made, keyid=keyid, is_by_code=is_by_code, said=predicate, at=now
            )
            notices.acknowledge(notice, now)
            if not missing:
                Notice.objects.filter(pk=notice.pk, answered_at=None).update(answered_at=now)
            details |= {
                "object": receipt,
                "party": notice.party.public_id,
                "entry": notice.entry.seq,
                "digest": made,
                "gaps": missing,
                "undone": sum(one.get("act") == UNDOABLE for one in _rows(predicate)),
                "by_code": is_by_code,
            }
    except IntegrityError as error:
        raise Conflict("moved-on", _("This receipt has just arrived by another way.")) from error
    return receipt


def _predicate(said: Mapping[str, object]) -> dict[str, object]:
    """Return the predicate if it can be used; raises ``Invalid`` with every reason."""
    found = said.get("predicate")
    if said.get("predicateType") != PREDICATE or not isinstance(found, dict):
        raise Invalid(
            "receipt-unreadable", _("This is no receipt of ours. Take the text that the letter's page gives.")
        )
    reasons = []
    acts = found.get("acts")
    if not isinstance(acts, list) or not acts or not all(isinstance(one, str) for one in acts):
        reasons.append(Reason("receipt-unreadable", _("Name the acts that were done."), "/predicate/acts"))
    for name, allowed in (("copies", COPY_ACTS), ("derived", DERIVED_ACTS)):
        reasons += _why_not(found.get(name, []), name, allowed)
    if reasons:
        raise Invalid(reasons[0].code, reasons=reasons)
    return found


def _why_not(rows: object, name: str, allowed: Sequence[str]) -> list[Reason]:
    if not isinstance(rows, list) or len(rows) > MOST:
        return [Reason("receipt-unreadable", _("This must be a list, and not longer than 200."), f"/predicate/{name}")]
    reasons = []
    for place, row in enumerate(rows):
        where = f"/predicate/{name}/{place}"
        if not isinstance(row, dict) or not all(isinstance(v, str) and len(v) <= LONGEST for v in row.values()):
            reasons.append(Reason("receipt-unreadable", _("Each entry holds short texts only."), where))
        elif row.get("act") not in allowed:
            reasons.append(Reason("receipt-unreadable", _("Say what was done with it: one of the known acts."), where))
        elif row["act"] == UNDOABLE and not row.get("reason", "").strip():
            reasons.append(Reason("receipt-reason-missing", _("Say why it cannot be undone."), f"{where}/reason"))
    return reasons


def _rows(predicate: Mapping[str, object]) -> list[dict[str, str]]:
    return [*predicate.get("copies", []), *predicate.get("derived", [])]  # type: ignore[misc]  # lists, checked above


def _keyid(jws: str) -> str:
    """Which key an unread receipt says it was signed with."""
    if len(jws) > LARGEST:
        raise Invalid("receipt-unreadable", _("A receipt is not this long."))
    try:
        return str(extract_compact(jws.encode()).headers().get("kid", ""))
    except (JoseError, ValueError) as error:
        raise Invalid("signature-wrong", _("This is no signed receipt that can be read.")) from error


def _named_entry(said: Mapping[str, object]) -> str:
    """The digest of the entry that a receipt says it is about."""
    try:
        subject = said["subject"]
        return str(subject[1]["digest"]["sha256"])  # type: ignore[index]  # checked by the except
    except (KeyError, IndexError, TypeError) as error:
        raise Invalid("receipt-unreadable", _("This receipt does not say what it is about.")) from error
