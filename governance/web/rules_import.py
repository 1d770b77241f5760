"""Taking an ODRL policy of somebody else over: what can be said becomes answers, the rest is flagged; nothing holds yet."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods

from governance import policies
from governance.web.access_rules import members
from governance.web.forms import Form, sentence
from governance.web.reach import community_or_404, dataset_or_404
from governance.web.rules import Level, answer

LARGEST = 1_000_000


class ImportForm(Form):
    """A policy as a file, or pasted."""

    document = forms.FileField(
        label=lazy("The policy as a file"),
        help_text=lazy("ODRL 2.2 as JSON-LD or Turtle, or a Croissant file that holds one. At most 1 MB."),
        required=False,
    )
    pasted = forms.CharField(
        label=lazy("Or paste it here"),
        required=False,
        max_length=LARGEST,
        widget=forms.Textarea(attrs={"rows": 8, "dir": "ltr", "spellcheck": "false"}),
    )

    def clean(self) -> dict[str, Any]:
        """One of the two, as text."""
        given = super().clean() or {}
        document = given.get("document")
        if document is not None and document.size > LARGEST:
            raise forms.ValidationError(_("This file is larger than 1 MB. Send the policy alone."))
        try:
            given["text"] = document.read().decode("utf-8") if document else given.get("pasted", "")
        except UnicodeDecodeError as error:
            raise forms.ValidationError(_("This file is no text in UTF-8.")) from error
        if not given["text"].strip():
            raise forms.ValidationError(_("Choose a file, or paste the policy."))
        return given


@members
@require_http_methods(["GET", "HEAD", "POST"])
def import_page(request: HttpRequest, community: str, dataset: str) -> HttpResponse:
    """Read a policy and show what it would be as answers for a dataset."""
    here = dataset_or_404(request, community, dataset)
    return _imported(request, Level(here.community, here))


@members
@require_http_methods(["GET", "HEAD", "POST"])
def community_import_page(request: HttpRequest, community: str) -> HttpResponse:
    """Read a policy and show what it would be as answers for the community."""
    return _imported(request, Level(community_or_404(request, community)))


def _imported(request: HttpRequest, level: Level) -> HttpResponse:
    form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
    if form.is_bound and form.is_valid():
        found = form.attempt(policies.take_over, form.cleaned_data["text"])
        if found is not None:
            return answer(request, level, imported=found.body, flags=[sentence(flag) for flag in found.flags])
    context: dict[str, Any] = {
        "place": "rules" if level.dataset else "community-rules",
        "community": level.community,
        "dataset": level.dataset,
        "level": level,
        "form": form,
    }
    return render(request, "governance/rules_import.html", context, status=422 if form.errors else 200)


urlpatterns: list[URLPattern] = [
    path("datasets/<slug:community>/<slug:dataset>/rules/import/", import_page, name="rules-import"),
    path("communities/<slug:community>/rules/import/", community_import_page, name="community-rules-import"),
]
