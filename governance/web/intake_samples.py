"""The pages of samples: the list with its search, one sample, and its recording or picture."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from django import forms
from django.apps import apps
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_POST, require_safe

from governance import consents, media, roles, voices
from governance.kernel.errors import Missing
from governance.models import Contribution, Contributor, Dataset, Hold, Person, Sample
from governance.models.holdings import SampleQuerySet
from governance.odrl.purposes import STANDARD
from governance.web.access_rules import members
from governance.web.forms import Form
from governance.web.reach import NOT_HERE, dataset_or_404, person_of

PAGE = 25
NOBODY_YET = "none"
RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})")


class FindForm(Form):
    """Find samples by words, number or teller, by consent and by state."""

    q = forms.CharField(
        label=lazy("Words, number or teller"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search", "spellcheck": "false", "dir": "auto"}),
    )
    consent = forms.ChoiceField(label=lazy("Consent"), required=False)
    state = forms.ChoiceField(label=lazy("State"), required=False)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        uses = [(code, _("for %(use)s") % {"use": _(STANDARD[code].title)}) for code in STANDARD.leaves]
        self.fields["consent"].choices = [("", _("Any")), (NOBODY_YET, _("None")), *uses]  # type: ignore[attr-defined]  # a ChoiceField
        states = [("open", _("Open")), ("held", _("Held")), ("changed", _("Changed since it came"))]
        self.fields["state"].choices = [("", _("Any")), *states]  # type: ignore[attr-defined]  # a ChoiceField


ROLE_WORDS = {
    Contribution.Role.SPEAKER.value: lazy("speaks in it"),
    Contribution.Role.NARRATOR.value: lazy("narrates in it"),
    Contribution.Role.TRANSLATOR.value: lazy("translated it"),
    Contribution.Role.HEARD.value: lazy("is heard in it"),
}


class AddVoiceForm(Form):
    """Who else is heard in a sample; nobody chosen is somebody whom nobody knows yet."""

    who = forms.CharField(
        label=lazy("Their name in the list of contributors"),
        help_text=lazy("Left empty, it is somebody whom nobody knows yet."),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"dir": "auto", "autocomplete": "off"}),
    )
    role = forms.ChoiceField(label=lazy("What they do"), choices=list(ROLE_WORDS.items()))


@dataclass(frozen=True)
class Voice:
    """A further voice as a sample's page shows it; ``said`` is what they agreed to, in words, and its mark."""

    row: Contribution
    role: object
    sees_name: bool
    is_mine: bool
    said: tuple[str, str]


@dataclass(frozen=True)
class Line:
    """One sample as the list shows it; ``text`` is empty for what this person may not look at."""

    sample: Sample
    text: str
    is_withheld: bool
    is_held: bool
    consent: str
    consent_kind: str


@members
@require_safe
def samples(request: HttpRequest, community: str, dataset: str) -> HttpResponse:
    """List the samples that this person may see, with search and filters."""
    person, held = person_of(request), dataset_or_404(request, community, dataset)
    mine = roles.roles_of(person, held.community)
    find = FindForm(request.GET or None)
    asked = find.cleaned_data if find.is_bound and find.is_valid() else {}
    found = filtered(request, held, person)
    page = Paginator(_with_holds(found).order_by("pk"), PAGE).get_page(request.GET.get("page"))
    lines, at_desk = _lines(page.object_list, held, sees_held=roles.KEEPER in mine), bool(mine & roles.DESK)
    sees_labels = any(line.sample.imported_label for line in lines if not line.is_withheld)
    context = {
        "community": held.community,
        "dataset": held,
        "place": "samples",
        "find": find,
        "asked": any(asked.values()),
        "page": page,
        "lines": lines,
        "sees_names": at_desk,
        "sees_labels": sees_labels,
        "columns": 3 + at_desk + sees_labels,
        "may_import": at_desk,
        "query": request.GET.urlencode(),
    }
    return render(request, "governance/samples.html", context)


def filtered(request: HttpRequest, dataset: Dataset, person: Person) -> SampleQuerySet:
    """What the search in the address finds of the samples that ``person`` sees; everything without one."""
    mine = roles.roles_of(person, dataset.community)
    find = FindForm(request.GET or None)
    asked = find.cleaned_data if find.is_bound and find.is_valid() else {}
    seen = Sample.objects.visible_to(person).filter(dataset=dataset)
    return _found(seen, dataset, asked, sees_held=roles.KEEPER in mine, sees_names=bool(mine & roles.DESK))


def _found(
    seen: SampleQuerySet, dataset: Dataset, asked: dict[str, str], *, sees_held: bool, sees_names: bool
) -> SampleQuerySet:
    """Apply the filters; what rests is never searched for those who may not look at it."""
    if asked.get("q"):
        words = asked["q"].strip()
        said = (
            Q(**{f"data__{dataset.text_column}__icontains": words})
            | Q(key=words)
            | Q(uid=words)
            | Q(imported_label=words)
        )
        if sees_names:
            said |= Q(contributor__in=Contributor.objects.filter(community=dataset.community, name__icontains=words))
        seen = (seen if sees_held else seen.not_held()).filter(said)
    if asked.get("consent") == NOBODY_YET:
        said_yes = consents.newest().filter(status__in=consents.ConsentEvent.VALID).values("contributor")
        seen = seen.exclude(contributor__in=said_yes, contributor__isnull=False)
    elif asked.get("consent"):
        seen = seen.filter(contributor__in=consents.valid_contributors(dataset, [asked["consent"]]).values("pk"))
    if asked.get("state") == "open":
        seen = seen.not_held()
    elif asked.get("state") == "held":
        seen = seen.exclude(pk__in=seen.not_held().values("pk"))
    elif asked.get("state") == "changed":
        seen = seen.filter(revision__gt=1)
    return seen


def _with_holds(found: QuerySet[Sample]) -> QuerySet[Sample]:
    heard = Contribution.objects.filter(sample=OuterRef(OuterRef("pk"))).values("contributor")
    resting = Hold.objects.filter(lifted_at=None).filter(
        Q(sample=OuterRef("pk"))
        | Q(contributor=OuterRef("contributor"), contributor__isnull=False)
        | Q(contributor__in=heard)
    )
    return found.annotate(rests=Exists(resting)).select_related("contributor", "media")


def _lines(rows: Iterable[Sample], dataset: Dataset, *, sees_held: bool) -> list[Line]:
    rows = list(rows)
    now = timezone.now()
    answers = consents.answers_of({row.contributor_id for row in rows if row.contributor_id}, now)
    lines = []
    for row in rows:
        row.dataset = dataset
        rests = bool(getattr(row, "rests", False))
        words, kind = consent_in_words(answers.get(row.contributor_id or 0, ()), now)
        withheld = rests and not sees_held
        lines.append(Line(row, "" if withheld else row.text, withheld, rests, words, kind))
    return lines


def consent_in_words(answers: Sequence[tuple[str, str, datetime | None]], now: datetime) -> tuple[str, str]:
    """Return what somebody said, in a few words, and the mark for it (``""`` yes, ``soon``, ``no``, ``wait``, ``none``)."""
    lasting = [
        (use, end) for use, status, end in answers if status in consents.ConsentEvent.VALID and (not end or end > now)
    ]
    if lasting:
        ends = [end for _use, end in lasting if end is not None and end - now < consents.SOON]
        if ends:
            return _("ends on %(day)s") % {"day": date_format(min(ends), "j M Y")}, "soon"
        uses = [_(STANDARD[use].title) if use in STANDARD else use for use, _end in lasting]
        shown = ", ".join(uses[:2])
        return (_("%(uses)s and more") % {"uses": shown} if len(uses) > 2 else shown), ""
    statuses = {status for _use, status, _end in answers}
    if statuses & consents.TAKEN_BACK:
        return _("taken back"), "no"
    if statuses & consents.NO:
        return _("no"), "no"
    if statuses & consents.ConsentEvent.VALID:
        return _("ended"), "no"
    if statuses & consents.WAITING:
        return _("asked, not answered"), "wait"
    return _("not asked yet"), "none"


def sample_or_404(request: HttpRequest, dataset: Dataset, uid: str) -> tuple[Sample, bool]:
    """Return the sample, if this person may see it, and whether its content is withheld from them because it rests."""
    person = person_of(request)
    found = _with_holds(Sample.objects.visible_to(person).filter(dataset=dataset, uid=uid)).first()
    if found is None:
        raise Missing("not-found", NOT_HERE)
    found.dataset = dataset
    rests = bool(getattr(found, "rests", False))
    is_own = _is_own(found, person)
    is_keeper = roles.KEEPER in roles.roles_of(person, dataset.community)
    return found, rests and not is_own and not is_keeper


@members
@require_safe
def sample(request: HttpRequest, community: str, dataset: str, uid: str) -> HttpResponse:
    """Show one sample: its words, whose they are, what they agreed to, what rests on it, and what it was before."""
    person, held = person_of(request), dataset_or_404(request, community, dataset)
    found, withheld = sample_or_404(request, held, uid)
    mine = roles.roles_of(person, held.community)
    now = timezone.now()
    about = consents.answers_of({found.contributor_id} if found.contributor_id else set(), now).get(
        found.contributor_id or 0, ()
    )
    context = {
        "community": held.community,
        "dataset": held,
        "place": "samples",
        "sample": found,
        "withheld": withheld,
        "others": [] if withheld else sorted((k, v) for k, v in found.data.items() if k != held.text_column),
        "revisions": [] if withheld else list(found.revisions.order_by("-revision")[:20]),
        "holds": list(_holds_on(found)),
        "answers": [(_title(use), _answer(use, status, end, now)) for use, status, end in about],
        "opinions": _opinions(found),
        "sees_names": bool(mine & roles.DESK) or _is_own(found, person),
        "voices": _voices(found, person, now, sees_names=bool(mine & roles.DESK)),
        "add_voice": AddVoiceForm() if mine & roles.DESK else None,
        "may_protect": bool(mine & roles.DESK),
    }
    return render(request, "governance/sample.html", context)


def _voices(found: Sample, person: Person, now: datetime, *, sees_names: bool) -> list[Voice]:
    """The further voices of a sample; a name is shown to keepers, stewards and the person themselves."""
    rows = list(voices.of(found))
    answers = consents.answers_of({row.contributor_id for row in rows if row.contributor_id}, now)
    return [
        Voice(
            row,
            ROLE_WORDS[row.role],
            sees_name=row.contributor is not None and (sees_names or row.contributor.person_id == person.pk),
            is_mine=row.contributor is not None and row.contributor.person_id == person.pk,
            said=consent_in_words(answers.get(row.contributor_id or 0, ()), now),
        )
        for row in rows
    ]


@members
@require_POST
def voice_add(request: HttpRequest, community: str, dataset: str, uid: str) -> HttpResponse:
    """Say who else is heard in a sample."""
    person, held = person_of(request), dataset_or_404(request, community, dataset)
    found, _withheld = sample_or_404(request, held, uid)
    form = AddVoiceForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        form.attempt(voices.add_named, found, called=given["who"], role=given["role"], by=person)
    if form.errors:
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
    else:
        messages.success(request, _("Written down. This sample is used only where they say yes too."))
    return redirect("sample", community=community, dataset=dataset, uid=uid)


@members
@require_POST
def voice_name(request: HttpRequest, community: str, dataset: str, uid: str, voice: str) -> HttpResponse:
    """Say whose a voice is that nobody knew."""
    person, held = person_of(request), dataset_or_404(request, community, dataset)
    found, _withheld = sample_or_404(request, held, uid)
    row = found.contributions.select_related("sample__dataset").filter(public_id=voice).first()
    roles.require(person, "voice.name", held.community)
    if row is None:
        raise Missing("not-found", NOT_HERE)
    voices.name(row, contributor=voices.of_name(held.community, request.POST.get("who", "")), by=person)
    messages.success(request, _("Named. Now their own yes is needed."))
    return redirect("sample", community=community, dataset=dataset, uid=uid)


def _is_own(found: Sample, person: Person) -> bool:
    """Whether ``person`` is heard in it, whoever gave it."""
    return Sample.objects.with_voice_of(person).filter(pk=found.pk).exists()


def _answer(use: str, status: str, end: datetime | None, now: datetime) -> tuple[str, str]:
    """Return what was said about one use, which stands beside it: a yes is a yes, not the use once more."""
    words, mark = consent_in_words([(use, status, end)], now)
    return (words if mark else _("yes")), mark


def _title(use: str) -> str:
    return _(STANDARD[use].title) if use in STANDARD else use


def _holds_on(found: Sample) -> QuerySet[Hold]:
    on_it = Q(sample=found) | Q(contributor__in=found.contributions.exclude(contributor=None).values("contributor"))
    if found.contributor_id:
        on_it |= Q(contributor=found.contributor_id)
    return Hold.objects.filter(on_it, lifted_at=None).order_by("placed_at")


def _opinions(found: Sample) -> int:
    """How many opinions there are; the floor above is asked by name, since nothing here knows it."""
    annotations = apps.get_model("annotations", "Annotation")._default_manager
    return int(annotations.filter(sample=found.pk, standing="counts").count())


@members
@require_safe
def sample_media(request: HttpRequest, community: str, dataset: str, uid: str) -> HttpResponse:
    """Send the recording or picture of a sample to whoever may see it; one byte range at a time if asked."""
    held = dataset_or_404(request, community, dataset)
    found, withheld = sample_or_404(request, held, uid)
    if withheld or found.media is None:
        raise Missing("not-found", NOT_HERE)
    place = media.path_of(found.media.sha256)
    if not place.is_file():
        raise Missing("not-found", NOT_HERE)
    is_everyones = found.protocol_id == held.default_protocol_id
    return send_media(request, found.media.sha256, found.media.mime, found.media.size, may_keep=is_everyones)


def send_media(request: HttpRequest, sha256: str, mime: str, size: int, *, may_keep: bool) -> HttpResponse:
    """Answer with a file by its hash, never as a page: its own type, no sniffing, nothing may run in it.

    ``may_keep``: whether the browser may keep it for minutes; what is not for everyone is kept nowhere, since its season may close.
    """
    file = media.path_of(sha256).open("rb")
    asked = RANGE.fullmatch(request.headers.get("Range", ""))
    start = int(asked[1]) if asked else 0
    end = min(int(asked[2]) if asked and asked[2] else size - 1, size - 1)
    if asked and (start >= size or end < start):
        file.close()
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    file.seek(start)
    response = FileResponse(_part(file, end - start + 1) if asked else file, content_type=mime)
    response.status_code = 206 if asked else 200
    if asked:
        response["Content-Range"] = f"bytes {start}-{end}/{size}"
    response["Content-Length"] = str(end - start + 1)
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = "private, max-age=300" if may_keep else "private, no-store"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response  # type: ignore[return-value]  # streams; every caller only passes it on


def _part(file: BinaryIO, length: int) -> Iterable[bytes]:
    with file:
        while length > 0 and (block := file.read(min(length, 1 << 16))):
            length -= len(block)
            yield block


urlpatterns: list[URLPattern] = [
    path("datasets/<slug:community>/<slug:dataset>/samples/", samples, name="samples"),
    path("datasets/<slug:community>/<slug:dataset>/samples/<str:uid>/", sample, name="sample"),
    path("datasets/<slug:community>/<slug:dataset>/samples/<str:uid>/voices/", voice_add, name="voices"),
    path(
        "datasets/<slug:community>/<slug:dataset>/samples/<str:uid>/voices/<str:voice>/name/",
        voice_name,
        name="voice-name",
    ),
    path("datasets/<slug:community>/<slug:dataset>/samples/<str:uid>/media/", sample_media, name="sample-media"),
]
