"""Votes: one machinery for everything that a community decides together.

A proposal is bound to a digest of exactly what is decided; another digest is another proposal, and voids the votes on
the old one. The rule (``governance.charter``) and the people who may vote are copied into the proposal when it opens,
and those people are looked at again when it closes: whoever left does not count. The proposer does not count unless
the charter says so; one person has one vote, whatever their roles and whoever answers for them; a veto ends it
whatever the count; silence is never consent. Ballots are open, with names and reasons, unless the charter says that
they are secret: then only who answered is seen until it closes, and only the numbers afterwards.

Won is not yet passed. Where the charter gives a time for a veto, the yes must have held for the whole of it; only then is the
vote closed and what it decided put into force.
"""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from celery import shared_task
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from governance.acts import act, record
from governance.charter import Rule, check_rule, groups_of, hours, is_asked, rule_of, texts
from governance.kernel.digests import digest
from governance.kernel.errors import Conflict, Invalid, NotAllowed, Reason, Refusal
from governance.kernel.moves import must_move
from governance.kernel.words import _
from governance.models import Ballot, Community, Membership, Person, Proposal, Proxy
from governance.roles import Machine, roles_of

__all__ = ["check_rule", "is_asked", "rule_of"]

CLOCK = Machine("votes")
REASON_LENGTH = 2000
NEEDS_A_REASON = frozenset({Ballot.Choice.NO.value, Ballot.Choice.ABSTAIN.value, Ballot.Choice.VETO.value})

WHEN_PASSED: dict[str, Callable[[Proposal], None]] = {}
"""Subject kind -> what a passed vote puts into force, in the transaction that closes it; filled with
:func:`when_passed`.
"""

WHEN_CLOSED: dict[str, Callable[[Proposal], None]] = {}
"""Subject kind -> what the end of a vote does, however it ended, in the transaction that closes it; filled with
:func:`when_closed`.
"""


@dataclass(frozen=True)
class Tally:
    """How a vote stands: counted are the newest ballots of people who could vote at the start and still may.

    In a secret vote that is open the counts are 0 and ``answered`` alone is true.
    """

    yes: int
    no: int
    abstain: int
    veto: int
    eligible: int
    needed: int
    outcome: str
    """open, passed, rejected, vetoed or void: what it is, or would be if it closed now."""
    opens_for_closing_at: datetime
    answered: int = 0
    by_proxy: int = 0
    groups: int | None = None
    """From how many different groups the yes come, each person standing for one; None where the charter does not ask."""
    needed_groups: int | None = None
    is_hidden: bool = False
    takes_force_at: datetime | None = None
    """When the time for a veto ends, once the yes suffice."""

    @property
    def waiting(self) -> int:
        """How many have not answered."""
        return max(0, self.eligible - self.answered)

    def to_json(self) -> dict[str, object]:
        """What is written down when it closes."""
        names = ("yes", "no", "abstain", "veto", "eligible", "needed", "outcome", "by_proxy")
        said = {name: getattr(self, name) for name in names}
        if self.needed_groups is not None:
            said |= {"groups": self.groups, "needed_groups": self.needed_groups}
        return said


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


# -- opening -----------------------------------------------------------------------------------------------------------


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
    (``already-proposed``) when exactly this is being voted on, or somebody else proposes at this moment, and ``Invalid``
    (``rule-unusable``).
    """
    kind, public_id, subject_digest = subject
    rule = rule_of(community, rule_name)
    check_rule(rule)
    now = timezone.now()
    already = Conflict("already-proposed", _("The community is voting on exactly this already."))
    with act(by, "proposal.open", on=community) as details:
        still = Proposal.objects.filter(community=community, status=Proposal.Status.OPEN)
        for old in still.filter(subject_kind=kind, subject_id=public_id):
            if old.subject_digest == subject_digest:
                raise already
            void(old, by=by)
        electorate = electorate_now(community, rule, without=by)
        try:
            with transaction.atomic():
                proposal = Proposal.objects.create(
                    community=community,
                    subject_kind=kind,
                    subject_id=public_id,
                    subject_digest=subject_digest,
                    title=title[:255],
                    terms=dict(terms or {}),
                    rule=rule,
                    eligible=sorted({*texts(electorate["who"]), *texts(electorate["veto"])}),
                    electorate=electorate,
                    eligible_digest=digest(electorate),
                    proposed_by=by,
                    opened_at=now,
                    closes_at=_closes_at(rule, now),
                )
        except IntegrityError as error:
            raise already from error
        details |= {
            "object": proposal,
            "subject": [kind, public_id, subject_digest],
            "rule": digest(rule),
            "eligible": proposal.eligible_digest,
        }
    return proposal


def _closes_at(rule: Rule, now: datetime) -> datetime | None:
    most = hours(rule, "max_open_hours") or (hours(rule, "min_open_hours") if rule.get("no_objection") else 0)
    return now + timedelta(hours=most) if most else None


def electorate_now(community: Community, rule: Rule, without: Person | None = None) -> dict[str, object]:
    """Who may answer under ``rule`` today and who may veto, as sorted public ids, and the groups they belong to."""
    skip = {without.public_id} if without is not None and not rule["proposer_counts"] else set()
    may = {kind: sorted(_holders(community.pk, texts(rule[kind])) - skip) for kind in ("who", "veto")}
    groups: dict[str, list[str]] = {}
    if rule.get("min_distinct_groups"):
        inside = {name: [one for one in people if one in may["who"]] for name, people in groups_of(community).items()}
        groups = {name: people for name, people in sorted(inside.items()) if people}
    return {**may, "groups": groups}


def eligible_now(community: Community, rule: Rule, without: Person | None = None) -> list[str]:
    """The public ids of the people who may vote or veto under ``rule`` today, sorted."""
    now = electorate_now(community, rule, without)
    return sorted({*texts(now["who"]), *texts(now["veto"])})


# -- answering ---------------------------------------------------------------------------------------------------------


def cast(
    proposal: Proposal,
    *,
    by: Person,
    choice: str,
    reason: str = "",
    subject_digest: str | None = None,
    for_person: Person | None = None,
) -> Ballot:
    """Answer a vote; a second answer for the same person replaces the first. Closes the vote when that decides it.

    ``subject_digest`` is what the voter was looking at; with ``for_person`` the answer is somebody else's who gave ``by`` their
    voice. Raises ``NotAllowed`` (``not-eligible``, ``no-veto``, ``no-proxy``), ``Conflict`` (``vote-closed``,
    ``proposal-changed``, ``answered-themselves``) and ``Invalid`` (``unknown-choice``, ``ballot-reason-missing``).
    """
    if choice not in Ballot.Choice.values:
        raise Invalid("unknown-choice", _("Say yes, no, or that you abstain."), choice=choice)
    with act(by, "ballot.cast", on=proposal) as details:
        locked = _locked(proposal)
        if subject_digest is not None and subject_digest != locked.subject_digest:
            raise Conflict(
                "proposal-changed", _("What is voted on has changed since you looked. Please read it again.")
            )
        now = timezone.now()
        _require_time(locked, choice, now)
        voter = for_person or by
        proxy = _proxy_for(locked, by, for_person, choice) if for_person is not None and for_person != by else None
        _require_voice(locked, voter, choice)
        _require_reason(locked, choice, reason)
        is_secret = bool(locked.rule.get("secret")) and choice != Ballot.Choice.VETO
        _replace(locked, voter, now)
        ballot = Ballot.objects.create(
            proposal=locked,
            voter=voter,
            choice=choice,
            reason=reason.strip()[:REASON_LENGTH],
            proxy=proxy,
            subject_digest=locked.subject_digest,
            at=now,
        )
        details |= {"subject": _subject(locked)} | ({} if is_secret else {"choice": choice})
        if proxy is not None:
            details |= {"for": voter.ref, "proxy": proxy.public_id}
        _close_if_decided(locked, now)
    proposal.refresh_from_db()
    return ballot


def _replace(proposal: Proposal, voter: Person, now: datetime) -> None:
    """Take the voter's earlier answer out of the count; of a secret one nothing is left."""
    erased = {"choice": "", "reason": ""} if proposal.rule.get("secret") else {}
    Ballot.objects.filter(proposal=proposal, voter=voter, replaced_at=None).update(replaced_at=now, **erased)


def _require_time(proposal: Proposal, choice: str, now: datetime) -> None:
    """After the end nothing counts; but where the yes have won, a veto does until its time is over."""
    in_window = proposal.won_at is not None and choice == Ballot.Choice.VETO
    if proposal.closes_at is not None and now >= proposal.closes_at and not in_window:
        raise Conflict("vote-closed", _("The time for this vote is over. It is being counted."))


def _require_reason(proposal: Proposal, choice: str, reason: str) -> None:
    asked = bool(proposal.rule.get("reasons")) or (
        bool(proposal.rule.get("no_objection")) and choice == Ballot.Choice.NO
    )
    if not asked or choice not in NEEDS_A_REASON or reason.strip():
        return
    said = _("Please say why, so that the others can learn from it.")
    raise Invalid(
        "ballot-reason-missing",
        _("Please say why: with a no or an abstention a reason is needed, so that the others can learn from it."),
        reasons=[Reason("ballot-reason-missing", said, path="reason")],
    )


def _proxy_for(proposal: Proposal, holder: Person, giver: Person, choice: str) -> Proxy:
    """The word by which ``holder`` may answer for ``giver`` here; raises where there is none that holds."""
    if not proposal.rule.get("proxies") or choice == Ballot.Choice.VETO:
        raise NotAllowed("no-proxy", _("Here everybody answers for themselves."))
    if holder.pk == proposal.proposed_by_id and not proposal.rule.get("proposer_counts"):
        raise NotAllowed("no-proxy", _("You proposed this, so you cannot answer for others either."))
    if not {"yes", "no"} <= may_vote(proposal, holder):
        raise NotAllowed("no-proxy", _("Only somebody who may answer here can answer for another."))
    found = standing_proxies(proposal).filter(giver=giver, holder=holder).order_by("-proposal").first()
    if found is None:
        raise NotAllowed("no-proxy", _("This person has not given you their voice, or has taken it back."))
    own = Ballot.objects.filter(proposal=proposal, voter=giver, replaced_at=None, proxy=None)
    if own.exists():
        raise Conflict("answered-themselves", _("This person has answered for themselves. That is what counts."))
    carried = Ballot.objects.filter(proposal=proposal, replaced_at=None, proxy__holder=holder, proxy__revoked_at=None)
    if carried.exclude(voter=giver).count() >= int(proposal.rule["proxies"]):
        raise NotAllowed("no-proxy", _("You carry as many voices here as the charter allows."))
    return found


def standing_proxies(proposal: Proposal) -> QuerySet[Proxy]:
    """The voices that are lent for this vote, for it alone or for every vote, and not taken back."""
    here = Proxy.objects.filter(community=proposal.community_id, revoked_at=None)
    return here.filter(Q(proposal=None) | Q(proposal=proposal)).select_related("giver", "holder")


def lend(
    community: Community, *, by: Person, holder: Person, proposal: Proposal | None = None, note: str = ""
) -> Proxy:
    """Give one's voice to ``holder``, for one vote or for every vote that allows it; an earlier word for the same ends.

    Raises ``Invalid`` (``proxy-unusable``) for oneself or somebody who is no member, and for a vote that is over.
    """
    now = timezone.now()
    why = ""
    if holder.pk == by.pk:
        why = _("You carry your own voice already.")
    elif not roles_of(holder, community):
        why = _("Only a member here can carry a voice.")
    elif proposal is not None and (proposal.community_id != community.pk or proposal.status != Proposal.Status.OPEN):
        why = _("This vote is over.")
    if why:
        raise Invalid("proxy-unusable", reasons=[Reason("proxy-unusable", why, path="holder")])
    with act(by, "proxy.give", on=community) as details:
        Proxy.objects.filter(community=community, giver=by, proposal=proposal, revoked_at=None).update(revoked_at=now)
        try:
            with transaction.atomic():
                made = Proxy.objects.create(
                    community=community, giver=by, holder=holder, proposal=proposal, note=note.strip(), given_at=now
                )
        except IntegrityError as error:
            raise Conflict("moved-on", _("You gave your voice a moment ago. Look how it stands now.")) from error
        details |= {"object": made, "holder": holder.ref, "vote": proposal.public_id if proposal else None}
    return made


def take_back(proxy: Proxy, *, by: Person) -> Proxy:
    """Take one's voice back: what was answered with it in votes that are open no longer counts."""
    with act(by, "proxy.revoke", on=proxy):
        if by.pk != proxy.giver_id:
            raise NotAllowed("not-yours", _("Only the person themselves may change this."))
        # Votes that count this voice are locked first, so that none closes with it at the same moment.
        for one in Proposal.objects.filter(ballots__proxy=proxy, status=Proposal.Status.OPEN).order_by("pk"):
            _locked(one, must_be_open=False)
        if not Proxy.objects.filter(pk=proxy.pk, revoked_at=None).update(revoked_at=timezone.now()):
            raise Conflict("moved-on", _("You have taken it back already."))
    proxy.refresh_from_db()
    return proxy


def void(proposal: Proposal, *, by: Person | Machine) -> None:
    """End a vote because what it was about has changed; called inside the act that changed it."""
    now = timezone.now()
    must_move(proposal, Proposal.Status.VOID, closed_at=now)
    record(by, "proposal.close", proposal, {"subject": _subject(proposal), "tally": {"outcome": "void"}})
    _erase_if_secret(proposal)


# -- counting ----------------------------------------------------------------------------------------------------------


def state(proposal: Proposal, at: datetime | None = None) -> Tally:
    """How a vote stands, as anybody may know it: of a secret one that is open only who answered."""
    tally = _count(proposal, at or timezone.now())
    if proposal.rule.get("secret") and proposal.status == Proposal.Status.OPEN:
        hidden = replace(tally, yes=0, no=0, abstain=0, groups=None, by_proxy=0, is_hidden=True, takes_force_at=None)
        return replace(hidden, outcome=str(Proposal.Status.OPEN) if not tally.veto else tally.outcome)
    return tally


def _count(proposal: Proposal, at: datetime) -> Tally:
    """Count the ballots: the people are those of the start who still may."""
    rule = proposal.rule
    ready_at = proposal.opened_at + timedelta(hours=hours(rule, "min_open_hours"))
    if proposal.status != Proposal.Status.OPEN and proposal.tally:
        return _as_written(proposal, ready_at)
    may = {kind: _still(proposal, kind) for kind in ("who", "veto")}
    counts = dict.fromkeys(Ballot.Choice.values, 0)
    yes: list[str] = []
    by_proxy = 0
    rows = _counting(proposal).values_list("choice", "voter__public_id", "proxy__holder__public_id")
    for choice, voter, holder in rows:
        if voter not in may["veto" if choice == Ballot.Choice.VETO else "who"] or (holder and holder not in may["who"]):
            continue
        counts[choice] += 1
        by_proxy += holder is not None
        if choice == Ballot.Choice.YES:
            yes.append(voter)
    eligible = len(may["who"])
    share = rule.get("share")
    needed_groups = rule.get("min_distinct_groups")
    tally = Tally(
        yes=counts["yes"],
        no=counts["no"],
        abstain=counts["abstain"],
        veto=counts["veto"],
        eligible=eligible,
        needed=max(1, math.ceil(round(share * eligible, 9)) if share else rule["threshold"]),
        outcome=Proposal.Status.OPEN,
        opens_for_closing_at=ready_at,
        answered=counts["yes"] + counts["no"] + counts["abstain"],
        by_proxy=by_proxy,
        groups=distinct_groups(yes, proposal.electorate.get("groups", {})) if needed_groups else None,
        needed_groups=needed_groups,
    )
    return _with_outcome(tally, proposal, at)


def _as_written(proposal: Proposal, ready_at: datetime) -> Tally:
    """The count of a vote that is over, as it was when it closed: who leaves afterwards changes nothing."""
    said = proposal.tally or {}
    counts = {name: said.get(name, 0) for name in ("yes", "no", "abstain", "veto", "eligible", "needed", "by_proxy")}
    return Tally(
        **counts,
        outcome=proposal.status,
        opens_for_closing_at=ready_at,
        answered=counts["yes"] + counts["no"] + counts["abstain"],
        groups=said.get("groups"),
        needed_groups=said.get("needed_groups"),
    )


def distinct_groups(people: Sequence[str], groups: Mapping[str, Collection[str]]) -> int:
    """How many groups ``people`` can stand for when each of them stands for one: the largest matching (Kuhn, 1955)."""
    stands_for: dict[str, str] = {}

    def place(person: str, tried: set[str]) -> bool:
        for name in groups:
            if person in groups[name] and name not in tried:
                tried.add(name)
                if name not in stands_for or place(stands_for[name], tried):
                    stands_for[name] = person
                    return True
        return False

    return sum(place(person, set()) for person in people)


def _with_outcome(tally: Tally, proposal: Proposal, at: datetime) -> Tally:
    """Say how a count would end now; the end of the time for a veto is told where one runs."""
    if proposal.status != Proposal.Status.OPEN:
        return replace(tally, outcome=str(proposal.status))
    over = proposal.closes_at is not None and at >= proposal.closes_at
    window = timedelta(hours=hours(proposal.rule, "veto_hours"))
    if tally.veto:
        return replace(tally, outcome=str(Proposal.Status.VETOED))
    if proposal.rule.get("proposer_stays") and not _proposer_stays(proposal):
        return replace(tally, outcome=str(Proposal.Status.VOID))
    if _is_won(tally, proposal, at, over):
        force_at = (proposal.won_at or at) + window
        is_passed = at >= force_at
        outcome = Proposal.Status.PASSED if is_passed else Proposal.Status.OPEN
        return replace(tally, outcome=str(outcome), takes_force_at=None if is_passed else force_at)
    if over or _is_lost(tally, proposal):
        return replace(tally, outcome=str(Proposal.Status.REJECTED))
    return tally


def _is_won(tally: Tally, proposal: Proposal, at: datetime, over: bool) -> bool:
    rule = proposal.rule
    if at < tally.opens_for_closing_at or tally.yes < tally.needed:
        return False
    if tally.needed_groups is not None and (tally.groups or 0) < tally.needed_groups:
        return False
    if rule.get("no_objection") and tally.no:
        return False
    # A secret vote that ended with the deciding ballot would tell whose that was.
    return not rule.get("secret") or over or not tally.waiting


def _is_lost(tally: Tally, proposal: Proposal) -> bool:
    """Whether no further answer could win it. An objection may be taken back until the end, and a secret vote waits for it."""
    if proposal.rule.get("no_objection") or proposal.rule.get("secret") or not tally.eligible:
        return False
    groups_lacking = tally.needed_groups is not None and (tally.groups or 0) < tally.needed_groups
    return tally.yes + tally.waiting < tally.needed or (not tally.waiting and groups_lacking)


def _proposer_stays(proposal: Proposal) -> bool:
    return proposal.proposed_by.public_id in _holders(proposal.community_id, texts(proposal.rule["who"]))


# -- closing -----------------------------------------------------------------------------------------------------------


def close_if_decided(proposal: Proposal, at: datetime | None = None) -> Proposal:
    """Close a vote that is decided or whose time is over, as one event with its tally; else leave it alone."""
    with transaction.atomic():
        _close_if_decided(_locked(proposal, must_be_open=False), at or timezone.now())
    proposal.refresh_from_db()
    return proposal


@shared_task(name="wellhouse.close_votes", ignore_result=True)
def close_votes() -> None:
    """Close what is decided or over by the clock."""
    for proposal in Proposal.objects.filter(status=Proposal.Status.OPEN).iterator():
        close_if_decided(proposal)


def _close_if_decided(proposal: Proposal, at: datetime) -> None:
    if proposal.status != Proposal.Status.OPEN:
        return
    tally = _count(proposal, at)
    if tally.outcome == Proposal.Status.OPEN:
        _note_win(proposal, tally, at)
        return
    try:
        with transaction.atomic():
            _close(proposal, tally, at)
    except Refusal as refusal:
        # What was decided cannot be done any more (the last keeper, rules that moved on): the vote ends and says so.
        proposal.refresh_from_db()
        _close(proposal, replace(tally, outcome=str(Proposal.Status.VOID)), at, why=refusal.code)


def _close(proposal: Proposal, tally: Tally, at: datetime, why: str = "") -> None:
    written = tally.to_json() | ({"why": why} if why else {})
    if proposal.rule.get("secret"):
        written["reasons"] = _reasons_without_names(proposal)
    with act(CLOCK, "proposal.close", on=proposal, at=at) as details:
        must_move(proposal, tally.outcome, closed_at=at, tally=written)
        _erase_if_secret(proposal)
        said = {key: value for key, value in written.items() if key != "reasons"}
        details |= {"subject": _subject(proposal), "rule": digest(proposal.rule), "tally": said}
    for effect in _effects(proposal, tally.outcome):
        effect(proposal)


def _effects(proposal: Proposal, outcome: str) -> Iterator[Callable[[Proposal], None]]:
    if outcome == Proposal.Status.PASSED and proposal.subject_kind in WHEN_PASSED:
        yield WHEN_PASSED[proposal.subject_kind]
    if proposal.subject_kind in WHEN_CLOSED:
        yield WHEN_CLOSED[proposal.subject_kind]


def _note_win(proposal: Proposal, tally: Tally, at: datetime) -> None:
    """Start the time for a veto when the yes suffice; it starts anew whenever they did not in between."""
    won = at if tally.takes_force_at is not None else None
    if (proposal.won_at is None) != (won is None):
        Proposal.objects.filter(pk=proposal.pk).update(won_at=won)
        proposal.won_at = won


def _erase_if_secret(proposal: Proposal) -> None:
    """Take choice and reason from every ballot of a secret vote; that somebody answered stays. Vetoes are never secret."""
    if proposal.rule.get("secret"):
        proposal.ballots.exclude(choice=Ballot.Choice.VETO).update(choice="", reason="")


def _reasons_without_names(proposal: Proposal) -> list[list[str]]:
    said = _counting(proposal).exclude(reason="").exclude(choice=Ballot.Choice.VETO)
    return sorted([choice, reason] for choice, reason in said.values_list("choice", "reason"))


# -- looking -----------------------------------------------------------------------------------------------------------


def counting(proposal: Proposal) -> QuerySet[Ballot]:
    """The ballots that anybody may read: the newest of each person, on exactly what is proposed, oldest first.

    Of a secret vote that is only a veto.
    """
    found = _counting(proposal)
    return found.filter(choice=Ballot.Choice.VETO) if proposal.rule.get("secret") else found


def answered(proposal: Proposal) -> QuerySet[Person]:
    """Who has answered, in a secret vote too."""
    return Person.objects.filter(pk__in=_counting(proposal).values("voter")).order_by("display_name", "pk")


def has_answered(proposal: Proposal, person: Person) -> bool:
    """Say whether ``person``'s answer is in, their own or by proxy."""
    return _counting(proposal).filter(voter=person).exists()


def _counting(proposal: Proposal) -> QuerySet[Ballot]:
    found = proposal.ballots.filter(replaced_at=None, subject_digest=proposal.subject_digest)
    if proposal.status == Proposal.Status.OPEN:
        found = found.filter(Q(proxy=None) | Q(proxy__revoked_at=None))
    else:
        found = found.filter(Q(proxy=None) | Q(proxy__revoked_at=None) | Q(proxy__revoked_at__gt=proposal.closed_at))
    return found.order_by("at", "pk")


def may_vote(proposal: Proposal, person: Person) -> frozenset[str]:
    """The choices that ``person`` has in this vote; empty when they may only look."""
    if proposal.status != Proposal.Status.OPEN or not person.is_active:
        return frozenset()
    held = {str(role.value) for role in roles_of(person, proposal.community)}
    choices: set[str] = set()
    if person.public_id in _frozen(proposal, "who") and held & set(texts(proposal.rule["who"])):
        choices |= {"yes", "no", "abstain"}
    if person.public_id in _frozen(proposal, "veto") and held & set(texts(proposal.rule["veto"])):
        choices.add("veto")
    return frozenset(choices)


def when_passed(kind: str) -> Callable[[Callable[[Proposal], None]], Callable[[Proposal], None]]:
    """Register what a passed vote on a subject of ``kind`` puts into force (database only; it runs inside the
    closing). A refusal it raises ends the vote as void.
    """

    def keep(effect: Callable[[Proposal], None]) -> Callable[[Proposal], None]:
        WHEN_PASSED[kind] = effect
        return effect

    return keep


def when_closed(kind: str) -> Callable[[Callable[[Proposal], None]], Callable[[Proposal], None]]:
    """Register what the end of a vote on a subject of ``kind`` does, however it ended; like :func:`when_passed` else."""

    def keep(effect: Callable[[Proposal], None]) -> Callable[[Proposal], None]:
        WHEN_CLOSED[kind] = effect
        return effect

    return keep


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


def _frozen(proposal: Proposal, kind: str) -> frozenset[str]:
    """Who could answer (``who``) or veto (``veto``) when the vote opened."""
    return frozenset(texts(proposal.electorate.get(kind, proposal.eligible)))


def _still(proposal: Proposal, kind: str) -> frozenset[str]:
    """Who of the people of the start still holds a role that may."""
    return _holders(proposal.community_id, texts(proposal.rule[kind])) & _frozen(proposal, kind)


def _holders(community: int, roles: Sequence[str]) -> frozenset[str]:
    current = Membership.objects.current().filter(community=community, role__in=roles, person__is_active=True)
    return frozenset(current.values_list("person__public_id", flat=True))


def _subject(proposal: Proposal) -> list[str]:
    return [proposal.subject_kind, proposal.subject_id, proposal.subject_digest]
