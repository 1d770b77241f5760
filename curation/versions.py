"""Versions: proposed by one, looked at by machines, answered by people, and approved when everything at once is true.

``propose`` queues the freezing (``curation.freezing``); the vote and the check runs are bound to the root over the frozen members
and to the digest of the recipe. ``conditions`` lists everything that must be true, met or not. ``settle`` is the only gate: it is
called after every ballot, check run and answer, and moves a version on when nothing is missing.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Max, Q
from django.utils import timezone
from django.utils.translation import gettext

from annotations.models import Campaign, Flag
from curation import builds, checking, standing
from curation.models import CheckRun, Finding, Freeze, Member, Override, Version
from governance import collective, policies, samples, votes
from governance.acts import act
from governance.kernel import jobs
from governance.kernel.digests import digest
from governance.kernel.errors import Conflict, Invalid, NotAllowed, Reason
from governance.kernel.moves import must_move
from governance.kernel.words import _
from governance.models import Contribution, Dataset, Hold, Person, PolicyRevision, Proposal
from governance.odrl.policy import Body
from governance.odrl.purposes import STANDARD
from governance.roles import Machine

APPROVER = Machine("approver")
OPEN = frozenset({Version.Status.FREEZING.value, Version.Status.PROPOSED.value})
REASON_LENGTH = 2000


@dataclass(frozen=True)
class Condition:
    """One thing that must be true before a version is approved.

    ``met`` is None while it waits. ``sentence`` and ``why`` are English with ``values`` filled in already; ``link`` is a path below
    the version's page. ``is_warning`` marks what is met but worth a look; ``finding`` what a named person may answer.
    """

    code: str
    met: bool | None
    sentence: str
    why: str = ""
    link: str = ""
    is_warning: bool = False
    finding: Finding | None = None
    override: Override | None = None

    @property
    def state(self) -> str:
        """met, no, wait or warn, as pages draw it."""
        if self.met is None:
            return "wait"
        return "warn" if self.met and self.is_warning else "met" if self.met else "no"


# Proposing


def propose(
    dataset: Dataset, *, campaign: Campaign | None, by: Person, purposes: Sequence[str] | None = None, note: str = ""
) -> Version:
    """Propose the next version: queue the freezing of its members.

    ``purposes`` default to what the rules in force allow. Raises ``Invalid`` with every reason (``campaign-missing``,
    ``purpose-missing``, ``purpose-not-allowed``) and ``Conflict`` (``version-open``, ``nothing-usable``).
    """
    policy = policies.current(dataset)
    wanted = list(dict.fromkeys(purposes if purposes is not None else allowed_purposes(policy)))
    reasons = list(_why_not(dataset, campaign, wanted, policy))
    if reasons:
        raise Invalid(reasons[0].code, reasons=reasons)
    assert campaign is not None  # one of the reasons
    with act(by, "version.propose", on=dataset) as details:
        _none_open(dataset)
        if not samples.usable(dataset, wanted).exists():
            raise Conflict(
                "nothing-usable",
                _(
                    "Nobody's words may be used for this at the moment: there is no valid yes for it, or everything rests."
                ),
            )
        number = (dataset.versions.aggregate(last=Max("number"))["last"] or 0) + 1
        try:
            with transaction.atomic():
                version = Version.objects.create(
                    dataset=dataset,
                    number=number,
                    campaign=campaign,
                    purposes=sorted(wanted),
                    policy=policy,
                    labels=list(campaign.labels),
                    proposed_by=by,
                    note=note.strip()[:REASON_LENGTH],
                )
        except IntegrityError as error:
            raise _version_open(number) from error
        freeze = Freeze.objects.create(version=version)
        jobs.later(freeze)
        details |= {"object": version, "number": number, "purposes": version.purposes, "policy": policy.digest}
    return version


def _why_not(
    dataset: Dataset, campaign: Campaign | None, purposes: Sequence[str], policy: PolicyRevision
) -> Iterator[Reason]:
    if campaign is None or campaign.dataset_id != dataset.pk or not campaign.label_control:
        yield Reason("campaign-missing", _("Choose the work whose answers become the labels."), path="campaign")
    if not purposes:
        words = _("The rules allow no use yet, so a version could serve nobody. Write the rules first.")
        yield Reason("purpose-missing", words, path="purposes")
    for purpose in purposes:
        if not is_allowed(purpose, policies.body_of(policy), timezone.now()):
            words = _("The rules in force do not allow “{purpose}”.")
            yield Reason("purpose-not-allowed", words, path="purposes", values={"purpose": title_of(purpose)})
    yield from _together_reasons(dataset, purposes)


def _together_reasons(dataset: Dataset, purposes: Sequence[str]) -> Iterator[Reason]:
    for purpose in purposes:
        if not collective.allows(dataset, [purpose]):
            words = _("The community itself has not said yes to “{purpose}”. A collective decision is needed first.")
            yield Reason("collective-missing", words, path="purposes", values={"purpose": title_of(purpose)})


def _none_open(dataset: Dataset) -> None:
    for other in dataset.versions.filter(status__in=OPEN).order_by("number"):
        settle(other)
        if other.status in OPEN:
            raise _version_open(other.number)


def _version_open(number: int) -> Conflict:
    return Conflict(
        "version-open",
        _("Version {number} is still being decided. Wait for its end, or take it back, before you propose another."),
        number=number,
    )


def retract(version: Version, *, by: Person, reason: str = "") -> Version:
    """Take a version back before it is approved; what it left in the ledger of splits stays."""
    with act(by, "version.reject", on=version) as details:
        if by.pk != version.proposed_by_id:
            raise NotAllowed("not-your-proposal", _("Only the one who proposed it can take it back; others vote."))
        to = Version.Status.FAILED if version.status == Version.Status.FREEZING else Version.Status.REJECTED
        must_move(version, to)
        if version.proposal is not None and version.proposal.status == Proposal.Status.OPEN:
            votes.void(version.proposal, by=by)
        details |= {"number": version.number, "reason": digest(reason.strip()[:REASON_LENGTH]), "retracted": True}
    return version


def resume(version: Version, *, by: Person) -> Version:
    """Start the machine's work on a version again where it stopped: its freezing or its build.

    Raises ``Conflict`` (``nothing-stopped``).
    """
    freeze = Freeze.objects.filter(version=version, status=Freeze.Status.FAILED).first()
    last = version.builds.order_by("-pk").first()
    is_freezing = version.status == Version.Status.FREEZING and freeze is not None
    is_building = version.status == Version.Status.APPROVED and (last is None or last.status == last.Status.FAILED)
    if not is_freezing and not is_building:
        raise Conflict("nothing-stopped", _("Nothing of this version has stopped, so there is nothing to start again."))
    with act(by, "version.resume", on=version) as details:
        if is_freezing:
            jobs.again(freeze)
        else:
            builds.start(version)
        details |= {"number": version.number, "work": "freeze" if is_freezing else "build"}
    return version


def open_vote(version: Version) -> Proposal:
    """Open the vote on exactly what is frozen; called by the freezing, in its last transaction."""
    proposal = votes.propose(
        community=version.community,
        subject=subject(version),
        title=gettext("Version {number} of {name}").format(number=version.number, name=version.dataset.name),
        rule_name="version",
        by=version.proposed_by,
    )
    Version.objects.filter(pk=version.pk).update(proposal=proposal)
    version.proposal = proposal
    return proposal


def subject(version: Version) -> tuple[str, str, str]:
    """What a vote on ``version`` is bound to: its id, and the digest over the members' root and the recipe."""
    return "version", version.public_id, digest({"members_root": version.members_root, "recipe": version.recipe_digest})


def votes_needed(version: Version) -> int:
    """How many counting opinions each sample must have: the campaign's overlap, one where reviewers accept each."""
    if version.campaign is None:
        return 0
    return 1 if version.campaign.needs_review else version.campaign.overlap


# Answering


def approve(version: Version, *, by: Person, choice: str = "yes", reason: str = "") -> Version:
    """Cast a ballot on ``version``, and let it go on if nothing else is missing.

    A no, an abstention and a veto need a reason, from whatever page: the rule of versions says so. Raises ``Conflict``
    (``version-not-open``) and what ``votes.cast`` raises.
    """
    if version.proposal is None or version.status != Version.Status.PROPOSED:
        raise Conflict("version-not-open", _("Nobody can vote on this version now: it is not frozen yet, or decided."))
    votes.cast(
        version.proposal, by=by, choice=choice, reason=reason[:REASON_LENGTH], subject_digest=subject(version)[2]
    )
    settle(version)
    return version


def override(finding: Finding, *, by: Person, reason: str) -> Override:
    """Let a finding stand, by name and with a reason that everyone who pulls the version reads.

    Raises ``Invalid`` (``override-reason-missing``), ``Conflict`` (``version-not-open``, ``finding-outdated``,
    ``finding-needs-no-answer``, ``finding-answered``) and ``NotAllowed`` (``proposer-cannot-override``).
    """
    version = finding.run.version
    if version is None or version.status != Version.Status.PROPOSED:
        raise Conflict("version-not-open", _("Only findings about a version that is being decided can be answered."))
    if not reason.strip():
        words = _("Say in your words why it is good enough. Everyone who pulls this version reads it.")
        raise Invalid("override-reason-missing", reasons=[Reason("override-reason-missing", words, path="reason")])
    if (finding.run.members_root, finding.run.recipe_digest) != (version.members_root, version.recipe_digest):
        raise Conflict(
            "finding-outdated", _("This finding is about other members than the ones that are proposed now.")
        )
    if finding.status not in Finding.STOPS | {Finding.Status.WARN.value}:
        raise Conflict("finding-needs-no-answer", _("Nothing is wrong here, so there is nothing to answer."))
    try:
        with act(by, "version.override", on=version) as details:
            if finding.status in Finding.STOPS and by.pk == version.proposed_by_id:
                raise NotAllowed(
                    "proposer-cannot-override",
                    _("You proposed this version, so somebody else must answer for what stops it."),
                )
            made = Override.objects.create(
                version=version,
                finding=finding,
                check_id=finding.check_id,
                members_root=version.members_root,
                by=by,
                reason=reason.strip()[:REASON_LENGTH],
            )
            details |= {
                "check": finding.check_id,
                "finding": finding.public_id,
                "status": finding.status,
                "members_root": version.members_root,
                "reason": digest(made.reason),
            }
    except IntegrityError as error:
        raise Conflict("finding-answered", _("Somebody has answered for this already.")) from error
    settle(version)
    return made


@votes.when_closed("version")
def _closed(proposal: Proposal) -> None:
    """Let a version go on, or end, whose vote has just ended, in the transaction that closes the vote."""
    version = Version.objects.filter(proposal=proposal).first()
    if version is not None:
        settle(version)


# The gate


def settle(version: Version) -> Version:
    """Move a proposed version on: rejected when the vote says so, approved and built when every condition is met."""
    with transaction.atomic():
        locked = Version.objects.select_for_update().get(pk=version.pk)
        if locked.status == Version.Status.PROPOSED and locked.proposal is not None:
            if locked.proposal.status == Proposal.Status.PASSED:
                _approve_if_all_met(locked)
            elif locked.proposal.status != Proposal.Status.OPEN:
                with act(APPROVER, "version.reject", on=locked) as details:
                    must_move(locked, Version.Status.REJECTED)
                    details |= {"number": locked.number, "vote": locked.proposal.status}
    version.refresh_from_db()
    return version


def _approve_if_all_met(version: Version) -> None:
    now = timezone.now()
    found = conditions(version, at=now)
    if any(one.met is not True for one in found):
        return
    with act(APPROVER, "version.approve", on=version, at=now) as details:
        must_move(version, Version.Status.APPROVED, approved_at=now)
        builds.start(version)
        details |= {
            "number": version.number,
            "members_root": version.members_root,
            "recipe": version.recipe_digest,
            "proposal": version.proposal.public_id if version.proposal else "",
            "conditions": [one.code for one in found],
        }


def conditions(version: Version, at: datetime | None = None) -> list[Condition]:
    """Return everything that must be true before ``version`` is approved, unmet first; all at once."""
    at = at or timezone.now()
    if not version.members_root:
        return [_frozen(version)]
    found = [*_vote(version, at), *_checks(version), _flags(version), _holds(version), _consent(version, at)]
    found += _together(version, at)
    found += _rules(version, at)
    order = {"no": 0, "wait": 1, "warn": 2, "met": 3}
    return sorted(found, key=lambda one: order[one.state])


def _frozen(version: Version) -> Condition:
    freeze = Freeze.objects.filter(version=version).first()
    if version.status == Version.Status.FREEZING and not (freeze and freeze.status == Freeze.Status.FAILED):
        return Condition("frozen", None, gettext("Its members are being written down"), gettext("This takes a moment."))
    return Condition(
        "frozen", False, gettext("Its members could not be written down"), freeze.message if freeze else ""
    )


def _vote(version: Version, at: datetime) -> Iterator[Condition]:
    if version.proposal is None:
        yield Condition("vote", False, gettext("There is no vote on it"))
        return
    tally = votes.state(version.proposal, at)
    status = version.proposal.status
    sentence = (
        gettext("One person besides the proposer says yes")
        if tally.needed == 1
        else gettext("{n} people say yes").format(n=tally.needed)
    )
    why = gettext("{yes} so far. Whoever proposed a version does not count.").format(yes=tally.yes)
    if status == Proposal.Status.PASSED:
        yield Condition(
            "vote", True, sentence, gettext("{yes} of {needed}.").format(yes=tally.yes, needed=tally.needed)
        )
    elif status == Proposal.Status.OPEN:
        yield Condition("vote", None, sentence, why, "#vote")
    else:
        yield Condition(
            "vote", False, gettext("The vote was not won"), gettext("It ended as: {outcome}.").format(outcome=status)
        )
    if status == Proposal.Status.OPEN and tally.opens_for_closing_at > version.proposal.opened_at:
        met = True if at >= tally.opens_for_closing_at else None
        until = tally.opens_for_closing_at.strftime("%Y-%m-%d %H:%M")
        yield Condition(
            "time",
            met,
            gettext("Everybody had time to answer"),
            gettext("It can be decided from {until} UTC.").format(until=until),
        )


def _checks(version: Version) -> Iterator[Condition]:
    run = checking.of_version(version)
    if run is None or run.status == CheckRun.Status.FAILED:
        why = run.message if run else ""
        yield Condition("checks-finished", False, gettext("The checks gave no answer"), why, "#checks")
        return
    if run.status != CheckRun.Status.DONE:
        progress = gettext("{done} of {total} done.").format(done=run.done, total=run.total or "?")
        yield Condition("checks-finished", None, gettext("The checks are running"), progress, "#checks")
        return
    answered = {(o.check_id, o.finding.scope, o.finding.status): o for o in _overrides(version)}
    for finding in run.findings.order_by("pk"):
        if finding.status == Finding.Status.NOT_APPLICABLE:
            continue
        given = answered.get((finding.check_id, finding.scope, finding.status))
        if given is not None and given.finding.params_hash != finding.params_hash:
            given = None
        stops = finding.status in Finding.STOPS
        yield Condition(
            f"check-{finding.check_id}",
            not stops or given is not None,
            told(finding),
            gettext("{name} answered for it: “{reason}”").format(name=given.by, reason=given.reason) if given else "",
            f"findings/{finding.public_id}/",
            is_warning=stops or finding.status == Finding.Status.WARN,
            finding=finding,
            override=given,
        )


def _overrides(version: Version) -> "Sequence[Override]":
    found = Override.objects.filter(version=version, members_root=version.members_root)
    return list(found.select_related("finding", "by").order_by("pk"))


def _flags(version: Version) -> Condition:
    open_flags = Flag.objects.filter(
        status=Flag.Status.OPEN, kind__in=Flag.BLOCKING, sample__dataset=version.dataset_id
    )
    n = _among(version, open_flags.values_list("sample_id", flat=True).distinct())
    if n:
        words = gettext("{n} of its samples have a flag that nobody has answered").format(n=n)
        return Condition("flags", False, words, gettext("A keeper or steward answers them."), "flags")
    return Condition("flags", True, gettext("No open flag stops it"))


def _holds(version: Version) -> Condition:
    holds = Hold.objects.filter(community=version.dataset.community_id, lifted_at=None)
    givers = set(holds.exclude(contributor=None).values_list("contributor_id", flat=True))
    held = Member.objects.filter(
        Q(sample__in=holds.exclude(sample=None).values("sample"))
        | Q(sample__contributor__in=givers)
        | Q(sample__in=Contribution.objects.filter(contributor__in=givers).values("sample")),
        version=version,
    ).count()
    held += standing.not_for_everyone(version)
    on_itself = holds.filter(subject_kind="version", subject_id=version.public_id).exists()
    if held or on_itself:
        words = (
            gettext("{n} of its samples rest since it was proposed").format(n=held)
            if held
            else gettext("It rests itself")
        )
        why = gettext("A version never shrinks: lift what may be lifted, or take it back and propose the next one.")
        return Condition("holds", False, words, why)
    return Condition("holds", True, gettext("Nothing held is inside"))


def _consent(version: Version, at: datetime) -> Condition:
    said = [standing.said_in(version, purpose, at) for purpose in version.purposes]
    total = sum(said[0].counts.values()) if said else 0
    lacking = max((total - one.valid for one in said), default=0)
    if lacking:
        words = gettext("{n} of {total} contributors do not, or no longer, say yes").format(n=lacking, total=total)
        return Condition(
            "consent", False, words, gettext("Take it back and propose the next one: it leaves their samples out.")
        )
    n = version.counts.get("members", 0)
    words = gettext("Every sample is covered by consent")
    return Condition(
        "consent", True, words, gettext("{n} samples from {total} contributors.").format(n=f"{n:,}", total=total)
    )


def _together(version: Version, at: datetime) -> Iterator[Condition]:
    """Where the community must say yes itself, that is a condition of its own beside everybody's consent."""
    facts = {purpose: collective.standing_for(version.dataset, purpose, at) for purpose in version.purposes}
    asked = {purpose: fact for purpose, fact in facts.items() if fact.needed}
    lacking = [title_of(purpose) for purpose, fact in asked.items() if fact.state != collective.GIVEN]
    if lacking:
        why = gettext("Not given, or no longer: {purposes}.").format(purposes=", ".join(lacking))
        yield Condition("collective", False, gettext("The community itself has not said yes to this use"), why)
    elif asked:
        yield Condition("collective", True, gettext("The community itself said yes to this use"))


def _rules(version: Version, at: datetime) -> Iterator[Condition]:
    layers = [policies.current(version.dataset, at), policies.community_current(version.community, at)]
    refused = [
        title_of(purpose)
        for purpose in version.purposes
        if not all(is_allowed(purpose, policies.body_of(layer), at) for layer in layers if layer is not None)
    ]
    if refused:
        words = gettext("The rules in force do not allow it")
        why = gettext("Not allowed: {purposes}.").format(purposes=", ".join(refused))
        yield Condition("rules", False, words, why)
        return
    number = layers[0].number if layers[0] is not None else 0
    why = gettext("Revision {number}, for: {purposes}.").format(
        number=number, purposes=", ".join(title_of(purpose) for purpose in version.purposes)
    )
    yield Condition("rules", True, gettext("The rules in force allow it"), why)


def _among(version: Version, sample_ids: Iterable[int]) -> int:
    """Count which of a few samples the version holds."""
    ids = list(sample_ids)
    found = (
        Member.objects.filter(version=version, sample__in=ids[start : start + 500]).count()
        for start in range(0, len(ids), 500)
    )
    return sum(found)


def allowed_purposes(policy: PolicyRevision) -> list[str]:
    """What the rules allow: what they name, and of a broad word that holds something prohibited the leaves that do not."""
    body, now = policies.body_of(policy), timezone.now()
    found: set[str] = set()
    for purpose in body.purposes:
        whole = is_allowed(purpose, body, now)
        found |= {purpose} if whole else {p for p in STANDARD.narrower(purpose) if STANDARD.narrower(p) == {p}}
    return sorted(purpose for purpose in found if is_allowed(purpose, body, now))


def told(finding: Finding) -> str:
    """What a finding says, in the language of the reader."""
    message, values = finding.words.get("message", ""), finding.words.get("values", {})
    return gettext(message).format(**values) if message else finding.reason


def is_allowed(purpose: str, body: Body, at: datetime) -> bool:
    """Say whether the answers of one layer of rules allow ``purpose`` at ``at``: it or something broader, and no no."""
    if purpose not in STANDARD or (body.expires_on is not None and at.date() > body.expires_on):
        return False
    related = STANDARD.broader(purpose) | STANDARD.narrower(purpose)
    return bool(STANDARD.broader(purpose) & set(body.purposes)) and not (related & set(body.prohibited))


def title_of(purpose: str) -> str:
    """How a purpose is called on a page, in English."""
    return STANDARD[purpose].title if purpose in STANDARD else purpose
