"""What a community decides together about the use of a dataset: an object of its own, signed when the vote closes.

One person's consent cannot say it, and it cannot say what one person must: where the charter asks for both
(``charter["both"]``: True, or the public ids of datasets), both are needed, and neither overrides the other's no. A no
of the community counts even where the charter does not ask for its yes.

A decision names purposes. A yes covers everything narrower; a no covers everything narrower and stops everything
broader. The newest decision on exactly a purpose is the one that stands for it, so a later decision revokes or renews
an earlier one. A vote that was not carried gives nothing and takes nothing away.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from governance import signing, votes
from governance.acts import record
from governance.kernel.digests import digest
from governance.kernel.errors import Invalid, Reason
from governance.kernel.words import _
from governance.models import CollectiveDecision, Dataset, Person, Proposal, new_id
from governance.odrl.decide import CollectiveFact
from governance.odrl.purposes import STANDARD
from governance.roles import Machine

KIND = "collective"
TYP = "collective+jwt"
FORMAT = "wellhouse/collective/1"
SECRETARY = Machine("votes")
GIVEN, REFUSED, MISSING = "given", "refused", "missing"
ANSWERS = ("yes", "no")
LONGEST_DAYS = 3660


def propose(
    dataset: Dataset,
    *,
    purposes: Sequence[str],
    by: Person,
    answer: str = "yes",
    protocols: Sequence[str] = (),
    valid_days: int | None = None,
    minutes: str = "",
) -> Proposal:
    """Ask the community whether ``dataset`` may be used for ``purposes`` (``answer`` yes), or that it may not (``answer`` no).

    ``protocols`` are the keys of the restricted protocols whose samples a version for these purposes may hold;
    ``minutes`` says where the talk is written down. Raises ``Invalid`` with every reason (``purpose-missing``,
    ``purpose-unknown``, ``answer-unknown``,
    ``duration-unusable``, ``protocol-unknown``) and what ``votes.propose`` raises.
    """
    wanted = sorted(set(purposes))
    named = sorted(set(protocols))
    reasons = _why_not(dataset, wanted, answer, named, valid_days)
    if reasons:
        raise Invalid(reasons[0].code, reasons=reasons)
    terms: dict[str, object] = {
        "dataset": dataset.public_id,
        "purposes": wanted,
        "answer": answer,
        "protocols": named,
        "valid_days": valid_days,
        "minutes": minutes.strip()[:255],
    }
    title = _("{name}: yes to {purposes}") if answer == "yes" else _("{name}: no to {purposes}")
    said = ", ".join(STANDARD[purpose].title for purpose in wanted)
    return votes.propose(
        community=dataset.community,
        subject=(KIND, digest({"dataset": dataset.public_id, "purposes": wanted}), digest(terms)),
        title=title.format(name=dataset.name, purposes=said),
        rule_name=KIND,
        by=by,
        terms=terms,
    )


def _why_not(
    dataset: Dataset, purposes: Sequence[str], answer: str, protocols: Sequence[str], valid_days: int | None
) -> list[Reason]:
    reasons = []
    if not purposes:
        reasons.append(Reason("purpose-missing", _("Say for what the dataset may be used, or may not."), "purposes"))
    for purpose in purposes:
        if purpose not in STANDARD:
            words = _("Nobody knows the purpose “{name}”.")
            reasons.append(Reason("purpose-unknown", words, "purposes", values={"name": purpose}))
    if answer not in ANSWERS:
        reasons.append(Reason("answer-unknown", _("The community answers yes or no."), "answer"))
    if valid_days is not None and not 1 <= valid_days <= LONGEST_DAYS:
        reasons.append(Reason("duration-unusable", _("It holds for 1 day to 10 years."), "valid_days"))
    known = set(dataset.community.protocols.filter(key__in=protocols).values_list("key", flat=True))
    if set(protocols) - known:
        words = _("One of these groups is not known here.")
        reasons.append(Reason("protocol-unknown", words, "protocols"))
    return reasons


@votes.when_closed(KIND)
def sign(proposal: Proposal) -> None:
    """Write the decision down and sign it, however the vote ended; called in the transaction that closes it.

    A vote that became void decided nothing.
    """
    outcome = _outcome(proposal)
    if outcome is None:
        return
    terms = proposal.terms
    dataset = Dataset.objects.select_related("community").get(public_id=terms["dataset"])
    at = proposal.closed_at or timezone.now()
    days = terms.get("valid_days")
    row = CollectiveDecision(
        public_id=new_id(),
        community=proposal.community,
        dataset=dataset,
        proposal=proposal,
        purposes=terms["purposes"],
        protocols=terms["protocols"] if outcome == CollectiveDecision.Outcome.GIVEN else [],
        outcome=outcome,
        minutes=terms["minutes"],
        valid_until=at + timedelta(days=days) if days else None,
        decided_at=at,
    )
    row.token = signing.jws(document(row), TYP)
    row.save(force_insert=True)
    record(
        SECRETARY,
        "collective.decide",
        row,
        {
            "subject": ["dataset", dataset.public_id],
            "purposes": row.purposes,
            "outcome": str(outcome),
            "token": digest(row.token),
        },
    )


def _outcome(proposal: Proposal) -> CollectiveDecision.Outcome | None:
    outcomes = CollectiveDecision.Outcome
    if proposal.status == Proposal.Status.VETOED and proposal.terms["answer"] == "yes":
        return outcomes.REFUSED
    if proposal.status == Proposal.Status.PASSED:
        return outcomes.GIVEN if proposal.terms["answer"] == "yes" else outcomes.REFUSED
    return outcomes.NOT_CARRIED if proposal.status in (Proposal.Status.REJECTED, Proposal.Status.VETOED) else None


def document(row: CollectiveDecision) -> dict[str, object]:
    """What is signed: everything that was decided and by which rule, and nobody's name.

    ``ballots`` is a digest over who said what (empty of a secret vote), so that the log can be held against it.
    """
    proposal, dataset = row.proposal, row.dataset
    cast = [[ballot.voter.ref, ballot.choice] for ballot in votes.counting(proposal).select_related("voter")]
    tally = {key: value for key, value in (proposal.tally or {}).items() if key != "reasons"}
    return {
        "format": FORMAT,
        "id": row.public_id,
        "community": {"id": row.community.public_id, "slug": row.community.slug, "name": row.community.name},
        "subject": {
            "kind": "dataset",
            "id": dataset.public_id,
            "path": dataset.path,
            "digest": proposal.subject_digest,
        },
        "purposes": list(row.purposes),
        "protocols": list(row.protocols),
        "asked": proposal.terms["answer"],
        "outcome": str(row.outcome),
        "proposal": proposal.public_id,
        "rule": proposal.rule,
        "electorate": proposal.eligible_digest,
        "tally": tally,
        "ballots": digest(sorted(cast)),
        "minutes": row.minutes,
        "decided_at": row.decided_at.isoformat(),
        "valid_until": row.valid_until.isoformat() if row.valid_until else None,
    }


def verify(token: str, public_keys: Mapping[str, str] | None = None) -> dict[str, object]:
    """Return what a signed decision says; raises ``Invalid`` (``signature-wrong``) unless one of ``public_keys`` signed it so."""
    return signing.read_jws(token, TYP, public_keys)


def is_needed(dataset: Dataset) -> bool:
    """Say whether the charter asks for the community's own yes beside each person's."""
    both = dataset.community.charter.get("both") if isinstance(dataset.community.charter, dict) else None
    return both is True or (isinstance(both, list) and dataset.public_id in both)


def standing_for(dataset: Dataset, purpose: str, at: datetime | None = None) -> CollectiveFact:
    """What the community says now about ``dataset`` and ``purpose``: given, refused or missing, and until when.

    ``needed`` is true where the charter asks for it, where the community said no, and where a yes that it gave has run out.
    """
    at = at or timezone.now()
    newest = _newest(dataset, at)
    above = [newest[code] for code in STANDARD.broader(purpose) if code in newest]
    around = [newest[code] for code in STANDARD.broader(purpose) | STANDARD.narrower(purpose) if code in newest]
    if any(row.outcome == CollectiveDecision.Outcome.REFUSED for row in around):
        return CollectiveFact(needed=True, state=REFUSED)
    given = [row for row in above if _is_in_force(row, at)]
    needed = is_needed(dataset) or len(given) < len(above)
    if not given:
        return CollectiveFact(needed=needed, state=MISSING)
    endless = any(row.valid_until is None for row in given)
    ends_at = None if endless else max(row.valid_until for row in given if row.valid_until is not None)
    return CollectiveFact(needed=needed, state=GIVEN, ends_at=ends_at)


def _newest(dataset: Dataset, at: datetime) -> dict[str, CollectiveDecision]:
    """For each purpose that a decision names, the newest that was taken until ``at``."""
    outcomes = CollectiveDecision.Outcome
    found: dict[str, CollectiveDecision] = {}
    rows = dataset.collective_decisions.filter(decided_at__lte=at, outcome__in=[outcomes.GIVEN, outcomes.REFUSED])
    for row in rows.order_by("decided_at", "pk"):
        found |= dict.fromkeys(row.purposes, row)
    return found


def _is_in_force(row: CollectiveDecision, at: datetime) -> bool:
    """Whether a decision is a yes that holds at ``at``."""
    return row.outcome == CollectiveDecision.Outcome.GIVEN and (row.valid_until is None or row.valid_until > at)


def fact_for(dataset: Dataset, purpose: str, at: datetime | None = None) -> CollectiveFact | None:
    """What a decision may look at: :func:`standing_for`, or None where nobody asks for it."""
    fact = standing_for(dataset, purpose, at)
    return fact if fact.needed else None


def allows(dataset: Dataset, purposes: Sequence[str], at: datetime | None = None) -> bool:
    """Say whether the community's own word stands in the way of none of ``purposes``."""
    facts = [standing_for(dataset, purpose, at) for purpose in purposes]
    return all(not fact.needed or fact.state == GIVEN for fact in facts)


def named_protocols(dataset: Dataset, purposes: Sequence[str], at: datetime | None = None) -> frozenset[str]:
    """The keys of the restricted protocols whose samples a version for all of ``purposes`` may hold (ruling 10)."""
    at = at or timezone.now()
    newest = _newest(dataset, at)
    named: list[frozenset[str]] = []
    for purpose in purposes:
        if standing_for(dataset, purpose, at).state != GIVEN:
            return frozenset()
        rows = (newest[code] for code in STANDARD.broader(purpose) if code in newest)
        named.append(frozenset(key for row in rows if _is_in_force(row, at) for key in row.protocols))
    return frozenset.intersection(*named) if named else frozenset()
