"""Asking for access, from the public page of a dataset, without an account."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from curation.web.public import seen
from governance import asking, policies
from governance.asking import Asked, Precheck
from governance.kernel.errors import Unavailable
from governance.models import Dataset
from governance.odrl import profile
from governance.odrl.duo_terms import NAMES
from governance.odrl.purposes import CLOSED, STANDARD
from governance.web.access_rules import public
from governance.web.asked import remember
from governance.web.forms import Form
from governance.web.signin import address_of


class AskForm(Form):
    """Who asks, for what, how long and where."""

    MENDS = (*Form.MENDS, Unavailable)
    organisation = forms.CharField(
        label=lazy("Organisation"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "organization", "dir": "auto"}),
    )
    kind = forms.ChoiceField(label=lazy("What it is"))
    contact = forms.CharField(
        label=lazy("Who asks"),
        help_text=lazy("Your name and what you do there."),
        max_length=255,
        widget=forms.TextInput(attrs={"autocomplete": "name", "dir": "auto"}),
    )
    email = forms.EmailField(
        label=lazy("E-mail"),
        help_text=lazy("For notices when something is taken back. You read the answer with your code."),
        required=False,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    institution = forms.CharField(
        label=lazy("Institution, if it is part of one"),
        max_length=255,
        required=False,
        widget=forms.TextInput(attrs={"dir": "auto"}),
    )
    project = forms.CharField(label=lazy("Its name"), max_length=255, widget=forms.TextInput(attrs={"dir": "auto"}))
    words = forms.CharField(
        label=lazy("What will you do, and who gains from it?"),
        help_text=lazy("As you would tell it to an elder who gave a story. Two or three sentences."),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4, "dir": "auto"}),
    )
    purpose = forms.ChoiceField(
        label=lazy("Choose the one purpose that fits best"),
        help_text=lazy("One agreement is for one purpose; for a second, ask again."),
    )
    is_commercial = forms.TypedChoiceField(
        label=lazy("Will money be earned with it?"),
        choices=(
            ("no", lazy("No: no price, no adverts, no part of something sold")),
            ("yes", lazy("Yes, or it may be")),
        ),
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
        initial="no",
    )
    months = forms.IntegerField(
        label=lazy("For how many months"), min_value=1, max_value=asking.LONGEST_MONTHS, initial=12
    )
    place = forms.CharField(
        label=lazy("Where the data will lie"),
        help_text=lazy("A country code of two letters, such as NZ."),
        max_length=6,
        required=False,
    )
    users = forms.CharField(
        label=lazy("Who will touch it"),
        help_text=lazy("Names, one a line."),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )
    duo = forms.MultipleChoiceField(
        label=lazy("In DUO’s terms, if you work with them"), required=False, widget=forms.CheckboxSelectMultiple
    )
    public_key = forms.CharField(
        label=lazy("Your public key"),
        help_text=lazy("Ed25519, in PEM form. You need one to sign; you may send it later."),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3, "class": "mono", "spellcheck": "false", "autocomplete": "off"}),
    )
    webhook_url = forms.URLField(
        label=lazy("Address for notices by machine"), required=False, assume_scheme="https", max_length=500
    )

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [("", _("Choose")), *((k, _(t)) for k, t in profile.ORGANISATIONS.items())]  # type: ignore[attr-defined]  # a ChoiceField
        leaves = [(code, _(STANDARD[code].title)) for code in STANDARD.leaves if code not in CLOSED]
        self.fields["purpose"].choices = [("", _("Choose")), *leaves]  # type: ignore[attr-defined]
        self.fields["duo"].choices = [(n.shorthand, f"{n.shorthand}: {n.label}") for n in NAMES.values()]  # type: ignore[attr-defined]

    def asked(self) -> Asked:
        """The request as it was written."""
        given = dict(self.cleaned_data)
        users = tuple(line.strip() for line in given.pop("users").splitlines() if line.strip())
        duo = tuple(given.pop("duo"))
        return Asked(users=users, duo=duo, language=get_language() or "", **given)


@public
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def ask_page(request: HttpRequest, community: str, dataset: str) -> HttpResponse:
    """The form; with what the rules say of it, and after sending the code."""
    found = seen(request, community, dataset)
    form = AskForm(request.POST or None)
    checked: Precheck | None = None
    if form.is_valid():
        asked = form.asked()
        checked = asking.precheck(found, asked)
        if request.POST.get("do") == "send":
            made = form.attempt(asking.ask, found, asked, address=address_of(request))
            if made is not None:
                remember(request, made[0])
                return render(request, "curation/asked_done.html", _frame(found) | {"row": made[0], "code": made[1]})
    status = 429 if isinstance(form.refusal, Unavailable) else 422 if form.errors else 200
    context = _frame(found) | {"form": form, "checked": checked, "before": _before(checked)}
    return render(request, "curation/ask.html", context, status=status)


def _frame(dataset: Dataset) -> dict[str, Any]:
    return {
        "community": dataset.community,
        "dataset": dataset,
        "place": "ask",
        "revision": policies.current(dataset),
    }


def _before(checked: Precheck | None) -> list[str]:
    return [_(profile.DUTIES.get(action, action)) for action in checked.before] if checked else []


urlpatterns: list[URLPattern] = [
    path("datasets/<slug:community>/<slug:dataset>/ask/", ask_page, name="ask"),
]
