"""The datasets of a community: what there is, and how another one begins. As a page and as JSON."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from governance import datasets, roles
from governance.models import Community, Dataset, Sample
from governance.web.access_rules import members
from governance.web.forms import Form
from governance.web.reach import community_or_404, person_of

KINDS = (
    ("text", lazy("Words: stories, sentences, messages")),
    ("audio", lazy("Sound: recordings")),
    ("image", lazy("Pictures")),
)


class DatasetForm(Form):
    """What a dataset is called, what it holds, in which language."""

    name = forms.CharField(label=lazy("Its name"), max_length=120, widget=forms.TextInput({"dir": "auto"}))
    slug = forms.CharField(
        label=lazy("Its short name"),
        help_text=lazy(
            "Small letters, digits and hyphens, like river-words. It stands in addresses and never changes."
        ),
        max_length=64,
        widget=forms.TextInput({"autocapitalize": "none", "spellcheck": "false"}),
    )
    modality = forms.ChoiceField(label=lazy("What it holds"), choices=KINDS, widget=forms.RadioSelect, initial="text")
    language = forms.CharField(
        label=lazy("The tag of its language"),
        help_text=lazy("For example ha, pcm or qaa-x-marren. Leave it empty when there are several."),
        max_length=35,
        required=False,
        widget=forms.TextInput({"autocapitalize": "none", "spellcheck": "false"}),
    )
    description = forms.CharField(
        label=lazy("What it is, in a sentence or two"),
        max_length=1000,
        required=False,
        widget=forms.Textarea({"rows": 3, "dir": "auto"}),
    )


@members
@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest, community: str) -> HttpResponse:
    """List the datasets; stewards and keepers register another."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    me = person_of(request)
    form = DatasetForm(request.POST or None) if roles.may(me, "dataset.register", here) else None
    if request.method == "POST":
        roles.require(me, "dataset.register", here)
        if form is not None and form.is_valid():
            made = form.attempt(datasets.register, here, by=me, **form.cleaned_data)
            if made is not None:
                messages.success(request, _("Registered. Nobody may use it for anything until you say so under Rules."))
                return redirect("imports", community=here.slug, dataset=made.slug)
    seen = Q(samples__in=Sample.objects.visible_to(me))
    found = Dataset.objects.visible_to(me).filter(community=here).annotate(n=Count("samples", filter=seen))
    context = {"place": "desk", "form": form, "datasets": found.order_by("name", "pk")}
    return render(request, "governance/datasets.html", context)


class DatasetSerializer(serializers.ModelSerializer[Dataset]):
    """A dataset as its members see it."""

    class Meta:
        model = Dataset
        fields = ("public_id", "slug", "name", "description", "modality", "language", "text_column", "created_at")
        read_only_fields = ("public_id", "created_at")
        # The constraint is the operation's to explain.
        validators: tuple[()] = ()


class Datasets(GenericAPIView[Dataset]):
    """The datasets of a community."""

    serializer_class = DatasetSerializer
    queryset = Dataset.objects.none()

    def get(self, request: Request, **kwargs: Any) -> Response:
        """List them by name."""
        here = community_or_404(request, kwargs["community"])
        found = Dataset.objects.visible_to(person_of(request)).filter(community=here).order_by("name", "pk")
        return self.get_paginated_response(DatasetSerializer(self.paginate_queryset(found), many=True).data)

    @extend_schema(responses={201: DatasetSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Register one; its first rules allow nothing."""
        here = community_or_404(request, kwargs["community"])
        roles.require(person_of(request), "dataset.register", here)
        asked = DatasetSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made = datasets.register(here, by=person_of(request), **asked.validated_data)
        return Response(DatasetSerializer(made).data, status=201)


urlpatterns: list[URLPattern] = [
    path("communities/<slug:community>/datasets/", page, name="datasets"),
    path("api/v1/communities/<slug:community>/datasets/", members(Datasets.as_view()), name="api-datasets"),
]
