"""Where a pipeline posts its signed receipt: no account and no token, since the signature says whose it is."""

from django.urls import URLPattern, path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from curation import receipts
from curation.models import Receipt
from governance.web.access_rules import public


class ReceiptInSerializer(serializers.Serializer[Receipt]):
    """A receipt: a compact JWS (``typ: receipt+jwt``) over an in-toto Statement."""

    receipt = serializers.CharField(max_length=receipts.LARGEST)


class ReceiptSerializer(serializers.Serializer[Receipt]):
    """What was written down; ``gaps`` are acts that were asked for and not spoken of, which keep the answer open."""

    id = serializers.CharField(source="public_id")
    notice = serializers.CharField(source="notice.public_id")
    at = serializers.DateTimeField()
    gaps = serializers.SerializerMethodField()

    def get_gaps(self, receipt: Receipt) -> list[str]:
        """List the acts that are missing."""
        return receipts.gaps(receipt.notice, receipt.said)


class Receipts(APIView):
    """Receipts of parties."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(request=ReceiptInSerializer, responses={201: ReceiptSerializer}, operation_id="receipts_create")
    def post(self, request: Request) -> Response:
        """Take a signed receipt."""
        given = ReceiptInSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        made = receipts.take(given.validated_data["receipt"])
        return Response(ReceiptSerializer(made).data, status=status.HTTP_201_CREATED)


urlpatterns: list[URLPattern] = [path("api/v1/receipts/", public(Receipts.as_view()), name="api-receipts")]
