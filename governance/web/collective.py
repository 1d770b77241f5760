"""Collective decisions: what the community said together about a dataset, signed, and how to ask it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.views.decorators.http import require_http_methods, require_safe
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import collective, roles, signing
from governance.kernel.errors import Missing
from governance.models import CollectiveDecision, Community, Dataset
from governance.odrl.purposes import STANDARD
from governance.web.access_rules import members, programs
from governance.web.forms import Form
from governance.web.reach import NOT_HERE, community_or_404, person_of
from governance.web.rules import purpose_choices

PAGE = 20


class CollectiveForm(Form):
    """A question to the community about one dataset."""

    dataset = forms.ChoiceField(label=lazy("Which dataset"))
    answer = forms.ChoiceField(
        label=lazy("What is proposed"),
        choices=[("yes", lazy("Yes: it may be used for this")), ("no", lazy("No: it may not, or no longer"))],
    )
    purposes = forms.MultipleChoiceField(
        label=lazy("For what"),
        help_text=lazy("A yes covers everything narrower. A no stops everything broader too."),
        widget=forms.CheckboxSelectMultiple,
    )
    valid_days = forms.IntegerField(
        label=lazy("For how many days (empty: until decided otherwise)"),
        required=False,
        min_value=1,
        max_value=collective.LONGEST_DAYS,
    )
    minutes = forms.CharField(
        label=lazy("Where the talk about it is written down"),
        help_text=lazy("For example: meeting of 3 November, page 12."),
        required=False,
        max_length=255,
    )

    def __init__(self, *args: object, community: Community, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        held = community.datasets.order_by("name", "pk").values_list("public_id", "name")
        self.fields["dataset"].choices = list(held)  # type: ignore[attr-defined]  # a choice field
        self.fields["purposes"].choices = purpose_choices(sorted(STANDARD.terms))  # type: ignore[attr-defined]  # a choice field


@members
@require_http_methods(["GET", "HEAD", "POST"])
def decisions_page(request: HttpRequest, community: str) -> HttpResponse:
    """Every decision, newest first; keepers and stewards ask the next."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    me = person_of(request)
    form = CollectiveForm(request.POST or None, community=here)
    may_ask = roles.may(me, "proposal.open", here)
    if request.method == "POST" and form.is_valid():
        given = dict(form.cleaned_data)
        dataset = here.datasets.get(public_id=given.pop("dataset"))
        opened = form.attempt(collective.propose, dataset, by=me, **given)
        if opened is not None:
            messages.info(request, _("The vote is open. The decision is signed when it ends."))
            return redirect("vote", community=here.slug, vote=opened.public_id)
    context = {
        "place": "votes",
        "form": form,
        "may_ask": may_ask,
        "page": Paginator(_rows(here), PAGE).get_page(request.GET.get("page")),
    }
    return render(request, "governance/collective.html", context, status=422 if form.errors else 200)


@members
@require_safe
def decision_page(request: HttpRequest, community: str, decision: str) -> HttpResponse:
    """One decision as it was signed, and how anybody can check it."""
    row = decision_or_404(request.community, decision)  # type: ignore[attr-defined]  # set by @members
    context = {
        "place": "votes",
        "row": row,
        "purposes": [_(STANDARD[one].title) if one in STANDARD else one for one in row.purposes],
        "keys": list(signing.public_keys().values()),
    }
    return render(request, "governance/collective_decision.html", context)


def decision_or_404(community: Community, public_id: str) -> CollectiveDecision:
    """A decision of the community, or ``Missing``."""
    row = _rows(community).filter(public_id=public_id).first()
    if row is None:
        raise Missing("not-found", NOT_HERE)
    return row


def _rows(community: Community) -> QuerySet[CollectiveDecision]:
    rows = CollectiveDecision.objects.filter(community=community).select_related("dataset", "proposal", "community")
    return rows.order_by("-decided_at", "-pk")


class CollectiveDecisionSerializer(serializers.ModelSerializer[CollectiveDecision]):
    """A decision; ``token`` is the whole of it, signed (JWS, ``typ: collective+jwt``)."""

    id = serializers.CharField(source="public_id", read_only=True)
    dataset = serializers.CharField(source="dataset.path", read_only=True)
    proposal = serializers.CharField(source="proposal.public_id", read_only=True)

    class Meta:
        model = CollectiveDecision
        fields = [
            "id", "dataset", "purposes", "protocols", "outcome", "minutes", "valid_until", "decided_at", "proposal", "token",
        ]  # fmt: skip
        read_only_fields = fields


class QuestionSerializer(serializers.Serializer[Any]):
    """A question to the community about one dataset (its slug)."""

    dataset = serializers.CharField()
    purposes = serializers.ListField(child=serializers.CharField())
    answer = serializers.ChoiceField(choices=collective.ANSWERS, default="yes")
    protocols = serializers.ListField(child=serializers.CharField(), required=False, default=list)
    valid_days = serializers.IntegerField(required=False, allow_null=True, default=None)
    minutes = serializers.CharField(required=False, allow_blank=True, default="")


class OpenedSerializer(serializers.Serializer[Any]):
    """The vote that was opened."""

    proposal = serializers.CharField()


class CollectiveDecisions(GenericAPIView[CollectiveDecision]):
    """What the community decided together about its datasets."""

    serializer_class = CollectiveDecisionSerializer
    queryset = CollectiveDecision.objects.none()

    @extend_schema(operation_id="collective_decisions_list", responses=CollectiveDecisionSerializer(many=True))
    def get(self, request: Request, community: str) -> Response:
        """List them, newest first."""
        rows = _rows(community_or_404(request, community))
        return self.get_paginated_response(CollectiveDecisionSerializer(self.paginate_queryset(rows), many=True).data)

    @extend_schema(
        operation_id="collective_decisions_propose", request=QuestionSerializer, responses={202: OpenedSerializer}
    )
    def post(self, request: Request, community: str) -> Response:
        """Open a vote; the decision is signed when it ends."""
        here = community_or_404(request, community)
        reader = QuestionSerializer(data=request.data)
        reader.is_valid(raise_exception=True)
        given = dict(reader.validated_data)
        dataset = Dataset.objects.filter(community=here, slug=given.pop("dataset")).first()
        if dataset is None:
            raise Missing("not-found", NOT_HERE)
        opened = collective.propose(dataset, by=person_of(request), **given)
        return Response({"proposal": opened.public_id}, status=status.HTTP_202_ACCEPTED)


class CollectiveDecisionDetail(APIView):
    """One decision."""

    @extend_schema(operation_id="collective_decisions_retrieve", responses=CollectiveDecisionSerializer)
    def get(self, request: Request, community: str, decision: str) -> Response:
        """Read it."""
        return Response(
            CollectiveDecisionSerializer(decision_or_404(community_or_404(request, community), decision)).data
        )


_HERE = "api/v1/communities/<slug:community>/"
urlpatterns: list[URLPattern] = [
    path("communities/<slug:community>/decided-together/", decisions_page, name="collective-decisions"),
    path("communities/<slug:community>/decided-together/<str:decision>/", decision_page, name="collective-decision"),
    path(_HERE + "collective-decisions/", programs(CollectiveDecisions), name="api-collective-decisions"),
    path(
        _HERE + "collective-decisions/<str:decision>/",
        programs(CollectiveDecisionDetail),
        name="api-collective-decision",
    ),
]
