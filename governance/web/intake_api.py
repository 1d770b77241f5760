"""JSON for imports, samples, contributors and consents: the same operations as the pages, under ``/api/v1/``."""

from pathlib import Path
from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from governance import consents, contributors, look, protocols, roles, samples
from governance.formats import FORMATS
from governance.kernel.errors import Invalid, Missing
from governance.kernel.words import _
from governance.models import Community, ConsentEvent, Contributor, Dataset, Import, Person, Sample
from governance.odrl.purposes import STANDARD
from governance.web.access_rules import members
from governance.web.intake_consents import contributor_or_404
from governance.web.intake_samples import sample_or_404
from governance.web.reach import NOT_HERE, dataset_or_404, person_of


class SampleSerializer(serializers.ModelSerializer[Sample]):
    """A sample as a member may see it."""

    media = serializers.CharField(source="media_id", allow_null=True, read_only=True)

    class Meta:
        model = Sample
        fields = (
            "uid",
            "source",
            "key",
            "revision",
            "content_hash",
            "data",
            "media",
            "source_split",
            "imported_label",
            "groups",
            "added_at",
        )


class ImportSerializer(serializers.ModelSerializer[Import]):
    """An import and how far it is."""

    class Meta:
        model = Import
        fields = (
            "public_id",
            "filename",
            "format",
            "status",
            "done",
            "total",
            "new",
            "changed",
            "unchanged",
            "refused",
            "is_dry_run",
            "is_all_or_nothing",
            "message",
            "error_code",
            "queued_at",
            "finished_at",
        )


class ImportAsk(serializers.Serializer[dict[str, Any]]):
    """A file and how to read it; sent as multipart form data."""

    file = serializers.FileField()
    format = serializers.ChoiceField(choices=sorted(FORMATS), required=False)
    roles = serializers.JSONField(
        required=False,
        help_text="column: id, text, media, label, split, contributor, group, data, leave, or a further voice: "
        "voice-speaker, voice-narrator, voice-translator, voice-heard",
    )
    contributor = serializers.CharField(required=False, allow_blank=True, max_length=200)
    voice_separator = serializers.CharField(required=False, allow_blank=True, max_length=3, trim_whitespace=False)
    encoding = serializers.CharField(required=False, allow_blank=True, max_length=40)
    delimiter = serializers.CharField(required=False, allow_blank=True, max_length=1, trim_whitespace=False)
    all_or_nothing = serializers.BooleanField(default=False)
    dry_run = serializers.BooleanField(default=False)


class ContributorSerializer(serializers.ModelSerializer[Contributor]):
    """Somebody whose words the community holds; for keepers and stewards."""

    class Meta:
        model = Contributor
        fields = ("public_id", "name", "contact_note", "created_at")
        read_only_fields = ("public_id", "created_at")


class ConsentSerializer(serializers.ModelSerializer[ConsentEvent]):
    """One answer about one purpose."""

    class Meta:
        model = ConsentEvent
        fields = ("public_id", "purpose", "status", "at", "expires_at", "method", "language", "witness")


class ConsentAsk(serializers.Serializer[dict[str, Any]]):
    """What somebody said: purpose code to DPV status."""

    answers = serializers.DictField(
        child=serializers.ChoiceField(choices=ConsentEvent.Status.choices), allow_empty=False
    )
    method = serializers.ChoiceField(choices=ConsentEvent.Method.choices)
    at = serializers.DateTimeField(required=False)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    language = serializers.CharField(required=False, allow_blank=True, max_length=35)
    witness = serializers.CharField(required=False, allow_blank=True, max_length=120)


def _dataset(request: Request, kwargs: dict[str, Any]) -> tuple[Person, Dataset]:
    plain: HttpRequest = request._request
    return person_of(plain), dataset_or_404(plain, kwargs["community"], kwargs["dataset"])


def _desk(request: Request, verb: str) -> tuple[Person, Community]:
    person, held = person_of(request._request), request._request.community  # type: ignore[attr-defined]  # set by members
    roles.require(person, verb, held)
    return person, held


class Samples(GenericAPIView[Sample]):
    """The samples of a dataset that you may see; what rests is left out."""

    serializer_class = SampleSerializer
    queryset = Sample.objects.none()

    @extend_schema(operation_id="samples_list", responses=SampleSerializer(many=True))
    def get(self, request: Request, **kwargs: Any) -> Response:
        """List them."""
        person, held = _dataset(request, kwargs)
        rows = Sample.objects.visible_to(person).filter(dataset=held).not_held().order_by("pk")
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(SampleSerializer(page, many=True).data)


class OneSample(GenericAPIView[Sample]):
    """One sample."""

    serializer_class = SampleSerializer
    queryset = Sample.objects.none()

    @extend_schema(operation_id="samples_retrieve", responses=SampleSerializer)
    def get(self, request: Request, **kwargs: Any) -> Response:
        """Show it."""
        _person, held = _dataset(request, kwargs)
        found, withheld = sample_or_404(request._request, held, kwargs["uid"])
        if withheld:
            raise Missing("not-found", NOT_HERE)
        return Response(SampleSerializer(found).data)


class Imports(GenericAPIView[Import]):
    """The imports of a dataset."""

    serializer_class = ImportSerializer
    queryset = Import.objects.none()

    @extend_schema(operation_id="imports_list", responses=ImportSerializer(many=True))
    def get(self, request: Request, **kwargs: Any) -> Response:
        """List them, newest first."""
        person, held = _dataset(request, kwargs)
        roles.require(person, "import.start", held.community)
        page = self.paginate_queryset(protocols.imports_known_to(person, held).order_by("-pk"))
        return self.get_paginated_response(ImportSerializer(page, many=True).data)

    @extend_schema(request={"multipart/form-data": ImportAsk}, responses={202: ImportSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Bring a file in; the answer names the import, which goes on by itself."""
        person, held = _dataset(request, kwargs)
        roles.require(person, "import.start", held.community)
        asked = ImportAsk(data=request.data)
        asked.is_valid(raise_exception=True)
        given = asked.validated_data
        name = Path(given["file"].name.replace("\\", "/")).name[:255]
        if not isinstance(given.get("roles", {}), dict):
            raise Invalid("bad-mapping", _("The mapping says for each column what it holds."))
        reading = {
            key: given[key]
            for key in ("roles", "contributor", "voice_separator", "encoding", "delimiter")
            if given.get(key)
        }
        place = Path(given["file"].temporary_file_path())
        started = samples.start_import(
            held,
            path=place,
            filename=name,
            format=given.get("format") or look.guess_format(place, name),
            settings=reading,
            by=person,
            all_or_nothing=given["all_or_nothing"],
            dry_run=given["dry_run"],
        )
        return Response(ImportSerializer(started).data, status=202)


class OneImport(GenericAPIView[Import]):
    """One import."""

    serializer_class = ImportSerializer
    queryset = Import.objects.none()

    @extend_schema(operation_id="imports_retrieve", responses=ImportSerializer)
    def get(self, request: Request, **kwargs: Any) -> Response:
        """Say how far it is."""
        person, held = _dataset(request, kwargs)
        roles.require(person, "import.start", held.community)
        found = protocols.imports_known_to(person, held).filter(public_id=kwargs["number"]).first()
        if found is None:
            raise Missing("not-found", NOT_HERE)
        return Response(ImportSerializer(found).data)


class Contributors(GenericAPIView[Contributor]):
    """The people whose words the community holds."""

    serializer_class = ContributorSerializer
    queryset = Contributor.objects.none()

    def get(self, request: Request, **kwargs: Any) -> Response:
        """List them by name."""
        _person, held = _desk(request, "contributor.add")
        page = self.paginate_queryset(Contributor.objects.filter(community=held).order_by("name", "pk"))
        return self.get_paginated_response(ContributorSerializer(page, many=True).data)

    @extend_schema(responses={201: ContributorSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Add somebody."""
        person, held = _desk(request, "contributor.add")
        asked = ContributorSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(
            ContributorSerializer(contributors.add(held, by=person, **asked.validated_data)).data, status=201
        )


class Consents(GenericAPIView[ConsentEvent]):
    """What one contributor said, newest first."""

    serializer_class = ConsentSerializer
    queryset = ConsentEvent.objects.none()

    def get(self, request: Request, **kwargs: Any) -> Response:
        """List every answer that was ever given."""
        _person, held = _desk(request, "contributor.add")
        one = contributor_or_404(held, kwargs["contributor"])
        page = self.paginate_queryset(one.consent_events.order_by("-pk"))
        return self.get_paginated_response(ConsentSerializer(page, many=True).data)

    @extend_schema(request=ConsentAsk, responses={201: ConsentSerializer(many=True)})
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Record an answer; nothing that was said before is changed."""
        person, held = _desk(request, "consent.record")
        one = contributor_or_404(held, kwargs["contributor"])
        asked = ConsentAsk(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(
            ConsentSerializer(consents.record(one, by=person, **asked.validated_data), many=True).data, status=201
        )


class PurposeSerializer(serializers.Serializer[dict[str, Any]]):
    """One purpose of the vocabulary."""

    code = serializers.CharField()
    title = serializers.CharField()
    broader = serializers.ListField(child=serializers.CharField())
    is_leaf = serializers.BooleanField()


class Purposes(GenericAPIView[Any]):
    """The purposes that can be agreed to, broader ones first."""

    serializer_class = PurposeSerializer
    pagination_class = None

    @extend_schema(responses={200: PurposeSerializer(many=True)})
    def get(self, request: Request, **kwargs: Any) -> Response:
        """List the vocabulary."""
        terms = STANDARD.terms.values()
        rows = [
            {"code": t.code, "title": t.title, "broader": list(t.broader), "is_leaf": STANDARD.is_leaf(t.code)}
            for t in terms
        ]
        return Response(rows)


_DATASET = "api/v1/datasets/<slug:community>/<slug:dataset>"
_COMMUNITY = "api/v1/communities/<slug:community>"

urlpatterns: list[URLPattern] = [
    path(f"{_DATASET}/samples/", members(Samples.as_view()), name="api-samples"),
    path(f"{_DATASET}/samples/<str:uid>/", members(OneSample.as_view()), name="api-sample"),
    path(f"{_DATASET}/imports/", members(Imports.as_view()), name="api-imports"),
    path(f"{_DATASET}/imports/<str:number>/", members(OneImport.as_view()), name="api-import"),
    path(f"{_COMMUNITY}/contributors/", members(Contributors.as_view()), name="api-contributors"),
    path(f"{_COMMUNITY}/contributors/<str:contributor>/consents/", members(Consents.as_view()), name="api-consents"),
    path(f"{_COMMUNITY}/purposes/", members(Purposes.as_view()), name="api-purposes"),
]
