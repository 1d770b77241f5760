"""Datasets: a body of samples that one community answers for, from its first day under a rule that denies everything."""

import re

from django.db import IntegrityError, transaction

from governance import policies
from governance.acts import act
from governance.kernel.errors import Conflict, Invalid
from governance.kernel.words import _
from governance.models import Community, Dataset, Person, Protocol, ProtocolGroup

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
EVERYONE = "Everyone in the community"


def register(
    community: Community,
    *,
    slug: str,
    name: str,
    by: Person,
    modality: str = Dataset.Modality.TEXT,
    language: str = "",
    text_column: str = "text",
    description: str = "",
) -> Dataset:
    """Register a dataset with the open protocol "everyone in the community" and policy revision 1, which denies all.

    Raises ``Invalid`` (``bad-slug``, ``bad-modality``, ``name-missing``) or ``Conflict`` (``dataset-exists``).
    """
    if not SLUG.fullmatch(slug) or len(slug) > 64:
        raise Invalid(
            "bad-slug", _("The short name may have small letters, digits and single hyphens, like “river-words”.")
        )
    if modality not in Dataset.Modality.values:
        raise Invalid("bad-modality", _("A dataset holds text, audio or image."))
    if not name.strip():
        raise Invalid("name-missing", _("Give the dataset a name."))
    with act(by, "dataset.register", on=community) as details:
        try:
            with transaction.atomic():
                dataset = Dataset.objects.create(
                    community=community,
                    slug=slug,
                    name=name.strip(),
                    description=description,
                    modality=modality,
                    language=language,
                    text_column=text_column,
                    default_protocol=open_protocol(community),
                    created_by=by,
                )
        except IntegrityError:
            raise Conflict(
                "dataset-exists",
                _("This community already has a dataset called “{slug}”. Choose another short name."),
                slug=slug,
            ) from None
        policies.first(dataset, by=by)
        details |= {"object": dataset, "slug": slug, "modality": str(modality)}
    return dataset


def open_protocol(community: Community) -> Protocol:
    """Return the protocol that every member of ``community`` passes, made when it is first asked for."""
    group, _made = ProtocolGroup.objects.get_or_create(community=community, name=EVERYONE, defaults={"is_open": True})
    protocol, made = Protocol.objects.get_or_create(community=community, key=f"any:{group.public_id}")
    if made:
        protocol.groups.add(group)
    return protocol
