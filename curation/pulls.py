"""Pulls: who may have which file of which version now, and what they took.

A token names one agreement. At each request the facts are read anew (consents, holds, rules, agreement, the version itself) and
hashed; while the hash is the one that the pull's decision was made from, and that decision has not run out, the pull goes on.
When it differs, it is decided again. So whatever the community changes bites at the next request, in the middle of a file's
ranges too, and no message is needed. A pull is one token drawing one version; 15 idle minutes end it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.core import signing
from django.db import IntegrityError, transaction
from django.db.models import F, Sum
from django.utils import timezone

from curation import gathering, notices, standing
from curation.models import BuiltFile, Pull, PullFile, Version
from governance import agreements, collective, decisions
from governance.acts import act
from governance.decisions import VersionFacts
from governance.kernel.errors import Conflict, Gone, Missing, NotAllowed, Refusal
from governance.kernel.words import _
from governance.models import Dataset, Decision, Token
from governance.odrl.decide import Because, Facts
from governance.roles import Machine

IDLE = timedelta(minutes=15)
SIGNED_SECONDS = 900
"""How long a signed address lives: no longer than a decision may (governance.md, section 2.5)."""
QUIET = timedelta(seconds=30)
SALT = "wellhouse.pull"
PULLER = Machine("pulls")
MAIN = ("main", "refs/heads/main")
_TAG = re.compile(r"(?:refs/tags/)?v([1-9][0-9]{0,8})")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Access:
    """A request that may go on: who asks, for which version, under which decision."""

    token: Token
    version: Version
    pull: Pull
    decision: str


@dataclass(frozen=True)
class Credential:
    """What a request showed: the secret of a token, or a signature in its address."""

    secret: str = ""
    signature: str = ""


class Unknown(NotAllowed):
    """Nobody knows who asks: there is no token, or it is unknown, ended or run out."""


class Denied(NotAllowed):
    """It was decided, and the answer is no; ``decision`` names the stored decision."""

    def __init__(
        self, code: str, message: str, *, decision: str = "", reasons: tuple[dict[str, object], ...] = ()
    ) -> None:
        super().__init__(code, message)
        self.decision = decision
        self.because = reasons


class Closed(Gone):
    """The version is gone, for good or while a case is open; carries what its tombstone says."""

    def __init__(
        self, code: str, message: str, *, version: Version, how: standing.Standing, decision: str = ""
    ) -> None:
        following = standing.successor(version)
        super().__init__(code, message, successor=following.tag if following else None)
        self.version = version
        self.how = how
        self.following = following
        self.decision = decision


# Who asks


def token_of(credential: Credential, at: datetime | None = None) -> Token:
    """Return the token behind what was shown. Raises ``Unknown`` with a sentence that says what to do."""
    at = at or timezone.now()
    try:
        if credential.secret:
            return agreements.token_of(credential.secret, at)
        if credential.signature:
            return _signed_token(credential.signature, at)
    except Denied:
        raise
    except Refusal as refusal:
        # Whoever had a token that ran out is known, and may not; anybody else is not known.
        kind = Denied if refusal.code == "token-expired" else Unknown
        raise kind(refusal.code, str(refusal.reasons[0])) from refusal
    raise Unknown("token-missing", _("A pull token is needed: set HF_TOKEN. A keeper of the community gives it."))


def signed_query(token: Token, version: Version, path: str = "") -> str:
    """Return a query, ``sig=...``, that stands for ``token`` on plain GETs of files of ``version``, for 15 minutes.

    With ``path`` it is for that file only. It names token, agreement, purpose and version and opens nothing by itself:
    each request is decided like any other.
    """
    agreement = token.agreement
    named = {
        "t": token.public_id,
        "a": agreement.public_id,
        "p": agreement.purpose,
        "v": version.public_id,
        "f": path,
    }
    return "sig=" + signing.dumps(named, salt=SALT)


def _signed_token(signature: str, at: datetime) -> Token:
    """The token that a signed query names; raises a refusal when it ran out or nobody signed it."""
    try:
        named = signing.loads(signature, salt=SALT, max_age=SIGNED_SECONDS)
    except signing.SignatureExpired as error:
        raise NotAllowed("token-expired", _("This signed address has run out. Make a new one.")) from error
    except signing.BadSignature as error:
        raise Missing(
            "token-unknown", _("This address was not signed here. Copy it whole, or make a new one.")
        ) from error
    related = ("agreement__party__community", "agreement__dataset__community", "agreement__policy")
    token = Token.objects.select_related(*related).filter(public_id=named["t"]).first()
    if token is None or token.revoked_at is not None:
        raise NotAllowed("token-revoked", _("The token behind this address was ended."))
    if token.expires_at <= at:
        raise NotAllowed("token-expired", _("The token behind this address has run out."))
    return token


def require_for(credential: Credential, version: Version, path: str = "") -> None:
    """Raise ``Denied`` (``token-elsewhere``) for a signed address that was made for another version, file or purpose.

    A token in a header is for everything that its agreement opens.
    """
    if credential.secret:
        return
    named = signing.loads(credential.signature, salt=SALT, max_age=SIGNED_SECONDS)
    if named["v"] != version.public_id:
        raise Denied("token-elsewhere", _("This address was signed for another version."))
    if named["f"] and named["f"] != path:
        raise Denied("token-elsewhere", _("This address was signed for another file."))


# What is asked for


def dataset_of(token: Token, community: str, slug: str) -> Dataset:
    """Return the dataset of that name; for a token of another community it does not exist (``dataset-unknown``)."""
    own = token.agreement.dataset
    if (own.community.slug, own.slug) == (community, slug):
        return own
    found = Dataset.objects.filter(community=own.community, community__slug=community, slug=slug)
    dataset = found.select_related("community").first()
    if dataset is None:
        raise Missing("dataset-unknown", _("There is no such dataset for this token. Check its name."))
    return dataset


def version_of(dataset: Dataset, revision: str) -> Version:
    """Return the version that a tag, a commit or ``main`` names, however it stands.

    Raises ``Missing`` (``version-unknown``) and, for ``main`` of a dataset without an approved version, ``Denied``.
    """
    versions = dataset.versions.select_related("dataset__community")
    if revision in MAIN:
        found = standing.newest_open(dataset) or versions.exclude(published_at=None).order_by("-number").first()
    elif tag := _TAG.fullmatch(revision):
        found = versions.filter(number=int(tag[1])).first()
    elif _COMMIT.fullmatch(revision):
        found = versions.filter(commit=revision).first()
    else:
        found = None
    if found is None:
        message = _("{dataset} has no version {revision}. Look at its page for the versions that can be pulled.")
        raise Missing("version-unknown", message, dataset=dataset.path, revision=revision[:64])
    return found


def file_of(version: Version, path: str) -> BuiltFile:
    """Return one file of a version; raises ``Missing`` (``file-unknown``)."""
    found = version.files.filter(path=path).first()
    if found is None:
        message = _("{path} is not in {version}.")
        raise Missing("file-unknown", message, path=path[:200], version=str(version))
    return found


# Whether


def open_version(token: Token, version: Version, *, client: str = "", at: datetime | None = None) -> Access:
    """Let ``token`` at ``version`` for this one request, or raise.

    Raises ``Closed`` for a version that is gone, ``Denied`` for everything else; both name the stored decision.
    """
    at = at or timezone.now()
    agreement = token.agreement
    how = standing.of(version, at)
    facts = _within(token, decisions.facts_for(agreement, version_facts=_version_facts(token, version, how, at), at=at))
    pull = Pull.objects.filter(token=token, version=version, closed_at=None).select_related("decision").first()
    if pull is not None and _still_holds(pull, facts, at):
        if at - pull.last_at > QUIET:
            Pull.objects.filter(pk=pull.pk).update(last_at=at)
        return Access(token, version, pull, pull.decision.public_id)
    decision = _decide(token, version, facts, at)
    if decision.outcome != Decision.Outcome.PERMIT:
        raise _refusal(token, version, how, decision)
    return Access(token, version, _go_on(pull, token, version, decision, client, at), decision.public_id)


def took(access: Access, path: str, n_bytes: int) -> None:
    """Count what one request took of one file."""
    with transaction.atomic():
        Pull.objects.filter(pk=access.pull.pk).update(
            requests=F("requests") + 1, bytes=F("bytes") + n_bytes, last_at=timezone.now()
        )
        counted = PullFile.objects.filter(pull=access.pull, path=path)
        changes = {"requests": F("requests") + 1, "bytes": F("bytes") + n_bytes}
        if not counted.update(**changes):
            _, is_new = PullFile.objects.get_or_create(
                pull=access.pull, path=path, defaults={"requests": 1, "bytes": n_bytes}
            )
            if not is_new:
                counted.update(**changes)


def close_idle(at: datetime | None = None) -> int:
    """End the pulls that asked for nothing in 15 minutes, and write down what each took; return how many."""
    at = at or timezone.now()
    closed = 0
    idle = Pull.objects.filter(closed_at=None, last_at__lt=at - IDLE).select_related(
        "version__dataset__community", "token"
    )
    for pull in idle.order_by("pk"):
        closed += _close(pull, at)
    return closed


def _close(pull: Pull, at: datetime) -> bool:
    with act(PULLER, "pull.close", on=pull) as details:
        if not Pull.objects.filter(pk=pull.pk, closed_at=None, last_at__lt=at - IDLE).update(closed_at=at):
            raise Conflict("moved-on", _("The pull went on meanwhile."))
        taken = pull.files.aggregate(requests=Sum("requests"), bytes=Sum("bytes"))
        details |= {
            "version": pull.version.public_id,
            "token": pull.token.public_id,
            "files": pull.files.count(),
            "requests": taken["requests"] or 0,
            "bytes": taken["bytes"] or 0,
        }
    return True


def open_versions(token: Token, versions: Iterable[Version], at: datetime | None = None) -> list[Version]:
    """Return those of ``versions`` that the token's agreement and grants open at this moment, whatever else stops them.

    Raises ``Denied`` with the first reason when there is something and it opens none: an agreement that ended opens no
    names either.
    """
    at = at or timezone.now()
    found: list[Version] = []
    shut: tuple[Because, ...] = ()
    for version in versions:
        reasons = decisions.agreement_reasons(
            token.agreement, version.dataset, number=version.number, only=token.only_version, at=at
        )
        if reasons:
            shut = shut or reasons
        else:
            found.append(version)
    if shut and not found:
        raise Denied(shut[0].code, shut[0].sentence)
    return found


def _within(token: Token, facts: Facts) -> Facts:
    """The facts as a token for one version sees them: its agreement opens that one and no other."""
    if token.only_version is None or facts.agreement is None:
        return facts
    return replace(facts, agreement=decisions.narrowed(facts.agreement, token.only_version))


def _version_facts(token: Token, version: Version, how: standing.Standing, at: datetime) -> VersionFacts:
    said = gathering.of(version, token.agreement.purpose, at)
    return VersionFacts(
        kind=standing.KIND,
        public_id=version.public_id,
        digest=version.members_root,
        number=version.number,
        status=version.status,
        dataset=version.dataset,
        purposes=tuple(version.purposes),
        held=how.held,
        taken_back=how.taken_back,
        consents=said.consents,
        layers=said.layers,
        collective=collective.fact_for(version.dataset, token.agreement.purpose, at),
        violations=notices.owed_by(token.agreement),
    )


def _still_holds(pull: Pull, facts: Facts, at: datetime) -> bool:
    """Whether the decision of a pull was made from these facts, and has not run out."""
    return pull.snapshot_hash == facts.hash and at < pull.decision.valid_until and at - pull.last_at < IDLE


def _decide(token: Token, version: Version, facts: Facts, at: datetime) -> Decision:
    """Decide and keep it; the same no to the same question within 15 minutes is kept once."""
    said_no = Decision.objects.filter(
        subject_kind=standing.KIND,
        subject_id=version.public_id,
        snapshot_hash=facts.hash,
        outcome=Decision.Outcome.DENY,
        at__gt=at - IDLE,
        request__party=token.agreement.party.ref,
    )
    known = said_no.order_by("-pk").first()
    subject = (standing.KIND, version.public_id, version.members_root)
    return known or decisions.decide(agreement=token.agreement, subject=subject, facts=facts, at=at)


def _go_on(pull: Pull | None, token: Token, version: Version, decision: Decision, client: str, at: datetime) -> Pull:
    """Put a new decision under an open pull, or open one, with its event."""
    if pull is not None and at - pull.last_at < IDLE:
        changes = {"decision": decision, "snapshot_hash": decision.snapshot_hash, "last_at": at}
        if Pull.objects.filter(pk=pull.pk, closed_at=None).update(**changes):
            pull.decision, pull.snapshot_hash = decision, decision.snapshot_hash
            return pull
    elif pull is not None:
        _close(pull, at)
    try:
        return _open(token, version, decision, client, at)
    except IntegrityError:
        return Pull.objects.get(token=token, version=version, closed_at=None)


def _open(token: Token, version: Version, decision: Decision, client: str, at: datetime) -> Pull:
    with act(PULLER, "pull.open", on=version, at=at) as details:
        pull = Pull.objects.create(
            token=token,
            version=version,
            decision=decision,
            snapshot_hash=decision.snapshot_hash,
            client=client[:255],
            opened_at=at,
            last_at=at,
        )
        details |= {
            "object": pull,
            "version": version.public_id,
            "commit": version.commit,
            "token": token.public_id,
            "agreement": token.agreement.public_id,
            "party": token.agreement.party.public_id,
            "purpose": token.agreement.purpose,
            "decision": decision.public_id,
            "outcome": decision.outcome,
        }
    return pull


def _refusal(token: Token, version: Version, how: standing.Standing, decision: Decision) -> Refusal:
    """Turn a no into what is told: what happened, why, and what to do."""
    codes = [str(reason["code"]) for reason in decision.reasons]
    if how.is_gone or "consent-withdrawn" in codes:
        gone = how if how.is_gone else standing.Standing(standing.WITHDRAWN, decision.at, standing.PUBLIC_REASON)
        return Closed(gone.code, words_of_gone(version, gone), version=version, how=gone, decision=decision.public_id)
    newest = standing.newest_open(version.dataset) if codes[0] == standing.NOT_APPROVED else None
    hint = _(" The newest approved one is {tag}.").format(tag=newest.tag) if newest else ""
    because = " ".join(str(reason["public"]) for reason in decision.reasons[:2])
    message = _("{version} was refused: {because}{hint} Decision {decision}. {contact}").format(
        version=version, because=because, hint=hint, decision=decision.public_id[:8], contact=_contact(version)
    )
    return Denied(codes[0], message.strip(), decision=decision.public_id, reasons=tuple(decision.reasons))


def words_of_gone(version: Version, how: standing.Standing) -> str:
    """Say in one line that a version is gone, what takes its place, and what to do."""
    following = standing.successor(version)
    if how.code == standing.BY_LAW:
        message = _("{version} is closed because somebody demands it by law: {who}. Stop using it.")
        return message.format(version=version, who=how.blocked_by)
    if how.code == standing.TAKEDOWN:
        message = _(
            "{version} is closed while the community looks into a complaint. It may come back; stop using copies."
        )
        return message.format(version=version)
    day = how.since.date().isoformat() if how.since else ""
    message = _("{version} was withdrawn on {day}: people took back what they had given. Stop using it, delete copies.")
    said = message.format(version=version, day=day)
    return said + (_(" {tag} takes its place.").format(tag=following.tag) if following else "")


def _contact(version: Version) -> str:
    contact = version.community.contact
    return _("Ask {contact}.").format(contact=contact) if contact else _("Ask the keepers of the community.")
