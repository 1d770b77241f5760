"""The version that takes the place of one that a withdrawal closed: proposed by the house, decided by the community.

It holds exactly the members of the version before, with the labels and parts that were frozen there, without those that must
not stay; so whoever compares the two finds the withdrawal and nothing else. It goes through the same gates as any other: checks,
and the vote that the charter asks for. Several withdrawals at once end in one such version: a proposal that holds what was
taken back meanwhile is ended, and the next one starts from it. A number is never used twice. What people turned down is not
proposed again until something else is taken back.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext

from curation import notices, standing, versions
from curation.models import Freeze, RevocationList, Succession, Version
from governance import consents, policies, roles, votes
from governance.acts import act
from governance.kernel import jobs
from governance.kernel.errors import Conflict
from governance.kernel.jobs import Claim
from governance.kernel.moves import must_move
from governance.kernel.words import _
from governance.models import ConsentEvent, Dataset, Membership, Person, Proposal
from governance.roles import Machine

HEIR = Machine("successions")
OVER = (Version.Status.REJECTED, Version.Status.FAILED)
UNDECIDED = (Version.Status.PROPOSED, Version.Status.APPROVED)


def queue(dataset: Dataset) -> Succession:
    """Ask for a look at ``dataset``, in the caller's transaction. Each withdrawal asks: one that runs may have read before."""
    row = Succession.objects.create(dataset=dataset)
    jobs.later(row)
    return row


def run(row: Succession, claim: Claim) -> None:
    """Propose the next version of a dataset if its newest holds what was taken back."""
    propose_next(row.dataset)


def propose_next(dataset: Dataset, at: datetime | None = None) -> Version | None:
    """Propose the version that takes the place of the newest, if that one must not stay; return it.

    While the newest is being frozen nothing can be said about it: the sweep looks again. Raises ``Conflict``
    (``successor-without-purpose``) when the rules in force allow none of its purposes any more.
    """
    at = at or timezone.now()
    with transaction.atomic():
        # One at a time: who comes second must see what the first has proposed.
        RevocationList.objects.select_for_update().filter(dataset=dataset).first()
        newest = _to_replace(dataset, at)
        proposer = _proposer(newest) if newest is not None else None
        if newest is None or proposer is None:
            return None
        body = policies.body_of(policies.current(dataset))
        purposes = [code for code in newest.purposes if versions.is_allowed(code, body, at)]
        if not purposes:
            raise Conflict(
                "successor-without-purpose",
                _(
                    "The rules in force allow none of its purposes, so no version can take its place. "
                    "Propose one by hand."
                ),
            )
        with act(HEIR, "version.propose", on=dataset) as details:
            _end(newest)
            version = _propose(newest, proposer, purposes)
            details |= {
                "object": version,
                "number": version.number,
                "takes_place_of": newest.public_id,
                "purposes": purposes,
            }
    return version


def catch_up() -> int:
    """Propose what is missing wherever words were taken back; return how many. For the sweep."""
    made = 0
    for dataset in Dataset.objects.filter(revocations__isnull=False).distinct().order_by("pk"):
        try:
            made += propose_next(dataset) is not None
        except Conflict:
            continue
    return made


def must_not_stay(version: Version, at: datetime) -> bool:
    """Say whether ``version`` holds samples that were taken back, or that may not serve all its purposes any more."""
    if standing.stops_in(version).taken_back:
        return True
    frozen = version.frozen_at or version.proposed_at
    said_no = ConsentEvent.objects.filter(status__in=consents.TAKEN_BACK, at__gte=frozen)
    stopped = said_no.filter(contributor__community=version.dataset.community_id)
    if not stopped.exists():
        return False
    of_one = stopped.filter(sample__memberships__version=version, purpose__in=notices.related(version.purposes))
    if of_one.exists():
        return True
    valid = consents.valid_contributors(version.dataset, version.purposes, at).values("pk")
    givers = version.contributors.filter(contributor__in=stopped.values("contributor"))
    return givers.exclude(contributor__in=valid).exists()


def _to_replace(dataset: Dataset, at: datetime) -> Version | None:
    """The newest version that stands, if it must not stay and nobody has turned down what would take its place."""
    newest = dataset.versions.exclude(status__in=OVER).order_by("-number").first()
    if newest is None or newest.status == Version.Status.FREEZING or not must_not_stay(newest, at):
        return None
    tried = newest.successors.filter(status__in=OVER)
    return None if any(not must_not_stay(version, at) for version in tried) else newest


def _end(version: Version) -> None:
    """End a proposal that can never be published, since it holds what was taken back."""
    locked = Version.objects.select_for_update().get(pk=version.pk)
    if locked.status not in UNDECIDED:
        return
    with act(HEIR, "version.reject", on=locked) as details:
        must_move(locked, Version.Status.REJECTED)
        if locked.proposal is not None and locked.proposal.status == Proposal.Status.OPEN:
            votes.void(locked.proposal, by=HEIR)
        details |= {"number": locked.number, "because": "withdrawal"}


def _propose(newest: Version, proposer: Person, purposes: list[str]) -> Version:
    number = (newest.dataset.versions.aggregate(last=Max("number"))["last"] or 0) + 1
    note = gettext(
        "Proposed by the house, since somebody took back what is in version {n}. It holds the same samples without those."
    )
    version = Version.objects.create(
        dataset=newest.dataset,
        number=number,
        campaign=newest.campaign,
        takes_place_of=newest,
        purposes=sorted(purposes),
        policy=policies.current(newest.dataset),
        labels=list(newest.labels),
        split_family=newest.split_family,
        proposed_by=proposer,
        note=note.format(n=newest.number),
    )
    jobs.later(Freeze.objects.create(version=version))
    return version


def _proposer(version: Version) -> Person | None:
    """Whose proposal it counts as: who proposed the one before, else the keeper who has been one for longest."""
    before = version.proposed_by
    if roles.may(before, "version.propose", version.community):
        return before
    keepers = Membership.objects.current().filter(community=version.community, role=Membership.Role.KEEPER)
    first = keepers.filter(person__is_active=True).order_by("pk").select_related("person").first()
    return first.person if first else None
