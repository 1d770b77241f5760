"""Voices: who else is heard in a sample, beside the one who gave it. Every voice has to say yes; one that nobody knows is a no.

Three questions are answered here for whole datasets at once, so that a sample without further voices costs nothing: which
samples need a closer look (``apart``), who is heard in them (``further``), and what has become known since a moment (``late``).
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from governance.acts import act
from governance.kernel.errors import Conflict, Invalid
from governance.kernel.words import _
from governance.models import Community, Contribution, Contributor, Dataset, Person, Sample

ROLES = frozenset(Contribution.Role.values)
UNKNOWN_NAMES = frozenset({"?", "unknown", "nobody knows"})
"""What stands in a column of voices for somebody whom nobody knows yet."""


def add(sample: Sample, *, contributor: Contributor | None, role: str, by: Person) -> Contribution:
    """Say who else is heard in ``sample``; None is somebody whom nobody knows yet.

    Raises ``Invalid`` (``voice-elsewhere``, ``voice-role-unknown``) and ``Conflict`` (``voice-known``).
    """
    if role not in ROLES:
        raise Invalid("voice-role-unknown", _("Say whether they speak, narrate, translate or are heard beside others."))
    _require_here(sample, contributor)
    with act(by, "voice.add", on=sample) as details:
        found = _keep(Contribution(sample=sample, contributor=contributor, role=role))
        details |= {"object": found, "contributor": contributor.ref if contributor else None, "role": role}
    return found


def add_named(sample: Sample, *, called: str, role: str, by: Person) -> Contribution:
    """The same by the name under which the community lists them; an empty one is somebody whom nobody knows yet."""
    who = of_name(sample.community, called) if called.strip() else None
    return add(sample, contributor=who, role=role, by=by)


def of_name(community: Community, name: str) -> Contributor:
    """Return the contributor of this name; raises ``Invalid`` (``voice-elsewhere``)."""
    found = community.contributors.filter(name=name.strip()).first()
    if found is None:
        raise Invalid("voice-elsewhere", _("Nobody of this name is listed in this community."))
    return found


def name(voice: Contribution, *, contributor: Contributor, by: Person) -> Contribution:
    """Say whose a voice is that nobody knew; raises ``Conflict`` (``voice-known``) when somebody is named already."""
    _require_here(voice.sample, contributor)
    with act(by, "voice.name", on=voice) as details:
        doubled = Contribution.objects.filter(sample=voice.sample_id, contributor=contributor, role=voice.role)
        unnamed = Contribution.objects.filter(pk=voice.pk, contributor=None)
        if doubled.exists() or not unnamed.update(contributor=contributor):
            raise Conflict("voice-known", _("This voice is named already."))
        details |= {"contributor": contributor.ref, "role": voice.role}
    voice.refresh_from_db()
    return voice


def further(dataset: Dataset) -> dict[int, set[int | None]]:
    """Return the further voices of each sample that has some, as row keys; None is somebody unknown."""
    found: dict[int, set[int | None]] = {}
    rows = Contribution.objects.filter(sample__dataset=dataset)
    for sample, contributor in rows.values_list("sample_id", "contributor_id").iterator(chunk_size=5000):
        found.setdefault(sample, set()).add(contributor)
    return found


def late(dataset: Dataset, since: datetime) -> list[tuple[int, int | None]]:
    """Return the voices that became known after ``since``, as (sample, contributor) row keys."""
    rows = Contribution.objects.filter(added_at__gt=since, sample__dataset=dataset)
    return list(rows.order_by("pk").values_list("sample_id", "contributor_id"))


def of(sample: Sample) -> QuerySet[Contribution]:
    """The further voices of one sample, in the order in which they were named."""
    return sample.contributions.select_related("contributor").order_by("pk")


def bring(voices: Iterable[tuple[int, int | None, str]]) -> int:
    """Write voices that came with a file as (sample, contributor, role); return how many were new. Only adds."""
    rows = [Contribution(sample_id=sample, contributor_id=who, role=role) for sample, who, role in voices]
    before = Contribution.objects.filter(sample__in={row.sample_id for row in rows}).count()
    Contribution.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)
    return Contribution.objects.filter(sample__in={row.sample_id for row in rows}).count() - before


def _require_here(sample: Sample, contributor: Contributor | None) -> None:
    if contributor is not None and contributor.community_id != sample.dataset.community_id:
        raise Invalid("voice-elsewhere", _("Nobody of this name is listed in this community."))


def _keep(row: Contribution) -> Contribution:
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError:
        raise Conflict("voice-known", _("This voice is named already.")) from None
    return row
