"""Rules of a single person about their own words, or about a single sample: the two innermost policy layers.

Where nobody wrote any, these layers say nothing. Where somebody did, the layer must permit like every other: a permission in
it repairs nothing elsewhere, and its no stops whatever holds the words. A build leaves such samples out; a version that
holds them already is closed at its next pull, and never made smaller.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from governance import policies
from governance.acts import act
from governance.kernel.errors import Invalid, NotAllowed
from governance.kernel.words import _
from governance.models import Community, Contribution, Contributor, Dataset, Membership, Person, PolicyRevision, Sample
from governance.odrl import profile
from governance.odrl.decide import CONTRIBUTOR, IN_FORCE, SAMPLE, LayerFact
from governance.odrl.policy import Body
from governance.odrl.words import try_request
from governance.roles import roles_of

IDS_AT_ONCE = 500
DESK = frozenset({Membership.Role.KEEPER, Membership.Role.STEWARD})


def revise_for(
    *,
    body: Mapping[str, object] | Body,
    by: Person,
    contributor: Contributor | None = None,
    sample: Sample | None = None,
    note: str = "",
    over: int | None = None,
) -> PolicyRevision:
    """Put rules into force about one contributor's words, or about one sample; they bite at the next request.

    The person themselves, a representative, a keeper or a steward may. Raises what ``policies.revise`` raises, and
    ``NotAllowed`` (``not-your-words``).
    """
    thing = contributor if sample is None else sample
    if thing is None or (contributor is not None and sample is not None):
        raise Invalid("rules-about-nothing", _("Say whose words or which sample the rules are about."))
    whose = contributor if contributor is not None else sample.contributor if sample is not None else None
    _check_self(whose, thing.community, by)
    with act(by, "policy.revise-own", on=thing) as details:
        revision = policies.add_for(
            thing.community, body=body, by=by, contributor=contributor, sample=sample, note=note, over=over
        )
        details |= {"object": revision, "number": revision.number, "digest": revision.digest}
    return revision


def layers_of(contributors: QuerySet[Contributor], samples: Collection[int], at: datetime) -> tuple[LayerFact, ...]:
    """The layers in force of these people and of those samples; equal rules are one layer, which says of how many."""
    of_people = list(of_contributors(at).filter(contributor__in=contributors))
    of_those: list[PolicyRevision] = []
    wanted = sorted(samples)
    for start in range(0, len(wanted), IDS_AT_ONCE):
        of_those.extend(of_samples(at).filter(sample__in=wanted[start : start + IDS_AT_ONCE]))
    return (*_grouped(CONTRIBUTOR, of_people), *_grouped(SAMPLE, of_those))


def with_rules(dataset: Dataset, at: datetime) -> list[int]:
    """The ids of the samples of ``dataset`` about which somebody wrote rules of their own."""
    return list(of_samples(at).filter(sample__dataset=dataset).values_list("sample_id", flat=True))


def refusing(community: Community, purposes: Iterable[str], at: datetime | None = None) -> Q:
    """The condition for samples that a layer of their own, or of anybody heard in them, does not allow for all ``purposes``."""
    at = at or timezone.now()
    wanted = tuple(purposes)
    people, samples = of_contributors(at).filter(community=community), of_samples(at).filter(community=community)
    against = _against(people, wanted, at).values("contributor")
    heard = Contribution.objects.filter(contributor__in=against).values("sample")
    own = _against(samples, wanted, at).values("sample")
    return Q(contributor__in=against) | Q(pk__in=heard) | Q(pk__in=own)


def of_contributors(at: datetime) -> QuerySet[PolicyRevision]:
    """The newest revision of each person who has rules of their own."""
    written = PolicyRevision.objects.filter(contributor__isnull=False, effective_at__lte=at)
    return written.filter(~Exists(written.filter(contributor=OuterRef("contributor"), number__gt=OuterRef("number"))))


def of_samples(at: datetime) -> QuerySet[PolicyRevision]:
    """The newest revision of each sample that has rules of its own."""
    written = PolicyRevision.objects.filter(sample__isnull=False, effective_at__lte=at)
    return written.filter(~Exists(written.filter(sample=OuterRef("sample"), number__gt=OuterRef("number"))))


def _against(rows: QuerySet[PolicyRevision], purposes: tuple[str, ...], at: datetime) -> QuerySet[PolicyRevision]:
    """Those of ``rows`` that do not allow every one of ``purposes``; each different body is judged once."""
    digests = rows.order_by("digest").values_list("digest", flat=True).distinct()
    bodies = {digest: policies.body_of(found) for digest in digests if (found := rows.filter(digest=digest).first())}
    refused = [digest for digest, body in bodies.items() if not all(allows(body, one, at) for one in purposes)]
    return rows.filter(digest__in=refused)


def allows(body: Body, purpose: str, at: datetime) -> bool:
    """Whether somebody could have it for ``purpose`` under these rules; who, and on which terms, is asked at a pull."""
    askers = ((kind, money) for kind in profile.ORGANISATIONS for money in (False, True))
    return any(not try_request(body, kind=kind, purpose=purpose, commercial=money, at=at) for kind, money in askers)


def _grouped(level: str, rows: Sequence[PolicyRevision]) -> Iterator[LayerFact]:
    found = {row.digest: row for row in rows}
    counts = Counter(row.digest for row in rows)
    for digest in sorted(found):
        uid = f"urn:wellhouse:policy:{level}:{digest}"
        yield LayerFact(level, IN_FORCE, uid, 0, policies.body_of(found[digest]), counts[digest])


def _check_self(whose: Contributor | None, community: Community, by: Person) -> None:
    held = roles_of(by, community)
    is_self = whose is not None and whose.person_id is not None and whose.person_id == by.pk
    if held and not (held & DESK or Membership.Role.REPRESENTATIVE in held or is_self):
        raise NotAllowed("not-your-words", _("You can make rules for your own words only. A keeper can for others."))
