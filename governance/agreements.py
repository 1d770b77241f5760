"""Agreements: what a party outside may draw, for exactly one purpose, and the tokens that carry it.

An agreement names one dataset, one purpose, the revision of the rules under which it was signed, a first version and
an end. It can only be as wide as the rules are at that moment. A token belongs to one agreement, is shown once and
kept as a hash.
"""

import secrets
from datetime import datetime, timedelta

from django.utils import timezone

from governance import parties, policies
from governance.acts import act
from governance.kernel.digests import sha256
from governance.kernel.errors import Conflict, Invalid, Missing, NotAllowed, Reason
from governance.kernel.words import _
from governance.models import Agreement, Dataset, Party, Person, Token
from governance.odrl import profile
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
    policy_reasons,
)
from governance.odrl.purposes import STANDARD

add_party = parties.add
PREFIX = "wh_pull_"
UNDO = timedelta(seconds=30)
"""How long the end of an agreement or token can be undone; nothing is let through meanwhile."""


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
    """Sign an agreement, no wider than the rules in force. Raises ``Invalid`` (``agreement-too-wide``) with every
    reason.
    """
    now = timezone.now()
    reasons = [*_form_reasons(party, dataset, purpose, expires_at, now)]
    revision = policies.current(dataset, now)
    if not reasons:
        reasons.extend(_rule_reasons(party, dataset, purpose, is_commercial, now, expires_at))
    if reasons:
        raise Invalid("agreement-too-wide", _("This agreement cannot be signed."), reasons=reasons)
    with act(by, "agreement.sign", on=dataset) as details:
        agreement = Agreement.objects.create(
            party=party,
            dataset=dataset,
            purpose=purpose,
            is_commercial=is_commercial,
            project=project.strip(),
            policy=revision,
            from_version=from_version,
            signed_by=by,
            signed_at=now,
            expires_at=expires_at,
        )
        details |= {
            "object": agreement,
            "party": party.public_id,
            "dataset": dataset.public_id,
            "purpose": purpose,
            "commercial": is_commercial,
            "revision": revision.number,
            "from_version": from_version,
            "expires_at": expires_at.isoformat(),
        }
    return agreement


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
    agreement: Agreement, *, by: Person, label: str, expires_at: datetime | None = None
) -> tuple[Token, str]:
    """Make a token and return it with its secret, which nobody can see a second time.

    It lasts no longer than its agreement. Raises ``Invalid`` (``token-too-long``) and ``Conflict``
    (``agreement-ended``).
    """
    now = timezone.now()
    expires_at = expires_at or agreement.expires_at
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
            created_by=by,
            expires_at=expires_at,
        )
        details |= {"object": token, "agreement": agreement.public_id, "expires_at": expires_at.isoformat()}
    return token, f"{PREFIX}{body}"


def revoke_token(token: Token, *, by: Person) -> Token:
    """End a token at once. Raises ``Conflict`` (``token-revoked``) the second time."""
    now = timezone.now()
    with act(by, "token.revoke", on=token):
        if not Token.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now):
            raise Conflict("token-revoked", _("This token was ended already."))
    token.refresh_from_db()
    return token


def restore_token(token: Token, *, by: Person) -> Token:
    """Undo the end of a token, within half a minute; else ``Conflict`` (``end-undo-too-late``)."""
    since = timezone.now() - UNDO
    with act(by, "token.restore", on=token):
        if not Token.objects.filter(pk=token.pk, revoked_at__gte=since).update(revoked_at=None):
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


def party_fact(party: Party) -> PartyFact:
    """The party as the decision sees it."""
    return PartyFact(party.ref, party.kind, place=party.place, institution=party.institution, users=tuple(party.users))


def fact_of(agreement: Agreement) -> AgreementFact:
    """The agreement as the decision sees it."""
    return AgreementFact(
        ref=name_of(agreement),
        party=agreement.party.ref,
        dataset=policies.urn_of(agreement.dataset),
        purpose=agreement.purpose,
        commercial=agreement.is_commercial,
        from_version=agreement.from_version,
        starts_at=agreement.signed_at,
        ends_at=agreement.expires_at,
        ended_at=agreement.ended_at,
    )


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


def _form_reasons(party: Party, dataset: Dataset, purpose: str, expires_at: datetime, now: datetime) -> list[Reason]:
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
    return reasons


def _rule_reasons(
    party: Party, dataset: Dataset, purpose: str, is_commercial: bool, now: datetime, expires_at: datetime
) -> list[Reason]:
    """What the rules in force say against it; at signing the revision of the agreement is the one in force."""
    urn = policies.urn_of(dataset)
    drafted = AgreementFact("A-new", party.ref, urn, purpose, is_commercial, 1, now, expires_at)
    facts = Facts(
        party=party_fact(party),
        target=TargetFact(urn, urn, 1, "published"),
        layers=layers_now(dataset, now),
        agreement=drafted,
    )
    against = policy_reasons(Request(party.ref, profile.PULL, urn, purpose, is_commercial, now), facts)
    fields = {
        "organisation-not-permitted": "party",
        "commercial-not-permitted": "is_commercial",
        "agreement-too-long": "expires_at",
    }
    return [Reason(b.code, b.public, fields.get(b.code, "purpose"), values=dict(b.values)) for b in against]


def _too_late() -> Conflict:
    return Conflict("end-undo-too-late", _("This can only be undone within half a minute. Sign a new one instead."))
