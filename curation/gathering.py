"""What the people in a version say, gathered once and kept until something changes.

A version can hold the words of ten thousand people, and their answers are asked at every file of every pull. They are kept
beside a mark of the log (``governance.marks``) and the moment at which the clock alone changes one of them; while neither has
moved, they are what a new look would find. Nothing is ever told to a version: it asks, and a kept answer that cannot be shown
to be fresh is thrown away. What is few (holds, agreement, rules of the dataset) is read anew each time.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Min, Q, QuerySet

from curation import standing
from curation.models import Gathered, Version, VersionContributor
from governance import layers, marks
from governance.models import ConsentEvent, Contributor, PolicyRevision
from governance.odrl.decide import ENGINE
from governance.odrl.facts import ConsentFact, Facts, LayerFact, facts_json, from_facts
from governance.odrl.purposes import EDITION

MADE_BY = f"{ENGINE}, {EDITION}"


@dataclass(frozen=True)
class Said:
    """What the people in a version say to one purpose, and the layers of those and of samples that have rules of their own."""

    consents: ConsentFact
    layers: tuple[LayerFact, ...]


def of(version: Version, purpose: str, at: datetime) -> Said:
    """Return what stands at ``at``, from what is kept where that is still true."""
    community = version.dataset.community
    now = marks.take(community)
    kept = Gathered.objects.filter(version=version, purpose=purpose).first()
    if kept is not None and _is_true(kept, version, at):
        mark = marks.Mark(**kept.mark)
        if marks.is_fresh(mark, community):
            if marks.is_far(mark, now):
                Gathered.objects.filter(pk=kept.pk, mark=kept.mark).update(mark=now.to_json())
            return _read(kept.body)
    said = look(version, purpose, at)
    values = {
        "made_by": MADE_BY,
        "mark": now.to_json(),
        "body": _written(said),
        "since": at,
        "until": _until(version, at),
    }
    Gathered.objects.update_or_create(version=version, purpose=purpose, defaults=values)
    return said


def look(version: Version, purpose: str, at: datetime) -> Said:
    """Ask everybody in ``version`` anew, those too who became known after it was frozen."""
    said = standing.said_in(version, purpose, at)
    ruled = standing.members_among(version, layers.with_rules(version.dataset, at))
    return Said(said, layers.layers_of(_people(version), list(ruled), at))


def _is_true(kept: Gathered, version: Version, at: datetime) -> bool:
    """Whether the clock has not moved past it, in either direction, and this program wrote it."""
    return kept.made_by == MADE_BY and kept.since <= at and (kept.until is None or at < kept.until)


def _until(version: Version, at: datetime) -> datetime | None:
    """The first moment after ``at`` at which the clock alone changes an answer: one begins, one ends, a rule begins."""
    of_people = Q(contributor__in=_people(version))
    answers = ConsentEvent.objects.filter(of_people)
    ends = answers.filter(expires_at__gt=at).aggregate(end=Min("expires_at"))["end"]
    begins = answers.filter(at__gt=at).aggregate(begin=Min("at"))["begin"]
    rules = PolicyRevision.objects.filter(of_people | Q(sample__dataset=version.dataset_id), effective_at__gt=at)
    ruled = rules.aggregate(begin=Min("effective_at"))["begin"]
    return min((moment for moment in (ends, begins, ruled) if moment is not None), default=None)


def _people(version: Version) -> QuerySet[Contributor]:
    frozen = VersionContributor.objects.filter(version=version).values("contributor")
    late = [who for who in standing.late_voices(version) if who is not None]
    return Contributor.objects.filter(Q(pk__in=frozen) | Q(pk__in=late))


def _written(said: Said) -> dict[str, object]:
    return facts_json(Facts(consents=said.consents, layers=said.layers))


def _read(body: dict[str, object]) -> Said:
    facts = from_facts(body)
    assert facts.consents is not None, "somebody wrote this row by hand"
    return Said(facts.consents, facts.layers)
