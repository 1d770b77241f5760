"""Agreements: what a party outside may draw, for exactly one purpose, signed by both sides, and the tokens that carry it.

An agreement is drawn up from an offer, the revision of the rules in force, and can only be narrower than it; its text
is an ODRL document (``governance.odrl.deed``). Each side signs that document with its own Ed25519 key, as a JWS. It is
in force when both signatures stand, and what it opens is a grant (``governance.grants``). A token belongs to one
agreement, is shown once and kept as a hash.
"""

import base64
import binascii
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from governance import documents, grants, parties, policies, signing, votes
from governance.acts import act, record
from governance.codes import hash_code, new_code
from governance.kernel.digests import canonical, digest, sha256
from governance.kernel.errors import Conflict, Invalid, Missing, NotAllowed, Reason
from governance.kernel.words import _
from governance.models import Agreement, Dataset, Party, Person, PolicyRevision, Proposal, Signature, Token
from governance.odrl import deed, profile
from governance.odrl.decide import (
    COMMUNITY,
    DATASET,
    IN_FORCE,
    AgreementFact,
    Facts,
    LayerFact,
    PartyFact,
    Request,
    TargetFact,
    request_reasons,
)
from governance.odrl.duo import DuoTerm
from governance.odrl.policy import compile_policy
from governance.odrl.purposes import STANDARD
from governance.roles import Actor, Machine, Outsider

PREFIX = "wh_pull_"
TYP = "agreement+jwt"
SUBJECT = "agreement"
"""The kind of subject under which an agreement is voted on, and the name of the rule in a charter."""
UNDO = timedelta(seconds=30)
"""How long the end of an agreement or token can be undone; nothing is let through meanwhile."""


@dataclass(frozen=True)
class Terms:
    """What an agreement says beyond its purpose and its end; every default is the usual case."""

    from_version: int = 1
    to_version: int | None = None
    not_before: datetime | None = None
    project: str = ""
    users: tuple[str, ...] = ()
    role: str = "controller"
    sub_processors: str = ""
    at_end: str = "delete"
    more: str = ""
    duo: tuple[str, ...] = ()
    reviewed: tuple[str, ...] = ()


USUAL = Terms()


def draw_up(
    party: Party,
    *,
    dataset: Dataset,
    purpose: str,
    is_commercial: bool,
    expires_at: datetime,
    by: Person,
    terms: Terms = USUAL,
) -> Agreement:
    """Write the text of an agreement, no wider than the rules in force; nobody has signed it yet.

    Raises ``Invalid`` (``agreement-too-wide``) with every reason.
    """
    now = timezone.now()
    revision = policies.current(dataset, now)
    reasons = _form_reasons(party, dataset, purpose, expires_at, now, terms)
    if not reasons:
        reasons = rule_reasons(
            party, dataset, purpose=purpose, is_commercial=is_commercial, now=now, expires_at=expires_at, terms=terms
        )
    if reasons:
        raise Invalid("agreement-too-wide", _("This agreement cannot be signed."), reasons=reasons)
    with act(by, "agreement.draw-up", on=dataset) as details:
        agreement = Agreement(
            party=party,
            dataset=dataset,
            purpose=purpose,
            is_commercial=is_commercial,
            project=terms.project.strip(),
            policy=revision,
            from_version=terms.from_version,
            to_version=terms.to_version,
            signed_by=by,
            signed_at=now,
            not_before=terms.not_before,
            expires_at=expires_at,
            role=terms.role,
            sub_processors=terms.sub_processors.strip(),
            at_end=terms.at_end,
            users=list(terms.users or party.users),
            kind=party.kind,
            place=party.place,
            more=terms.more.strip(),
            duo=list(terms.duo),
            reviewed=list(terms.reviewed),
        )
        agreement.document = text_of(agreement)
        agreement.digest = digest(agreement.document)
        agreement.save(force_insert=True)
        details |= {"object": agreement, **_told(agreement)}
    return agreement


def sign(
    party: Party,
    *,
    dataset: Dataset,
    purpose: str,
    is_commercial: bool,
    expires_at: datetime,
    by: Person,
    from_version: int = 1,
    project: str = "",
) -> Agreement:
    """Draw up an agreement and sign it for the community; the party signs then, and only then is it in force."""
    agreement = draw_up(
        party,
        dataset=dataset,
        purpose=purpose,
        is_commercial=is_commercial,
        expires_at=expires_at,
        by=by,
        terms=Terms(from_version=from_version, project=project),
    )
    return sign_for_community(agreement, by=by)


def give_code(agreement: Agreement, *, by: Person) -> str:
    """Give an agreement that no request led to a code, with which the party reads and signs it; shown once.

    An older code of the same agreement opens nothing any more.
    """
    code = new_code()
    with act(by, "agreement.give-code", on=agreement):
        Agreement.objects.filter(pk=agreement.pk).update(code_hash=hash_code(code))
    return code


def sign_for_community(agreement: Agreement, *, by: Person) -> Agreement:
    """Sign an agreement with the community's key; where the charter asks for a vote, open it, and a yes signs.

    The text is read back and held against its offer and against the rules in force at this moment. Raises ``Invalid``
    (``agreement-too-wide``) with every reason, and ``Conflict`` (``agreement-signed``, ``agreement-ended``,
    ``already-proposed``).
    """
    _require_signable(agreement, Signature.Side.COMMUNITY)
    if votes.is_asked(agreement.community, SUBJECT):
        title = _("Agreement with {party}: {purpose}").format(party=agreement.party, purpose=agreement.purpose)
        subject = (SUBJECT, agreement.public_id, agreement.digest)
        votes.propose(community=agreement.community, subject=subject, title=title, rule_name=SUBJECT, by=by)
        return agreement
    with act(by, "agreement.sign", on=agreement) as details:
        details |= _signed_by_community(agreement, by)
    return agreement


@votes.when_passed(SUBJECT)
def _sign_what_was_voted(proposal: Proposal) -> None:
    """Put the community's signature under an agreement that a vote said yes to, if it still may be signed."""
    agreement = Agreement.objects.select_related("party__community", "dataset__community", "policy").get(
        public_id=proposal.subject_id
    )
    if agreement.digest != proposal.subject_digest or unsignable(agreement):
        return
    voted = Machine("votes")
    details = _signed_by_community(agreement, voted)
    record(voted, "agreement.sign", agreement, {**details, "vote": proposal.public_id})


def countersign(agreement: Agreement, *, signed: str, by: Actor) -> Agreement:
    """Put the party's own signature under an agreement.

    ``signed`` is a compact JWS by the party's key in use, or only the signature, in base64, over ``to_sign``. Raises
    ``Invalid``: ``key-missing`` when the party has no key, ``signature-wrong``, and ``agreement-too-wide`` with every
    reason when the signed text is another one.
    """
    _require_party(agreement, by)
    if not agreement.party.key_id:
        raise Invalid("key-missing", _("This party has no key that signs for it. Send the public key first."))
    _require_signable(agreement, Signature.Side.PARTY)
    token = _as_jws(agreement, signed)
    payload = signing.read_jws(token, TYP, parties.current_key(agreement.party))
    if payload != agreement.document:
        raise Invalid(
            "agreement-too-wide", _("This agreement cannot be signed."), reasons=_other_text(agreement, payload)
        )
    with act(by, "agreement.countersign", on=agreement) as details:
        details |= _add_signature(agreement, Signature.Side.PARTY, token, agreement.party.key_id, by)
    return agreement


def outsider_of(agreement: Agreement) -> Outsider:
    """The party of an agreement as an actor: somebody without an account who showed its code or its key."""
    return Outsider(agreement.party.ref)


def to_sign(agreement: Agreement, key_id: str = "") -> bytes:
    """Return the exact bytes that the party's key signs: the header and the text of a JWS (RFC 7515, section 5.1)."""
    header = {"alg": signing.ALGORITHM, "kid": key_id or agreement.party.key_id, "typ": TYP}
    return b".".join(_base64(canonical(part)) for part in (header, agreement.document))


def text_of(agreement: Agreement) -> dict[str, object]:
    """Write the ODRL document of an agreement from its offer and its fields."""
    written = deed.Deed(
        uid=uid_of(agreement),
        offer=policies.uid_of(agreement.policy.public_id),
        assigner=f"urn:wellhouse:community:{agreement.community.public_id}",
        assignee=f"urn:wellhouse:party:{agreement.party.public_id}",
        target=policies.urn_of(agreement.dataset),
        purpose=agreement.purpose,
        commercial=agreement.is_commercial,
        kind=agreement.kind,
        place=agreement.place,
        starts_at=agreement.not_before,
        ends_at=agreement.expires_at,
        from_version=agreement.from_version,
        to_version=agreement.to_version,
        at_end=agreement.at_end,
        more=agreement.more,
        terms={
            "role": agreement.role,
            "subProcessors": agreement.sub_processors,
            "atEnd": agreement.at_end,
            "users": agreement.users,
            "project": agreement.project,
            "duo": agreement.duo,
            "reviewedByPeople": agreement.reviewed,
            "assignerName": agreement.community.name,
            "assigneeName": agreement.party.name,
            "offerDigest": agreement.policy.digest,
        },
    )
    return deed.write(written, offer_of(agreement.policy, agreement.dataset))


def offer_of(revision: PolicyRevision, dataset: Dataset) -> deed.Policy:
    """The rules of a revision, which an agreement may narrow and never widen."""
    return compile_policy(
        policies.body_of(revision), uid=policies.uid_of(revision.public_id), target=policies.urn_of(dataset)
    )


def unsignable(agreement: Agreement, at: datetime | None = None) -> list[Reason]:
    """Every reason why nobody can sign this text now; empty when it can."""
    now = at or timezone.now()
    reasons = []
    if agreement.document is None or digest(agreement.document) != agreement.digest:
        message = _("The text of this agreement was changed after it was drawn up. Draw up a new one.")
        reasons.append(Reason("agreement-changed", message))
    if agreement.document is not None:
        reasons += _text_reasons(agreement, agreement.document)
    if agreement.expires_at <= now:
        reasons.append(Reason("end-in-past", _("An agreement ends after today."), "expires_at"))
    elif not reasons:
        reasons += rule_reasons(
            agreement.party,
            agreement.dataset,
            purpose=agreement.purpose,
            is_commercial=agreement.is_commercial,
            now=now,
            expires_at=agreement.expires_at,
            terms=Terms(project=agreement.project, duo=tuple(agreement.duo), reviewed=tuple(agreement.reviewed)),
        )
    return reasons


def signatures_of(agreement: Agreement) -> dict[str, Signature]:
    """The signatures that stand under it, by side."""
    return {row.side: row for row in agreement.signatures.all()}


def is_verified(agreement: Agreement) -> bool:
    """Say whether both signatures stand under exactly this text, by keys that may still be believed."""
    signed = signatures_of(agreement)
    keys = {Signature.Side.COMMUNITY: signing.public_keys(), Signature.Side.PARTY: parties.keys_of(agreement.party)}
    try:
        return all(signing.read_jws(signed[side].jws, TYP, keys[side]) == agreement.document for side in keys)
    except (KeyError, Invalid):
        return False


def end(agreement: Agreement, *, by: Person, note: str = "") -> Agreement:
    """End an agreement at once, also in the middle of a pull. Raises ``Conflict`` (``agreement-ended``) the second
    time.
    """
    now = timezone.now()
    with act(by, "agreement.end", on=agreement) as details:
        if not Agreement.objects.filter(pk=agreement.pk, ended_at=None).update(ended_at=now, ended_by=by):
            raise Conflict("agreement-ended", _("This agreement was ended already."))
        details["told_why"] = bool(note)
    agreement.refresh_from_db()
    return agreement


def restore(agreement: Agreement, *, by: Person) -> Agreement:
    """Undo the end of an agreement, within half a minute, by whoever ended it; else ``Conflict`` (``end-undo-too-late``)."""
    since = timezone.now() - UNDO
    with act(by, "agreement.restore", on=agreement):
        recent = Agreement.objects.filter(pk=agreement.pk, ended_at__gte=since, ended_by=by)
        if not recent.update(ended_at=None, ended_by=None):
            raise _too_late()
    agreement.refresh_from_db()
    return agreement


def issue_token(
    agreement: Agreement,
    *,
    by: Actor,
    label: str,
    expires_at: datetime | None = None,
    only_version: int | None = None,
) -> tuple[Token, str]:
    """Make a token and return it with its secret, which nobody can see a second time.

    It lasts no longer than its agreement, and pulls nothing before both sides have signed. With ``only_version`` it is
    for that version and no other. Raises ``Invalid`` (``token-too-long``) and ``Conflict``
    (``agreement-ended``).
    """
    now = timezone.now()
    expires_at = expires_at or agreement.expires_at
    _require_party(agreement, by)
    if agreement.ended_at is not None or agreement.expires_at <= now:
        raise Conflict("agreement-ended", _("This agreement has ended, so no token can be made for it."))
    if not now < expires_at <= agreement.expires_at:
        reason = Reason(
            "token-too-long", _("A token ends after today, and at the latest with its agreement."), "expires_at"
        )
        raise Invalid("token-too-long", reasons=[reason])
    body = secrets.token_urlsafe(24)
    with act(by, "token.issue", on=agreement) as details:
        token = Token.objects.create(
            agreement=agreement,
            label=label.strip()[:120],
            prefix=body[:6],
            key_hash=sha256(f"{PREFIX}{body}".encode()),
            created_by=by if isinstance(by, Person) else None,
            only_version=only_version,
            expires_at=expires_at,
        )
        details |= {
            "object": token,
            "agreement": agreement.public_id,
            "only_version": only_version,
            "expires_at": expires_at.isoformat(),
        }
    return token, f"{PREFIX}{body}"


def revoke_token(token: Token, *, by: Actor) -> Token:
    """End a token at once. Raises ``Conflict`` (``token-revoked``) the second time."""
    now = timezone.now()
    _require_party(token.agreement, by)
    with act(by, "token.revoke", on=token):
        whose = by if isinstance(by, Person) else None
        if not Token.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now, revoked_by=whose):
            raise Conflict("token-revoked", _("This token was ended already."))
    token.refresh_from_db()
    return token


def restore_token(token: Token, *, by: Person) -> Token:
    """Undo the end of a token, within half a minute, by whoever ended it; else ``Conflict`` (``end-undo-too-late``).

    What the party ended itself, nobody here brings back.
    """
    since = timezone.now() - UNDO
    with act(by, "token.restore", on=token):
        recent = Token.objects.filter(pk=token.pk, revoked_at__gte=since, revoked_by=by)
        if not recent.update(revoked_at=None, revoked_by=None):
            raise _too_late()
    token.refresh_from_db()
    return token


def token_of(secret: str, at: datetime | None = None) -> Token:
    """The token behind a secret, with its agreement, party, dataset and community loaded.

    Raises ``Missing`` (``token-unknown``) and ``NotAllowed`` (``token-revoked``, ``token-expired``). What its
    agreement still allows is the decision's business.
    """
    at = at or timezone.now()
    related = ("agreement__party__community", "agreement__dataset__community", "agreement__policy")
    found = Token.objects.filter(key_hash=sha256(secret.encode("utf-8", "replace"))).select_related(*related).first()
    if found is None:
        raise Missing(
            "token-unknown", _("We do not know this token. Check that it was copied whole, or ask for a new one.")
        )
    if found.revoked_at is not None:
        raise NotAllowed("token-revoked", _("This token was ended. Ask the keepers for a new one."))
    if found.expires_at <= at:
        raise NotAllowed("token-expired", _("This token has run out. Ask the keepers for a new one."))
    return found


def fact_of(agreement: Agreement, *, number: int | None = None, at: datetime | None = None) -> AgreementFact:
    """The agreement as the decision sees it, with the grant that opens version ``number`` at this moment."""
    at = at or timezone.now()
    granted = grants.standing(agreement, number=number, at=at)
    return AgreementFact(
        ref=name_of(agreement),
        party=agreement.party.ref,
        dataset=policies.urn_of(agreement.dataset),
        purpose=agreement.purpose,
        commercial=agreement.is_commercial,
        from_version=granted.from_version,
        starts_at=agreement.starts_at,
        ends_at=min(agreement.expires_at, granted.expires_at),
        ended_at=agreement.ended_at or granted.ended_at,
        not_before=granted.not_before if granted.not_before > agreement.starts_at else None,
        suspended_because=granted.because,
        is_signed_by_both=agreement.in_force_at is not None,
        fulfilled=documents.fulfilled(agreement, at),
        project=agreement.project,
        kind=agreement.kind,
        place=agreement.place,
        to_version=granted.to_version,
        reviewed=tuple(agreement.reviewed),
    )


def party_fact(party: Party) -> PartyFact:
    """The party as the decision sees it."""
    return PartyFact(party.ref, party.kind, place=party.place, institution=party.institution, users=tuple(party.users))


def uid_of(agreement: Agreement) -> str:
    """The name for ever of an agreement."""
    return f"urn:wellhouse:agreement:{agreement.public_id}"


def name_of(agreement: Agreement) -> str:
    """How people call an agreement: A- and the first characters of its public id."""
    return f"A-{agreement.public_id[:8]}"


def layer_of(revision: object, level: str, standing: str) -> LayerFact:
    """A policy revision as the decision sees it."""
    return LayerFact(
        level=level,
        standing=standing,
        uid=policies.uid_of(revision.public_id),  # type: ignore[attr-defined]  # a PolicyRevision
        revision=revision.number,  # type: ignore[attr-defined]
        body=policies.body_of(revision),  # type: ignore[arg-type]
    )


def layers_now(dataset: Dataset, at: datetime) -> tuple[LayerFact, ...]:
    """The revisions in force: the dataset's, and the community's own if it wrote one."""
    layers = [layer_of(policies.current(dataset, at), DATASET, IN_FORCE)]
    own = policies.community_current(dataset.community, at)
    if own is not None:
        layers.append(layer_of(own, COMMUNITY, IN_FORCE))
    return tuple(layers)


def rule_reasons(
    party: Party,
    dataset: Dataset,
    *,
    purpose: str,
    is_commercial: bool,
    now: datetime,
    expires_at: datetime,
    terms: Terms = USUAL,
) -> list[Reason]:
    """What the rules in force say against an agreement of this kind; the draft is judged as if it began now."""
    urn = policies.urn_of(dataset)
    drafted = AgreementFact(
        "A-new",
        party.ref,
        urn,
        purpose,
        is_commercial,
        1,
        now,
        expires_at,
        project=terms.project,
        reviewed=terms.reviewed,
    )
    facts = Facts(
        party=party_fact(party),
        target=TargetFact(urn, urn, 1, "published"),
        layers=layers_now(dataset, now),
        agreement=drafted,
    )
    duo = tuple(DuoTerm(code) for code in terms.duo)
    against = request_reasons(Request(party.ref, profile.PULL, urn, purpose, is_commercial, now, duo), facts)
    return [Reason(b.code, b.public, _FIELDS.get(b.code, "purpose"), values=dict(b.values)) for b in against]


_FIELDS: Mapping[str, str] = {
    "organisation-not-permitted": "party",
    "commercial-not-permitted": "is_commercial",
    "agreement-too-long": "expires_at",
}


def _form_reasons(
    party: Party, dataset: Dataset, purpose: str, expires_at: datetime, now: datetime, terms: Terms
) -> list[Reason]:
    reasons = []
    if party.community_id != dataset.community_id:
        reasons.append(Reason("party-unknown", _("This party asks another community."), "party"))
    if purpose not in STANDARD:
        message = _("Nobody knows the purpose “{name}”.")
        reasons.append(Reason("purpose-unknown", message, "purpose", values={"name": purpose}))
    elif not STANDARD.is_leaf(purpose):
        message = _("“{name}” is too broad: an agreement names exactly what the data is for.")
        reasons.append(Reason("purpose-too-broad", message, "purpose", values={"name": STANDARD[purpose].title}))
    if expires_at <= now:
        reasons.append(Reason("end-in-past", _("An agreement ends after today."), "expires_at"))
    if terms.not_before is not None and terms.not_before >= expires_at:
        reasons.append(Reason("ends-before-it-begins", _("It ends before it begins."), "not_before"))
    if terms.to_version is not None and terms.to_version < terms.from_version:
        message = _("The last version comes before the first one.")
        reasons.append(Reason("ends-before-it-begins", message, "to_version"))
    return reasons


def _text_reasons(agreement: Agreement, document: Mapping[str, object]) -> list[Reason]:
    """Why a text cannot be signed as this agreement: unreadable, about something else, or wider than its offer."""
    try:
        read = deed.read(document)
    except (KeyError, TypeError, ValueError, AttributeError):
        return [Reason("agreement-unreadable", _("This is not an agreement in the form that is signed here."))]
    reasons = list(deed.widenings(read, offer_of(agreement.policy, agreement.dataset)))
    if read.uid != uid_of(agreement):
        reasons.append(Reason("agreement-unreadable", _("This is the text of another agreement.")))
    return reasons


def _other_text(agreement: Agreement, payload: Mapping[str, object]) -> list[Reason]:
    """What is wrong with a signed text that is not the one that was drawn up."""
    message = _("What was signed is not the text that was drawn up. Sign exactly the file that you were given.")
    return [*_text_reasons(agreement, payload), Reason("agreement-differs", message)]


def _require_signable(agreement: Agreement, side: str) -> None:
    if agreement.ended_at is not None:
        raise Conflict("agreement-ended", _("This agreement was ended already."))
    if agreement.signatures.filter(side=side).exists():
        raise _signed_already()
    reasons = unsignable(agreement)
    if reasons:
        raise Invalid("agreement-too-wide", _("This agreement cannot be signed."), reasons=reasons)


def _require_party(agreement: Agreement, by: Actor) -> None:
    """Nobody outside touches an agreement that is not their own."""
    if isinstance(by, Outsider) and by.ref != agreement.party.ref:
        raise Missing("not-found", _("There is nothing here that you can see."))


def _signed_by_community(agreement: Agreement, by: Actor) -> dict[str, object]:
    token = signing.jws(agreement.document or {}, TYP)
    return _add_signature(agreement, Signature.Side.COMMUNITY, token, signing.current_keyid(), by)


def _add_signature(agreement: Agreement, side: str, token: str, key_id: str, by: Actor) -> dict[str, object]:
    """Keep a signature, and when it is the second one put the agreement into force; what the event says of it."""
    now = timezone.now()
    still = Agreement.objects.select_for_update().filter(pk=agreement.pk, ended_at=None, digest=agreement.digest)
    if not still.exists():
        raise Conflict("agreement-ended", _("This agreement was ended already."))
    try:
        with transaction.atomic():
            Signature.objects.create(agreement=agreement, side=side, jws=token, key_id=key_id, by=by.ref, at=now)
    except IntegrityError as error:
        raise _signed_already() from error
    is_both = Signature.objects.filter(agreement=agreement).count() == len(Signature.Side)
    if is_both:
        Agreement.objects.filter(pk=agreement.pk, in_force_at=None).update(in_force_at=now)
        agreement.in_force_at = now
        grants.first(agreement, by=by)
    return {**_told(agreement), "side": side, "key": key_id, "digest": agreement.digest, "in_force": is_both}


def _told(agreement: Agreement) -> dict[str, object]:
    """What the log says of an agreement."""
    return {
        "party": agreement.party.public_id,
        "dataset": agreement.dataset.public_id,
        "purpose": agreement.purpose,
        "commercial": agreement.is_commercial,
        "revision": agreement.policy.number,
        "from_version": agreement.from_version,
        "expires_at": agreement.expires_at.isoformat(),
    }


def _as_jws(agreement: Agreement, signed: str) -> str:
    """Read what was pasted: a whole JWS, or the bare signature in base64, over the bytes that were given out."""
    text = "".join(signed.split())
    if text.count(".") == 2:
        return text
    try:
        raw = base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid("signature-wrong", _("This is not a signature that can be read.")) from error
    return (to_sign(agreement) + b"." + _base64(raw)).decode()


def _base64(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def _signed_already() -> Conflict:
    return Conflict("agreement-signed", _("This side has signed already."))


def _too_late() -> Conflict:
    message = _("This can only be undone within half a minute, by whoever ended it. Sign a new one instead.")
    return Conflict("end-undo-too-late", message)
