"""My words: what one gave here, how it stands, and why something came back."""

from dataclasses import dataclass

from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from annotations import configs, flags, reviews
from annotations.models import Annotation, Flag, Review
from governance.models import Community, Person, Sample
from governance.web.access_rules import members
from governance.web.reach import person_of

PAGE = 20


@dataclass(frozen=True)
class Given:
    """One answer as its author sees it; ``text`` is empty for a sample that rests or is no longer for them."""

    annotation: Annotation
    words: str
    text: str
    rests: bool
    reason: str
    note: str


@members
@require_safe
def words(request: HttpRequest, community: str) -> HttpResponse:
    """What the person gave in this community, newest first; what came back has its reason."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    me = person_of(request)
    mine = Annotation.objects.filter(annotator=me, campaign__dataset__community=here)
    rejections = Review.objects.filter(verdict=Review.Verdict.REJECT).order_by("-pk")
    rows = (
        mine.exclude(standing=Annotation.Standing.UNDONE)
        .select_related("campaign__dataset", "sample__dataset")
        .prefetch_related(Prefetch("reviews", queryset=rejections))
        .order_by("-pk")
    )
    only = request.GET.get("state", "")
    if only in {Annotation.Standing.REJECTED, Annotation.Standing.COUNTS}:
        rows = rows.filter(standing=only)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    own = Sample.objects.with_voice_of(me).filter(dataset__community=here)
    context = {
        "place": "words",
        "page": page,
        "given": _given(list(page.object_list), me),
        "kept": mine.filter(standing=Annotation.Standing.COUNTS).count(),
        "came_back": mine.filter(standing=Annotation.Standing.REJECTED).count(),
        "only": only,
        "own": own.count(),
        "own_resting": own.count() - own.not_held().count(),
        "flags": _flags(me, here),
    }
    return render(request, "annotations/words.html", context)


def _given(annotations: list[Annotation], me: Person) -> list[Given]:
    seen = set(
        Sample.objects.visible_to(me)
        .not_held()
        .filter(pk__in=[a.sample_id for a in annotations])
        .values_list("pk", flat=True)
    )
    return [_one(annotation, annotation.sample_id in seen) for annotation in annotations]


def _one(annotation: Annotation, is_seen: bool) -> Given:
    said = configs.shown(configs.parse(annotation.campaign.config), annotation.result)
    review = next(iter(annotation.reviews.all()), None) if annotation.standing == Annotation.Standing.REJECTED else None
    return Given(
        annotation=annotation,
        words=", ".join(text for _name, text in said),
        text=annotation.sample.text if is_seen else "",
        rests=not is_seen,
        reason=_(reviews.REASONS[review.reason]) if review and review.reason in reviews.REASONS else "",
        note=review.text if review else "",
    )


def _flags(me: Person, here: Community) -> list[tuple[Flag, str]]:
    found = Flag.objects.filter(raised_by=me, sample__dataset__community=here).order_by("-pk")[:PAGE]
    return [(flag, _(flags.KINDS[flag.kind][0])) for flag in found.prefetch_related("resolutions")]


urlpatterns: list[URLPattern] = [
    path("communities/<slug:community>/words/", words, name="words"),
]
