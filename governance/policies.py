"""Usage policies: revisions that are never changed, only followed by the next one.

A revision says who may use a dataset and for what (``governance.odrl.policy`` says in which words). Revision 1 of
every dataset allows nothing. A new one holds from the next request on; what became wider reaches a party only through
a new agreement, because a pull is judged by the revision that its agreement names *and* by the one in force.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils import timezone

from governance import votes
from governance.acts import act, record
from governance.kernel.digests import digest
from governance.kernel.errors import Conflict, Invalid, Missing, Reason
from governance.kernel.registry import Registry
from governance.kernel.words import _
from governance.models import Community, Contributor, Dataset, Person, PolicyRevision, Proposal, Sample, new_id
from governance.odrl.checking import faults_of_all, refused
from governance.odrl.importing import Imported, answers_of
from governance.odrl.policy import DENY_ALL, Body, to_odrl, validate
from governance.roles import Actor, Machine, require

_ODRL = Registry("governance.odrl")
"""By name, since reading documents loads rdflib, which a web process does not hold."""

VOTE = "policy"
"""The name of the charter's rule for rules, and the kind of subject under which they are voted on."""


OF_ITSELF: Mapping[str, None] = {"dataset": None, "contributor": None, "sample": None}
"""Which revisions are the community's own layer."""


def revise(
    dataset: Dataset, *, body: Mapping[str, object] | Body, by: Person, note: str = "", over: int | None = None
) -> PolicyRevision | Proposal:
    """Put a new revision of a dataset's policy into force, or propose it where the charter asks for a vote on rules.

    ``over`` is the number of the revision that the writer was looking at. Raises ``Invalid`` with every reason,
    ``Conflict`` (``policy-moved-on``) when somebody else was faster, and (``policy-unchanged``) when it says the same
    as the one in force.
    """
    if votes.is_asked(dataset.community, VOTE):
        return _propose(dataset.community, dataset, _read(body), by, note, over)
    with act(by, "policy.revise", on=dataset) as details:
        revision = _add(dataset.community, dataset, _read(body), by, note, over)
        details |= {"object": revision, "number": revision.number, "digest": revision.digest}
    return revision


def revise_community(
    community: Community, *, body: Mapping[str, object] | Body, by: Person, note: str = "", over: int | None = None
) -> PolicyRevision | Proposal:
    """Put a new revision of the community's own policy into force: from then on every dataset must pass it as well.

    Where the charter asks for a vote on rules, it is proposed instead.
    """
    if votes.is_asked(community, VOTE):
        return _propose(community, None, _read(body), by, note, over)
    with act(by, "policy.revise", on=community) as details:
        revision = _add(community, None, _read(body), by, note, over)
        details |= {"object": revision, "number": revision.number, "digest": revision.digest}
    return revision


def _propose(
    community: Community, dataset: Dataset | None, body: Body, by: Person, note: str, over: int | None
) -> Proposal:
    """Open the vote on new rules; rules proposed before for the same thing are void from then on."""
    require(by, "policy.revise", community)
    number = _number_under(community, dataset, body, over)
    terms: dict[str, object] = {
        "dataset": dataset.public_id if dataset else None,
        "body": body.to_json(),
        "note": note,
        "over": number,
    }
    name = dataset.name if dataset else community.name
    return votes.propose(
        community=community,
        subject=(VOTE, (dataset or community).public_id, digest(terms)),
        title=_("New rules for {name}").format(name=name),
        rule_name=VOTE,
        by=by,
        terms=terms,
    )


@votes.when_passed(VOTE)
def settle(proposal: Proposal) -> None:
    """Put rules into force that the community voted for; a refusal (they moved on) makes the vote void."""
    terms, community = proposal.terms, proposal.community
    dataset = Dataset.objects.get(public_id=terms["dataset"]) if terms["dataset"] else None
    revision = _add(community, dataset, _read(terms["body"]), proposal.proposed_by, terms["note"], terms["over"])
    details: dict[str, object] = {"number": revision.number, "digest": revision.digest, "proposal": proposal.public_id}
    record(Machine("votes"), "policy.revise", revision, details)


def take_over(text: str) -> Imported:
    """Read an ODRL document of somebody else as answers, which are in force nowhere until somebody revises with them.

    Of several policies the first is taken, and a flag says so. What is unsound in the document is flagged too: it can
    have allowed nothing. Raises ``Invalid`` (``document-unreadable``, ``policy-none``, ...) when there is no policy.
    """
    document = _ODRL["reading"].read_document(text)
    if not document.policies:
        raise Invalid("policy-none", _("There is no ODRL policy in this document."))
    unsound = refused(faults_of_all(document.policies, document.oddities))
    imported = answers_of(document.policies[0])
    flags = [*imported.flags, *(reason for reason in unsound if reason not in imported.flags)]
    if len(document.policies) > 1:
        flags.append(Reason("policy-others", _("The document holds several policies. Only the first was read.")))
    return replace(imported, flags=tuple(flags))


def add_for(
    community: Community,
    *,
    body: Mapping[str, object] | Body,
    by: Person,
    contributor: Contributor | None,
    sample: Sample | None,
    note: str,
    over: int | None,
) -> PolicyRevision:
    """Write the next revision about one person's words or one sample; ``governance.layers`` says who may."""
    read = _read(body)
    history = PolicyRevision.objects.filter(community=community, contributor=contributor, sample=sample)
    newest = history.filter(dataset=None).order_by("-number").first()
    number = newest.number if newest else 0
    if over is not None and over != number:
        raise _moved_on()
    if newest is not None and newest.digest == read.digest:
        raise Conflict("policy-unchanged", _("These are the rules that are in force already."))
    try:
        with transaction.atomic():
            return _write(community, None, number + 1, read, by, note, contributor, sample)
    except IntegrityError as error:
        raise _moved_on() from error


def first(dataset: Dataset, by: Actor) -> PolicyRevision:
    """Give a new dataset its revision 1, which allows nothing; called where the dataset is registered."""
    person = by if isinstance(by, Person) else None
    with transaction.atomic():
        revision = _write(dataset.community, dataset, 1, DENY_ALL, person, "")
        record(by, "policy.revise", revision, {"number": 1, "digest": revision.digest})
    return revision


def current(dataset: Dataset, at: datetime | None = None) -> PolicyRevision:
    """The revision in force at ``at`` (default: now); raises ``Missing`` when there is none."""
    found = dataset.policies.filter(effective_at__lte=at or timezone.now()).order_by("-number").first()
    if found is None:
        raise Missing(
            "policy-missing", _("No rules of this dataset could be found, and without rules nothing is allowed.")
        )
    return found


def community_current(community: Community, at: datetime | None = None) -> PolicyRevision | None:
    """The community's own revision in force at ``at``, or None when it never wrote one."""
    own = community.policies.filter(**OF_ITSELF, effective_at__lte=at or timezone.now())
    return own.order_by("-number").first()


def body_of(revision: PolicyRevision) -> Body:
    """The revision's answers."""
    return Body.from_json(revision.body)


def uid_of(public_id: str) -> str:
    """The name for ever of a revision."""
    return f"urn:wellhouse:policy:{public_id}"


def urn_of(dataset: Dataset) -> str:
    """The name for ever of a dataset, as rules name it."""
    return f"urn:wellhouse:dataset:{dataset.public_id}"


def _read(body: Mapping[str, object] | Body) -> Body:
    try:
        read = body if isinstance(body, Body) else Body.from_json(body)
    except (KeyError, TypeError, ValueError) as error:
        raise Invalid(
            "rules-unreadable", _("These rules cannot be read: an answer is missing or of the wrong kind.")
        ) from error
    reasons = validate(read)
    if reasons:
        raise Invalid("policy-invalid", _("These rules cannot be put into force yet."), reasons=reasons)
    return read


def _add(
    community: Community, dataset: Dataset | None, body: Body, by: Person, note: str, over: int | None
) -> PolicyRevision:
    number = _number_under(community, dataset, body, over)
    try:
        with transaction.atomic():
            return _write(community, dataset, number + 1, body, by, note)
    except IntegrityError as error:
        raise _moved_on() from error


def _number_under(community: Community, dataset: Dataset | None, body: Body, over: int | None) -> int:
    """The number of the revision in force, on which ``body`` comes; raises where it moved on or says the same."""
    newest = community.policies.filter(dataset=dataset, contributor=None, sample=None).order_by("-number").first()
    number = newest.number if newest else 0
    if over is not None and over != number:
        raise _moved_on()
    if newest is not None and newest.digest == body.digest:
        raise Conflict("policy-unchanged", _("These are the rules that are in force already."))
    return number


def _moved_on() -> Conflict:
    return Conflict(
        "policy-moved-on",
        _("Somebody changed the rules while you were writing. Look at theirs, then write yours again."),
    )


def _write(
    community: Community,
    dataset: Dataset | None,
    number: int,
    body: Body,
    by: Person | None,
    note: str,
    contributor: Contributor | None = None,
    sample: Sample | None = None,
) -> PolicyRevision:
    public_id, now = new_id(), timezone.now()
    target = urn_of(dataset) if dataset else f"urn:wellhouse:community:{community.public_id}"
    if contributor is not None:
        target = f"urn:wellhouse:contributor:{contributor.public_id}"
    if sample is not None:
        target = f"urn:wellhouse:sample:{sample.public_id}"
    return PolicyRevision.objects.create(
        public_id=public_id,
        community=community,
        dataset=dataset,
        contributor=contributor,
        sample=sample,
        number=number,
        body=body.to_json(),
        odrl=to_odrl(body, uid=uid_of(public_id), target=target, created_at=now),
        digest=body.digest,
        note=note.strip(),
        effective_at=now,
        created_by=by,
        created_at=now,
    )
