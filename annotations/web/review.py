"""The page where a second pair of eyes looks: the answers to one sample side by side, without names."""

from dataclasses import dataclass
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from annotations import configs, reviews
from annotations.models import Annotation, Campaign
from annotations.web.reach import campaign_or_404
from annotations.web.showing import show
from governance import roles
from governance.kernel.errors import Conflict, Invalid, NotAllowed
from governance.models import Person
from governance.web.access_rules import signed_in
from governance.web.forms import sentence
from governance.web.reach import person_of

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Opinion:
    """One answer on the page: its letter, its words, and what was posted about it."""

    id: str
    letter: str
    pairs: list[tuple[str, str, bool]]
    verdict: str = ""
    reason: str = ""
    text: str = ""
    error: str = ""


@never_cache
@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def review(request: HttpRequest, campaign: str) -> HttpResponse:
    """The next sample with answers that nobody has looked at; posted to, it keeps the verdicts."""
    found, me = campaign_or_404(request, campaign), person_of(request)
    if not roles.may(me, "annotation.review", found.community):
        raise NotAllowed("role-missing", _("Answers are reviewed by reviewers, stewards and keepers."))
    errors = _keep(request, found, me) if request.method == "POST" else {}
    if request.method == "POST" and not errors:
        return redirect(request.get_full_path())
    waiting = reviews.waiting_for(me, found)
    after = request.GET.get("after", "")
    is_number = after.isdecimal() and len(after) < 19
    task = waiting.filter(task__gt=int(after)).order_by("task").first() if is_number else None
    task = task or waiting.order_by("task").first()
    context: dict[str, object] = {"community": found.community, "dataset": found.dataset, "campaign": found}
    if task is None:
        return render(request, "annotations/reviewed.html", context)
    answers = list(waiting.filter(task=task.task_id).order_by("pk")[: len(LETTERS)])
    context |= {
        "task": task.task_id,
        "shown": show(found, task.sample),
        "opinions": _opinions(request, found, answers, errors),
        "reasons": [(code, _(words)) for code, words in reviews.REASONS.items()],
        "waiting": waiting.count(),
        "language": found.dataset.language,
    }
    return render(
        request, "annotations/review.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY if errors else 200
    )


def _opinions(
    request: HttpRequest, campaign: Campaign, answers: list[Annotation], errors: dict[str, str]
) -> list[Opinion]:
    config = configs.parse(campaign.config)
    said = [configs.shown(config, answer.result) for answer in answers]
    differing = {name for pairs in said for name, text in pairs if any((name, text) not in other for other in said)}
    return [
        Opinion(
            id=answer.public_id,
            letter=LETTERS[place],
            pairs=[(name, text, name in differing) for name, text in pairs],
            verdict=request.POST.get(f"v.{answer.public_id}", ""),
            reason=request.POST.get(f"r.{answer.public_id}", ""),
            text=request.POST.get(f"t.{answer.public_id}", ""),
            error=errors.get(answer.public_id, ""),
        )
        for place, (answer, pairs) in enumerate(zip(answers, said, strict=True))
    ]


def _keep(request: HttpRequest, campaign: Campaign, me: Person) -> dict[str, str]:
    """Keep each verdict that was posted; return what is wrong, by answer."""
    ids = [key.removeprefix("v.") for key, value in request.POST.items() if key.startswith("v.") and value]
    errors: dict[str, str] = {}
    kept = 0
    for answer in Annotation.objects.filter(campaign=campaign, public_id__in=ids[: len(LETTERS)]):
        name = answer.public_id
        try:
            reviews.decide(
                answer,
                by=me,
                verdict=request.POST[f"v.{name}"],
                reason=request.POST.get(f"r.{name}", ""),
                text=request.POST.get(f"t.{name}", ""),
            )
            kept += 1
        except Invalid as refusal:
            errors[name] = " ".join(map(sentence, refusal.reasons))
        except Conflict:
            messages.warning(request, _("Somebody else looked at one of these before you; theirs stands."))
    if kept:
        messages.success(request, ngettext("One verdict is kept.", "%(n)d verdicts are kept.", kept) % {"n": kept})
    elif not ids:
        messages.warning(request, _("Nothing was decided. Say of one of them whether it is right, or skip this one."))
    return errors


urlpatterns: list[URLPattern] = [path("review/<str:campaign>/", review, name="review")]
