"""Votes: one machinery for everything that a community decides together.

A proposal is bound to a digest of exactly what is decided; another digest is another proposal, and voids the votes on
the old one. The rule (how many, of whom, who may stop it) and the people who may vote are copied into the proposal
when it opens, and those people are looked at again when it closes: whoever left does not count. The proposer does not
count unless the charter says so; one person has one vote; a veto ends it whatever the count; silence is never
consent. Ballots are open, with names and reasons.

The charter keeps its rules under ``charter["rules"][name]``, each with any of these keys (defaults in ``RULES``):
``who`` (roles), ``threshold`` (how many yes) or ``share`` (part of those who may vote, over 0, at most 1), ``veto``
(roles that may stop it), ``proposer_counts``, ``min_open_hours`` (it cannot pass before) and ``max_open_hours`` (then
it ends).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from celery import shared_task
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from governance.acts import act, record
from governance.kernel.digests import digest
from governance.kernel.errors import Conflict, Invalid, NotAllowed
from governance.kernel.moves import must_move
from governance.kernel.words import _
from governance.models import Ballot, Community, Membership, Person, Proposal
from governance.roles import Machine, roles_of

Rule = Mapping[str, object]

RULES: Mapping[str, Rule] = {
    "version": {"who": ["keeper", "steward"], "threshold": 1},
    "role": {"who": ["keeper"], "threshold": 1},
    "recovery": {"who": ["keeper"], "threshold": 1},
}
"""What counts where a charter says nothing. A role needs a second keeper: the one who proposes and one who says yes."""

DEFAULT: Rule = {
    "who": ["keeper"],
    "threshold": 1,
    "share": None,
    "veto": [],
    "proposer_counts": False,
    "min_open_hours": 0,
    "max_open_hours": None,
}

CLOCK = Machine("votes")

WHEN_PASSED: dict[str, Callable[[Proposal], None]] = {}
"""Subject kind -> what a passed vote puts into force, in the transaction that closes it; filled with
:func:`when_passed`.
"""


@dataclass(frozen=True)
class Tally:
    """How a vote stands: counted are the newest ballots of people who could vote at the start and still may."""

    yes: int
    no: int
    abstain: int
    veto: int
    eligible: int
    needed: int
    outcome: str
    """open, passed, rejected or vetoed: what it is, or would be if it closed now."""
    opens_for_closing_at: datetime

    @property
    def waiting(self) -> int:
        """How many have not answered."""
        return max(0, self.eligible - self.yes - self.no - self.abstain - self.veto)

    def to_json(self) -> dict[str, object]:
        """What is written down when it closes."""
        names = ("yes", "no", "abstain", "veto", "eligible", "needed", "outcome")
        return {name: getattr(self, name) for name in names}


def rule_of(community: Community, name: str) -> dict[str, object]:
    """The rule that the charter, or else the default, gives to decisions of this name."""
    written = community.charter.get("rules", {}) if isinstance(community.charter, dict) else {}
    return {**DEFAULT, **RULES.get(name, {}), **written.get(name, {}), "name": name}


def is_asked(community: Community, name: str) -> bool:
    """Say whether decisions of this name (``policy``, ``agreement``, ``takedown``, ...) need a vote in this community.

    The charter asks by giving them a rule; for the names in ``RULES`` it always asks.
    """
    written = community.charter.get("rules", {}) if isinstance(community.charter, dict) else {}
    return name in RULES or name in written


def require_passed(community: Community, name: str, subject: tuple[str, str, str]) -> None:
    """Raise ``Conflict`` (``vote-needed``) where the charter asks for a vote on ``name`` and none has passed on exactly
    ``subject`` (kind, public id, digest).

    The seam for whatever is put into force elsewhere: propose, then ask this at the moment of putting into force.
    """
    if not is_asked(community, name):
        return
    kind, public_id, subject_digest = subject
    won = Proposal.objects.filter(community=community, status=Proposal.Status.PASSED, subject_kind=kind)
    if not won.filter(subject_id=public_id, subject_digest=subject_digest).exists():
        raise Conflict(
            "vote-needed",
            _("The charter asks for a vote first. Nothing changes until the community has said yes to it."),
        )


def check_rule(rule: Mapping[str, object]) -> None:
    """Raise ``Invalid`` (``rule-unusable``) for a rule under which nothing sensible could be decided."""
    roles = set(Membership.Role.values)
    who, veto = _texts(rule.get("who")), _texts(rule.get("veto"))
    threshold, share = rule.get("threshold"), rule.get("share")
    good = who and set(who) <= roles and set(veto) <= roles
    good = good and isinstance(threshold, int) and not isinstance(threshold, bool) and threshold >= 1
    good = good and (share is None or (isinstance(share, (int, float)) and 0 < share <= 1))
    if not good:
        raise Invalid("rule-unusable", _("The charter's rule for this vote cannot be used. A keeper can mend it."))


def propose(
    *,
    community: Community,
    subject: tuple[str, str, str],
    title: str,
    rule_name: str,
    by: Person,
    terms: Mapping[str, object] | None = None,
) -> Proposal:
    """Open a vote on ``subject`` (kind, public id, digest).

    An open vote on the same thing with another digest is void from this moment. Raises ``Conflict``
    (``already-proposed``) when exactly this is being voted on, and ``Invalid`` (``rule-unusable``).
    """
    kind, public_id, subject_digest = subject
    rule = rule_of(community, rule_name)
    check_rule(rule)
    now = timezone.now()
    with act(by, "proposal.open", on=community) as details:
        still = Proposal.objects.filter(community=community, status=Proposal.Status.OPEN)
        for old in still.filter(subject_kind=kind, subject_id=public_id):
            if old.subject_digest == subject_digest:
                raise Conflict("already-proposed", _("The community is voting on exactly this already."))
            void(old, by=by)
        eligible = eligible_now(community, rule, without=by)
        hours = rule["max_open_hours"]
        proposal = Proposal.objects.create(
            community=community,
            subject_kind=kind,
            subject_id=public_id,
            subject_digest=subject_digest,
            title=title[:255],
            terms=dict(terms or {}),
            rule=rule,
            eligible=eligible,
            eligible_digest=digest(eligible),
            proposed_by=by,
            opened_at=now,
            closes_at=now + timedelta(hours=float(str(hours))) if hours else None,
        )
        details |= {
            "object": proposal,
            "subject": [kind, public_id, subject_digest],
            "rule": digest(rule),
            "eligible": proposal.eligible_digest,
        }
    return proposal


def eligible_now(community: Community, rule: Rule, without: Person | None = None) -> list[str]:
    """The public ids of the people who may vote under ``rule`` today, sorted."""
    current = Membership.objects.current().filter(
        community=community, role__in=_texts(rule["who"]) + _texts(rule["veto"])
    )
    found = set(current.filter(person__is_active=True).values_list("person__public_id", flat=True))
    if without is not None and not rule["proposer_counts"]:
        found.discard(without.public_id)
    return sorted(found)


def cast(proposal: Proposal, *, by: Person, choice: str, reason: str = "", subject_digest: str | None = None) -> Ballot:
    """Answer a vote; a second answer of the same person replaces the first. Closes the vote when that decides it.

    ``subject_digest`` is what the voter was looking at. Raises ``NotAllowed`` (``not-eligible``, ``no-veto``),
    ``Conflict`` (``vote-closed``, ``proposal-changed``) and ``Invalid`` (``unknown-choice``).
    """
    if choice not in Ballot.Choice.values:
        raise Invalid("unknown-choice", _("Say yes, no, or that you abstain."), choice=choice)
    with act(by, "ballot.cast", on=proposal) as details:
        locked = _locked(proposal)
        if subject_digest is not None and subject_digest != locked.subject_digest:
            raise Conflict(
                "proposal-changed", _("What is voted on has changed since you looked. Please read it again.")
            )
        _require_voice(locked, by, choice)
        now = timezone.now()
        Ballot.objects.filter(proposal=locked, voter=by, replaced_at=None).update(replaced_at=now)
        ballot = Ballot.objects.create(
            proposal=locked,
            voter=by,
            choice=choice,
            reason=reason.strip(),
            subject_digest=locked.subject_digest,
            at=now,
        )
        details |= {"choice": choice, "subject": _subject(locked)}
        _close_if_decided(locked, now)
    proposal.refresh_from_db()
    return ballot


def state(proposal: Proposal, at: datetime | None = None) -> Tally:
    """Count a vote as it stands: the people are those of the start who still may."""
    at = at or timezone.now()
    rule = proposal.rule
    voters = {role: _current(proposal, _texts(rule[role])) for role in ("who", "veto")}
    counts = dict.fromkeys(Ballot.Choice.values, 0)
    for choice, voter in counting(proposal).values_list("choice", "voter__public_id"):
        if voter in voters["veto" if choice == Ballot.Choice.VETO else "who"]:
            counts[choice] += 1
    eligible = len(voters["who"])
    share = rule.get("share")
    needed = math.ceil(share * eligible) if share else rule["threshold"]
    ready_at = proposal.opened_at + timedelta(hours=float(rule.get("min_open_hours") or 0))
    tally = Tally(
        yes=counts["yes"],
        no=counts["no"],
        abstain=counts["abstain"],
        veto=counts["veto"],
        eligible=eligible,
        needed=max(1, needed),
        outcome=Proposal.Status.OPEN,
        opens_for_closing_at=ready_at,
    )
    return _with_outcome(tally, proposal, at)


def close_if_decided(proposal: Proposal, at: datetime | None = None) -> Proposal:
    """Close a vote that is decided or whose time is over, as one event with its tally; else leave it alone."""
    with transaction.atomic():
        _close_if_decided(_locked(proposal, must_be_open=False), at or timezone.now())
    proposal.refresh_from_db()
    return proposal


def void(proposal: Proposal, *, by: Person | Machine) -> None:
    """End a vote because what it was about has changed; called inside the act that changed it."""
    now = timezone.now()
    must_move(proposal, Proposal.Status.VOID, closed_at=now)
    record(by, "proposal.close", proposal, {"subject": _subject(proposal), "tally": {"outcome": "void"}})


def counting(proposal: Proposal) -> QuerySet[Ballot]:
    """The ballots that count: the newest of each person, on exactly what is proposed, oldest first."""
    return proposal.ballots.filter(replaced_at=None, subject_digest=proposal.subject_digest).order_by("at", "pk")


def may_vote(proposal: Proposal, person: Person) -> frozenset[str]:
    """The choices that ``person`` has in this vote; empty when they may only look."""
    if proposal.status != Proposal.Status.OPEN or person.public_id not in proposal.eligible or not person.is_active:
        return frozenset()
    held = {str(role.value) for role in roles_of(person, proposal.community)}
    choices: set[str] = set()
    if held & set(_texts(proposal.rule["who"])):
        choices |= {"yes", "no", "abstain"}
    if held & set(_texts(proposal.rule["veto"])):
        choices.add("veto")
    return frozenset(choices)


def when_passed(kind: str) -> Callable[[Callable[[Proposal], None]], Callable[[Proposal], None]]:
    """Register what a passed vote on a subject of ``kind`` puts into force (database only; it runs inside the
    closing).
    """

    def keep(effect: Callable[[Proposal], None]) -> Callable[[Proposal], None]:
        WHEN_PASSED[kind] = effect
        return effect

    return keep


@shared_task(name="wellhouse.close_votes", ignore_result=True)
def close_votes() -> None:
    """Close what is decided or over by the clock."""
    for proposal in Proposal.objects.filter(status=Proposal.Status.OPEN).iterator():
        close_if_decided(proposal)


def _with_outcome(tally: Tally, proposal: Proposal, at: datetime) -> Tally:
    if proposal.status != Proposal.Status.OPEN:
        return Tally(**{**vars(tally), "outcome": proposal.status})
    outcome = Proposal.Status.OPEN
    over = proposal.closes_at is not None and at >= proposal.closes_at
    out_of_reach = tally.eligible > 0 and tally.yes + tally.waiting < tally.needed
    if tally.veto:
        outcome = Proposal.Status.VETOED
    elif at >= tally.opens_for_closing_at and tally.yes >= tally.needed:
        outcome = Proposal.Status.PASSED
    elif over or out_of_reach:
        outcome = Proposal.Status.REJECTED
    return Tally(**{**vars(tally), "outcome": str(outcome)})


def _close_if_decided(proposal: Proposal, at: datetime) -> None:
    tally = state(proposal, at)
    if proposal.status != Proposal.Status.OPEN or tally.outcome == Proposal.Status.OPEN:
        return
    with act(CLOCK, "proposal.close", on=proposal) as details:
        must_move(proposal, tally.outcome, closed_at=at, tally=tally.to_json())
        details |= {"subject": _subject(proposal), "rule": digest(proposal.rule), "tally": tally.to_json()}
    effect = WHEN_PASSED.get(proposal.subject_kind)
    if tally.outcome == Proposal.Status.PASSED and effect is not None:
        effect(proposal)


def _locked(proposal: Proposal, *, must_be_open: bool = True) -> Proposal:
    """The row, locked: the ballots that follow are read, counted and written together."""
    locked = Proposal.objects.select_for_update().get(pk=proposal.pk)
    if must_be_open and locked.status != Proposal.Status.OPEN:
        raise Conflict("vote-closed", _("This vote is over. Open it again to see how it ended."))
    return locked


def _require_voice(proposal: Proposal, person: Person, choice: str) -> None:
    choices = may_vote(proposal, person)
    if choice in choices:
        return
    if choice == Ballot.Choice.VETO and choices:
        raise NotAllowed("no-veto", _("The charter gives you a voice here, and no veto."))
    if person.pk == proposal.proposed_by_id:
        raise NotAllowed(
            "not-eligible", _("You proposed this, so your voice does not count. Somebody else must answer.")
        )
    raise NotAllowed("not-eligible", _("The charter gives others the say here, or you joined after this vote began."))


def _current(proposal: Proposal, roles: Sequence[str]) -> frozenset[str]:
    """Who of the people of the start still holds one of ``roles``."""
    current = Membership.objects.current().filter(
        community=proposal.community_id, role__in=roles, person__is_active=True
    )
    return frozenset(current.values_list("person__public_id", flat=True)) & frozenset(proposal.eligible)


def _subject(proposal: Proposal) -> list[str]:
    return [proposal.subject_kind, proposal.subject_id, proposal.subject_digest]


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, (list, tuple)) else []
