"""Versions, check runs and findings for machines: JSON twins of the pages, over the same operations."""

from typing import Any

from django.urls import URLPattern, path
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from curation import checking, versions
from curation.models import CheckRun, Finding, Override, Version
from curation.web.reach import finding_or_404, run_or_404, shown_to, version_or_404
from governance.models import Ballot
from governance.web.access_rules import programs
from governance.web.reach import dataset_or_404, person_of


class ConditionSerializer(serializers.Serializer[versions.Condition]):
    """One thing that must be true; ``met`` is null while it waits."""

    code = serializers.CharField()
    met = serializers.BooleanField(allow_null=True)
    sentence = serializers.CharField()
    why = serializers.CharField(allow_blank=True)


class VersionSerializer(serializers.ModelSerializer[Version]):
    """A version as it stands."""

    id = serializers.CharField(source="public_id", read_only=True)
    dataset = serializers.CharField(source="dataset.path", read_only=True)
    proposed_by = serializers.CharField(source="proposed_by.display_name", read_only=True)

    class Meta:
        model = Version
        fields = [
            "id", "dataset", "number", "tag", "status", "purposes", "labels", "members_root", "recipe_digest", "split_digest",
            "counts", "left_out", "proposed_by", "proposed_at", "frozen_at", "approved_at", "published_at", "commit", "note",
        ]  # fmt: skip
        read_only_fields = fields


class VersionDetailSerializer(VersionSerializer):
    """A version with everything that it waits for."""

    conditions = serializers.SerializerMethodField()

    class Meta(VersionSerializer.Meta):
        fields = [*VersionSerializer.Meta.fields, "conditions"]
        read_only_fields = fields

    @extend_schema_field(ConditionSerializer(many=True))
    def get_conditions(self, version: Version) -> list[dict[str, Any]]:
        """List the conditions while it is being decided, else none."""
        found = versions.conditions(version) if version.status in versions.OPEN else []
        return [dict(ConditionSerializer(one).data) for one in found]


class ProposeSerializer(serializers.Serializer[Version]):
    """What to propose; without purposes, what the rules allow."""

    campaign = serializers.CharField()
    purposes = serializers.ListField(child=serializers.CharField(), required=False, allow_null=True, default=None)
    note = serializers.CharField(required=False, allow_blank=True, default="")


class BallotInSerializer(serializers.Serializer[Ballot]):
    """An answer to a version; a reason is needed with anything but yes."""

    choice = serializers.ChoiceField(choices=Ballot.Choice.choices)
    reason = serializers.CharField(required=False, allow_blank=True, default="")


class FindingSerializer(serializers.ModelSerializer[Finding]):
    """What one check said."""

    id = serializers.CharField(source="public_id", read_only=True)
    runtime_s = serializers.FloatField(source="seconds", read_only=True)

    class Meta:
        model = Finding
        fields = [
            "id", "check_id", "check_version", "params_hash", "status", "score", "metric", "threshold", "n_checked", "n_failed",
            "scope", "evidence", "evidence_total", "suggested_fix", "reason", "runtime_s", "is_carried",
        ]  # fmt: skip
        read_only_fields = fields


class CheckRunSerializer(serializers.ModelSerializer[CheckRun]):
    """A check run and how far it is."""

    id = serializers.CharField(source="public_id", read_only=True)
    version = serializers.IntegerField(source="version.number", read_only=True, allow_null=True, default=None)

    class Meta:
        model = CheckRun
        fields = [
            "id",
            "version",
            "status",
            "done",
            "total",
            "message",
            "members_root",
            "inputs_digest",
            "queued_at",
            "finished_at",
        ]
        read_only_fields = fields


class CheckRunDetailSerializer(CheckRunSerializer):
    """A check run with its findings so far; the evidence stands with each finding."""

    findings = serializers.SerializerMethodField()

    class Meta(CheckRunSerializer.Meta):
        fields = [*CheckRunSerializer.Meta.fields, "findings"]
        read_only_fields = fields

    @extend_schema_field(FindingSerializer(many=True))
    def get_findings(self, run: CheckRun) -> list[dict[str, Any]]:
        """List the findings without their evidence."""
        rows = FindingSerializer(run.findings.order_by("pk"), many=True).data
        return [{**row, "evidence": []} for row in rows]


class OverrideInSerializer(serializers.Serializer[Override]):
    """Why a finding may stand."""

    reason = serializers.CharField(allow_blank=True)


class OverrideSerializer(serializers.ModelSerializer[Override]):
    """A finding that somebody let stand."""

    finding = serializers.CharField(source="finding.public_id", read_only=True)
    by = serializers.CharField(source="by.display_name", read_only=True)

    class Meta:
        model = Override
        fields = ["finding", "check_id", "members_root", "by", "reason", "at"]
        read_only_fields = fields


def _given(serializer: type[Any], request: Request) -> dict[str, Any]:
    reader = serializer(data=request.data)
    reader.is_valid(raise_exception=True)
    values: dict[str, Any] = reader.validated_data
    return values


class VersionList(GenericAPIView[Version]):
    """The versions of a dataset."""

    serializer_class = VersionSerializer
    queryset = Version.objects.none()

    @extend_schema(operation_id="versions_list", responses=VersionSerializer(many=True))
    def get(self, request: Request, community: str, dataset: str) -> Response:
        """List them, the newest first."""
        here = dataset_or_404(request, community, dataset)
        rows = here.versions.select_related("dataset__community", "proposed_by").order_by("-number")
        return self.get_paginated_response(VersionSerializer(self.paginate_queryset(rows), many=True).data)

    @extend_schema(operation_id="versions_propose", request=ProposeSerializer, responses={202: VersionSerializer})
    def post(self, request: Request, community: str, dataset: str) -> Response:
        """Propose the next one; freezing and checks are jobs."""
        here, given = dataset_or_404(request, community, dataset), _given(ProposeSerializer, request)
        given["campaign"] = here.campaigns.filter(public_id=given["campaign"]).first()
        made = versions.propose(here, by=person_of(request), **given)
        return Response(VersionSerializer(made).data, status=status.HTTP_202_ACCEPTED)


class VersionDetail(APIView):
    """One version."""

    @extend_schema(responses=VersionDetailSerializer)
    def get(self, request: Request, version: str) -> Response:
        """Say how it stands and what it waits for."""
        return Response(VersionDetailSerializer(version_or_404(request, version)).data)


class VersionBallots(APIView):
    """The vote on a version."""

    @extend_schema(request=BallotInSerializer, responses={201: VersionDetailSerializer})
    def post(self, request: Request, version: str) -> Response:
        """Answer; the newest answer of a person counts."""
        found = version_or_404(request, version)
        versions.approve(found, by=person_of(request), **_given(BallotInSerializer, request))
        return Response(VersionDetailSerializer(found).data, status=status.HTTP_201_CREATED)


class VersionCheckRuns(APIView):
    """The check runs of a version."""

    @extend_schema(operation_id="version_check_runs_start", request=None, responses={202: CheckRunSerializer})
    def post(self, request: Request, version: str) -> Response:
        """Check it again; unchanged inputs are carried over."""
        found = version_or_404(request, version)
        run = checking.start(found.dataset, by=person_of(request), version=found)
        return Response(CheckRunSerializer(run).data, status=status.HTTP_202_ACCEPTED)


class VersionSettlement(APIView):
    """The gate of a version."""

    @extend_schema(request=None, responses=VersionDetailSerializer)
    def post(self, request: Request, version: str) -> Response:
        """Look once more whether everything is true now."""
        return Response(VersionDetailSerializer(versions.settle(version_or_404(request, version))).data)


class VersionRetraction(APIView):
    """The end of a proposal by its proposer."""

    @extend_schema(request=None, responses=VersionSerializer)
    def post(self, request: Request, version: str) -> Response:
        """Take it back."""
        found = versions.retract(version_or_404(request, version), by=person_of(request))
        return Response(VersionSerializer(found).data)


class VersionResumption(APIView):
    """The machine's work on a version that stopped."""

    @extend_schema(request=None, responses={202: VersionSerializer})
    def post(self, request: Request, version: str) -> Response:
        """Start it again."""
        found = versions.resume(version_or_404(request, version), by=person_of(request))
        return Response(VersionSerializer(found).data, status=status.HTTP_202_ACCEPTED)


class CheckRunList(GenericAPIView[CheckRun]):
    """The check runs of a dataset as it stands."""

    serializer_class = CheckRunSerializer
    queryset = CheckRun.objects.none()

    @extend_schema(operation_id="check_runs_list", responses=CheckRunSerializer(many=True))
    def get(self, request: Request, community: str, dataset: str) -> Response:
        """List them, the newest first."""
        rows = checking.runs(dataset_or_404(request, community, dataset)).select_related("version")
        return self.get_paginated_response(CheckRunSerializer(self.paginate_queryset(rows), many=True).data)

    @extend_schema(operation_id="check_runs_start", request=None, responses={202: CheckRunSerializer})
    def post(self, request: Request, community: str, dataset: str) -> Response:
        """Queue a run."""
        run = checking.start(dataset_or_404(request, community, dataset), by=person_of(request))
        return Response(CheckRunSerializer(run).data, status=status.HTTP_202_ACCEPTED)


class CheckRunDetail(APIView):
    """One check run."""

    @extend_schema(responses=CheckRunDetailSerializer)
    def get(self, request: Request, run: str) -> Response:
        """Say how far it is and what it found."""
        return Response(CheckRunDetailSerializer(run_or_404(request, run)).data)


class FindingDetail(APIView):
    """One finding."""

    @extend_schema(responses=FindingSerializer)
    def get(self, request: Request, finding: str) -> Response:
        """Show it with its evidence: ids and reasons."""
        found = shown_to(finding_or_404(request, finding), person_of(request))
        return Response(FindingSerializer(found).data)


class FindingOverride(APIView):
    """A named person's answer to a finding."""

    @extend_schema(request=OverrideInSerializer, responses={201: OverrideSerializer})
    def post(self, request: Request, finding: str) -> Response:
        """Let it stand, with a reason that everyone who pulls the version reads."""
        made = versions.override(
            finding_or_404(request, finding), by=person_of(request), **_given(OverrideInSerializer, request)
        )
        return Response(OverrideSerializer(made).data, status=status.HTTP_201_CREATED)


_DATASET = "api/v1/datasets/<slug:community>/<slug:dataset>/"
urlpatterns: list[URLPattern] = [
    path(_DATASET + "versions/", programs(VersionList), name="api-versions"),
    path(_DATASET + "check-runs/", programs(CheckRunList), name="api-check-runs"),
    path("api/v1/versions/<str:version>/", programs(VersionDetail), name="api-version"),
    path("api/v1/versions/<str:version>/ballots/", programs(VersionBallots), name="api-version-ballots"),
    path("api/v1/versions/<str:version>/check-runs/", programs(VersionCheckRuns), name="api-version-check-runs"),
    path("api/v1/versions/<str:version>/settlement/", programs(VersionSettlement), name="api-version-settlement"),
    path("api/v1/versions/<str:version>/resumption/", programs(VersionResumption), name="api-version-resumption"),
    path("api/v1/versions/<str:version>/retraction/", programs(VersionRetraction), name="api-version-retraction"),
    path("api/v1/check-runs/<str:run>/", programs(CheckRunDetail), name="api-check-run"),
    path("api/v1/findings/<str:finding>/", programs(FindingDetail), name="api-finding"),
    path("api/v1/findings/<str:finding>/override/", programs(FindingOverride), name="api-finding-override"),
]
