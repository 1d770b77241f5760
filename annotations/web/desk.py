"""The desk's pages about work: all campaigns of a dataset, a new one, how one goes."""

from dataclasses import dataclass
from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.db.models import Count, Max, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from annotations import campaigns, configs, leases, reviews, submissions
from annotations.models import Annotation, Campaign, Lease, Opening, Task
from annotations.web.reach import campaign_of
from annotations.web.showing import Shown, show
from governance import roles
from governance.kernel.errors import Conflict, Invalid, NotAllowed, Reason
from governance.models import Dataset, Person, Sample
from governance.models.holdings import SampleQuerySet
from governance.web.access_rules import members
from governance.web.forms import Form, sentence
from governance.web.reach import dataset_or_404, person_of

_SHOWS = {
    "text": '<Text name="text" value="${column}"/>',
    "audio": '<Audio name="audio" value="$audio"/>',
    "image": '<Image name="image" value="$image"/>',
}
_STARTER = """<View>
  {shows}
  <Header value="What do you hear in it?"/>
  <Choices name="answer" toName="{name}" required="true">
    <Choice value="Glad" hint="joy, relief, thanks"/>
    <Choice value="Sad"/>
    <Choice value="Plain telling"/>
  </Choices>
</View>
"""


class DraftForm(Form):
    """A campaign that is being prepared."""

    name = forms.CharField(
        label=lazy("Its name"), help_text=lazy("Short: 19 letters fit the top line of a phone."), max_length=60
    )
    instructions = forms.CharField(
        label=lazy("The guideline, in two sentences"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )
    overlap = forms.IntegerField(
        label=lazy("Opinions for each sample"),
        help_text=lazy("Nobody is asked about their own, or twice about the same one."),
        min_value=1,
        max_value=campaigns.MOST_OVERLAP,
        initial=3,
    )
    needs_review = forms.BooleanField(label=lazy("An answer counts once a reviewer has accepted it"), required=False)
    config = forms.CharField(
        label=lazy("What is shown and asked"),
        help_text=lazy("In Label Studio's XML: Text, Image, Audio; Choices, Rating, TextArea; View and Header."),
        widget=forms.Textarea(attrs={"rows": 14, "spellcheck": "false", "class": "code", "dir": "ltr"}),
        strip=False,
    )


@dataclass(frozen=True)
class Line:
    """One line of a config, with what is wrong with it."""

    number: int
    text: str
    faults: list[str]


@dataclass(frozen=True)
class Standing:
    """How a campaign goes, in numbers."""

    campaign: Campaign
    tasks: int
    done: int
    answers: int

    @property
    def wanted(self) -> int:
        """How many opinions are asked for in all."""
        return self.tasks * self.campaign.overlap

    @property
    def share(self) -> float:
        """How much of it is given, 0..1."""
        return self.answers / self.wanted if self.wanted else 0.0


def standings(found: list[Campaign], me: Person) -> list[Standing]:
    """How each campaign goes over the samples that ``me`` may see, in one query."""
    counts = {
        row["campaign"]: row
        for row in Task.objects.filter(campaign__in=found, sample__in=Sample.objects.visible_to(me))
        .values("campaign")
        .annotate(n=Count("pk"), done=Count("pk", filter=Q(status=Task.Status.DONE)), given=Sum("answers"))
    }
    empty = {"n": 0, "done": 0, "given": 0}
    rows = [(campaign, counts.get(campaign.pk, empty)) for campaign in found]
    return [Standing(campaign, row["n"], row["done"], row["given"] or 0) for campaign, row in rows]


@members
@require_safe
def campaign_list(request: HttpRequest, community: str, dataset: str) -> HttpResponse:
    """The campaigns of a dataset, those at work first."""
    here = dataset_or_404(request, community, dataset)
    order = {"open": 0, "draft": 1, "paused": 2, "closed": 3}
    found = sorted(here.campaigns.select_related("dataset__community"), key=lambda c: (order[c.status], -c.pk))
    context = _frame(here) | {
        "standings": standings(found, person_of(request)),
        "may_make": roles.may(person_of(request), "campaign.create", here.community),
    }
    return render(request, "annotations/campaigns.html", context)


def _frame(dataset: Dataset) -> dict[str, object]:
    return {"community": dataset.community, "dataset": dataset, "place": "campaigns"}


@members
@require_http_methods(["GET", "HEAD", "POST"])
def campaign_new(request: HttpRequest, community: str, dataset: str) -> HttpResponse:
    """Prepare a campaign: try the config as often as you like, then keep the draft."""
    here, me = dataset_or_404(request, community, dataset), person_of(request)
    if not roles.may(me, "campaign.create", here.community):
        raise NotAllowed("role-missing", _("Campaigns are prepared by keepers and stewards."))
    like = here.campaigns.filter(slug=request.GET.get("like", "")).first()
    first = {field: getattr(like, field) for field in DraftForm.base_fields if field != "name"} if like else {}
    form = DraftForm(request.POST or None, initial={"config": starter(here)} | first)
    config = str(form["config"].value() or "")
    reasons: list[Reason] = []
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        slug = slugify(values["name"])[:64].strip("-") or f"campaign-{here.campaigns.count() + 1}"
        parsed, reasons = configs.inspect(config)
        reasons = reasons or (campaigns.column_faults(here, parsed, me) if parsed else [])
        if not reasons and "check" not in request.POST:
            made = form.attempt(campaigns.create, here, slug=slug, by=me, **values)
            if made is not None:
                messages.success(request, _("The draft is kept. Open it when you are ready."))
                return redirect("campaign", community=community, dataset=dataset, campaign=made.slug)
    context = _frame(here) | {
        "form": form,
        "faults": [(reason.line, sentence(reason)) for reason in reasons],
        "lines": _lines(config, reasons) if reasons else [],
        "shown": _preview(here, config, me),
        "checked": request.method == "POST" and not reasons,
        "columns": campaigns.columns(here, me),
    }
    wrong = bool(reasons or form.errors)
    return render(
        request, "annotations/campaign_new.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else 200
    )


def starter(dataset: Dataset) -> str:
    """A config to begin with, that fits what the dataset holds."""
    kind = str(dataset.modality) if str(dataset.modality) in _SHOWS else "text"
    return _STARTER.format(shows=_SHOWS[kind].replace("{column}", dataset.text_column), name=kind)


def _lines(config: str, reasons: list[Reason]) -> list[Line]:
    texts = config.splitlines() or [""]
    said: dict[int, list[str]] = {}
    for reason in reasons:
        said.setdefault(min(max(reason.line or 1, 1), len(texts)), []).append(sentence(reason))
    return [Line(number, text, said.get(number, [])) for number, text in enumerate(texts, 1)]


def _preview(dataset: Dataset, config: str, me: Person) -> Shown | None:
    parsed, _reasons = configs.inspect(config)
    sample = (
        Sample.objects.visible_to(me).not_held().filter(dataset=dataset).select_related("media").order_by("pk").first()
    )
    if parsed is None or sample is None:
        return None
    return show(Campaign(dataset=dataset, config=config), sample)


@members
@require_safe
def campaign_page(request: HttpRequest, community: str, dataset: str, campaign: str) -> HttpResponse:
    """How one campaign goes, and what may be done with it."""
    here, me = dataset_or_404(request, community, dataset), person_of(request)
    found = campaign_of(here, campaign)
    opening = found.openings.order_by("-pk").first()
    seen = Sample.objects.visible_to(me)
    given = Annotation.objects.filter(campaign=found, standing=Annotation.Standing.COUNTS, sample__in=seen)
    skipped = Lease.objects.filter(campaign=found, state=Lease.State.SKIPPED, task__sample__in=seen)
    context = _frame(here) | {
        "campaign": found,
        "standing": standings([found], me)[0],
        "opening": opening if opening and opening.status != Opening.Status.DONE else None,
        # A share and no number: how many there are in all is nobody's to know.
        "opened": 1000 * opening.done // opening.total if opening and opening.total else 0,
        "is_opening": bool(opening and not opening.is_over),
        "labels": _label_rows(found, given),
        "label_head": [_("Answer"), _("Opinions"), _("Share")],
        "parted": given.exclude(label="")
        .values("task")
        .annotate(n=Count("label", distinct=True))
        .filter(n__gt=1)
        .count(),
        "people": _people(given),
        "held": Lease.objects.filter(campaign=found, state=Lease.State.OPEN, task__sample__in=seen).count(),
        "skips": _skips(skipped),
        "waiting_review": reviews.waiting_for(me, found).count(),
        "unqueued": _unqueued(found, seen),
        "may": {verb: roles.may(me, f"campaign.{verb}", here.community) for verb in ("open", "pause", "close")},
        "may_review": roles.may(me, "annotation.review", here.community),
        "why": leases.why_empty(found, me) if found.status != Campaign.Status.OPEN else "",
        "shown": _preview(here, found.config, me),
        "config_lines": _lines(found.config, []),
    }
    return render(request, "annotations/campaign.html", context)


def _unqueued(campaign: Campaign, seen: SampleQuerySet) -> int:
    """Samples that came since the campaign opened."""
    if campaign.status == Campaign.Status.DRAFT:
        return 0
    queued = Task.objects.filter(campaign=campaign, sample__in=seen)
    return seen.filter(dataset=campaign.dataset_id).count() - queued.count()


def _label_rows(campaign: Campaign, given: QuerySet[Annotation]) -> list[dict[str, object]]:
    if not campaign.label_control or configs.parse(campaign.config).is_many:
        return []
    counts = dict(given.order_by().values_list("label").annotate(Count("pk")))
    total = sum(counts.values()) or 1
    words = {o.value: o.text for w in configs.widgets(configs.parse(campaign.config), {}) for o in w.options}
    return [
        {"name": words.get(label, label), "number": counts.get(label, 0), "share": counts.get(label, 0) / total}
        for label in campaign.labels
    ]


def _people(given: QuerySet[Annotation]) -> list[dict[str, object]]:
    """Who gave how much, by name; nobody is ranked."""
    rows = (
        given.order_by("annotator__display_name")
        .values("annotator__display_name")
        .annotate(n=Count("pk"), last=Max("created_at"))
    )
    return [{"name": row["annotator__display_name"], "n": row["n"], "last": row["last"]} for row in rows[:200]]


def _skips(skipped: QuerySet[Lease]) -> list[tuple[str, int]]:
    counts = skipped.order_by("skip_reason").values_list("skip_reason").annotate(Count("pk"))
    return [(_(submissions.SKIP_REASONS.get(reason, reason)), n) for reason, n in counts]


@members
@require_POST
def campaign_state(request: HttpRequest, community: str, dataset: str, campaign: str) -> HttpResponse:
    """Open, pause or close a campaign."""
    here, me = dataset_or_404(request, community, dataset), person_of(request)
    found = campaign_of(here, campaign)
    verbs = {"open": campaigns.open, "paused": campaigns.pause, "closed": campaigns.close}
    verb = verbs.get(request.POST.get("state", ""))
    if verb is None:
        raise Invalid("state-unknown", _("A campaign can be opened, paused or closed."))
    try:
        verb(found, by=me)
    except Conflict as refusal:
        messages.warning(request, " ".join(map(sentence, refusal.reasons)))
    return redirect("campaign", community=community, dataset=dataset, campaign=campaign)


_BASE = "datasets/<slug:community>/<slug:dataset>/campaigns/"
urlpatterns: list[URLPattern] = [
    path(_BASE, campaign_list, name="campaigns"),
    path(_BASE + "new/", campaign_new, name="campaign-new"),
    path(_BASE + "<slug:campaign>/", campaign_page, name="campaign"),
    path(_BASE + "<slug:campaign>/state/", campaign_state, name="campaign-state"),
]
