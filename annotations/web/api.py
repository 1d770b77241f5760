"""The same work for machines: JSON twins of the pages, over the same operations."""

from collections.abc import Callable
from typing import Any

from django.urls import URLPattern, path
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from annotations import campaigns, flags, leases, reviews, submissions
from annotations.models import Campaign, Flag
from annotations.web.reach import annotation_or_404, campaign_or_404, flag_or_404, lease_or_404, sample_or_404
from annotations.web.serializers import (
    AnnotationSerializer,
    AnswerSerializer,
    CampaignSerializer,
    ClaimSerializer,
    DraftSerializer,
    FlagInSerializer,
    FlagSerializer,
    LeaseSerializer,
    ResolutionSerializer,
    ReviewSerializer,
    SkipSerializer,
    StateSerializer,
    VerdictSerializer,
)
from governance import roles
from governance.kernel.errors import NotAllowed
from governance.kernel.words import _
from governance.models import Sample
from governance.web.access_rules import programs
from governance.web.reach import dataset_or_404, person_of


def _given(serializer: type[Any], request: Request) -> dict[str, Any]:
    """What was sent, read by ``serializer``; raises DRF's ``ValidationError``, which the edge renders."""
    reader = serializer(data=request.data)
    reader.is_valid(raise_exception=True)
    values: dict[str, Any] = reader.validated_data
    return values


class CampaignList(GenericAPIView[Campaign]):
    """The campaigns of a dataset."""

    serializer_class = CampaignSerializer
    queryset = Campaign.objects.none()

    @extend_schema(operation_id="campaigns_list", responses=CampaignSerializer(many=True))
    def get(self, request: Request, community: str, dataset: str) -> Response:
        """List them, the newest first."""
        here = dataset_or_404(request, community, dataset)
        rows = here.campaigns.select_related("dataset__community").order_by("-pk")
        return self.get_paginated_response(CampaignSerializer(self.paginate_queryset(rows), many=True).data)

    @extend_schema(operation_id="campaigns_create", request=DraftSerializer, responses={201: CampaignSerializer})
    def post(self, request: Request, community: str, dataset: str) -> Response:
        """Prepare one."""
        here = dataset_or_404(request, community, dataset)
        made = campaigns.create(here, by=person_of(request), **_given(DraftSerializer, request))
        return Response(CampaignSerializer(made).data, status=status.HTTP_201_CREATED)


class CampaignDetail(APIView):
    """One campaign."""

    @extend_schema(responses=CampaignSerializer)
    def get(self, request: Request, campaign: str) -> Response:
        """Say how it stands."""
        return Response(CampaignSerializer(campaign_or_404(request, campaign)).data)


class CampaignState(APIView):
    """Where a campaign stands; opening is a job, so its state follows."""

    @extend_schema(request=StateSerializer, responses={202: CampaignSerializer})
    def put(self, request: Request, campaign: str) -> Response:
        """Open, pause or close it."""
        found, wanted = campaign_or_404(request, campaign), _given(StateSerializer, request)["state"]
        verbs: dict[str, Callable[..., object]] = {
            "open": campaigns.open,
            "paused": campaigns.pause,
            "closed": campaigns.close,
        }
        verbs[wanted](found, by=person_of(request))
        found.refresh_from_db()
        return Response(CampaignSerializer(found).data, status=status.HTTP_202_ACCEPTED)


class CampaignLeases(APIView):
    """The queue of a campaign, seen from one person."""

    @extend_schema(request=None, responses=ClaimSerializer)
    def post(self, request: Request, campaign: str) -> Response:
        """Claim the next task, or get back the one in hand; ``lease`` is null and ``why`` says so when there is none."""
        found, me = campaign_or_404(request, campaign), person_of(request)
        lease = leases.claim(found, by=me)
        why = "" if lease else leases.why_empty(found, me)
        return Response({"lease": LeaseSerializer(lease).data if lease else None, "why": why})


class LeaseHeartbeat(APIView):
    """A sign of life."""

    @extend_schema(request=None, responses=LeaseSerializer)
    def post(self, request: Request, lease: str) -> Response:
        """Prolong a lease."""
        found = leases.heartbeat(lease_or_404(request, lease), by=person_of(request))
        return Response(LeaseSerializer(found).data)


class LeaseAnnotation(APIView):
    """The answer to a lease."""

    @extend_schema(request=AnswerSerializer, responses={201: AnnotationSerializer})
    def post(self, request: Request, lease: str) -> Response:
        """Keep the answer; the same ``client_id`` returns the first one."""
        values = _given(AnswerSerializer, request)
        raised = submissions.Raised(**values.pop("flag")) if values.get("flag") else None
        values.pop("flag", None)
        made = submissions.submit(lease_or_404(request, lease), by=person_of(request), flag=raised, **values)
        return Response(AnnotationSerializer(made).data, status=status.HTTP_201_CREATED)


class LeaseSkip(APIView):
    """A task given back."""

    @extend_schema(request=SkipSerializer, responses=LeaseSerializer)
    def post(self, request: Request, lease: str) -> Response:
        """Skip it, with a reason."""
        reason = _given(SkipSerializer, request)["reason"]
        found = submissions.skip(lease_or_404(request, lease), by=person_of(request), reason=reason)
        return Response(LeaseSerializer(found).data)


class AnnotationDetail(APIView):
    """One's own answer."""

    @extend_schema(responses={200: LeaseSerializer})
    def delete(self, request: Request, annotation: str) -> Response:
        """Undo it; the lease that is open again comes back."""
        lease = submissions.undo(annotation_or_404(request, annotation), by=person_of(request))
        return Response(LeaseSerializer(lease).data if lease else None)


class AnnotationReview(APIView):
    """A second pair of eyes."""

    @extend_schema(request=VerdictSerializer, responses={201: ReviewSerializer})
    def post(self, request: Request, annotation: str) -> Response:
        """Accept an answer, or reject it with a reason."""
        values = _given(VerdictSerializer, request)
        made = reviews.decide(annotation_or_404(request, annotation), by=person_of(request), **values)
        return Response(ReviewSerializer(made).data, status=status.HTTP_201_CREATED)


class DatasetFlags(GenericAPIView[Flag]):
    """The flags of a dataset, for who answers them."""

    serializer_class = FlagSerializer
    queryset = Flag.objects.none()

    @extend_schema(operation_id="flags_list", responses=FlagSerializer(many=True))
    def get(self, request: Request, community: str, dataset: str) -> Response:
        """List them, open ones first."""
        here, me = dataset_or_404(request, community, dataset), person_of(request)
        if not roles.may(me, "flag.resolve", here.community):
            raise NotAllowed("role-missing", _("Flags are answered by keepers and stewards."))
        rows = Flag.objects.filter(sample__in=Sample.objects.visible_to(me).filter(dataset=here))
        found = self.paginate_queryset(rows.select_related("sample").order_by("-status", "pk"))
        return self.get_paginated_response(FlagSerializer(found, many=True).data)


class SampleFlags(APIView):
    """Something is wrong with a sample."""

    @extend_schema(request=FlagInSerializer, responses={201: FlagSerializer})
    def post(self, request: Request, community: str, dataset: str, sample: str) -> Response:
        """Raise a flag; an authority's flag rests the sample at once."""
        found = sample_or_404(request, dataset_or_404(request, community, dataset), sample)
        made = flags.raise_flag(found, by=person_of(request), **_given(FlagInSerializer, request))
        return Response(FlagSerializer(made).data, status=status.HTTP_201_CREATED)


class FlagResolution(APIView):
    """The answer to a flag."""

    @extend_schema(request=ResolutionSerializer, responses={201: FlagSerializer})
    def post(self, request: Request, flag: str) -> Response:
        """Uphold or dismiss it."""
        found = flags.resolve(
            flag_or_404(request, flag), by=person_of(request), **_given(ResolutionSerializer, request)
        )
        return Response(FlagSerializer(found).data, status=status.HTTP_201_CREATED)


_DATASET = "api/v1/datasets/<slug:community>/<slug:dataset>/"
urlpatterns: list[URLPattern] = [
    path(_DATASET + "campaigns/", programs(CampaignList), name="api-campaigns"),
    path(_DATASET + "flags/", programs(DatasetFlags), name="api-flags"),
    path(_DATASET + "samples/<str:sample>/flags/", programs(SampleFlags), name="api-sample-flags"),
    path("api/v1/campaigns/<str:campaign>/", programs(CampaignDetail), name="api-campaign"),
    path("api/v1/campaigns/<str:campaign>/state/", programs(CampaignState), name="api-campaign-state"),
    path("api/v1/campaigns/<str:campaign>/leases/", programs(CampaignLeases), name="api-campaign-leases"),
    path("api/v1/leases/<str:lease>/heartbeat/", programs(LeaseHeartbeat), name="api-lease-heartbeat"),
    path("api/v1/leases/<str:lease>/annotation/", programs(LeaseAnnotation), name="api-lease-annotation"),
    path("api/v1/leases/<str:lease>/skip/", programs(LeaseSkip), name="api-lease-skip"),
    path("api/v1/annotations/<str:annotation>/", programs(AnnotationDetail), name="api-annotation"),
    path("api/v1/annotations/<str:annotation>/review/", programs(AnnotationReview), name="api-annotation-review"),
    path("api/v1/flags/<str:flag>/resolution/", programs(FlagResolution), name="api-flag-resolution"),
]
