"""A second pair of eyes: accept an answer, or send it back with a reason that reaches its author.

Nobody reviews their own. A rejected answer counts no more and its task goes to somebody else. The author reads the reason under
"My words", without the reviewer's name.
"""

from django.db import IntegrityError
from django.db.models import Exists, OuterRef, QuerySet

from annotations import submissions
from annotations.models import Annotation, Campaign, Review
from governance.acts import act
from governance.kernel.errors import Conflict, Invalid, Missing, NotAllowed
from governance.kernel.moves import must_move
from governance.kernel.words import _
from governance.models import Person, Sample

REASONS = {
    "wrong-answer": _("Another answer fits better"),
    "misheard": _("Heard or read differently"),
    "incomplete": _("Something is missing"),
    "spelling": _("Spelling"),
    "guideline": _("The guideline says it differently"),
    "other": _("Another reason, in my own words"),
}


def waiting_for(person: Person, campaign: Campaign) -> "QuerySet[Annotation]":
    """The answers that ``person`` could review now: counting, unreviewed, not their own, about samples that they may see."""
    return (
        Annotation.objects.filter(campaign=campaign, standing=Annotation.Standing.COUNTS)
        .exclude(annotator=person)
        .exclude(Exists(Review.objects.filter(annotation=OuterRef("pk"))))
        .filter(sample__in=Sample.objects.visible_to(person).not_held())
        .order_by("pk")
    )


def decide(annotation: Annotation, *, by: Person, verdict: str, reason: str = "", text: str = "") -> Review:
    """Accept or reject an answer; a rejection needs a reason code, ``other`` needs words too.

    Raises ``NotAllowed`` (``own-annotation``), ``Missing`` for a sample that ``by`` cannot see, ``Invalid`` (``verdict-unknown``,
    ``reason-missing``, ``reason-words-missing``), and ``Conflict`` (``already-reviewed``, ``moved-on``).
    """
    if not Sample.objects.visible_to(by).filter(pk=annotation.sample_id).exists():
        raise Missing("not-found", _("There is nothing here that you can see."))
    if annotation.annotator_id == by.pk:
        raise NotAllowed("own-annotation", _("Nobody reviews their own answer. Somebody else will look at it."))
    text = text.strip()[:4000]
    _check(verdict, reason, text)
    try:
        with act(by, "annotation.review", on=annotation) as details:
            review = Review.objects.create(
                annotation=annotation,
                reviewer=by,
                verdict=verdict,
                reason=reason if verdict == Review.Verdict.REJECT else "",
                text=text,
            )
            if verdict == Review.Verdict.REJECT:
                must_move(annotation, Annotation.Standing.REJECTED, field="standing")
                submissions.withdraw_rejected(annotation)
            elif not _still_counts(annotation):
                raise Conflict(
                    "moved-on", _("This changed while you were looking at it. Open it again to see how it stands now.")
                )
            details.update(object=review, annotation=annotation.public_id, verdict=verdict, reason=review.reason)
    except IntegrityError as error:
        raise Conflict("already-reviewed", _("You have reviewed this answer already.")) from error
    return review


def _still_counts(annotation: Annotation) -> bool:
    """Whether nobody rejected or undid it meanwhile; the UPDATE changes nothing and waits for who is at it."""
    counts = Annotation.Standing.COUNTS
    return bool(Annotation.objects.filter(pk=annotation.pk, standing=counts).update(standing=counts))


def _check(verdict: str, reason: str, text: str) -> None:
    if verdict not in Review.Verdict.values:
        raise Invalid("verdict-unknown", _("An answer is accepted or rejected, not “{verdict}”."), verdict=verdict)
    if verdict == Review.Verdict.REJECT and reason not in REASONS:
        raise Invalid("reason-missing", _("Say why, so that its author can learn from it: choose a reason."))
    if verdict == Review.Verdict.REJECT and reason == "other" and not text:
        raise Invalid("reason-words-missing", _("“Another reason” needs your words."))
