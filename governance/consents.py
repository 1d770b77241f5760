"""Consent: what each contributor said about each purpose, and who may therefore be used for what, when.

The history is append-only. For one contributor and one purpose the newest answer counts, and the clock: a yes that ended is a
no. What nobody asked has no row and is a no. A yes to a purpose covers the narrower ones; a no (refused, taken back,
revoked, invalid) to a purpose stops it, everything narrower and everything broader. Somebody who was asked and has not
answered yet has not said yes to that purpose, whatever they said about a broader one.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from governance import codes
from governance.acts import act
from governance.kernel.digests import digest, sha256
from governance.kernel.errors import Invalid, Missing, NotAllowed, Reason
from governance.kernel.words import _
from governance.models import (
    Community,
    ConsentEvent,
    ConsentNotice,
    ConsentReceipt,
    Contribution,
    Contributor,
    Dataset,
    Evidence,
    Membership,
    Person,
    Sample,
)
from governance.models.holdings import SampleQuerySet
from governance.odrl.decide import ConsentFact
from governance.odrl.purposes import STANDARD
from governance.roles import roles_of

Status = ConsentEvent.Status
NO = frozenset({Status.REFUSED.value, Status.WITHDRAWN.value, Status.REVOKED.value, Status.INVALIDATED.value})
"""Answers that stop a purpose, everything narrower and everything broader."""
WAITING = frozenset({Status.REQUESTED.value, Status.DEFERRED.value})
TAKEN_BACK = frozenset({Status.WITHDRAWN.value, Status.REVOKED.value})
TOLD_BY_VOICE = frozenset({ConsentEvent.Method.PHONE.value, ConsentEvent.Method.SPOKEN.value})
SOON = timedelta(days=30)
IDS_AT_ONCE = 500

TakenBack = Callable[[Contributor, Sequence[str], datetime, "Sample | None"], None]
WHEN_TAKEN_BACK: list[TakenBack] = []
"""What floors above also write when an answer that takes something back is recorded: (whose, purposes, when, one sample only)."""


@dataclass(frozen=True)
class ConsentFacts(ConsentFact):
    """What a set of contributors says to one purpose at one moment, in numbers of people; only ``valid`` is a yes.

    ``hash`` changes when anybody's answer to this or a related purpose changes, or runs out.
    """

    @property
    def hash(self) -> str:
        """The digest under the name that a snapshot has elsewhere."""
        return self.digest

    @property
    def counts(self) -> dict[str, int]:
        """The numbers by state."""
        return {
            "valid": self.valid,
            "refused": self.refused,
            "withdrawn": self.withdrawn,
            "expired": self.expired,
            "unknown": self.unknown,
        }


# What is recorded


def record(
    contributor: Contributor,
    *,
    answers: Mapping[str, str],
    by: Person,
    method: str,
    at: datetime | None = None,
    expires_at: datetime | None = None,
    language: str = "",
    witness: str = "",
    notice: ConsentNotice | None = None,
    evidence: bytes | None = None,
    sample: Sample | None = None,
    proof: Evidence | None = None,
) -> list[ConsentEvent]:
    """Write down what ``contributor`` said, one event for each purpose in ``answers`` (purpose code: DPV status).

    A desk role records for others; a contributor for themselves only. What was spoken needs a witness who is not the one who
    records. A yes that is older than the newest answer changes nothing and is refused, so that a late sheet of paper cannot
    undo a withdrawal. With ``sample`` it is about that one alone. Of ``evidence`` only a salted hash is kept; ``proof`` is what
    :mod:`governance.evidence` keeps. Raises ``Invalid`` with every reason.
    """
    now = timezone.now()
    at = at or now
    _check_self(contributor, by, method)
    reasons = list(_reasons(contributor, answers, by, method, at, expires_at, witness, now, sample))
    if proof is not None and proof.contributor_id != contributor.pk:
        reasons.append(Reason("evidence-elsewhere", _("This shows what somebody else said."), path="evidence"))
    if reasons:
        raise Invalid(reasons[0].code, reasons=reasons)
    salted = hashlib.sha256(contributor.public_id.encode() + b"\0" + evidence).hexdigest() if evidence else ""
    salted = proof.salted_hash if proof else salted
    with act(by, "consent.record", on=contributor.community) as details:
        events = [
            ConsentEvent(
                contributor=contributor,
                sample=sample,
                evidence=proof,
                purpose=purpose,
                status=status,
                at=at,
                expires_at=expires_at if status in ConsentEvent.VALID else None,
                method=method,
                language=language,
                notice=notice,
                recorded_by=by,
                witness=witness.strip(),
                evidence_hash=salted,
            )
            for purpose, status in answers.items()
        ]
        for event in events:
            event.save()
        details |= {
            "contributor": contributor.ref,
            "answers": dict(answers),
            "method": method,
            "notice": notice.sha256 if notice else "",
            "said_at": at.isoformat(),
            "expires_at": expires_at.isoformat() if expires_at else None,
            "evidence": salted,
        }
        if sample is not None:
            details["sample"] = sample.uid
        taken_back = [purpose for purpose, status in answers.items() if status in TAKEN_BACK]
        for effect in WHEN_TAKEN_BACK if taken_back else ():
            effect(contributor, taken_back, now, sample)
    return events


def when_taken_back(effect: TakenBack) -> TakenBack:
    """Register what is written when a yes is recorded as taken back (database only; it runs inside the recording)."""
    WHEN_TAKEN_BACK.append(effect)
    return effect


def yes_again(contributor: Contributor, answers: Mapping[str, str], sample: Sample | None = None) -> dict[str, str]:
    """Return ``answers`` in which a yes to what they said yes to before is a renewed one."""
    given = contributor.consent_events.filter(sample=sample, status__in=ConsentEvent.VALID)
    before = set(given.values_list("purpose", flat=True))
    return {
        purpose: Status.RENEWED.value if status == Status.GIVEN and purpose in before else status
        for purpose, status in answers.items()
    }


def _check_self(contributor: Contributor, by: Person, method: str) -> None:
    """A member without a desk role speaks for themselves, and says so."""
    held = roles_of(by, contributor.community)
    if held & {Membership.Role.KEEPER, Membership.Role.STEWARD} or not held:
        return
    is_self = contributor.person_id == by.pk and method == ConsentEvent.Method.SELF
    speaks_for = Membership.Role.REPRESENTATIVE in held and method == ConsentEvent.Method.REPRESENTATIVE
    if not is_self and not speaks_for:
        raise NotAllowed(
            "not-your-consent",
            _("You can answer for your own words only. A keeper or steward records what others say."),
        )


def _reasons(
    contributor: Contributor,
    answers: Mapping[str, str],
    by: Person,
    method: str,
    at: datetime,
    expires_at: datetime | None,
    witness: str,
    now: datetime,
    sample: Sample | None,
) -> Iterable[Reason]:
    if sample is not None and not Sample.objects.with_voice(contributor).filter(pk=sample.pk).exists():
        yield Reason("sample-not-theirs", _("They are not heard in this sample."), path="sample")
    if method == ConsentEvent.Method.SELF and Status.REVOKED in answers.values():
        message = _("Who takes back their own yes withdraws it; somebody else revokes it.")
        yield Reason("revoked-by-themselves", message, path="answers")
    if not answers:
        yield Reason("no-answer", _("Choose an answer for at least one use."), path="answers")
    for purpose, status in answers.items():
        if purpose not in STANDARD:
            yield Reason(
                "unknown-purpose", _("There is no use called “{purpose}”."), "answers", values={"purpose": purpose}
            )
        if status not in Status.values:
            yield Reason(
                "unknown-status", _("“{status}” is no answer that we know."), "answers", values={"status": status}
            )
    if method not in ConsentEvent.Method.values:
        yield Reason(
            "unknown-method", _("Say how it was given: by phone, on paper, spoken, or by themselves."), path="method"
        )
    if at > now + timedelta(minutes=5):
        yield Reason("consent-in-future", _("This day has not come yet. When did they say it?"), path="at")
    if expires_at is not None and expires_at <= at:
        yield Reason("ends-before-it-begins", _("It would end before it was given."), path="expires_at")
    if method in TOLD_BY_VOICE and not witness.strip():
        yield Reason("witness-missing", _("Somebody else must have heard it. Who was it?"), path="witness")
    if witness.strip() and witness.strip().casefold() in {by.username.casefold(), by.display_name.casefold()}:
        yield Reason("witness-is-recorder", _("You are recording it, so somebody else must witness."), path="witness")
    given = [purpose for purpose, status in answers.items() if status in ConsentEvent.VALID]
    later = contributor.consent_events.filter(purpose__in=given, at__gt=at, sample=sample)
    newer = later.values_list("purpose", flat=True)
    for purpose in sorted(set(newer)):
        title = STANDARD[purpose].title if purpose in STANDARD else purpose
        message = _("A newer answer about “{purpose}” is recorded already; an older yes cannot replace it.")
        yield Reason("newer-answer", message, path="at", values={"purpose": title})


def publish_notice(
    community: Community, *, language: str, text: str, by: Person, version: int | None = None
) -> ConsentNotice:
    """Keep the words that people are shown or read when asked; without ``version`` it is the next one."""
    if not text.strip():
        raise Invalid("notice-empty", _("A notice needs words."))
    with act(by, "notice.publish", on=community) as details:
        newest = community.notices.order_by("-version").values_list("version", flat=True).first() or 0
        notice = ConsentNotice.objects.create(
            community=community,
            version=version or newest + 1,
            language=language,
            text=text,
            sha256=sha256(text.encode()),
        )
        details |= {"version": notice.version, "language": language, "sha256": notice.sha256}
    return notice


# What counts


def newest(at: datetime | None = None) -> QuerySet[ConsentEvent]:
    """The newest answer of each contributor about each purpose, for all of theirs, as known at ``at``."""
    at = at or timezone.now()
    later = ConsentEvent.objects.filter(
        contributor=OuterRef("contributor"), purpose=OuterRef("purpose"), pk__gt=OuterRef("pk"), at__lte=at, sample=None
    )
    return ConsentEvent.objects.filter(~Exists(later), at__lte=at, sample=None)


def newest_about_samples(at: datetime | None = None) -> QuerySet[ConsentEvent]:
    """The newest answer of each contributor about each purpose for one sample alone, as known at ``at``."""
    at = at or timezone.now()
    later = ConsentEvent.objects.filter(
        contributor=OuterRef("contributor"),
        purpose=OuterRef("purpose"),
        sample=OuterRef("sample"),
        pk__gt=OuterRef("pk"),
        at__lte=at,
    )
    return ConsentEvent.objects.filter(~Exists(later), at__lte=at, sample__isnull=False)


def spoken_about(dataset: Dataset) -> set[int]:
    """The row keys of samples of ``dataset`` about which somebody said something that is for this sample alone."""
    found = ConsentEvent.objects.filter(sample__dataset=dataset)
    return set(found.values_list("sample_id", flat=True).distinct().iterator(chunk_size=5000)) - {None}


def valid_contributors(dataset: Dataset, purposes: Sequence[str], at: datetime | None = None) -> QuerySet[Contributor]:
    """The contributors of the dataset's community who said yes to *every* one of ``purposes``, and mean it at ``at``.

    No purpose at all is nobody: without a purpose there is no yes. An unknown purpose is nobody too.
    """
    at = at or timezone.now()
    found = Contributor.objects.filter(community=dataset.community_id)
    if not purposes or any(purpose not in STANDARD for purpose in purposes):
        return found.none()
    events = newest(at).filter(contributor=OuterRef("pk"))
    for purpose in purposes:
        above, below = STANDARD.broader(purpose), STANDARD.narrower(purpose)
        lasting = Q(expires_at=None) | Q(expires_at__gt=at)
        said_yes = events.filter(lasting, purpose__in=above, status__in=ConsentEvent.VALID)
        said_no = events.filter(
            Q(purpose__in=above | below, status__in=NO) | Q(purpose=purpose, status__in=WAITING),
        )
        found = found.filter(Exists(said_yes)).exclude(Exists(said_no))
    return found


def covered(
    found: SampleQuerySet, dataset: Dataset, purposes: Sequence[str], at: datetime | None = None
) -> SampleQuerySet:
    """Those of the samples ``found`` of ``dataset`` in which every voice says yes to every one of ``purposes`` at ``at``.

    Further voices are few, so they are asked once for the dataset and not for each sample; one that nobody knows is a no.
    """
    at = at or timezone.now()
    if ConsentEvent.objects.filter(sample__dataset=dataset).exists():
        return _covered_one_by_one(found, dataset, purposes, at)
    yes = valid_contributors(dataset, purposes, at).values("pk")
    voices = Contribution.objects.filter(sample__dataset=dataset)
    silent = voices.filter(Q(contributor=None) | ~Q(contributor__in=yes))
    return found.filter(contributor__in=yes).exclude(pk__in=silent.values("sample"))


def _covered_one_by_one(
    found: SampleQuerySet, dataset: Dataset, purposes: Sequence[str], at: datetime
) -> SampleQuerySet:
    """The same where somebody said something about one sample alone: for each purpose, a yes of either kind and no no."""
    if not purposes or any(purpose not in STANDARD for purpose in purposes):
        return found.none()
    lasting = Q(expires_at=None) | Q(expires_at__gt=at)
    for purpose in purposes:
        above, below = STANDARD.broader(purpose), STANDARD.narrower(purpose)
        stops = Q(purpose__in=above | below, status__in=NO) | Q(purpose=purpose, status__in=WAITING)
        about = newest_about_samples(at).filter(sample__dataset=dataset)
        said_yes = about.filter(lasting, purpose__in=above, status__in=ConsentEvent.VALID)
        yes = valid_contributors(dataset, [purpose], at).values("pk")
        stopped = newest(at).filter(stops, contributor__community=dataset.community_id).values("contributor")
        may = said_yes.exclude(contributor__in=stopped)
        found = found.exclude(pk__in=about.filter(stops).values("sample"))
        found = found.filter(
            Q(contributor__in=yes) | Q(pk__in=may.filter(contributor=F("sample__contributor")).values("sample"))
        )
        voices = Contribution.objects.filter(sample__dataset=dataset)
        own = may.filter(contributor=OuterRef("contributor"), sample=OuterRef("sample"))
        silent = voices.filter(Q(contributor=None) | (~Q(contributor__in=yes) & ~Exists(own)))
        found = found.exclude(pk__in=silent.values("sample"))
    return found


WORST = ("withdrawn", "refused", "expired", "unknown", "valid")
"""States from the worst on: what somebody says about a whole is the worst of what they say about its parts."""


def snapshot(
    contributor_ids: Iterable[int | None],
    purpose: str,
    at: datetime | None = None,
    *,
    pieces: Mapping[int, int] | None = None,
    inside: Callable[[list[int]], Iterable[int]] | None = None,
) -> ConsentFacts:
    """Count what these contributors say to ``purpose`` at ``at``; None stands for somebody unknown, which is a no.

    With ``inside`` (which of these sample row keys are in the target) and ``pieces`` (in how many of its samples each is heard),
    what they said about single samples counts too: a person says yes only if they do so for each of their samples.
    One query for each 500 people, over the index of newest answers.
    """
    at = at or timezone.now()
    ids = list(contributor_ids)
    known = sorted({one for one in ids if one is not None})
    related = STANDARD.broader(purpose) | STANDARD.narrower(purpose)
    answers: dict[int, list[tuple[str, str, datetime | None]]] = {}
    seen: list[list[object]] = []
    for start in range(0, len(known), IDS_AT_ONCE):
        part = newest(at).filter(contributor__in=known[start : start + IDS_AT_ONCE], purpose__in=related)
        fields = ("pk", "contributor_id", "purpose", "status", "expires_at")
        for pk, who, about, status, expires_at in part.order_by("pk").values_list(*fields):
            answers.setdefault(who, []).append((about, status, expires_at))
            seen.append([pk, bool(expires_at and expires_at <= at)])
    special = _said_about_samples(known, related, at, inside, seen) if inside is not None else {}
    counts = dict.fromkeys(("valid", "refused", "withdrawn", "expired", "unknown"), 0)
    ends: list[datetime] = []
    for who in known:
        general, own = answers.get(who, []), special.get(who, {})
        states = [state_of([*general, *said], purpose, at) for said in own.values()]
        if len(own) < (pieces or {}).get(who, len(own) + 1):
            states.append(state_of(general, purpose, at))
        state = min((one for one, _end in states), key=WORST.index)
        counts[state] += 1
        if state == "valid":
            ends += [end for _one, end in states if end is not None]
    counts["unknown"] += None in ids
    hashed = digest({"purpose": purpose, "contributors": known, "unknown": None in ids, "answers": seen})
    return ConsentFacts(**counts, digest=hashed, next_expiry=min(ends, default=None))


def _said_about_samples(
    known: Sequence[int],
    related: Iterable[str],
    at: datetime,
    inside: Callable[[list[int]], Iterable[int]],
    seen: list[list[object]],
) -> dict[int, dict[int, list[tuple[str, str, datetime | None]]]]:
    """Return contributor -> sample -> answers for that sample alone, of samples that are inside; adds to what was ``seen``."""
    rows: list[tuple[int, int, int | None, str, str, datetime | None]] = []
    for start in range(0, len(known), IDS_AT_ONCE):
        part = newest_about_samples(at).filter(
            contributor__in=known[start : start + IDS_AT_ONCE], purpose__in=list(related)
        )
        fields = ("pk", "contributor_id", "sample_id", "purpose", "status", "expires_at")
        rows += part.order_by("pk").values_list(*fields)
    here = set(inside(sorted({row[2] for row in rows if row[2] is not None}))) if rows else set()
    found: dict[int, dict[int, list[tuple[str, str, datetime | None]]]] = {}
    for pk, who, sample, about, status, end in rows:
        if sample in here:
            found.setdefault(who, {}).setdefault(sample, []).append((about, status, end))
            seen.append([pk, bool(end and end <= at)])
    return found


def answers_of(contributor_ids: Iterable[int], at: datetime) -> dict[int, list[tuple[str, str, datetime | None]]]:
    """Return the newest answers (purpose, status, end) of each of these people, in the order in which they were given."""
    found: dict[int, list[tuple[str, str, datetime | None]]] = {}
    rows = newest(at).filter(contributor__in=list(contributor_ids)).order_by("pk")
    for who, purpose, status, end in rows.values_list("contributor_id", "purpose", "status", "expires_at"):
        found.setdefault(who, []).append((purpose, status, end))
    return found


def state_of(
    answers: Iterable[tuple[str, str, datetime | None]], purpose: str, at: datetime
) -> tuple[str, datetime | None]:
    """Return what one person's newest answers (purpose, status, end) mean for ``purpose`` at ``at``, and when a yes ends.

    The state is ``valid``, ``refused``, ``withdrawn``, ``expired`` or ``unknown``; a no outweighs a yes. The same rule as
    :func:`valid_contributors`, for one person.
    """
    above, below = STANDARD.broader(purpose), STANDARD.narrower(purpose)
    about = [answer for answer in answers if answer[0] in above or answer[0] in below]
    statuses = {status for _purpose, status, _end in about}
    if statuses & TAKEN_BACK:
        return "withdrawn", None
    if statuses & NO:
        return "refused", None
    if any(asked == purpose and status in WAITING for asked, status, _end in about):
        return "unknown", None
    given = [end for asked, status, end in about if asked in above and status in ConsentEvent.VALID]
    lasting = [end for end in given if end is None or end > at]
    if lasting:
        return "valid", None if None in lasting else max(end for end in lasting if end is not None)
    return ("expired", None) if given else ("unknown", None)


# Receipts


def issue_receipt(contributor: Contributor, *, by: Person) -> str:
    """Return a new code, shown once, with which the contributor can take their words back without an account."""
    code = codes.new_code()
    with act(by, "receipt.issue", on=contributor.community) as details:
        ConsentReceipt.objects.create(contributor=contributor, code_hash=codes.hash_code(code), issued_by=by)
        details["contributor"] = contributor.ref
    return code


def contributor_of_receipt(code: str) -> Contributor:
    """Return whose receipt this is; spaces, hyphens and case do not matter. Raises ``Missing`` (``receipt-unknown``)."""
    receipts = ConsentReceipt.objects.filter(code_hash=codes.hash_code(code), revoked_at=None)
    found = receipts.select_related("contributor__community").first()
    if found is None:
        raise Missing("receipt-unknown", _("We do not know this code. Please look at it again, or ask a keeper."))
    return found.contributor
