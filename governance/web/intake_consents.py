"""The pages of consent: who agreed to what, an answer given by phone or on paper, and the people whose words these are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods, require_POST

from governance import consents, contributors, roles
from governance.kernel.errors import Invalid, Missing, Reason
from governance.models import Community, ConsentEvent, Contribution, Contributor, Dataset, Person, Sample
from governance.odrl.purposes import CLOSED, STANDARD
from governance.web.access_rules import members
from governance.web.forms import Form
from governance.web.intake_samples import consent_in_words
from governance.web.reach import NOT_HERE, dataset_or_404, person_of

PAGE = 25
COLUMNS = 5
USUAL = ("teaching", "research", "archiving", "language-tool", "speech-synthesis")
YES, NO, TIME = "yes", "no", "time"
STATUS_OF = {
    YES: ConsentEvent.Status.GIVEN.value,
    NO: ConsentEvent.Status.REFUSED.value,
    TIME: ConsentEvent.Status.DEFERRED.value,
}
METHODS = (
    (ConsentEvent.Method.PHONE.value, lazy("By phone")),
    (ConsentEvent.Method.PAPER.value, lazy("On paper")),
    (ConsentEvent.Method.SPOKEN.value, lazy("In person, spoken")),
    (ConsentEvent.Method.REPRESENTATIVE.value, lazy("Through somebody who speaks for them")),
)
METHOD_WORDS = {**dict(METHODS), "self": lazy("on their own page"), "imported": lazy("from a list")}


class FindForm(Form):
    """Find a person by name or number, by use, by state."""

    who = forms.CharField(
        label=lazy("Name or number"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search", "dir": "auto"}),
    )
    use = forms.ChoiceField(label=lazy("Use"), required=False)
    state = forms.ChoiceField(
        label=lazy("State"),
        required=False,
        choices=[
            ("", lazy("Any state")),
            ("yes", lazy("Yes")),
            ("no", lazy("No, or taken back")),
            ("none", lazy("Not asked")),
        ],
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        uses = [(code, _(term.title)) for code, term in STANDARD.terms.items()]
        self.fields["use"].choices = [("", _("Any use")), *uses]  # type: ignore[attr-defined]  # a ChoiceField


class RecordForm(Form):
    """What somebody said, by phone or on paper."""

    who = forms.CharField(
        label=lazy("Who agreed, or did not"),
        max_length=200,
        widget=forms.TextInput(attrs={"list": "tellers", "autocomplete": "off", "dir": "auto"}),
    )
    method = forms.ChoiceField(label=lazy("How"), choices=METHODS)
    on = forms.DateField(label=lazy("When"), widget=forms.DateInput(attrs={"type": "date"}))
    notice = forms.ChoiceField(label=lazy("Which notice was read"), required=False)
    language = forms.CharField(label=lazy("In which language"), max_length=35, required=False)
    until = forms.DateField(
        label=lazy("Until when"),
        help_text=lazy("Left empty, a yes has no end until it is taken back."),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    witness = forms.CharField(
        label=lazy("Who witnessed it"),
        help_text=lazy("Needed for what was spoken; somebody other than you."),
        max_length=120,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "dir": "auto"}),
    )

    def __init__(self, *args: object, community: Community, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.notices = list(community.notices.order_by("-version", "language"))
        shown = [
            (str(one.pk), _("Notice %(n)s (%(language)s)") % {"n": one.version, "language": one.language})
            for one in self.notices
        ]
        self.fields["notice"].choices = [("", _("None that is kept here")), *shown]  # type: ignore[attr-defined]  # a ChoiceField


@dataclass(frozen=True)
class Asked:
    """One use in the form: its code, its words, what was ticked."""

    code: str
    title: str
    ticked: str
    is_narrower: bool


@dataclass(frozen=True)
class Line:
    """One person in the table: their answers in the order of the columns."""

    contributor: Contributor
    samples: int
    answers: list[tuple[str, str, str]]
    how: str


def _desk(request: HttpRequest, held: Community) -> Person:
    person = person_of(request)
    roles.require(person, "contributor.add", held)
    return person


@members
@require_http_methods(["GET", "HEAD", "POST"])
def consents_page(request: HttpRequest, community: str, dataset: str) -> HttpResponse:
    """Show each person and each use, and record an answer that was given by phone or on paper."""
    held = dataset_or_404(request, community, dataset)
    person = _desk(request, held.community)
    form = RecordForm(request.POST or None, community=held.community, initial=_today(held.language))
    is_good = request.method == "POST" and form.is_valid()
    recorded = form.attempt(_record, held.community, form=form, posted=request.POST, by=person) if is_good else None
    if recorded:
        messages.success(request, _("Recorded. What they said counts from now on."))
        return redirect("consents", community=community, dataset=dataset)
    find = FindForm(request.GET or None)
    asked = find.cleaned_data if find.is_bound and find.is_valid() else {}
    tellers = _tellers(held)
    page = Paginator(_found(tellers, held.community, asked), PAGE).get_page(request.GET.get("page"))
    uses = _columns(held.community)
    now = timezone.now()
    context = {
        "community": held.community,
        "dataset": held,
        "place": "consents",
        "form": form,
        "find": find,
        "page": page,
        "uses": [_(STANDARD[use].title) for use in uses],
        "lines": _lines(counted(page.object_list, held), uses, now),
        "ending": _ending(tellers, now),
        "asked": _asked(request.POST),
        "names": list(tellers.order_by("name").values_list("name", flat=True)[:100]),
        "tellers_count": page.paginator.count,
    }
    return render(request, "governance/consents.html", context, status=422 if form.errors else 200)


def _today(language: str) -> dict[str, object]:
    return {"on": timezone.localdate(), "language": language}


def _record(
    held: Community, *, form: RecordForm, posted: QueryDict, by: Person, contributor: Contributor | None = None
) -> list[ConsentEvent]:
    given = form.cleaned_data
    who = contributor or Contributor.objects.filter(community=held, name=given["who"].strip()).first()
    if who is None:
        raise Invalid("no-such-contributor", reasons=[_nobody()])
    ticked = {code: str(posted.get(f"a-{code}", "")) for code in STANDARD.terms}
    said = {code: STATUS_OF[answer] for code, answer in ticked.items() if answer in STATUS_OF}
    return consents.record(
        who,
        answers=said,
        by=by,
        method=given["method"],
        at=_moment(given["on"]),
        expires_at=_end(given["until"]),
        language=given["language"],
        witness=given["witness"],
        notice=next((one for one in form.notices if str(one.pk) == given["notice"]), None),
    )


def _nobody() -> Reason:
    return Reason(
        "no-such-contributor", _("Nobody here is listed under this name. Add them under People and words first."), "who"
    )


def _moment(day: date) -> datetime:
    """Today counts from now; an earlier day from its noon."""
    now = timezone.now()
    return now if day == now.date() else datetime.combine(day, time(12), tzinfo=UTC)


def _end(day: date | None) -> datetime | None:
    return datetime.combine(day, time(23, 59, 59), tzinfo=UTC) if day else None


def _tellers(held: Dataset) -> QuerySet[Contributor]:
    """The people whose samples are in this dataset."""
    theirs = Sample.objects.filter(contributor=OuterRef("pk"), dataset=held)
    heard = Contribution.objects.filter(contributor=OuterRef("pk"), sample__dataset=held)
    found = Contributor.objects.filter(Exists(theirs) | Exists(heard), community=held.community)
    return found.order_by("name", "pk")


def counted(rows: Iterable[Contributor], held: Dataset | None = None) -> list[Contributor]:
    """Give each person ``n``, how many samples are theirs (in one dataset), in one query for all of them."""
    found = list(rows)
    samples = Sample.objects.filter(contributor__in=[one.pk for one in found])
    samples = samples.filter(dataset=held) if held else samples
    numbers = dict(samples.values_list("contributor").annotate(n=Count("pk")).order_by())
    for one in found:
        one.n = numbers.get(one.pk, 0)  # type: ignore[attr-defined]  # for the page
    return found


def _found(tellers: QuerySet[Contributor], held: Community, asked: Mapping[str, str]) -> QuerySet[Contributor]:
    if asked.get("who"):
        tellers = tellers.filter(name__icontains=asked["who"].strip())
    newest = consents.newest()
    if asked.get("use"):
        newest = newest.filter(purpose=asked["use"])
    if asked.get("state") == "yes":
        lasting = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
        tellers = tellers.filter(pk__in=newest.filter(lasting, status__in=ConsentEvent.VALID).values("contributor"))
    elif asked.get("state") == "no":
        tellers = tellers.filter(pk__in=newest.filter(status__in=consents.NO).values("contributor"))
    elif asked.get("state") == "none":
        tellers = tellers.exclude(pk__in=newest.values("contributor"))
    elif asked.get("use"):
        tellers = tellers.filter(pk__in=newest.values("contributor"))
    return tellers


def _columns(held: Community) -> list[str]:
    """The uses that the table shows: those that people were asked about most, then the usual ones."""
    events = ConsentEvent.objects.filter(contributor__community=held, purpose__in=list(STANDARD.terms))
    asked = events.values_list("purpose").annotate(n=Count("pk")).order_by("-n", "purpose")[:COLUMNS]
    found = dict.fromkeys([purpose for purpose, _n in asked] + list(USUAL))
    return [use for use in STANDARD.terms if use in list(found)[:COLUMNS]]


def _lines(rows: Iterable[Contributor], uses: Sequence[str], now: datetime) -> list[Line]:
    rows = list(rows)
    answers = consents.answers_of([row.pk for row in rows], now)
    newest: dict[int, ConsentEvent] = {}
    for event in consents.newest(now).filter(contributor__in=[row.pk for row in rows]).order_by("pk"):
        newest[event.contributor_id] = event
    lines = []
    for row in rows:
        cells = [(_(STANDARD[use].title), *in_words(answers.get(row.pk, ()), use, now)) for use in uses]
        lines.append(Line(row, getattr(row, "n", 0), cells, _how(newest.get(row.pk))))
    return lines


def in_words(answers: Sequence[tuple[str, str, datetime | None]], use: str, now: datetime) -> tuple[str, str]:
    """Return what somebody's answers mean for ``use``, in a word or two, and the mark for it."""
    state, end = consents.state_of(answers, use, now)
    if state == "valid":
        if end is not None and end - now < consents.SOON:
            return _("ends %(day)s") % {"day": date_format(end, "j M Y")}, "soon"
        return _("yes"), ""
    if state == "unknown":
        waiting = any(asked == use and status in consents.WAITING for asked, status, _end in answers)
        return (_("asked"), "wait") if waiting else (_("not asked"), "none")
    return {"refused": _("no"), "withdrawn": _("taken back"), "expired": _("ended")}[state], "no"


def _how(event: ConsentEvent | None) -> str:
    if event is None:
        return _("nobody has asked")
    return _("%(how)s, %(day)s") % {
        "how": str(METHOD_WORDS.get(event.method, event.method)).lower(),
        "day": date_format(event.at, "j M Y"),
    }


def _ending(tellers: QuerySet[Contributor], now: datetime) -> list[ConsentEvent]:
    """The yeses of these people that end within thirty days, soonest first."""
    soon = consents.newest(now).filter(
        status__in=ConsentEvent.VALID,
        expires_at__gt=now,
        expires_at__lt=now + consents.SOON,
        contributor__in=tellers.values("pk"),
    )
    rows = list(soon.select_related("contributor").order_by("expires_at")[:10])
    for row in rows:
        row.use = _(STANDARD[row.purpose].title) if row.purpose in STANDARD else row.purpose  # type: ignore[attr-defined]  # for the page
    return rows


def _asked(posted: Mapping[str, str]) -> list[Asked]:
    """Every use that can be answered, broader ones first; what the standard policy closes is not asked."""
    return [
        Asked(code, _(term.title), posted.get(f"a-{code}", ""), bool(term.broader and term.broader != ("use",)))
        for code, term in STANDARD.terms.items()
        if code not in CLOSED
    ]


class PersonForm(Form):
    """Somebody whose words these are."""

    name = forms.CharField(
        label=lazy("Name or number"),
        help_text=lazy("As you call them; a pseudonym is fine. Only keepers and stewards see it."),
        max_length=200,
        widget=forms.TextInput(attrs={"dir": "auto", "autocomplete": "off"}),
    )
    contact_note = forms.CharField(
        label=lazy("How they want to be told of changes"),
        max_length=255,
        required=False,
        widget=forms.TextInput(attrs={"dir": "auto"}),
    )


@members
@require_http_methods(["GET", "HEAD", "POST"])
def contributors_page(request: HttpRequest, community: str) -> HttpResponse:
    """List the people whose words the community holds; add one."""
    held: Community = request.community  # type: ignore[attr-defined]  # set by members
    person = _desk(request, held)
    form = PersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        added = form.attempt(contributors.add, held, by=person, **form.cleaned_data)
        if added is not None:
            return redirect("contributor", community=community, contributor=added.public_id)
    rows = Contributor.objects.filter(community=held).order_by("name", "pk")
    who = request.GET.get("who", "").strip()
    page = Paginator(rows.filter(name__icontains=who) if who else rows, PAGE).get_page(request.GET.get("page"))
    context = {
        "community": held,
        "place": "contributors",
        "form": form,
        "page": page,
        "lines": counted(page.object_list),
        "who": who,
    }
    return render(request, "governance/contributors.html", context, status=422 if form.errors else 200)


def contributor_or_404(held: Community, number: str) -> Contributor:
    """Return a contributor of this community."""
    found = Contributor.objects.filter(community=held, public_id=number).select_related("person", "community").first()
    if found is None:
        raise Missing("not-found", NOT_HERE)
    return found


@members
@require_http_methods(["GET", "HEAD", "POST"])
def contributor(request: HttpRequest, community: str, contributor: str) -> HttpResponse:
    """Show what one person said, when and how; record a new answer of theirs."""
    held: Community = request.community  # type: ignore[attr-defined]  # set by members
    person = _desk(request, held)
    one = contributor_or_404(held, contributor)
    form = RecordForm(request.POST or None, community=held, initial=_today("") | {"who": one.name})
    is_good = request.method == "POST" and form.is_valid()
    recorded = None
    if is_good:
        recorded = form.attempt(_record, held, form=form, posted=request.POST, by=person, contributor=one)
    if recorded:
        messages.success(request, _("Recorded. What they said counts from now on."))
        return redirect("contributor", community=community, contributor=contributor)
    now = timezone.now()
    answers = consents.answers_of([one.pk], now).get(one.pk, ())
    history = list(one.consent_events.select_related("notice", "recorded_by").order_by("-pk")[:100])
    for event in history:
        event.use = _(STANDARD[event.purpose].title) if event.purpose in STANDARD else event.purpose  # type: ignore[attr-defined]  # for the page
        event.said = consent_in_words([(event.purpose, event.status, None)], now)  # type: ignore[attr-defined]  # for the page
        event.how = METHOD_WORDS.get(event.method, event.method)  # type: ignore[attr-defined]  # for the page
    context = {
        "community": held,
        "place": "contributors",
        "one": one,
        "samples": one.samples.count(),
        "now_says": [
            (_(term.title), *in_words(answers, code, now))
            for code, term in STANDARD.terms.items()
            if code not in CLOSED
        ],
        "history": history,
        "form": form,
        "asked": _asked(request.POST),
        "receipts": one.receipts.filter(revoked_at=None).count(),
    }
    return render(request, "governance/contributor.html", context, status=422 if form.errors else 200)


@members
@require_POST
def receipt(request: HttpRequest, community: str, contributor: str) -> HttpResponse:
    """Make a receipt and show its code, once."""
    held: Community = request.community  # type: ignore[attr-defined]  # set by members
    person = _desk(request, held)
    one = contributor_or_404(held, contributor)
    code = consents.issue_receipt(one, by=person)
    response = render(request, "governance/consent_receipt.html", {"community": held, "one": one, "code": code})
    response["Cache-Control"] = "no-store"
    return response


urlpatterns: list[URLPattern] = [
    path("datasets/<slug:community>/<slug:dataset>/consents/", consents_page, name="consents"),
    path("communities/<slug:community>/contributors/", contributors_page, name="contributors"),
    path("communities/<slug:community>/contributors/<str:contributor>/", contributor, name="contributor"),
    path("communities/<slug:community>/contributors/<str:contributor>/receipts/", receipt, name="consent-receipt"),
]
