"""The register of processing as a page to read or print, and as JSON."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_safe
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from curation import register
from governance import roles
from governance.kernel.errors import Missing
from governance.models import Community, Person
from governance.web.access_rules import members, programs
from governance.web.reach import NOT_HERE, community_or_404, person_of


@members
@require_safe
def register_page(request: HttpRequest, community: str) -> HttpResponse:
    """What is done with whose data, on what ground, and who received it; for keepers and stewards."""
    here: Community = request.community  # type: ignore[attr-defined]  # set by @members
    _require_desk(person_of(request), here)
    context: dict[str, Any] = {"place": "log", "activities": register.of(here), "now": timezone.now()}
    return render(request, "curation/register.html", context)


class Register(APIView):
    """The register of processing."""

    @extend_schema(operation_id="register_retrieve", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, community: str) -> Response:
        """Read it; each line names what it was read from."""
        here = community_or_404(request, community)
        _require_desk(person_of(request), here)
        return Response(register.document(here))


def _require_desk(person: Person, community: Community) -> None:
    if not roles.roles_of(person, community) & roles.DESK:
        raise Missing("not-found", NOT_HERE)


urlpatterns: list[URLPattern] = [
    path("communities/<slug:community>/register/", register_page, name="register"),
    path("api/v1/communities/<slug:community>/register/", programs(Register), name="api-register"),
]
