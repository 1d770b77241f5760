"""The rules page: questions in plain words, what the answers would mean tomorrow, what changed, and every revision.

The same page serves two levels: one dataset, and the community as a whole, whose rules every dataset must pass as well.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods, require_safe

from governance import policies
from governance.kernel.errors import Missing
from governance.models import Community, Dataset, Person, PolicyRevision, Proposal
from governance.odrl import policy as answers
from governance.odrl import profile
from governance.odrl.duo import duo_from_json, duo_json
from governance.odrl.policy import Body, Term
from governance.odrl.purposes import CLOSED, STANDARD
from governance.odrl.words import changes, clashes, describe, preview, try_request
from governance.roles import may
from governance.web.access_rules import members
from governance.web.forms import Form
from governance.web.reach import NOT_HERE, community_or_404, dataset_or_404, person_of
from governance.web.rules_words import say, say_all

PAGE = 20
OFTEN = (
    "agreement-months",
    "attribution",
    "no-redistribution",
    "no-voice-cloning",
    "return-results",
    "withdrawal-list",
)
"""The terms that the page asks first."""


def purpose_choices(codes: Sequence[str]) -> list[tuple[str, str]]:
    """Return code and words of purposes; a branch says that it covers what lies below it."""
    return [(code, _purpose_words(code)) for code in codes]


def _purpose_words(code: str) -> str:
    if code == "use":
        return _("anything that is not forbidden by name")
    title = _(STANDARD[code].title)
    return title if STANDARD.is_leaf(code) else _("%(title)s, of any kind") % {"title": title}


class RulesForm(Form):
    """The questions. Whatever is not answered is not allowed."""

    organisations = forms.MultipleChoiceField(
        label=lazy("Who may ask to use it?"), required=False, widget=forms.CheckboxSelectMultiple
    )
    purposes = forms.MultipleChoiceField(label=lazy("For what?"), required=False, widget=forms.CheckboxSelectMultiple)
    commercial = forms.ChoiceField(
        label=lazy("May anyone earn money with it?"),
        choices=[("no", lazy("No")), ("yes", lazy("Yes"))],
        widget=forms.RadioSelect,
    )
    prohibited = forms.MultipleChoiceField(
        label=lazy("What is forbidden by name?"),
        help_text=lazy("A no by name wins over every yes."),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    expires_on = forms.DateField(
        label=lazy("Until when? (the last day)"),
        help_text=lazy("Leave it empty: until the community changes it."),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )
    note = forms.CharField(
        label=lazy("Something to say in your own words"),
        help_text=lazy(
            "Shown to everyone who asks, word for word. No machine can enforce it, so people decide when it matters."
        ),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )
    why = forms.CharField(
        label=lazy("Why you change them"),
        help_text=lazy("The community reads it beside this revision."),
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"dir": "auto"}),
    )
    over = forms.IntegerField(widget=forms.HiddenInput)
    duo = forms.CharField(widget=forms.HiddenInput, required=False, max_length=4000)

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["organisations"].choices = [(k, _(title)) for k, title in profile.ORGANISATIONS.items()]  # type: ignore[attr-defined]
        open_codes = [code for code in STANDARD.terms if code not in CLOSED]
        self.fields["purposes"].choices = purpose_choices(open_codes)  # type: ignore[attr-defined]  # a choice field
        self.fields["prohibited"].choices = purpose_choices(list(STANDARD.terms)[1:])  # type: ignore[attr-defined]
        for code in answers.term_codes():
            self.fields[f"term-{code}"] = _term_field(code)

    @property
    def terms(self) -> list[forms.BoundField]:
        """The fields of the usage terms that are often wanted, or said already."""
        return [field for field in self._terms if self._is_near(field)]

    @property
    def more_terms(self) -> list[forms.BoundField]:
        """The other usage terms, one for each plugin."""
        return [field for field in self._terms if not self._is_near(field)]

    @property
    def _terms(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith("term-")]

    def _is_near(self, field: forms.BoundField) -> bool:
        return bool(field.value() or field.errors) or field.name.removeprefix("term-") in OFTEN

    def clean_duo(self) -> str:
        """Terms of the Data Use Ontology that came with an imported policy pass through unchanged."""
        try:
            duo_from_json(json.loads(self.cleaned_data["duo"] or "[]"))
        except (KeyError, TypeError, ValueError) as error:
            raise forms.ValidationError(_("The terms of the Data Use Ontology cannot be read.")) from error
        return str(self.cleaned_data["duo"])

    def body(self) -> Body:
        """The answers as a policy body; only after ``is_valid``."""
        given = self.cleaned_data
        terms = []
        for code in answers.term_codes():
            value = given.get(f"term-{code}")
            if value not in (None, "", False):
                terms.append(Term(code, None if value is True else value))
        return Body(
            purposes=tuple(sorted(given["purposes"])),
            organisations=tuple(sorted(given["organisations"])),
            commercial=given["commercial"] == "yes",
            prohibited=tuple(sorted(given["prohibited"])),
            expires_on=given["expires_on"],
            terms=tuple(terms),
            note=given["note"].strip(),
            duo=duo_from_json(json.loads(given["duo"] or "[]")),
        )


def _term_field(code: str) -> forms.Field:
    plugin = answers.term(code)
    if plugin.ASKS == "number":
        hint = _("Empty: not asked for.")
        return forms.IntegerField(
            label=_(plugin.TITLE), help_text=hint, required=False, min_value=plugin.LOWEST, max_value=plugin.HIGHEST
        )
    if plugin.ASKS == "words":
        widget = forms.TextInput(attrs={"dir": "auto"})
        hint = _("With which words? Empty: not asked for.")
        return forms.CharField(
            label=_(plugin.TITLE), help_text=hint, required=False, max_length=plugin.HIGHEST, widget=widget
        )
    return forms.BooleanField(label=_(plugin.TITLE), required=False)


class TryForm(Form):
    """A request to try against the rules."""

    kind = forms.ChoiceField(label=lazy("Who asks"))
    purpose = forms.ChoiceField(label=lazy("To do what"))
    money = forms.ChoiceField(
        label=lazy("To earn money"), choices=[("no", lazy("No")), ("yes", lazy("Yes"))], required=False
    )
    day = forms.DateField(label=lazy("When"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [(k, _(title)) for k, title in profile.ORGANISATIONS.items()]  # type: ignore[attr-defined]
        self.fields["purpose"].choices = purpose_choices(STANDARD.leaves)  # type: ignore[attr-defined]  # a choice field


@dataclass(frozen=True)
class Shown:
    """One well-known asker on the page."""

    title: str
    verdict: str
    says: str
    because: list[str]


@dataclass(frozen=True)
class Level:
    """What rules are about: one dataset, or a whole community."""

    community: Community
    dataset: Dataset | None = None

    @property
    def name(self) -> str:
        """Whose rules they are."""
        return self.dataset.name if self.dataset else self.community.name

    @property
    def here(self) -> str:
        """The address of the page; a revision is its number behind it."""
        if self.dataset is None:
            return reverse("community-rules", kwargs={"community": self.community.slug})
        return reverse("rules", kwargs={"community": self.community.slug, "dataset": self.dataset.slug})

    @property
    def urn(self) -> str:
        """The name that rules give to it."""
        return policies.urn_of(self.dataset) if self.dataset else f"urn:wellhouse:community:{self.community.public_id}"

    def revisions(self) -> QuerySet[PolicyRevision]:
        """Every revision, the newest first."""
        found = self.community.policies.filter(dataset=self.dataset)
        return found.select_related("created_by").order_by("-number")

    def current(self) -> PolicyRevision | None:
        """The revision in force; a community may have none."""
        return policies.current(self.dataset) if self.dataset else policies.community_current(self.community)

    def revise(self, *, body: Body, by: Person, note: str, over: int) -> PolicyRevision | Proposal:
        """Put new rules into force, or to the vote."""
        if self.dataset is not None:
            return policies.revise(self.dataset, body=body, by=by, note=note, over=over)
        return policies.revise_community(self.community, body=body, by=by, note=note, over=over)

    def above(self) -> Body | None:
        """The rules of the community, for a dataset that must pass them too."""
        found = policies.community_current(self.community) if self.dataset else None
        return policies.body_of(found) if found else None


OPEN = Body(("use",), tuple(profile.ORGANISATIONS), commercial=True)
"""Where a community's own rules begin: each dataset decides, and the two closed purposes stay closed."""


@members
@require_http_methods(["GET", "HEAD", "POST"])
def rules_page(request: HttpRequest, community: str, dataset: str) -> HttpResponse:
    """The rules in force with their meaning; for the desk the questions, a preview of other answers, and the way to change them."""
    here = dataset_or_404(request, community, dataset)
    return answer(request, Level(here.community, here))


@members
@require_http_methods(["GET", "HEAD", "POST"])
def community_rules_page(request: HttpRequest, community: str) -> HttpResponse:
    """The community's own rules, which every dataset must pass beside its own."""
    return answer(request, Level(community_or_404(request, community)))


def answer(
    request: HttpRequest, level: Level, *, imported: Body | None = None, flags: Sequence[str] = ()
) -> HttpResponse:
    """Show the rules of a level with its questions; ``imported`` answers stand in the form and in force nowhere."""
    current = level.current()
    in_force = policies.body_of(current) if current else None
    form = RulesForm(
        request.POST if request.method == "POST" and imported is None else None,
        initial=_initial(imported or in_force or OPEN, current.number if current else 0),
    )
    draft = imported
    if form.is_bound and form.is_valid():
        draft = form.body()
        if request.POST.get("do") == "save":
            given = form.cleaned_data
            saved = form.attempt(
                Level.revise, level, body=draft, by=person_of(request), note=given["why"], over=given["over"]
            )
            if saved is not None:
                return _saved(request, level, saved)
        for reason in answers.validate(draft):
            form.add_error(None, str(reason))
    shown, above = draft or in_force or OPEN, level.above()
    tried = TryForm(request.GET if "purpose" in request.GET else None, initial={"purpose": "speech-recognition"})
    context = _context(level, shown, above) | {
        "form": form,
        "may_write": may(person_of(request), "policy.revise", level.community),
        "current": current,
        "is_draft": draft is not None and draft != in_force,
        "flags": flags,
        "is_imported": imported is not None,
        "changes": _changes(in_force, shown) if in_force else [],
        "clashes": say_all(clashes(above, shown)) if above else [],
        "tried": tried,
        "verdict": _tried(tried, in_force or OPEN, above),
        "page": Paginator(level.revisions(), PAGE).get_page(request.GET.get("page")),
        "numbers": list(level.revisions().values_list("number", flat=True)[:200]),
    }
    return render(request, "governance/rules.html", context, status=422 if form.errors else 200)


def _saved(request: HttpRequest, level: Level, saved: PolicyRevision | Proposal) -> HttpResponse:
    if isinstance(saved, Proposal):
        said = _("The charter asks for a vote on rules. It is open now; nothing changes until it has passed.")
        messages.info(request, said)
        return redirect("vote", community=level.community.slug, vote=saved.public_id)
    said = _("Revision %(number)s is in force, from the next request on.") % {"number": saved.number}
    messages.success(request, said)
    return redirect(level.here)


@members
@require_safe
def revision_page(request: HttpRequest, community: str, dataset: str, number: int) -> HttpResponse:
    """One revision for ever: its answers, what it changed, and the same for machines."""
    here = dataset_or_404(request, community, dataset)
    return _revision(request, Level(here.community, here), number)


@members
@require_safe
def community_revision_page(request: HttpRequest, community: str, number: int) -> HttpResponse:
    """One revision of the community's own rules."""
    return _revision(request, Level(community_or_404(request, community)), number)


def _revision(request: HttpRequest, level: Level, number: int) -> HttpResponse:
    revision = _of(level, number)
    before = level.revisions().filter(number=number - 1).first()
    body, current = policies.body_of(revision), level.current()
    context = _context(level, body, level.above()) | {
        "revision": revision,
        "is_current": current is not None and current.pk == revision.pk,
        "answers": [(_(question), say(words)) for question, words in describe(body)],
        "before": before,
        "changes": _changes(policies.body_of(before), body) if before else [],
        "odrl": json.dumps(revision.odrl, indent=2, ensure_ascii=False),
    }
    return render(request, "governance/revision.html", context)


@members
@require_safe
def compare_page(request: HttpRequest, community: str, dataset: str) -> HttpResponse:
    """Any two revisions beside each other."""
    here = dataset_or_404(request, community, dataset)
    return _compared(request, Level(here.community, here))


@members
@require_safe
def community_compare_page(request: HttpRequest, community: str) -> HttpResponse:
    """Any two revisions of the community's own rules."""
    return _compared(request, Level(community_or_404(request, community)))


def _compared(request: HttpRequest, level: Level) -> HttpResponse:
    first, second = (_of(level, _number(request.GET.get(name))) for name in ("from", "to"))
    context: dict[str, Any] = {
        "place": "rules" if level.dataset else "community-rules",
        "community": level.community,
        "dataset": level.dataset,
        "level": level,
        "first": first,
        "second": second,
        "numbers": list(level.revisions().values_list("number", flat=True)[:200]),
        "changes": _changes(policies.body_of(first), policies.body_of(second)),
    }
    return render(request, "governance/rules_compare.html", context)


def _number(given: str | None) -> int:
    return int(given) if given and given.isascii() and given.isdigit() and len(given) < 9 else 0


@members
@require_safe
def revision_odrl(request: HttpRequest, community: str, dataset: str, number: int) -> HttpResponse:
    """One revision for machines, to take away."""
    here = dataset_or_404(request, community, dataset)
    return _odrl(Level(here.community, here), number)


@members
@require_safe
def community_revision_odrl(request: HttpRequest, community: str, number: int) -> HttpResponse:
    """One revision of the community's own rules for machines, to take away."""
    return _odrl(Level(community_or_404(request, community)), number)


def _odrl(level: Level, number: int) -> HttpResponse:
    written = json.dumps(_of(level, number).odrl, indent=2, ensure_ascii=False)
    answered = HttpResponse(written, content_type="application/ld+json")
    slug = level.dataset.slug if level.dataset else level.community.slug
    answered.headers["Content-Disposition"] = f'attachment; filename="{slug}-rules-{number}.jsonld"'
    return answered


def revision_or_404(dataset: Dataset, number: int) -> PolicyRevision:
    """The revision of that number, or ``Missing``."""
    return _of(Level(dataset.community, dataset), number)


def _of(level: Level, number: int) -> PolicyRevision:
    found = level.revisions().filter(number=number).first()
    if found is None:
        raise Missing("not-found", NOT_HERE)
    return found


def _context(level: Level, body: Body, above: Body | None) -> dict[str, Any]:
    also = (above,) if above else ()
    personas = preview(body, at=timezone.now(), also=also)
    return {
        "place": "rules" if level.dataset else "community-rules",
        "community": level.community,
        "dataset": level.dataset,
        "level": level,
        "forbidden": ", ".join(_(STANDARD[code].title) for code in body.prohibited if code in STANDARD) or _("nothing"),
        "personas": [Shown(_(p.title), p.verdict, say(p.says), say_all(p.because)) for p in personas],
        "odrl": json.dumps(
            answers.to_odrl(body, uid=policies.uid_of("preview"), target=level.urn), indent=2, ensure_ascii=False
        ),
    }


def _initial(body: Body, number: int) -> dict[str, object]:
    given: dict[str, object] = {
        "organisations": list(body.organisations),
        "purposes": list(body.purposes),
        "prohibited": list(body.prohibited),
        "commercial": "yes" if body.commercial else "no",
        "expires_on": body.expires_on,
        "note": body.note,
        "over": number,
        "duo": json.dumps(duo_json(body.duo)) if body.duo else "",
    }
    return given | {f"term-{t.code}": True if t.value is None else t.value for t in body.terms}


def _changes(old: Body, new: Body) -> list[dict[str, str]]:
    return [
        {"question": _(c.question), "before": say(c.before), "after": say(c.after), "direction": c.direction}
        for c in changes(old, new)
    ]


def _tried(form: TryForm, body: Body, above: Body | None) -> dict[str, object] | None:
    if not form.is_bound or not form.is_valid():
        return None
    given = form.cleaned_data
    at = datetime.combine(given["day"], time(12), tzinfo=UTC) if given["day"] else timezone.now()
    against = try_request(
        body,
        kind=given["kind"],
        purpose=given["purpose"],
        commercial=given["money"] == "yes",
        at=at,
        also=(above,) if above else (),
    )
    return {"is_yes": not against, "reasons": say_all(against)}


_DATASET = "datasets/<slug:community>/<slug:dataset>/rules/"
_COMMUNITY = "communities/<slug:community>/rules/"
urlpatterns: list[URLPattern] = [
    path(_DATASET, rules_page, name="rules"),
    path(_DATASET + "compare/", compare_page, name="rules-compare"),
    path(_DATASET + "<int:number>/", revision_page, name="revision"),
    path(_DATASET + "<int:number>/odrl.jsonld", revision_odrl, name="revision-odrl"),
    path(_COMMUNITY, community_rules_page, name="community-rules"),
    path(_COMMUNITY + "compare/", community_compare_page, name="community-rules-compare"),
    path(_COMMUNITY + "<int:number>/", community_revision_page, name="community-revision"),
    path(_COMMUNITY + "<int:number>/odrl.jsonld", community_revision_odrl, name="community-revision-odrl"),
]
