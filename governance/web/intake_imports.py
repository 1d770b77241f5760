"""The pages of an import: choose a file, say what its columns hold, watch it come in, see what was refused and why.

Between the first page and the second nothing is kept but the file under its hash; a signed token carries which file it is, for
one person, one dataset and seven days.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from django import forms
from django.contrib import messages
from django.core import signing
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from governance import look, media, protocols, roles, samples
from governance.formats import FORMATS
from governance.kernel import jobs
from governance.kernel.errors import Invalid, Missing
from governance.models import Dataset, Import, Person, ProtocolGroup
from governance.sheets import ALIKE, VOICES, Columns, Settings, settle_roles
from governance.web.access_rules import members
from governance.web.forms import Form, sentence
from governance.web.reach import NOT_HERE, dataset_or_404, person_of

SALT = "wellhouse.intake"
SEVEN_DAYS = 7 * 24 * 3600
PAGE = 25
SHOWN_REFUSED = 20
KEEP, NONE = "keep", "none"
KEEPERS_ONLY = "keepers"

ROLE_WORDS = (
    ("id", lazy("Sample number")),
    ("text", lazy("Text")),
    ("media", lazy("Recording or picture")),
    ("label", lazy("Label that came with it")),
    ("contributor", lazy("Whose it is")),
    ("voice-speaker", lazy("Who else speaks in it")),
    ("voice-narrator", lazy("Who else narrates in it")),
    ("voice-translator", lazy("Who translated it")),
    ("voice-heard", lazy("Who else is heard in it")),
    ("split", lazy("Split that came with it")),
    ("group", lazy("Group that must stay together")),
    ("data", lazy("Kept as it is")),
    ("leave", lazy("Not kept")),
)


@dataclass(frozen=True)
class Chosen:
    """The file that somebody chose."""

    sha256: str
    filename: str

    @property
    def path(self) -> Path:
        """Where its bytes lie."""
        return media.path_of(self.sha256, "imports")


class FileForm(Form):
    """Choose a file."""

    file = forms.FileField(
        label=lazy("The file"),
        help_text=lazy("CSV or TSV, JSON Lines, Excel, Parquet, or an export of Label Studio."),
    )


class ReadingForm(Form):
    """How to read the file, where we guessed wrong."""

    format = forms.ChoiceField(label=lazy("What it is"), choices=[(one.name, one.title) for one in FORMATS.values()])
    encoding = forms.ChoiceField(
        label=lazy("How its letters are written"),
        required=False,
        choices=[
            ("", lazy("As the file says, or UTF-8")),
            ("cp1252", lazy("Windows, western Europe (cp1252)")),
            ("iso8859-15", lazy("Latin 9 (ISO 8859-15)")),
            ("utf-16", "UTF-16"),
        ],
    )
    delimiter = forms.ChoiceField(
        label=lazy("Between the columns"),
        required=False,
        choices=[
            ("", lazy("Find out")),
            (",", lazy("comma")),
            (";", lazy("semicolon")),
            ("\t", lazy("tab")),
            ("|", lazy("bar")),
        ],
    )
    quoting = forms.ChoiceField(
        label=lazy("Quotes"),
        required=False,
        choices=[("", lazy("Find out")), ("minimal", lazy("around cells")), ("none", lazy("are plain characters"))],
    )
    sheet = forms.CharField(label=lazy("Sheet of the workbook"), required=False, max_length=100)

    def settings(self) -> Settings:
        """The answers, as an importer takes them."""
        given = self.cleaned_data
        return Settings(given["delimiter"], given["quoting"], given["encoding"], given["sheet"])


class BringForm(Form):
    """What to do with the rows."""

    contributor = forms.CharField(
        label=lazy("All of it is from one person"),
        help_text=lazy(
            "Only if no column says whose each row is. Left empty, it is not known, and nothing is used until it is."
        ),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"dir": "auto", "autocomplete": "off"}),
    )
    voice_separator = forms.CharField(
        label=lazy("Between several names in one cell stands"),
        help_text=lazy(
            "For columns of further voices. A name that is only a question mark is somebody nobody knows yet."
        ),
        required=False,
        max_length=3,
        initial=";",
        strip=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "size": "3"}),
    )
    who = forms.ChoiceField(
        label=lazy("Who in the community may see it"), help_text=lazy("It can be changed later."), required=False
    )
    bad_rows = forms.ChoiceField(
        label=lazy("If some rows cannot be read"),
        choices=[(KEEP, lazy("Keep the good rows")), (NONE, lazy("Keep none until all are good"))],
        widget=forms.RadioSelect,
        initial=KEEP,
    )

    def __init__(self, *args: object, groups: Iterable[ProtocolGroup], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        strict = [(group.public_id, group.name) for group in groups if not group.is_open or group.has_season]
        choices = [("", _("Everyone")), (KEEPERS_ONLY, _("Only whoever gave it, and the keepers")), *strict]
        self.fields["who"].choices = choices  # type: ignore[attr-defined]  # a ChoiceField

    def groups(self) -> dict[str, object]:
        """Whom the samples are for, as the import takes it; nothing for everyone."""
        who = self.cleaned_data["who"]
        if not who:
            return {}
        return {"groups": [] if who == KEEPERS_ONLY else [who]}


@dataclass(frozen=True)
class ColumnRow:
    """A column in the form: its name, the field's name, what it holds, an example and our remark."""

    name: str
    field: str
    role: str
    example: str
    note: str
    is_doubtful: bool


def _desk(request: HttpRequest, community: str, dataset: str) -> tuple[Person, Dataset]:
    person, held = person_of(request), dataset_or_404(request, community, dataset)
    roles.require(person, "import.start", held.community)
    return person, held


@members
@require_http_methods(["GET", "HEAD", "POST"])
def imports(request: HttpRequest, community: str, dataset: str) -> HttpResponse:
    """List the imports and take a new file."""
    person, held = _desk(request, community, dataset)
    form = FileForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        chosen = form.attempt(_keep, form.cleaned_data["file"])
        if chosen is not None:
            token = signing.dumps([chosen.sha256, chosen.filename, held.public_id, person.public_id], salt=SALT)
            return redirect("import-columns", community=community, dataset=dataset, token=token)
    rows = protocols.imports_known_to(person, held).select_related("by").order_by("-pk")
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    return render(request, "governance/imports.html", _context(held, form=form, page=page))


def _keep(file: object) -> Chosen:
    """Keep an uploaded file under its hash; its name is only ever shown."""
    name = Path(str(getattr(file, "name", "")).replace("\\", "/")).name[:255]
    return Chosen(media.keep(Path(file.temporary_file_path()), "imports")[0], name)  # type: ignore[attr-defined]  # the settings' upload handler


def _context(held: Dataset, **more: object) -> dict[str, object]:
    return {"community": held.community, "dataset": held, "place": "samples", **more}


@members
@require_http_methods(["GET", "HEAD", "POST"])
def import_columns(request: HttpRequest, community: str, dataset: str, token: str) -> HttpResponse:
    """Show what we think each column holds, with the first rows; start the import when the steward says so."""
    person, held = _desk(request, community, dataset)
    chosen = _opened(token, held, person)
    guessed = look.guess_format(chosen.path, chosen.filename) or "csv"
    reading = ReadingForm(request.POST if request.method == "POST" else {"format": guessed})
    bring = BringForm(
        request.POST if request.POST.get("do") in {"bring", "try"} else None,
        initial={"bad_rows": KEEP},
        groups=protocols.known_to(person, held.community),
    )
    columns, refusal = _looked(chosen, reading)
    given = _given(columns, request.POST) if columns else {}
    if columns and bring.is_bound and bring.is_valid():
        started = bring.attempt(
            samples.start_import,
            held,
            path=chosen.path,
            filename=chosen.filename,
            format=reading.cleaned_data["format"],
            settings=_settings(reading, bring, given),
            by=person,
            all_or_nothing=bring.cleaned_data["bad_rows"] == NONE,
            dry_run=request.POST["do"] == "try",
        )
        if started is not None:
            return redirect("import", community=community, dataset=dataset, number=started.public_id)
    context = _context(held, chosen=chosen, reading=reading, bring=bring, columns=columns, refusal=refusal)
    if columns:
        roles_now = settle_roles(columns.roles, given)
        context |= {
            "rows": _rows(columns, roles_now),
            "role_words": ROLE_WORDS,
            "preview": _preview(columns, roles_now),
        }
        context["warnings"] = [sentence(reason) for reason in columns.warnings]
        context["size"] = chosen.path.stat().st_size
    return render(request, "governance/import_columns.html", context, status=422 if refusal or bring.errors else 200)


def _opened(token: str, held: Dataset, person: Person) -> Chosen:
    try:
        sha256, filename, dataset, who = signing.loads(token, salt=SALT, max_age=SEVEN_DAYS)
    except (signing.BadSignature, ValueError):
        raise Missing("not-found", NOT_HERE) from None
    chosen = Chosen(sha256, filename)
    if (dataset, who) != (held.public_id, person.public_id) or not chosen.path.is_file():
        raise Missing("not-found", NOT_HERE)
    return chosen


def _looked(chosen: Chosen, reading: ReadingForm) -> tuple[Columns | None, list[str]]:
    """Look into the file; what hinders comes back as sentences."""
    if not reading.is_valid():
        return None, []
    try:
        return look.look(chosen.path, reading.cleaned_data["format"], reading.settings()), []
    except Invalid as refusal:
        return None, [sentence(reason) for reason in refusal.reasons]


def _given(columns: Columns, posted: Mapping[str, str]) -> dict[str, str]:
    allowed = {role for role, _word in ROLE_WORDS}
    fields = ((name, posted.get(f"c{place}", "")) for place, name in enumerate(columns.names))
    return {name: role for name, role in fields if role in allowed}


def _settings(reading: ReadingForm, bring: BringForm, given: dict[str, str]) -> dict[str, object]:
    found: dict[str, object] = {"roles": given, "contributor": bring.cleaned_data["contributor"].strip()}
    if VOICES.keys() & set(given.values()):
        found["voice_separator"] = bring.cleaned_data["voice_separator"]
    found |= {name: reading.cleaned_data[name] for name in ("encoding", "delimiter", "quoting", "sheet")}
    return {name: value for name, value in found.items() if value} | bring.groups()


def _rows(columns: Columns, held: Mapping[str, str]) -> list[ColumnRow]:
    found = []
    for place, name in enumerate(columns.names):
        cells = [str(row[place]) for row in columns.preview if row[place] not in (None, "")]
        is_left = columns.roles[name] == "leave" and name in columns.notes
        example = _("not shown") if is_left else next(iter(cells), "")
        found.append(
            ColumnRow(
                name,
                f"c{place}",
                held[name],
                example[:80],
                _(columns.notes.get(name, "")),
                columns.notes.get(name) == ALIKE,
            )
        )
    return found


def _preview(columns: Columns, held: Mapping[str, str]) -> tuple[list[str], list[list[str]]]:
    """The columns that will be kept, and the first five rows of them."""
    places = [place for place, name in enumerate(columns.names) if held[name] != "leave"]
    cells = [["" if row[place] is None else str(row[place])[:200] for place in places] for row in columns.preview[:5]]
    return [columns.names[place] for place in places], cells


@members
@require_safe
def one_import(request: HttpRequest, community: str, dataset: str, number: str) -> HttpResponse:
    """Show how far an import is, and what became of the rows."""
    person, held = _desk(request, community, dataset)
    row = _import_or_404(held, person, number)
    return render(request, "governance/import.html", _context(held, row=row, refused=_refused(row)))


def _import_or_404(held: Dataset, person: Person, number: str) -> Import:
    found = protocols.imports_known_to(person, held).filter(public_id=number).select_related("by").first()
    if found is None:
        raise Missing("not-found", NOT_HERE)
    return found


def _refused(row: Import) -> list[dict[str, str]]:
    """The first refused rows, from the report."""
    place = media.root("reports") / row.report
    if not row.report or not place.is_file():
        return []
    with place.open(encoding="utf-8", newline="") as file:
        return list(islice(csv.DictReader(file), SHOWN_REFUSED))


@members
@require_safe
def import_report(request: HttpRequest, community: str, dataset: str, number: str) -> HttpResponse:
    """Send the refused rows as CSV, to be opened in a spreadsheet; its cells cannot be formulas."""
    person, held = _desk(request, community, dataset)
    row = _import_or_404(held, person, number)
    place = media.root("reports") / row.report
    if not row.report or not place.is_file():
        raise Missing("not-found", NOT_HERE)
    name = f"refused-{Path(row.filename).stem[:80]}.csv"
    sheet = {"as_attachment": True, "filename": name, "content_type": "text/csv; charset=utf-8"}
    return FileResponse(place.open("rb"), **sheet)  # type: ignore[return-value, arg-type]  # streams; only passed on


@members
@require_POST
def import_again(request: HttpRequest, community: str, dataset: str, number: str) -> HttpResponse:
    """Go on with an import that stopped, or do for real what was only tried."""
    person, held = _desk(request, community, dataset)
    row = _import_or_404(held, person, number)
    if row.is_dry_run and row.status == Import.Status.DONE:
        row = samples.start_import(
            held,
            path=media.path_of(row.stored_as, "imports"),
            filename=row.filename,
            format=row.format,
            settings={name: value for name, value in row.settings.items() if name != "report_bytes"},
            by=person,
            all_or_nothing=row.is_all_or_nothing,
        )
    elif not jobs.again(row):
        messages.info(request, _("It is under way already."))
    return redirect("import", community=community, dataset=dataset, number=row.public_id)


urlpatterns: list[URLPattern] = [
    path("datasets/<slug:community>/<slug:dataset>/imports/", imports, name="imports"),
    path("datasets/<slug:community>/<slug:dataset>/imports/new/<str:token>/", import_columns, name="import-columns"),
    path("datasets/<slug:community>/<slug:dataset>/imports/<str:number>/", one_import, name="import"),
    path("datasets/<slug:community>/<slug:dataset>/imports/<str:number>/report/", import_report, name="import-report"),
    path("datasets/<slug:community>/<slug:dataset>/imports/<str:number>/again/", import_again, name="import-again"),
]
