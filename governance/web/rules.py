"""The rules page: questions in plain words, what the answers would mean tomorrow, what changed, and every revision."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods, require_safe

from governance import policies
from governance.kernel.errors import Missing
from governance.models import Dataset, PolicyRevision, Proposal
from governance.odrl import policy as answers
from governance.odrl import profile
from governance.odrl.policy import Body, Term
from governance.odrl.purposes import CLOSED, STANDARD
from governance.odrl.words import changes, describe, preview, try_request
from governance.roles import may
from governance.web.access_rules import members
from governance.web.forms import Form
from governance.web.reach import NOT_HERE, dataset_or_404, person_of
from governance.web.rules_words import say, say_all

PAGE = 20


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
        """The fields of the usage terms, one for each plugin."""
        return [self[name] for name in self.fields if name.startswith("term-")]

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


@members
@require_http_methods(["GET", "HEAD", "POST"])
def rules_page(request: HttpRequest, community: str, dataset: str) -> HttpResponse:
    """The rules in force with their meaning; for the desk the questions, a preview of other answers, and the way to change them."""
    here = dataset_or_404(request, community, dataset)
    current = policies.current(here)
    in_force = policies.body_of(current)
    may_write = may(person_of(request), "policy.revise", here.community)
    form = RulesForm(request.POST or None, initial=_initial(in_force, current.number))
    draft = None
    if request.method == "POST" and form.is_valid():
        draft = form.body()
        if request.POST.get("do") == "save":
            given = form.cleaned_data
            saved = form.attempt(
                policies.revise, here, body=draft, by=person_of(request), note=given["why"], over=given["over"]
            )
            if isinstance(saved, Proposal):
                messages.info(
                    request,
                    _("The charter asks for a vote on rules. It is open now; nothing changes until it has passed."),
                )
                return redirect("vote", community=community, vote=saved.public_id)
            if saved is not None:
                said = _("Revision %(number)s is in force, from the next request on.") % {"number": saved.number}
                messages.success(request, said)
                return redirect("rules", community=community, dataset=dataset)
        for reason in answers.validate(draft):
            form.add_error(None, str(reason))
    shown = draft or in_force
    tried = TryForm(request.GET if "purpose" in request.GET else None, initial={"purpose": "speech-recognition"})
    context = _context(here, shown, form, may_write) | {
        "current": current,
        "is_draft": draft is not None and draft != in_force,
        "changes": _changes(in_force, shown),
        "tried": tried,
        "verdict": _tried(tried, in_force),
        "page": Paginator(here.policies.select_related("created_by").order_by("-number"), PAGE).get_page(
            request.GET.get("page")
        ),
    }
    return render(request, "governance/rules.html", context, status=422 if form.errors else 200)


@members
@require_safe
def revision_page(request: HttpRequest, community: str, dataset: str, number: int) -> HttpResponse:
    """One revision for ever: its answers, what it changed, and the same for machines."""
    here = dataset_or_404(request, community, dataset)
    revision = revision_or_404(here, number)
    before = here.policies.filter(number=number - 1).first()
    body = policies.body_of(revision)
    context = _context(here, body, None, False) | {
        "revision": revision,
        "is_current": policies.current(here).pk == revision.pk,
        "answers": [(_(question), say(words)) for question, words in describe(body)],
        "before": before,
        "changes": _changes(policies.body_of(before), body) if before else [],
    }
    context["odrl"] = json.dumps(revision.odrl, indent=2, ensure_ascii=False)
    return render(request, "governance/revision.html", context)


def revision_or_404(dataset: Dataset, number: int) -> PolicyRevision:
    """The revision of that number, or ``Missing``."""
    found = dataset.policies.select_related("created_by").filter(number=number).first()
    if found is None:
        raise Missing("not-found", NOT_HERE)
    return found


def _context(dataset: Dataset, body: Body, form: RulesForm | None, may_write: bool) -> dict[str, Any]:
    now = timezone.now()
    return {
        "place": "rules",
        "community": dataset.community,
        "dataset": dataset,
        "form": form,
        "may_write": may_write,
        "forbidden": ", ".join(_(STANDARD[code].title) for code in body.prohibited if code in STANDARD) or _("nothing"),
        "personas": [Shown(_(p.title), p.verdict, say(p.says), say_all(p.because)) for p in preview(body, at=now)],
        "odrl": json.dumps(
            answers.to_odrl(body, uid=policies.uid_of("preview"), target=policies.urn_of(dataset)),
            indent=2,
            ensure_ascii=False,
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
    }
    return given | {f"term-{t.code}": True if t.value is None else t.value for t in body.terms}


def _changes(old: Body, new: Body) -> list[dict[str, str]]:
    return [
        {"question": _(c.question), "before": say(c.before), "after": say(c.after), "direction": c.direction}
        for c in changes(old, new)
    ]


def _tried(form: TryForm, body: Body) -> dict[str, object] | None:
    if not form.is_bound or not form.is_valid():
        return None
    given = form.cleaned_data
    at = datetime.combine(given["day"], time(12), tzinfo=UTC) if given["day"] else timezone.now()
    against = try_request(body, kind=given["kind"], purpose=given["purpose"], commercial=given["money"] == "yes", at=at)
    return {"is_yes": not against, "reasons": say_all(against)}


urlpatterns: list[URLPattern] = [
    path("datasets/<slug:community>/<slug:dataset>/rules/", rules_page, name="rules"),
    path("datasets/<slug:community>/<slug:dataset>/rules/<int:number>/", revision_page, name="revision"),
]
