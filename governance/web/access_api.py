"""Access for machines: parties and keys, requests and answers, agreements with their text and signatures, grants.

The desk signs in as everywhere. A party has no account: it sends its code in ``X-Access-Code``, and reads and does what
its own page does.
"""

from typing import Any

from django.urls import URLPattern, path
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import agreements, asking, grants, parties
from governance.kernel.errors import Missing
from governance.models import AccessRequest, Agreement, Community, Grant, Party, RequestMessage
from governance.web.access_rules import programs, public
from governance.web.agreements import agreement_or_404
from governance.web.reach import NOT_HERE, community_or_404, person_of
from governance.web.requests import request_or_404, require_desk
from governance.web.rules_api import AgreementSerializer, PartySerializer, TokenSerializer
from governance.web.signin import address_of

CODE = OpenApiParameter("X-Access-Code", str, OpenApiParameter.HEADER, required=True, description="The party's code.")


class AccessRequestSerializer(serializers.ModelSerializer[AccessRequest]):
    """A request for access; ``precheck`` is what the rules said when it came in."""

    id = serializers.CharField(source="public_id", read_only=True)
    dataset = serializers.CharField(source="dataset.path", read_only=True)
    users = serializers.ListField(child=serializers.CharField(), required=False)
    duo = serializers.ListField(child=serializers.CharField(), required=False)
    agreement = serializers.CharField(source="agreement.public_id", read_only=True, default=None, allow_null=True)
    months = serializers.IntegerField()

    class Meta:
        model = AccessRequest
        fields = [
            "id", "dataset", "organisation", "kind", "contact", "email", "place", "institution", "users", "public_key",
            "webhook_url", "purpose", "is_commercial", "project", "words", "months", "duo", "status", "asked_at",
            "is_our_turn", "precheck", "agreement",
        ]  # fmt: skip
        read_only_fields = ["status", "asked_at", "is_our_turn", "precheck"]


class MessageSerializer(serializers.ModelSerializer[RequestMessage]):
    """One thing that was said; ``is_theirs`` when the asker said it."""

    is_theirs = serializers.SerializerMethodField()

    class Meta:
        model = RequestMessage
        fields = ["body", "at", "is_theirs"]
        read_only_fields = ["at"]

    def get_is_theirs(self, message: RequestMessage) -> bool:
        """Whether whoever asks said it."""
        return message.author_id is None


class RequestAnswerSerializer(serializers.Serializer[Any]):
    """The answer: ``accept`` (may be narrower) or ``decline`` with one of the reasons."""

    outcome = serializers.ChoiceField(choices=["accept", "decline"])
    reason = serializers.ChoiceField(choices=[*asking.DECLINED], required=False)
    words = serializers.CharField(required=False, allow_blank=True, default="")
    months = serializers.IntegerField(required=False, allow_null=True, default=None)
    is_commercial = serializers.BooleanField(required=False, allow_null=True, default=None)


class KeySerializer(serializers.Serializer[Any]):
    """A public key, Ed25519 in PEM."""

    public_key = serializers.CharField(trim_whitespace=False)
    is_compromised = serializers.BooleanField(default=False, help_text="The old key fell into other hands.")


class SignatureSerializer(serializers.Serializer[Any]):
    """A signature: a compact JWS, or the bare signature in base64 over the bytes that were given out."""

    signed = serializers.CharField()


class GrantSerializer(serializers.ModelSerializer[Grant]):
    """What an agreement opens; ``rests_because`` names what it rests for."""

    id = serializers.CharField(source="public_id", read_only=True)
    rests_because = serializers.SerializerMethodField()

    class Meta:
        model = Grant
        fields = ["id", "from_version", "to_version", "not_before", "expires_at", "ended_at", "rests_because"]
        read_only_fields = ["ended_at"]
        extra_kwargs = {name: {"required": False} for name in ("from_version", "not_before", "expires_at")}

    def get_rests_because(self, grant: Grant) -> list[str]:
        """The codes of the suspensions that stand."""
        return list(grant.suspensions.filter(lifted_at=None).order_by("pk").values_list("code", flat=True))


class SuspensionSerializer(serializers.Serializer[Any]):
    """Why a grant is to rest."""

    note = serializers.CharField()


class LabelSerializer(serializers.Serializer[Any]):
    """The name of a token."""

    label = serializers.CharField(max_length=120)  # type: ignore[assignment]  # a field of this name, as in forms


def _given(serializer: type[serializers.BaseSerializer[Any]], request: Request) -> dict[str, Any]:
    reader = serializer(data=request.data)
    reader.is_valid(raise_exception=True)
    return dict(reader.validated_data)


class PartyDetail(APIView):
    """One party."""

    @extend_schema(operation_id="parties_retrieve", responses=PartySerializer)
    def get(self, request: Request, community: str, party: str) -> Response:
        """Read it."""
        return Response(PartySerializer(_party(community_or_404(request, community), party)).data)

    @extend_schema(operation_id="parties_change", request=PartySerializer, responses=PartySerializer)
    def patch(self, request: Request, community: str, party: str) -> Response:
        """Change what is written of it; its key has a door of its own."""
        row = _party(community_or_404(request, community), party)
        reader = PartySerializer(row, data=request.data, partial=True)
        reader.is_valid(raise_exception=True)
        given = {name: value for name, value in reader.validated_data.items() if name != "public_key"}
        return Response(PartySerializer(parties.change(row, by=person_of(request), **given)).data)


class PartyKeys(APIView):
    """The key that signs for a party."""

    @extend_schema(operation_id="parties_change_key", request=KeySerializer, responses={201: PartySerializer})
    def post(self, request: Request, community: str, party: str) -> Response:
        """Give it another one; the old one stays for what it signed."""
        row = _party(community_or_404(request, community), party)
        changed = parties.change_key(row, by=person_of(request), **_given(KeySerializer, request))
        return Response(PartySerializer(changed).data, status=status.HTTP_201_CREATED)


class AccessRequests(GenericAPIView[AccessRequest]):
    """Requests for access, for the desk."""

    serializer_class = AccessRequestSerializer
    queryset = AccessRequest.objects.none()

    @extend_schema(operation_id="requests_list", responses=AccessRequestSerializer(many=True))
    def get(self, request: Request, community: str) -> Response:
        """List them, the longest wait first; ``?status=`` narrows."""
        here = _desk(request, community)
        rows = AccessRequest.objects.filter(dataset__community=here).select_related("dataset__community", "agreement")
        if wanted := request.query_params.get("status"):
            rows = rows.filter(status=wanted)
        page = self.paginate_queryset(rows.order_by("asked_at", "pk"))
        return self.get_paginated_response(AccessRequestSerializer(page, many=True).data)


class AccessRequestDetail(APIView):
    """One request, for the desk."""

    @extend_schema(operation_id="requests_retrieve", responses=AccessRequestSerializer)
    def get(self, request: Request, community: str, asked: str) -> Response:
        """Read it."""
        return Response(AccessRequestSerializer(request_or_404(_desk(request, community), asked)).data)


class AccessRequestMessages(APIView):
    """What was said about a request."""

    @extend_schema(operation_id="requests_messages", responses=MessageSerializer(many=True))
    def get(self, request: Request, community: str, asked: str) -> Response:
        """List it, oldest first."""
        rows = request_or_404(_desk(request, community), asked).messages.order_by("pk")
        return Response(MessageSerializer(rows, many=True).data)

    @extend_schema(operation_id="requests_say", request=MessageSerializer, responses={201: MessageSerializer})
    def post(self, request: Request, community: str, asked: str) -> Response:
        """Ask back."""
        row = request_or_404(_desk(request, community), asked)
        said = asking.say(row, by=person_of(request), **_given(MessageSerializer, request))
        return Response(MessageSerializer(said).data, status=status.HTTP_201_CREATED)


class AccessRequestAnswer(APIView):
    """The answer to a request; there is one."""

    @extend_schema(
        operation_id="requests_answer", request=RequestAnswerSerializer, responses={201: AccessRequestSerializer}
    )
    def post(self, request: Request, community: str, asked: str) -> Response:
        """Accept, which draws up an agreement no wider than the rules, or decline."""
        row = request_or_404(_desk(request, community), asked)
        given = _given(RequestAnswerSerializer, request)
        by = person_of(request)
        if given["outcome"] == "accept":
            narrower = {name: given[name] for name in ("months", "is_commercial")}
            asking.accept(row, by=by, words=given["words"], **narrower)
        else:
            asking.decline(row, by=by, reason=given.get("reason", ""), words=given["words"])
        return Response(AccessRequestSerializer(row).data, status=status.HTTP_201_CREATED)


class AgreementDocument(APIView):
    """The text of an agreement."""

    @extend_schema(operation_id="agreements_document", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, community: str, agreement: str) -> Response:
        """The ODRL document, its digest, and both signatures as JWS."""
        return Response(_text(agreement_or_404(community_or_404(request, community), agreement)))


class AgreementSignatures(APIView):
    """The community's signature."""

    @extend_schema(operation_id="agreements_sign_for_community", request=None, responses={201: AgreementSerializer})
    def post(self, request: Request, community: str, agreement: str) -> Response:
        """Sign for the community, or open the vote that its charter asks for."""
        row = agreement_or_404(community_or_404(request, community), agreement)
        signed = agreements.sign_for_community(row, by=person_of(request))
        return Response(AgreementSerializer(signed).data, status=status.HTTP_201_CREATED)


class Grants(APIView):
    """What an agreement opens."""

    @extend_schema(operation_id="grants_list", responses=GrantSerializer(many=True))
    def get(self, request: Request, community: str, agreement: str) -> Response:
        """List its grants."""
        row = agreement_or_404(community_or_404(request, community), agreement)
        return Response(GrantSerializer(row.grants.order_by("pk"), many=True).data)

    @extend_schema(operation_id="grants_open", request=GrantSerializer, responses={201: GrantSerializer})
    def post(self, request: Request, community: str, agreement: str) -> Response:
        """Open a part of it."""
        row = agreement_or_404(community_or_404(request, community), agreement)
        made = grants.issue(row, by=person_of(request), **_given(GrantSerializer, request))
        return Response(GrantSerializer(made).data, status=status.HTTP_201_CREATED)


class GrantDetail(APIView):
    """One grant."""

    @extend_schema(operation_id="grants_end", responses=GrantSerializer)
    def delete(self, request: Request, community: str, agreement: str, grant: str) -> Response:
        """End it at once."""
        row = _grant(community_or_404(request, community), agreement, grant)
        return Response(GrantSerializer(grants.end(row, by=person_of(request))).data)


class GrantSuspension(APIView):
    """Whether a grant rests."""

    @extend_schema(operation_id="grants_suspend", request=SuspensionSerializer, responses={201: GrantSerializer})
    def post(self, request: Request, community: str, agreement: str, grant: str) -> Response:
        """Let it rest."""
        row = _grant(community_or_404(request, community), agreement, grant)
        grants.suspend(row, by=person_of(request), **_given(SuspensionSerializer, request))
        return Response(GrantSerializer(row).data, status=status.HTTP_201_CREATED)

    @extend_schema(operation_id="grants_resume", responses=GrantSerializer)
    def delete(self, request: Request, community: str, agreement: str, grant: str) -> Response:
        """Let it go on."""
        row = _grant(community_or_404(request, community), agreement, grant)
        return Response(GrantSerializer(grants.resume(row, by=person_of(request))).data)


class ByCode(APIView):
    """What a party does with its code, without an account."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    def opened(self, request: Request) -> tuple[AccessRequest | None, Agreement | None]:
        """The request and the agreement that the code opens."""
        code = request.headers.get("X-Access-Code", "")
        found = asking.of_code(code, address=address_of(request))
        return (None, found) if isinstance(found, Agreement) else (found, found.agreement)

    def agreement(self, request: Request) -> Agreement:
        """The agreement that the code opens; raises ``Missing`` when there is none yet."""
        found = self.opened(request)[1]
        if found is None:
            raise Missing("not-found", NOT_HERE)
        return found


class Asked(ByCode):
    """Where a request stands."""

    @extend_schema(operation_id="asked_retrieve", parameters=[CODE], responses=AccessRequestSerializer)
    def get(self, request: Request) -> Response:
        """Read it."""
        row = self.opened(request)[0]
        if row is None:
            raise Missing("not-found", NOT_HERE)
        return Response(AccessRequestSerializer(row).data)


class AskedMessages(ByCode):
    """What was said about it."""

    @extend_schema(
        operation_id="asked_say", parameters=[CODE], request=MessageSerializer, responses={201: MessageSerializer}
    )
    def post(self, request: Request) -> Response:
        """Answer, or add something."""
        row = self.opened(request)[0]
        if row is None:
            raise Missing("not-found", NOT_HERE)
        said = asking.say(row, by=asking.asker_of(row), **_given(MessageSerializer, request))
        return Response(MessageSerializer(said).data, status=status.HTTP_201_CREATED)


class AskedAgreement(ByCode):
    """The agreement that came of it."""

    @extend_schema(operation_id="asked_agreement", parameters=[CODE], responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """The text, its digest, the signatures, and ``to_sign``: the exact bytes that your key signs, as text."""
        return Response(_text(self.agreement(request)))


class AskedKey(ByCode):
    """The party's key."""

    @extend_schema(operation_id="asked_key", parameters=[CODE], request=KeySerializer, responses={201: PartySerializer})
    def post(self, request: Request) -> Response:
        """Send the first one; the desk changes it later."""
        row = self.agreement(request)
        key = _given(KeySerializer, request)["public_key"]
        party = parties.change_key(row.party, public_key=key, by=agreements.outsider_of(row))
        return Response(PartySerializer(party).data, status=status.HTTP_201_CREATED)


class AskedSignature(ByCode):
    """The party's signature."""

    @extend_schema(
        operation_id="asked_sign", parameters=[CODE], request=SignatureSerializer, responses={201: AgreementSerializer}
    )
    def post(self, request: Request) -> Response:
        """Sign the agreement."""
        row = self.agreement(request)
        signed = agreements.countersign(row, by=agreements.outsider_of(row), **_given(SignatureSerializer, request))
        return Response(AgreementSerializer(signed).data, status=status.HTTP_201_CREATED)


class AskedTokens(ByCode):
    """The party's tokens."""

    @extend_schema(
        operation_id="asked_token", parameters=[CODE], request=LabelSerializer, responses={201: TokenSerializer}
    )
    def post(self, request: Request) -> Response:
        """Make one; its ``secret`` is in this answer only."""
        row = self.agreement(request)
        token, secret = agreements.issue_token(row, by=agreements.outsider_of(row), **_given(LabelSerializer, request))
        answer = Response({**TokenSerializer(token).data, "secret": secret}, status=status.HTTP_201_CREATED)
        answer.headers["Cache-Control"] = "no-store"
        return answer


def _text(row: Agreement) -> dict[str, object]:
    signed = agreements.signatures_of(row)
    return {
        "agreement": row.document,
        "digest": row.digest,
        "signatures": {side: one.jws for side, one in signed.items()},
        "is_verified": agreements.is_verified(row),
        "to_sign": agreements.to_sign(row).decode(),
    }


def _desk(request: Request, slug: str) -> Community:
    here = community_or_404(request, slug)
    require_desk(person_of(request), here)
    return here


def _party(community: Community, public_id: str) -> Party:
    found = community.parties.filter(public_id=public_id).first()
    if found is None:
        raise Missing("not-found", NOT_HERE)
    return found


def _grant(community: Community, agreement: str, public_id: str) -> Grant:
    found = agreement_or_404(community, agreement).grants.filter(public_id=public_id).first()
    if found is None:
        raise Missing("not-found", NOT_HERE)
    return found


_HERE = "api/v1/communities/<slug:community>/"
_AGREEMENT = _HERE + "agreements/<str:agreement>/"
urlpatterns: list[URLPattern] = [
    path(_HERE + "parties/<str:party>/", programs(PartyDetail), name="api-party"),
    path(_HERE + "parties/<str:party>/keys/", programs(PartyKeys), name="api-party-keys"),
    path(_HERE + "requests/", programs(AccessRequests), name="api-requests"),
    path(_HERE + "requests/<str:asked>/", programs(AccessRequestDetail), name="api-request"),
    path(_HERE + "requests/<str:asked>/messages/", programs(AccessRequestMessages), name="api-request-messages"),
    path(_HERE + "requests/<str:asked>/answer/", programs(AccessRequestAnswer), name="api-request-answer"),
    path(_AGREEMENT + "document/", programs(AgreementDocument), name="api-agreement-document"),
    path(_AGREEMENT + "signatures/", programs(AgreementSignatures), name="api-agreement-signatures"),
    path(_AGREEMENT + "grants/", programs(Grants), name="api-grants"),
    path(_AGREEMENT + "grants/<str:grant>/", programs(GrantDetail), name="api-grant"),
    path(_AGREEMENT + "grants/<str:grant>/suspension/", programs(GrantSuspension), name="api-grant-suspension"),
    path("api/v1/asked/", public(Asked.as_view()), name="api-asked"),
    path("api/v1/asked/messages/", public(AskedMessages.as_view()), name="api-asked-messages"),
    path("api/v1/asked/agreement/", public(AskedAgreement.as_view()), name="api-asked-agreement"),
    path("api/v1/asked/key/", public(AskedKey.as_view()), name="api-asked-key"),
    path("api/v1/asked/signature/", public(AskedSignature.as_view()), name="api-asked-signature"),
    path("api/v1/asked/tokens/", public(AskedTokens.as_view()), name="api-asked-tokens"),
]
