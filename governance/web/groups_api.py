"""Groups, seasons, break-glass and who may see which samples, for machines: JSON twins of the pages, over the same operations."""

from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import breakglass, protocols
from governance.kernel.errors import Missing
from governance.models import (
    BreakGlass,
    Community,
    GroupMembership,
    Membership,
    Person,
    ProtocolGroup,
    Sample,
    SeasonWindow,
)
from governance.models.holdings import SampleQuerySet
from governance.web.access_rules import members
from governance.web.glass import opening_or_404
from governance.web.groups import group_or_404, switch
from governance.web.reach import NOT_HERE, dataset_or_404, person_of


class GroupSerializer(serializers.ModelSerializer[ProtocolGroup]):
    """A group as its own people may know it."""

    id = serializers.CharField(source="public_id", read_only=True)
    mode = serializers.ChoiceField(choices=["open", "strict"], read_only=True)
    is_open_now = serializers.SerializerMethodField()

    class Meta:
        model = ProtocolGroup
        fields = ("id", "name", "mode", "has_season", "is_open_now")

    def get_is_open_now(self, group: ProtocolGroup) -> bool:
        """Whether it lets anybody in now."""
        return protocols.is_in_season(group)


class GroupAsk(serializers.Serializer[dict[str, Any]]):
    """A group to found: who keeps it first, by public id."""

    name = serializers.CharField(max_length=120)
    mode = serializers.ChoiceField(choices=["open", "strict"], default="strict")
    first_keeper = serializers.CharField(max_length=32)


class MembershipSerializer(serializers.ModelSerializer[GroupMembership]):
    """That somebody is in a group."""

    id = serializers.CharField(source="public_id", read_only=True)
    person = serializers.CharField(source="person.public_id", read_only=True)

    class Meta:
        model = GroupMembership
        fields = ("id", "person", "is_keeper", "valid_from", "valid_to")


class AdmitAsk(serializers.Serializer[dict[str, Any]]):
    """Whom to let in, by public id."""

    person = serializers.CharField(max_length=32)
    is_keeper = serializers.BooleanField(default=False)


class WindowSerializer(serializers.ModelSerializer[SeasonWindow]):
    """When a group is open."""

    id = serializers.CharField(source="public_id", read_only=True)

    class Meta:
        model = SeasonWindow
        fields = ("id", "opens_at", "closes_at", "first_day", "last_day", "ended_at")


class WindowAsk(serializers.Serializer[dict[str, Any]]):
    """Days on which a group is open, both included."""

    opens_on = serializers.DateField()
    closes_on = serializers.DateField(required=False, allow_null=True, default=None)
    is_yearly = serializers.BooleanField(default=False)


class SeasonAsk(serializers.Serializer[dict[str, Any]]):
    """Into which state a group shall go."""

    state = serializers.ChoiceField(choices=["open", "closed", "always"])


class ProtectionAsk(serializers.Serializer[dict[str, Any]]):
    """Which samples, and which groups may see them; no group: whoever gave them and the keepers."""

    samples = serializers.ListField(child=serializers.CharField(max_length=32), allow_empty=False, max_length=10_000)
    groups = serializers.ListField(child=serializers.CharField(max_length=32), max_length=protocols.MOST_GROUPS)
    needs_all = serializers.BooleanField(default=False)


class ProtectionSerializer(serializers.Serializer[dict[str, int]]):
    """How many changed."""

    changed = serializers.IntegerField()


class OpeningSerializer(serializers.ModelSerializer[BreakGlass]):
    """An opening, as everybody in the community may know it."""

    id = serializers.CharField(source="public_id", read_only=True)
    dataset = serializers.CharField(source="dataset.path", read_only=True)
    person = serializers.CharField(source="person.display_name", read_only=True)
    asked_by = serializers.CharField(source="asked_by.display_name", read_only=True)
    seconded_by = serializers.CharField(
        source="seconded_by.display_name", read_only=True, allow_null=True, default=None
    )
    seen = serializers.IntegerField(source="views.count", read_only=True)

    class Meta:
        model = BreakGlass
        fields = (
            "id", "dataset", "person", "reason", "hours", "asked_by", "asked_at", "seconded_by", "opened_at", "ends_at",
            "ended_at", "seen",
        )  # fmt: skip


class OpeningAsk(serializers.Serializer[dict[str, Any]]):
    """Who shall look into which dataset, why, and for how long."""

    dataset = serializers.CharField(max_length=64)
    person = serializers.CharField(max_length=32)
    reason = serializers.CharField(max_length=1000)
    hours = serializers.IntegerField()


def _given(serializer: type[Any], request: Request) -> dict[str, Any]:
    reader = serializer(data=request.data)
    reader.is_valid(raise_exception=True)
    values: dict[str, Any] = reader.validated_data
    return values


def _here(request: Request) -> tuple[Person, Community]:
    plain: HttpRequest = request._request
    return person_of(plain), plain.community  # type: ignore[attr-defined]  # set by members


def _member(community: Community, public_id: str) -> Person:
    current = Membership.objects.current().filter(community=community).values("person")
    found = Person.objects.filter(public_id=public_id, pk__in=current).first()
    if found is None:
        raise Missing("not-found", NOT_HERE)
    return found


class Groups(GenericAPIView[ProtocolGroup]):
    """The groups whose names you may know."""

    serializer_class = GroupSerializer
    queryset = ProtocolGroup.objects.none()

    @extend_schema(operation_id="groups_list", responses=GroupSerializer(many=True))
    def get(self, request: Request, **kwargs: Any) -> Response:
        """List them."""
        me, here = _here(request)
        page = self.paginate_queryset(protocols.known_to(me, here))
        return self.get_paginated_response(GroupSerializer(page, many=True).data)

    @extend_schema(operation_id="groups_found", request=GroupAsk, responses={201: GroupSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Found one."""
        me, here = _here(request)
        given = _given(GroupAsk, request)
        first = _member(here, given["first_keeper"])
        is_open = given["mode"] == "open"
        made = protocols.found(here, name=given["name"], by=me, first_keeper=first, is_open=is_open)
        return Response(GroupSerializer(made).data, status=201)


class GroupPeople(APIView):
    """Who is in a group."""

    @extend_schema(operation_id="group_people_list", responses=MembershipSerializer(many=True))
    def get(self, request: Request, **kwargs: Any) -> Response:
        """List them, for those who are in it."""
        _me, here = _here(request)
        group, is_known = group_or_404(request._request, here, kwargs["group"])
        if not is_known:
            raise Missing("not-found", NOT_HERE)
        rows = GroupMembership.objects.current().filter(group=group).select_related("person").order_by("pk")
        return Response(MembershipSerializer(rows, many=True).data)

    @extend_schema(operation_id="group_people_admit", request=AdmitAsk, responses={201: MembershipSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Let somebody in."""
        me, here = _here(request)
        group, _is_known = group_or_404(request._request, here, kwargs["group"])
        given = _given(AdmitAsk, request)
        made = protocols.admit(group, person=_member(here, given["person"]), by=me, is_keeper=given["is_keeper"])
        return Response(MembershipSerializer(made).data, status=201)


class GroupPerson(APIView):
    """One person in a group."""

    @extend_schema(operation_id="group_people_release", responses={200: MembershipSerializer})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        """Let them out."""
        me, here = _here(request)
        group, _is_known = group_or_404(request._request, here, kwargs["group"])
        row = (
            GroupMembership.objects.filter(group=group, public_id=kwargs["membership"]).select_related("group").first()
        )
        if row is None:
            raise Missing("not-found", NOT_HERE)
        return Response(MembershipSerializer(protocols.release(row, by=me)).data)


class GroupSeason(APIView):
    """The season of a group."""

    @extend_schema(operation_id="group_season_set", request=SeasonAsk, responses=GroupSerializer)
    def put(self, request: Request, **kwargs: Any) -> Response:
        """Open or close it now, or take its season away."""
        me, here = _here(request)
        group, _is_known = group_or_404(request._request, here, kwargs["group"])
        switch(group, _given(SeasonAsk, request)["state"], by=me)
        return Response({"id": group.public_id, "is_open_now": protocols.is_in_season(group)})


class GroupWindows(APIView):
    """The days on which a group is open."""

    @extend_schema(operation_id="group_windows_set", request=WindowAsk, responses={201: WindowSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Set days."""
        me, here = _here(request)
        group, _is_known = group_or_404(request._request, here, kwargs["group"])
        made = protocols.set_window(group, by=me, **_given(WindowAsk, request))
        return Response(WindowSerializer(made).data, status=201)


class GroupWindow(APIView):
    """Some days on which a group is open."""

    @extend_schema(operation_id="group_windows_drop", responses={200: WindowSerializer})
    def delete(self, request: Request, **kwargs: Any) -> Response:
        """Take them back."""
        me, here = _here(request)
        group, _is_known = group_or_404(request._request, here, kwargs["group"])
        row = SeasonWindow.objects.filter(group=group, public_id=kwargs["window"]).select_related("group").first()
        if row is None:
            raise Missing("not-found", NOT_HERE)
        return Response(WindowSerializer(protocols.drop_window(row, by=me)).data)


class Protection(APIView):
    """Who may see which samples."""

    @extend_schema(operation_id="samples_protect", request=ProtectionAsk, responses=ProtectionSerializer)
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Give samples to groups; each must be one that you see."""
        me = person_of(request._request)
        held = dataset_or_404(request._request, kwargs["community"], kwargs["dataset"])
        given = _given(ProtectionAsk, request)
        uids = set(given["samples"])
        chosen: SampleQuerySet = Sample.objects.visible_to(me).filter(dataset=held, uid__in=uids)
        if chosen.count() != len(uids):
            raise Missing("not-found", NOT_HERE)
        groups = protocols.groups_named(held.community, given["groups"], by=me)
        changed = protocols.protect(held, samples=chosen, groups=groups, by=me, needs_all=given["needs_all"])
        return Response({"changed": changed})


class Openings(GenericAPIView[BreakGlass]):
    """What two keepers opened, or one asks to open."""

    serializer_class = OpeningSerializer
    queryset = BreakGlass.objects.none()

    @extend_schema(operation_id="breakglass_list", responses=OpeningSerializer(many=True))
    def get(self, request: Request, **kwargs: Any) -> Response:
        """List them, newest first; everybody in the community may."""
        _me, here = _here(request)
        rows = BreakGlass.objects.filter(community=here).select_related(
            "person", "asked_by", "seconded_by", "dataset__community"
        )
        page = self.paginate_queryset(rows.order_by("-asked_at", "-pk"))
        return self.get_paginated_response(OpeningSerializer(page, many=True).data)

    @extend_schema(operation_id="breakglass_ask", request=OpeningAsk, responses={201: OpeningSerializer})
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Ask; another keeper must agree."""
        me, here = _here(request)
        given = _given(OpeningAsk, request)
        held = dataset_or_404(request._request, here.slug, given.pop("dataset"))
        asked = breakglass.ask(held, person=_member(here, given.pop("person")), by=me, now=timezone.now(), **given)
        return Response(OpeningSerializer(asked).data, status=201)


class OpeningSecond(APIView):
    """The second keeper's word."""

    @extend_schema(operation_id="breakglass_second", request=None, responses=OpeningSerializer)
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Agree; it is open from now on."""
        me, here = _here(request)
        return Response(OpeningSerializer(breakglass.second(opening_or_404(here, kwargs["opening"]), by=me)).data)


class OpeningEnd(APIView):
    """The end of an opening."""

    @extend_schema(operation_id="breakglass_end", request=None, responses=OpeningSerializer)
    def post(self, request: Request, **kwargs: Any) -> Response:
        """End it before its time, or take the question back."""
        me, here = _here(request)
        return Response(OpeningSerializer(breakglass.end(opening_or_404(here, kwargs["opening"]), by=me)).data)


_COMMUNITY = "api/v1/communities/<slug:community>/"
_GROUP = _COMMUNITY + "groups/<str:group>/"
_GLASS = _COMMUNITY + "break-glass/"
urlpatterns: list[URLPattern] = [
    path(_COMMUNITY + "groups/", members(Groups.as_view()), name="api-groups"),
    path(_GROUP + "people/", members(GroupPeople.as_view()), name="api-group-people"),
    path(_GROUP + "people/<str:membership>/", members(GroupPerson.as_view()), name="api-group-person"),
    path(_GROUP + "season/", members(GroupSeason.as_view()), name="api-group-season"),
    path(_GROUP + "windows/", members(GroupWindows.as_view()), name="api-group-windows"),
    path(_GROUP + "windows/<str:window>/", members(GroupWindow.as_view()), name="api-group-window"),
    path(_GLASS, members(Openings.as_view()), name="api-glass"),
    path(_GLASS + "<str:opening>/second/", members(OpeningSecond.as_view()), name="api-glass-second"),
    path(_GLASS + "<str:opening>/end/", members(OpeningEnd.as_view()), name="api-glass-end"),
    path(
        "api/v1/datasets/<slug:community>/<slug:dataset>/protection/",
        members(Protection.as_view()),
        name="api-protection",
    ),
]
