"""Asking for access by a program, without an account."""

from django.urls import URLPattern, path
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework import status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from curation.web.public import seen
from governance import asking
from governance.web.access_api import AccessRequestSerializer
from governance.web.access_rules import public
from governance.web.signin import address_of


class AccessRequests(APIView):
    """Requests for access to a dataset that shows itself outside."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(operation_id="access_request", request=AccessRequestSerializer, responses={201: OpenApiTypes.OBJECT})
    def post(self, request: Request, community: str, dataset: str) -> Response:
        """Ask; ``code`` is in this answer only. With ``?dry=1`` nothing is kept and only ``precheck`` comes back."""
        found = seen(request, community, dataset)
        reader = AccessRequestSerializer(data=request.data)
        reader.is_valid(raise_exception=True)
        given = {name: tuple(v) if isinstance(v, list) else v for name, v in reader.validated_data.items()}
        asked = asking.Asked(**given)  # type: ignore[arg-type]  # the serializer has their types
        if request.query_params.get("dry"):
            return Response({"precheck": asking.precheck(found, asked).to_json()})
        row, code = asking.ask(found, asked, address=address_of(request))
        answer = Response({**AccessRequestSerializer(row).data, "code": code}, status=status.HTTP_201_CREATED)
        answer.headers["Cache-Control"] = "no-store"
        return answer


urlpatterns: list[URLPattern] = [
    path(
        "api/v1/datasets/<slug:community>/<slug:dataset>/access-requests/",
        public(AccessRequests.as_view()),
        name="api-access-requests",
    ),
]
