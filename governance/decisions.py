"""Decisions: each pull is answered once from everything that is true at that moment, and the answer is kept whole.

``facts_for`` gathers what ``governance.odrl.decide`` may look at; what lies above this floor (the version) is handed
in by the caller. ``decide`` stores the request, the facts, the answer and a signature over them in one row, so that
``replay`` can ask the same question again years later and compare.
"""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from governance import agreements, holds, log, policies, signing
from governance.acts import record
from governance.kernel.digests import canonical, digest, sha256
from governance.kernel.errors import Invalid, Missing
from governance.kernel.words import _
from governance.models import Agreement, Checkpoint, Dataset, Decision, Hold, Leaf, new_id
from governance.odrl import profile
from governance.odrl.decide import (
    AGREED,
    CONTRIBUTOR,
    DATASET,
    EDITION,
    ENGINE,
    PUBLISHED,
    SAMPLE,
    AgreementFact,
    Because,
    CollectiveFact,
    ConsentFact,
    Facts,
    HoldFact,
    LayerFact,
    Request,
    TargetFact,
    ViolationFact,
    from_snapshot,
    snapshot,
)
from governance.odrl.decide import agreement_reasons as judge_agreement
from governance.odrl.decide import decide as judge
from governance.odrl.duo import DuoTerm
from governance.roles import Machine

TYPE = "decision+jwt"
DECIDER = Machine("decisions")

HOLD_CODES: Mapping[str, str] = {
    Hold.Kind.TAKEDOWN: "takedown-open",
    Hold.Kind.WITHDRAWAL: "version-withdrawn",
    Hold.Kind.FLAG: "on-hold",
    Hold.Kind.KEEPER: "embargoed",
}
"""Kind of an open hold on the version itself -> reason code."""


@dataclass(frozen=True)
class VersionFacts:
    """What the floor above knows about the asked version.

    ``held`` is how many of its samples rest now, ``taken_back`` how many of them for good; ``status`` is “published”
    for one that may be pulled. ``violations`` are promises that the asking party has not kept, or has until a day to
    keep; ``collective`` is what the community decided together, None where its charter does not ask;
    ``layers`` are the rules of the people and samples in it.
    """

    kind: str
    public_id: str
    digest: str
    number: int
    status: str
    dataset: Dataset
    consents: ConsentFact | None
    purposes: tuple[str, ...] = ()
    held: int = 0
    taken_back: int = 0
    violations: tuple[ViolationFact, ...] = ()
    collective: CollectiveFact | None = None
    layers: tuple[LayerFact, ...] = ()


def facts_for(agreement: Agreement | None, *, version_facts: VersionFacts, at: datetime | None = None) -> Facts:
    """Gather everything that the decision may look at; a handful of queries whatever the size."""
    at = at or timezone.now()
    version = version_facts
    stops = [HoldFact(HOLD_CODES[h.kind]) for h in holds.open_on(version.kind, version.public_id).order_by("pk")]
    if version.taken_back:
        stops.append(HoldFact("version-withdrawn", version.taken_back))
    if version.held:
        stops.append(HoldFact("on-hold", version.held))
    layers = [*agreements.layers_now(version.dataset, at), *version.layers]
    if agreement is not None and agreement.dataset_id == version.dataset.pk:
        layers.insert(0, agreements.layer_of(agreement.policy, DATASET, AGREED))
    return Facts(
        party=agreements.party_fact(agreement.party) if agreement else None,
        target=TargetFact(
            ref=ref_of(version.kind, version.public_id),
            dataset=policies.urn_of(version.dataset),
            number=version.number,
            state=version.status,
            digest=version.digest,
            purposes=tuple(version.purposes),
        ),
        holds=tuple(stops),
        consents=_plain(version.consents),
        layers=tuple(layers),
        agreement=agreements.fact_of(agreement, number=version.number, at=at) if agreement else None,
        violations=version.violations,
        collective=version.collective,
    )


def agreement_reasons(
    agreement: Agreement, dataset: Dataset, *, number: int, only: int | None = None, at: datetime | None = None
) -> tuple[Because, ...]:
    """What the agreement and its grants alone say against version ``number`` of ``dataset`` now; nothing is stored.

    ``only`` is the version that a token is bound to.
    """
    at = at or timezone.now()
    fact = agreements.fact_of(agreement, number=number, at=at)
    urn = policies.urn_of(dataset)
    facts = Facts(
        party=agreements.party_fact(agreement.party),
        target=TargetFact(urn, urn, number, PUBLISHED),
        agreement=fact if only is None else narrowed(fact, only),
    )
    asked = Request(agreement.party.ref, profile.PULL, urn, agreement.purpose, agreement.is_commercial, at)
    return judge_agreement(asked, facts)


def narrowed(fact: AgreementFact, only: int) -> AgreementFact:
    """The agreement as a token for version ``only`` sees it."""
    is_in = fact.from_version <= only and (fact.to_version is None or only <= fact.to_version)
    return replace(fact, from_version=only, to_version=only) if is_in else fact


def decide(
    *, agreement: Agreement, subject: tuple[str, str, str], facts: Facts, at: datetime | None = None
) -> Decision:
    """Answer a pull for the agreement's purpose, and keep the answer with everything it was made from.

    Every decision that is kept has its line in the log, a no like a yes; the line names the digest of what was signed.
    """
    at = at or timezone.now()
    kind, public_id, subject_digest = subject
    request = Request(
        party=agreement.party.ref,
        action=profile.PULL,
        target=ref_of(kind, public_id),
        purpose=agreement.purpose,
        commercial=agreement.is_commercial,
        at=at,
        duo=tuple(DuoTerm(code) for code in agreement.duo),
    )
    outcome = judge(request, facts)
    answer = outcome.to_json()
    row = Decision(
        public_id=new_id(),
        community=agreement.community,
        subject_kind=kind,
        subject_id=public_id,
        subject_digest=subject_digest,
        outcome=Decision.Outcome.PERMIT if outcome.is_permitted else Decision.Outcome.DENY,
        request=snapshot(request, facts)["request"],
        reasons=answer["reasons"],
        snapshot={**snapshot(request, facts), "answer": answer},
        snapshot_hash=facts.hash,
        engine=ENGINE,
        vocabulary=EDITION,
        at=at,
        valid_until=outcome.valid_until,
    )
    row.signature = {"jws": _detached(signing.jws(document(row), TYPE))}
    details: dict[str, object] = {
        "decision": row.public_id,
        "digest": digest(document(row)),
        "outcome": answer["outcome"],
        "reasons": [because.code for because in outcome.reasons],
        "subject": [kind, public_id],
        "party": agreement.party.public_id,
        "purpose": agreement.purpose,
    }
    with transaction.atomic():
        if outcome.is_permitted:
            row.event = record(DECIDER, "pull.permit", row, details, at=at)
        else:
            row.event = record(DECIDER, "pull.refuse", row, details, at=at)
        row.save(force_insert=True)
    return row


def document(decision: Decision) -> dict[str, object]:
    """What is signed, and what the asking party and the community may read: the answer and its reasons, never the facts.

    The facts are bound by their hash. Its place in the log is not part of it: a decision has none before it is sealed.
    """
    facts = decision.snapshot["facts"]
    consents, agreement = facts["consents"], facts["agreement"]
    return {
        "decision_id": decision.public_id,
        **decision.snapshot["answer"],
        "request": decision.request,
        "subject": [decision.subject_kind, decision.subject_id, decision.subject_digest],
        "policy_versions": [_told(layer) for layer in facts["layers"]],
        "agreement": agreement["ref"] if agreement else None,
        "consent_snapshot": _consent_snapshot(decision, consents["digest"]) if consents else None,
        "snapshot_hash": decision.snapshot_hash,
    }


def public(decision: Decision) -> dict[str, object]:
    """The document with its signature and its place in the log."""
    return {**document(decision), "log": place_of(decision), "signature": decision.signature}


def place_of(decision: Decision) -> dict[str, int] | None:
    """Its leaf in the log and the first checkpoint that holds it; None until it is sealed."""
    leaf = Leaf.objects.filter(event=decision.event_id).first() if decision.event_id else None
    over = Checkpoint.objects.filter(size__gt=leaf.index).order_by("size").first() if leaf else None
    return {"leaf_index": leaf.index, "checkpoint": over.size} if leaf and over else None


def proof(decision: Decision) -> dict[str, object]:
    """The bundle that proves that this decision stands in the log, whose line names the digest of the document.

    Raises ``Missing`` (``decision-without-line``) for one that was made before decisions had lines of their own.
    """
    if decision.event is None:
        raise Missing("decision-without-line", _("This decision was made before decisions had a line in the log."))
    return {**log.proof(decision.event), "decision": document(decision), "signature": decision.signature}


@dataclass(frozen=True)
class Difference:
    """A decision whose replay differs from what was stored, or whose row was tampered with."""

    decision: str
    was: object
    now: object

    def to_json(self) -> dict[str, object]:
        """As commands.md names it."""
        return {"decision": self.decision, "was": self.was, "is": self.now}


def replay(decision: Decision) -> Difference | None:
    """Ask the stored question again, from the stored facts alone; None when everything is as it was."""
    stored = decision.snapshot
    was = {"outcome": decision.outcome, "reasons": decision.reasons, "valid_until": decision.valid_until.isoformat()}
    try:
        request, facts = from_snapshot(stored)
    except (KeyError, TypeError, ValueError):
        return Difference(decision.public_id, was, "unreadable")
    again = judge(request, facts).to_json()
    now = {name: again[name] for name in was}
    if was != now or {k: stored["answer"][k] for k in was} != now:
        return Difference(decision.public_id, was, now)
    if decision.snapshot_hash != facts.hash:
        return Difference(decision.public_id, decision.snapshot_hash, facts.hash)
    if not is_signed(decision):
        return Difference(decision.public_id, "signed", "not signed by a key that we know")
    return None


def replay_all(found: QuerySet[Decision]) -> Iterator[Difference | None]:
    """Replay many, one after the other, in flat memory."""
    for decision in found.order_by("pk").iterator(chunk_size=500):
        yield replay(decision)


def is_signed(decision: Decision) -> bool:
    """Say whether the row is exactly what was signed."""
    signed = decision.signature
    if not isinstance(signed, dict):
        return False
    try:
        if "jws" not in signed:
            signing.verify(signing.around(canonical(_first_document(decision)), signed))
            return True
        head, _empty, tail = str(signed["jws"]).split(".")
        payload = base64.urlsafe_b64encode(canonical(document(decision))).rstrip(b"=").decode()
        signing.read_jws(f"{head}.{payload}.{tail}", TYPE)
    except (Invalid, KeyError, TypeError, ValueError):
        return False
    return True


def _detached(jws: str) -> str:
    """A compact JWS without its payload (RFC 7515, appendix F): the row holds that already."""
    head, _payload, tail = jws.split(".")
    return f"{head}..{tail}"


def _first_document(decision: Decision) -> dict[str, object]:
    """What the first engine signed, in a DSSE envelope."""
    return {
        "decision_id": decision.public_id,
        "subject": [decision.subject_kind, decision.subject_id, decision.subject_digest],
        "snapshot": decision.snapshot,
        "snapshot_hash": decision.snapshot_hash,
    }


def _told(layer: Mapping[str, object]) -> dict[str, object]:
    """A layer as everybody may read it; one of a person or a sample names neither its revision nor its rules."""
    named = layer["level"] not in (CONTRIBUTOR, SAMPLE)
    return {
        "level": layer["level"],
        "standing": layer["standing"],
        "revision": layer["revision"] if named else None,
        "uid": layer["uid"] if named else None,
    }


def _consent_snapshot(decision: Decision, consents: object) -> str:
    """The consents that were looked at, as a hash that can be compared with nothing but this decision."""
    return "sha256:" + sha256(f"{decision.public_id}:{consents}".encode())


def ref_of(kind: str, public_id: str) -> str:
    """The name of a subject in a request."""
    return f"urn:wellhouse:{kind}:{public_id}"


def _plain(consents: ConsentFact | None) -> ConsentFact | None:
    """Exactly the fields that are stored, whatever subclass came in."""
    if consents is None:
        return None
    names = ("valid", "refused", "withdrawn", "expired", "unknown", "digest", "next_expiry")
    return ConsentFact(**{name: getattr(consents, name) for name in names})
