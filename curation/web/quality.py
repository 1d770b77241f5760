"""The pages of quality: how a dataset stands, one finding with its evidence, and the same as a sheet."""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from django import forms
from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_POST, require_safe

from curation import checking, versions
from curation.models import CheckRun, Finding, Member, Version
from curation.web.reach import finding_of, shown_to
from governance import roles
from governance.intake import escaped
from governance.kernel.text import normalise
from governance.models import Dataset, Person, Sample
from governance.web.access_rules import members
from governance.web.forms import Form
from governance.web.reach import dataset_or_404, person_of

EVIDENCE_PAGE = 10
LABELS_SHOWN = 30
WORDS_COMPARED = 400
FEW = 50


class AnswerForm(Form):
    """Why a finding may stand."""

    reason = forms.CharField(
        label=lazy("Why it is good enough, in your words"),
        help_text=lazy("For example: what a reader of a score should keep in mind."),
        max_length=versions.REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 2, "dir": "auto"}),
    )


@dataclass(frozen=True)
class Told:
    """One finding in the reader's language."""

    finding: Finding
    title: str
    sentence: str
    state: str
    mark: str


@dataclass(frozen=True)
class Bar:
    """One label in the chart of balance: its share of all, and how many stand where."""

    name: str
    share: float
    total: int
    parts: tuple[tuple[str, int], ...]
    sure: int | None
    is_few: bool


@dataclass(frozen=True)
class Balance:
    """The chart of balance with the sentence that says what it shows."""

    sentence: str
    parts: tuple[str, ...]
    bars: tuple[Bar, ...]
    finding: Finding
    more: int = 0


@dataclass(frozen=True)
class Shown:
    """One sample in a row of evidence; ``pieces`` are (text, is shared) and empty for what this person may not look at."""

    uid: str
    split: str
    pieces: tuple[tuple[str, bool], ...]
    is_seen: bool


@dataclass(frozen=True)
class Row:
    """One row of evidence in the reader's language."""

    reason: str
    value: object
    names: tuple[str, ...]
    samples: tuple[Shown, ...]


MARKS = {"block": "no", "error": "no", "warn": "soon", "pass": "", "not_applicable": "none"}


@members
@require_safe
def quality(request: HttpRequest, community: str, dataset: str) -> HttpResponse:
    """Show what would stop a version, what is worth a look, and what is well, with the balance as a chart."""
    held = dataset_or_404(request, community, dataset)
    newest, current = checking.newest(held), checking.runs(held).first()
    found = told_of(newest)
    context = {
        "community": held.community,
        "dataset": held,
        "place": "quality",
        "run": newest,
        "current": current,
        "is_running": current is not None and not current.is_over,
        "failed": current if current is not None and current.status == CheckRun.Status.FAILED else None,
        "so_far": told_of(current) if current is not None and not current.is_over else [],
        "stops": [one for one in found if one.mark == "no"],
        "looks": [one for one in found if one.mark == "soon"],
        "well": [one for one in found if one.mark == ""],
        "none": [one for one in found if one.mark == "none"],
        "balance": balance_of(newest),
        "may_run": roles.may(person_of(request), "check.run", held.community),
    }
    return render(request, "curation/quality.html", context)


@members
@require_POST
def check_runs(request: HttpRequest, community: str, dataset: str) -> HttpResponse:
    """Queue the checks of the dataset as it stands."""
    held = dataset_or_404(request, community, dataset)
    checking.start(held, by=person_of(request))
    messages.success(request, _("The checks begin. You may leave this page; they go on."))
    return redirect("quality", community=community, dataset=dataset)


@members
@require_safe
def finding(request: HttpRequest, community: str, dataset: str, finding: str) -> HttpResponse:
    """Show one finding with what was counted and its evidence."""
    held = dataset_or_404(request, community, dataset)
    return _finding_page(request, held, finding_of(held, finding))


@members
@require_POST
def override(request: HttpRequest, community: str, dataset: str, finding: str) -> HttpResponse:
    """Let a finding stand, by name."""
    held = dataset_or_404(request, community, dataset)
    found = finding_of(held, finding)
    form = AnswerForm(request.POST)
    if form.is_valid():
        made = form.attempt(versions.override, found, by=person_of(request), reason=form.cleaned_data["reason"])
        if made is not None:
            messages.success(request, _("Written down with your name. Everyone who pulls this version reads it."))
            return redirect("version", community=community, dataset=dataset, number=made.version.number)
    return _finding_page(request, held, found, form, status=422)


def _finding_page(
    request: HttpRequest, held: Dataset, found: Finding, form: AnswerForm | None = None, status: int = 200
) -> HttpResponse:
    shown_to(found, person_of(request))
    page = Paginator(found.evidence, EVIDENCE_PAGE).get_page(request.GET.get("page"))
    version = found.run.version
    may_answer = (
        version is not None
        and version.status == Version.Status.PROPOSED
        and found.status in Finding.STOPS | {Finding.Status.WARN.value}
        and not found.overrides.exists()
        and roles.may(person_of(request), "version.override", held.community)
    )
    context = {
        "community": held.community,
        "dataset": held,
        "place": "versions" if version else "quality",
        "version": version,
        "finding": found,
        "one": tell(found),
        "page": page,
        "rows": _rows(page, held, version, person_of(request)),
        "numbers": list(_numbers(found.metric)),
        "limits": list(_numbers(found.threshold)),
        "answers": found.overrides.select_related("by"),
        "form": (form or AnswerForm()) if may_answer else None,
    }
    return render(request, "curation/finding.html", context, status=status)


@members
@require_safe
def findings_sheet(request: HttpRequest, community: str, dataset: str) -> HttpResponse:
    """All findings of the newest run over the dataset as a sheet, one row a row of evidence."""
    held = dataset_or_404(request, community, dataset)
    newest = checking.newest(held)
    rows = newest.findings.order_by("pk") if newest else Finding.objects.none()
    me = person_of(request)
    return _sheet((shown_to(row, me) for row in rows.select_related("run")), f"findings-{held.slug}.csv")


@members
@require_safe
def finding_sheet(request: HttpRequest, community: str, dataset: str, finding: str) -> HttpResponse:
    """One finding as a sheet."""
    found = finding_of(dataset_or_404(request, community, dataset), finding)
    return _sheet([shown_to(found, person_of(request))], f"{found.check_id}.csv")


class _Echo:
    """A file that gives back what is written."""

    def write(self, value: str) -> str:
        return value


def _sheet(findings: Iterable[Finding], name: str) -> HttpResponse:
    """Return a sheet of findings; ids and reasons only, no text of a sample, and no cell that a sheet takes for a formula."""
    writer = csv.writer(_Echo())

    def lines() -> Iterator[str]:
        yield "\ufeff" + writer.writerow(["check", "status", "finding", "sample", "other samples", "value", "reason"])
        for one in findings:
            base = [one.check_id, one.status, versions.told(one)]
            for row in one.evidence or [{"ids": []}]:
                ids = [str(item) for item in row["ids"]]
                cells = [*base, ids[0] if ids else "", " ".join(ids[1:]), row.get("value", ""), said(row)]
                yield writer.writerow([escaped(cell) for cell in cells])

    response = HttpResponse("".join(lines()), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


# What the templates show


def tell(one: Finding) -> Told:
    """Return a finding in the reader's language."""
    title = one.words.get("title", "")
    state = {
        "block": _("stops a version"),
        "error": _("stopped"),
        "warn": _("worth a look"),
        "pass": _("well"),
        "not_applicable": _("does not apply"),
    }[one.status]
    return Told(one, _(title) if title else one.check_id, versions.told(one), state, MARKS[one.status])


def told_of(run: CheckRun | None) -> list[Told]:
    """Return all findings of a run in the reader's language."""
    return [tell(one) for one in run.findings.order_by("pk")] if run is not None else []


def said(row: Mapping[str, object]) -> str:
    """Return the reason of one row of evidence in the reader's language."""
    message, values = str(row.get("message", "")), row.get("values", {})
    assert isinstance(values, dict)  # written by the run
    return _(message).format(**values) if message else ""


def balance_of(run: CheckRun | None) -> Balance | None:
    """Return the chart of balance of a run: one bar a label, the most frequent first."""
    if run is None:
        return None
    found = {one.check_id: one for one in run.findings.filter(check_id__in=["class_balance", "split_balance"])}
    whole = found.get("class_balance")
    counts = whole.metric.get("counts") if whole is not None else None
    if whole is None or not counts:
        return None
    table = found["split_balance"].metric.get("table", {}) if "split_balance" in found else {}
    bars = bars_of(counts, table)
    return Balance(
        versions.told(whole), tuple(table), tuple(bars[:LABELS_SHOWN]), whole, max(0, len(bars) - LABELS_SHOWN)
    )


def bars_of(counts: Mapping[str, int], table: Mapping[str, Mapping[str, int]]) -> list[Bar]:
    """Return a bar for each label, the most frequent first; ``table`` is part -> label -> number."""
    total = sum(counts.values()) or 1
    test = next((part for part in table if part.lower().startswith("test")), None)
    bars = []
    for name, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        in_test = table[test].get(name, 0) if test else None
        sure = round(100 * half_width(in_test)) if in_test is not None else None
        parts = tuple((part, table[part].get(name, 0)) for part in table)
        bars.append(Bar(name, n / total, n, parts, sure, in_test is not None and in_test < FEW))
    return bars


def half_width(n: int) -> float:
    """Return half of Wilson's 95% interval for an accuracy of .8 on ``n`` rows (as ``curation.distributions``, without numpy)."""
    if n <= 0:
        return 1.0
    z = 1.959964
    return z / (1 + z * z / n) * math.sqrt(0.16 / n + z * z / (4 * n * n))


def _rows(page: Page[Mapping[str, object]], held: Dataset, version: Version | None, person: Person) -> list[Row]:
    """Return the rows of a page of evidence with the samples that this person may see."""
    shown = [row for row in page.object_list if row.get("kind") != "class"]
    wanted = {str(uid) for row in shown for uid in list(row["ids"])[:4]}  # type: ignore[call-overload]  # a list of ids
    seen = Sample.objects.visible_to(person).not_held().filter(dataset=held, uid__in=wanted)
    texts = dict(seen.values_list("uid", f"data__{held.text_column}"))
    splits = dict(Member.objects.filter(version=version, uid__in=wanted).values_list("uid", "split")) if version else {}
    if not version:
        splits = dict(seen.values_list("uid", "source_split"))
    rows = []
    for row in page.object_list:
        ids = tuple(str(item) for item in row["ids"])  # type: ignore[attr-defined]  # a list of ids
        if row.get("kind") == "class":
            rows.append(Row(said(row), row.get("value"), ids, ()))
            continue
        pieces = _compared([str(texts.get(uid) or "") for uid in ids[:4]])
        samples = tuple(
            Shown(uid, splits.get(uid, ""), piece, uid in texts) for uid, piece in zip(ids[:4], pieces, strict=True)
        )
        rows.append(Row(said(row), row.get("value"), (), samples))
    return rows


def _compared(texts: Sequence[str]) -> list[tuple[tuple[str, bool], ...]]:
    """Return each text in pieces; of two texts the words that both share are marked."""
    if len(texts) != 2 or not all(texts) or max(len(text.split()) for text in texts) > WORDS_COMPARED:
        return [((text, False),) if text else () for text in texts]
    one, other = ([*text.split()] for text in texts)
    blocks = SequenceMatcher(
        None, [_bare(w) for w in one], [_bare(w) for w in other], autojunk=False
    ).get_matching_blocks()
    return [
        tuple(_marked(one, [(b.a, b.a + b.size) for b in blocks])),
        tuple(_marked(other, [(b.b, b.b + b.size) for b in blocks])),
    ]


def _bare(word: str) -> str:
    """A word without case and signs, as both are compared; a word of signs alone is itself."""
    return normalise(word) or word


def _marked(words: list[str], spans: Sequence[tuple[int, int]]) -> Iterator[tuple[str, bool]]:
    at = 0
    for start, stop in spans:
        if start > at:
            yield " ".join(words[at:start]), False
        if stop > start:
            yield " ".join(words[start:stop]), True
        at = max(at, stop)
    if at < len(words):
        yield " ".join(words[at:]), False


def _numbers(values: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield the plain numbers of a metric, with names that a person can read."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            continue
        told = f"{value:,}" if isinstance(value, int) else f"{value:.4g}" if isinstance(value, float) else value
        yield name.replace("_", " "), told


def finding_address(dataset: Dataset, public_id: str) -> str:
    """The address of a finding's page."""
    return reverse(
        "finding", kwargs={"community": dataset.community.slug, "dataset": dataset.slug, "finding": public_id}
    )


_BASE = "datasets/<slug:community>/<slug:dataset>/"
urlpatterns: list[URLPattern] = [
    path(_BASE + "quality/", quality, name="quality"),
    path(_BASE + "quality/findings.csv", findings_sheet, name="findings-sheet"),
    path(_BASE + "check-runs/", check_runs, name="check-runs"),
    path(_BASE + "findings/<str:finding>/", finding, name="finding"),
    path(_BASE + "findings/<str:finding>/override/", override, name="finding-override"),
    path(_BASE + "findings/<str:finding>/evidence.csv", finding_sheet, name="finding-sheet"),
]
