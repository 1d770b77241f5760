"""The register of processing (GDPR, article 30), generated from what is true and from nothing else.

Each line says where it comes from: the policy that allows a purpose, the consents that cover it, the agreements under
which somebody draws, the pulls that happened, what the community decided together. What nobody has said is shown as not
said; nothing is filled in. It is no legal advice and no claim of compliance.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Sum
from django.utils import timezone

from curation.models import Pull, Version
from curation.versions import is_allowed, title_of
from governance import collective, consents, policies
from governance.models import Agreement, Community, Dataset, PolicyRevision, Sample
from governance.odrl.policy import Body
from governance.odrl.purposes import STANDARD


@dataclass(frozen=True)
class Recipient:
    """Somebody who may draw under an agreement, or could once, and what they drew."""

    agreement: Agreement
    is_in_force: bool
    pulls: int
    last_pull_at: datetime | None
    bytes: int


@dataclass(frozen=True)
class Activity:
    """One purpose of one dataset: who answers for it, on what ground, who receives it, until when."""

    dataset: Dataset
    purpose: str
    title: str
    policy: PolicyRevision
    is_allowed: bool
    contributors: int
    consenting: int
    samples: int
    together: str
    versions: list[Version]
    recipients: list[Recipient]
    expires_on: str

    @property
    def legal_basis(self) -> str:
        """What it rests on: consent, the only ground that this product knows."""
        return "dpv:ExplicitlyExpressedConsent"


def of(community: Community, at: datetime | None = None) -> list[Activity]:
    """The activities of ``community``: each purpose that rules in force allow, or under which somebody has an agreement."""
    at = at or timezone.now()
    datasets = community.datasets.select_related("community").order_by("name", "pk")
    return [activity for dataset in datasets for activity in _of_dataset(dataset, at)]


def _of_dataset(dataset: Dataset, at: datetime) -> Iterator[Activity]:
    policy = policies.current(dataset, at)
    body = policies.body_of(policy)
    agreements = list(
        Agreement.objects.filter(dataset=dataset).select_related("party", "policy").order_by("signed_at", "pk")
    )
    pulls = {row["token__agreement"]: row for row in _pulls(dataset)}
    contributors = dataset.community.contributors.filter(samples__dataset=dataset).distinct().count()
    versions = list(dataset.versions.filter(status__in=("published", "withdrawn")).order_by("number"))
    for purpose in sorted(_purposes(body, agreements, at)):
        covered = consents.valid_contributors(dataset, [purpose], at)
        yield Activity(
            dataset=dataset,
            purpose=purpose,
            title=title_of(purpose),
            policy=policy,
            is_allowed=is_allowed(purpose, body, at),
            contributors=contributors,
            consenting=covered.count(),
            samples=Sample.objects.filter(dataset=dataset, contributor__in=covered.values("pk")).count(),
            together=_together(dataset, purpose, at),
            versions=[one for one in versions if purpose in _leaves(one.purposes)],
            recipients=[_recipient(one, pulls.get(one.pk), at) for one in agreements if one.purpose == purpose],
            expires_on=body.expires_on.isoformat() if body.expires_on else "",
        )


def _purposes(body: Body, agreements: list[Agreement], at: datetime) -> set[str]:
    named = {purpose for purpose in _leaves(body.purposes) if is_allowed(purpose, body, at)}
    return named | {one.purpose for one in agreements}


def _leaves(purposes: object) -> set[str]:
    """The most specific purposes under those named."""
    given = purposes if isinstance(purposes, (list, tuple)) else ()
    return {
        leaf for code in given if code in STANDARD for leaf in STANDARD.narrower(str(code)) if STANDARD.is_leaf(leaf)
    }


def _together(dataset: Dataset, purpose: str, at: datetime) -> str:
    fact = collective.standing_for(dataset, purpose, at)
    return fact.state if fact.needed or fact.state != collective.MISSING else ""


def _pulls(dataset: Dataset) -> Iterator[dict[str, object]]:
    rows = Pull.objects.filter(version__dataset=dataset).order_by().values("token__agreement")
    for row in rows.annotate(number=Count("pk"), last=Max("last_at"), total=Sum("bytes")):
        yield dict(row)


def _recipient(agreement: Agreement, drawn: dict[str, object] | None, at: datetime) -> Recipient:
    is_in_force = agreement.in_force_at is not None and agreement.ended_at is None and agreement.expires_at > at
    last = drawn["last"] if drawn else None
    return Recipient(
        agreement=agreement,
        is_in_force=is_in_force,
        pulls=int(str(drawn["number"])) if drawn else 0,
        last_pull_at=last if isinstance(last, datetime) else None,
        bytes=int(str(drawn["total"] or 0)) if drawn else 0,
    )


def document(community: Community, at: datetime | None = None) -> dict[str, object]:
    """The register as JSON; ``source`` names kind and id of what each line was read from."""
    at = at or timezone.now()
    return {
        "format": "wellhouse/register/1",
        "generated_at": at.isoformat(),
        "controller": {
            "name": community.name,
            "contact": community.contact or None,
            "source": {"kind": "community", "id": community.public_id},
        },
        "activities": [_activity_json(one) for one in of(community, at)],
    }


def _activity_json(one: Activity) -> dict[str, object]:
    return {
        "dataset": one.dataset.path,
        "purpose": STANDARD[one.purpose].iri if one.purpose in STANDARD else one.purpose,
        "title": one.title,
        "allowed_now": one.is_allowed,
        "legal_basis": one.legal_basis,
        "rules": {
            "revision": one.policy.number,
            "expires_on": one.expires_on or None,
            "source": {"kind": "policy-revision", "id": one.policy.public_id},
        },
        "data_subjects": {"contributors": one.contributors, "with_valid_consent": one.consenting},
        "data": {"modality": one.dataset.modality, "samples_covered": one.samples},
        "community_decision": one.together or None,
        "versions": [
            {"number": v.number, "state": v.status, "source": {"kind": "version", "id": v.public_id}}
            for v in one.versions
        ],
        "recipients": [
            {
                "name": r.agreement.party.name,
                "kind": r.agreement.party.kind,
                "place": r.agreement.place or r.agreement.party.place or None,
                "role": r.agreement.role,
                "sub_processors": r.agreement.sub_processors or None,
                "in_force": r.is_in_force,
                "until": r.agreement.expires_at.isoformat(),
                "at_end": r.agreement.at_end,
                "pulls": r.pulls,
                "last_pull_at": r.last_pull_at.isoformat() if r.last_pull_at else None,
                "source": {"kind": "agreement", "id": r.agreement.public_id},
            }
            for r in one.recipients
        ],
    }
