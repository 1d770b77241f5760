"""Somebody says that something is wrong with a sample.

Anybody may say so, with a typed reason, beside an answer or alone. When the community's authority says it, the sample rests at
once, in the same transaction: a hold is placed on the floor below, and queues, exports and pulls read holds. Keepers and stewards
answer every flag: upheld, the sample rests; dismissed, the hold that the flag placed is lifted.
"""

from django.db.models import QuerySet

from annotations.models import Annotation, Flag, Resolution
from governance import holds, roles
from governance.acts import act
from governance.kernel.errors import Invalid, Missing
from governance.kernel.moves import must_move
from governance.kernel.words import _
from governance.models import Dataset, Hold, Membership, Person, Sample

KINDS: dict[str, tuple[str, str]] = {
    "sacred": (_("Sacred or closed"), _("not for everyone, or not in this season")),
    "personal": (_("Private"), _("a name, a number, somebody's home")),
    "harmful": (_("Harmful"), _("it hurts or shames somebody")),
    "no-consent": (_("Not ours"), _("somebody else's, or nobody said yes")),
    "wrong-text": (_("Wrong words"), _("the text is not what it should be")),
    "technical": (_("Bad quality"), _("cannot be heard, seen or read")),
}


def raise_flag(sample: Sample, *, by: Person, kind: str, text: str = "", annotation: Annotation | None = None) -> Flag:
    """Flag a sample; an authority's flag rests it at once. The same person's open flag of the same kind is returned.

    Raises ``Missing`` for a sample that ``by`` cannot see and ``Invalid`` (``flag-kind-unknown``).
    """
    if not Sample.objects.visible_to(by).filter(pk=sample.pk).exists():
        raise Missing("not-found", _("There is nothing here that you can see."))
    if kind not in KINDS:
        raise Invalid("flag-kind-unknown", _("There is no flag “{kind}”."), kind=kind)
    already = Flag.objects.filter(sample=sample, raised_by=by, kind=kind, status=Flag.Status.OPEN).first()
    if already is not None:
        return already
    with_authority = Membership.Role.AUTHORITY in roles.roles_of(by, sample.community)
    with act(by, "flag.raise", on=sample) as details:
        flag = Flag.objects.create(
            sample=sample,
            annotation=annotation,
            raised_by=by,
            kind=kind,
            text=text.strip()[:4000],
            holds=with_authority,
        )
        if with_authority:
            _hold(flag, by)
        details.update(object=flag, sample=sample.uid, kind=kind, holds=with_authority)
    return flag


def _hold(flag: Flag, by: Person) -> Hold:
    return holds.place(
        community=flag.community,
        subject_kind="sample",
        subject_id=flag.sample.uid,
        kind=Hold.Kind.FLAG,
        reason=flag.kind,
        by=by,
        sample=flag.sample,
        origin=("flag", flag.public_id),
    )


def _holds_of(flag: Flag) -> "QuerySet[Hold]":
    return Hold.objects.filter(origin_kind="flag", origin_id=flag.public_id, lifted_at=None)


def resolve(flag: Flag, *, by: Person, verdict: str, text: str = "") -> Flag:
    """Answer a flag: ``upheld`` (the sample rests) or ``dismissed`` (what the flag held is free again).

    Raises ``Invalid`` (``verdict-unknown``) and ``Conflict`` (``moved-on``) when somebody else was faster.
    """
    if verdict not in {Flag.Status.UPHELD, Flag.Status.DISMISSED}:
        raise Invalid("verdict-unknown", _("A flag is upheld or dismissed, not “{verdict}”."), verdict=verdict)
    with act(by, "flag.resolve", on=flag) as details:
        must_move(flag, verdict)
        Resolution.objects.create(flag=flag, by=by, verdict=verdict, text=text.strip()[:4000])
        if verdict == Flag.Status.DISMISSED:
            for hold in _holds_of(flag):
                holds.lift(hold, by=by, origin_is_closed=True)
        elif not _holds_of(flag).exists():
            _hold(flag, by)
        details["verdict"] = verdict
    return flag


def open_blocking(dataset: Dataset) -> "QuerySet[Flag]":
    """The open flags whose kind stops a version."""
    return Flag.objects.filter(sample__dataset=dataset, status=Flag.Status.OPEN, kind__in=Flag.BLOCKING)
