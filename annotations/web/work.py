"""The page where people work: one sample, one question, and always a way to skip, undo, or say that it should not be here."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from annotations import configs, flags, leases, submissions
from annotations.configs import Result
from annotations.models import Annotation, Campaign, Lease
from annotations.web.reach import campaign_or_404, lease_or_404
from annotations.web.showing import show
from governance import roles
from governance.kernel.errors import Invalid, Missing, Refusal
from governance.models import Membership, Person
from governance.web.access_rules import signed_in
from governance.web.forms import sentence
from governance.web.reach import NOT_HERE, person_of

SET = 30
"""Answers that the line at the top of the page counts as one round."""


@never_cache
@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def work(request: HttpRequest, campaign: str) -> HttpResponse:
    """The next task; posted to, it keeps the answer and comes back with the one after."""
    found, me = campaign_or_404(request, campaign), person_of(request)
    if request.method == "POST":
        return _answer(request, found, me)
    lease = leases.claim(found, by=me) if found.status == Campaign.Status.OPEN else None
    if lease is None:
        return render(request, "annotations/nothing.html", _frame(found, me) | {"why": leases.why_empty(found, me)})
    return _page(request, lease, me)


def _answer(request: HttpRequest, campaign: Campaign, me: Person) -> HttpResponse:
    lease = lease_or_404(request, request.POST.get("lease", ""))
    given = {key: request.POST.getlist(key) for key in request.POST if key.startswith(configs.FIELD)}
    kind = request.POST.get("flag", "")
    raised = submissions.Raised(kind, request.POST.get("flag_text", "")) if kind else None
    try:
        result = configs.to_results(configs.parse(campaign.config), given)
        submissions.submit(
            lease,
            by=me,
            result=result,
            client_id=request.POST.get("client_id", ""),
            seconds=_seconds(request.POST.get("seconds", "")),
            flag=raised,
        )
    except Invalid as refusal:
        leases.require_shown(lease)
        return _page(request, lease, me, _kept(campaign, given), refusal=refusal)
    return redirect("work", campaign=campaign.public_id)


def _kept(campaign: Campaign, given: Mapping[str, Sequence[str]]) -> list[Result]:
    """What was given, as results, right or wrong, so that the page shows it again."""
    config = configs.parse(campaign.config)
    pairs = [
        (node, configs.TAGS[node.id].from_form(node, given.get(configs.FIELD + node.name, ())))
        for node in config.controls
    ]
    return [{"from_name": node.name, "value": value} for node, value in pairs if value is not None]


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _page(
    request: HttpRequest,
    lease: Lease,
    me: Person,
    results: Sequence[Result] | None = None,
    refusal: Refusal | None = None,
) -> HttpResponse:
    campaign, sample = lease.campaign, lease.task.sample
    undone, client_id = submissions.draft_of(lease)
    said = {reason.path or "": sentence(reason) for reason in refusal.reasons} if refusal else {}
    context = _frame(campaign, me) | {
        "lease": lease,
        "sample": sample,
        "shown": show(campaign, sample, undone if results is None else results),
        "client_id": client_id,
        "skips": {
            code: _(words) for code, words in submissions.SKIP_REASONS.items() if code not in {"later", "flagged"}
        },
        "kinds": [(code, _(words)) for code, (words, _hint) in flags.KINDS.items()],
        "said": said,
        "said_elsewhere": [text for path, text in said.items() if not path.startswith(configs.FIELD)],
        "language": campaign.dataset.language,
        "kept": {key: request.POST.get(key, "") for key in ("flag", "flag_text")},
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if refusal else HTTPStatus.OK
    return render(request, "annotations/task.html", context, status=status)


def _frame(campaign: Campaign, me: Person) -> dict[str, object]:
    given = Annotation.objects.filter(annotator=me, campaign=campaign, standing=Annotation.Standing.COUNTS).count()
    last = submissions.last_of(campaign, me)
    words = configs.shown(configs.parse(campaign.config), last.result) if last else []
    return {
        "community": campaign.community,
        "dataset": campaign.dataset,
        "campaign": campaign,
        "given": given,
        "round": given % SET,
        "set": SET,
        "last": last,
        "last_words": ", ".join(text for _name, text in words),
    }


@signed_in
@require_POST
def skip(request: HttpRequest, campaign: str) -> HttpResponseRedirect:
    """Give the task back unanswered."""
    found = campaign_or_404(request, campaign)
    lease = lease_or_404(request, request.POST.get("lease", ""))
    submissions.skip(lease, by=person_of(request), reason=request.POST.get("reason", "later"))
    return redirect("work", campaign=found.public_id)


@signed_in
@require_POST
def undo(request: HttpRequest, campaign: str) -> HttpResponseRedirect:
    """Take back one's last answer in this work."""
    found, me = campaign_or_404(request, campaign), person_of(request)
    last = submissions.last_of(found, me)
    if last is not None:
        submissions.undo(last, by=me)
    return redirect("work", campaign=found.public_id)


@never_cache
@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def flag(request: HttpRequest, campaign: str, lease: str) -> HttpResponse:
    """Say that something is wrong with the sample in hand, without answering the question."""
    found, held, me = campaign_or_404(request, campaign), lease_or_404(request, lease), person_of(request)
    error = ""
    if request.method == "POST":
        try:
            made = flags.raise_flag(
                held.task.sample, by=me, kind=request.POST.get("kind", ""), text=request.POST.get("text", "")
            )
        except Invalid as refusal:
            error = _("Choose what is wrong.") if not request.POST.get("kind") else sentence(refusal.reasons[0])
        else:
            if held.state == Lease.State.OPEN:
                submissions.skip(held, by=me, reason="flagged")
            messages.success(
                request,
                _("It rests now. The keepers decide what becomes of it.")
                if made.holds
                else _("Sent to the keepers. Thank you for saying so."),
            )
            return redirect("work", campaign=found.public_id)
    if not leases.may_show(held):
        raise Missing("not-found", NOT_HERE)
    context = _frame(found, me) | {
        "lease": held,
        "shown": show(found, held.task.sample),
        "kinds": [(code, _(words), _(hint)) for code, (words, hint) in flags.KINDS.items()],
        "chosen": request.POST.get("kind", ""),
        "text": request.POST.get("text", ""),
        "error": error,
        "with_authority": Membership.Role.AUTHORITY in roles.roles_of(me, found.community),
        "language": found.dataset.language,
        "back": reverse("work", kwargs={"campaign": found.public_id}),
    }
    return render(request, "annotations/flag.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY if error else 200)


urlpatterns: list[URLPattern] = [
    path("tasks/<str:campaign>/", work, name="work"),
    path("tasks/<str:campaign>/skip/", skip, name="work-skip"),
    path("tasks/<str:campaign>/undo/", undo, name="work-undo"),
    path("tasks/<str:campaign>/flags/<str:lease>/", flag, name="work-flag"),
]
