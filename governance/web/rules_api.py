"""The same for machines: rules, votes, parties, agreements, tokens, withdrawals and the log as JSON."""

from typing import Any

from django.db.models import QuerySet
from django.urls import URLPattern, path
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from governance import agreements, decisions, log, parties, policies, votes, withdrawals
from governance.kernel.errors import Missing
from governance.models import Agreement, Ballot, Community, Event, Party, PolicyRevision, Proposal, Token, Withdrawal
from governance.web.access_rules import programs
from governance.web.log import decision_or_404, event_or_404
from governance.web.reach import NOT_HERE, community_or_404, dataset_or_404, person_of
from governance.web.rules import revision_or_404
from governance.web.votes import proposal_or_404
from governance.web.withdrawals import withdrawal_or_404


class RevisionSerializer(serializers.ModelSerializer[PolicyRevision]):
    """A revision of the rules; send ``body``, ``note`` and, to be safe, ``over``: the number that you were looking at."""

    id = serializers.CharField(source="public_id", read_only=True)
    over = serializers.IntegerField(write_only=True, required=False, allow_null=True, default=None)
    body = serializers.DictField()

    class Meta:
        model = PolicyRevision
        fields = ["id", "number", "body", "odrl", "digest", "note", "effective_at", "over"]
        read_only_fields = ["number", "odrl", "digest", "effective_at"]


class EventSerializer(serializers.ModelSerializer[Event]):
    """A line of the log; ``leaf`` is its place, or null while it is not sealed."""

    leaf = serializers.IntegerField(source="leaf.index", read_only=True, default=None, allow_null=True)

    class Meta:
        model = Event
        fields = ["id", "at", "actor", "verb", "object_kind", "object_id", "body", "hash", "leaf"]


class PartySerializer(serializers.ModelSerializer[Party]):
    """A party outside; ``place`` is a country code, ``public_key`` an Ed25519 key in PEM, ``users`` names of people."""

    id = serializers.CharField(source="public_id", read_only=True)
    users = serializers.ListField(child=serializers.CharField(), required=False)

    class Meta:
        model = Party
        fields = [
            "id", "name", "kind", "contact", "email", "webhook_url", "place", "institution", "users", "public_key",
            "key_id",
        ]  # fmt: skip
        read_only_fields = ["key_id"]


class AgreementSerializer(serializers.ModelSerializer[Agreement]):
    """An agreement; ``party`` and ``dataset`` are a public id and a short name."""

    id = serializers.CharField(source="public_id", read_only=True)
    party = serializers.CharField(source="party.public_id")
    dataset = serializers.CharField(source="dataset.slug")
    revision = serializers.IntegerField(source="policy.number", read_only=True)

    class Meta:
        model = Agreement
        fields = [
            "id", "party", "dataset", "purpose", "is_commercial", "project", "from_version", "to_version", "revision",
            "signed_at", "in_force_at", "expires_at", "ended_at", "digest",
        ]  # fmt: skip
        read_only_fields = ["signed_at", "in_force_at", "ended_at", "to_version", "digest"]


class TokenSerializer(serializers.ModelSerializer[Token]):
    """A token; ``secret`` comes with the answer that makes it, and never again."""

    id = serializers.CharField(source="public_id", read_only=True)
    secret = serializers.CharField(read_only=True, required=False)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)

    class Meta:
        model = Token
        fields = ["id", "label", "prefix", "expires_at", "revoked_at", "secret"]
        read_only_fields = ["prefix", "revoked_at"]


class ProposalSerializer(serializers.ModelSerializer[Proposal]):
    """A vote, and how it stands."""

    id = serializers.CharField(source="public_id", read_only=True)
    tally = serializers.SerializerMethodField()
    answered = serializers.SerializerMethodField()

    class Meta:
        model = Proposal
        fields = [
            "id", "title", "subject_kind", "subject_id", "subject_digest", "status", "opened_at", "closes_at",
            "closed_at", "tally", "rule", "answered",
        ]  # fmt: skip

    def get_tally(self, proposal: Proposal) -> dict[str, Any]:
        """The count as it stands, or as it was when it closed."""
        return dict(votes.state(proposal).to_json())

    def get_answered(self, proposal: Proposal) -> int:
        """How many have answered: all that is told of a secret vote before it ends."""
        return votes.state(proposal).answered


class BallotSerializer(serializers.ModelSerializer[Ballot]):
    """An answer to a vote; ``subject_digest`` is what the voter was looking at."""

    voter = serializers.CharField(source="voter.display_name", read_only=True)
    subject_digest = serializers.CharField(required=False)

    class Meta:
        model = Ballot
        fields = ["voter", "choice", "reason", "at", "subject_digest"]
        read_only_fields = ["at"]


class WithdrawalSerializer(serializers.ModelSerializer[Withdrawal]):
    """A withdrawal of one's own words: all of them, or only for ``purposes``."""

    id = serializers.CharField(source="public_id", read_only=True)
    purposes = serializers.ListField(child=serializers.CharField(), required=False, default=list)

    class Meta:
        model = Withdrawal
        fields = ["id", "purposes", "channel", "at", "closed_at", "outcome"]
        read_only_fields = ["channel", "at", "closed_at", "outcome"]


def _given(serializer: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    reader = serializer(data=request.data)
    reader.is_valid(raise_exception=True)
    return dict(reader.validated_data)


class Policies(GenericAPIView[PolicyRevision]):
    """The rules of a dataset, every revision."""

    serializer_class = RevisionSerializer
    queryset = PolicyRevision.objects.none()

    @extend_schema(operation_id="policies_list", responses=RevisionSerializer(many=True))
    def get(self, request: Request, community: str, dataset: str) -> Response:
        """List them, the one in force first."""
        rows = dataset_or_404(request, community, dataset).policies.order_by("-number")
        return self.get_paginated_response(RevisionSerializer(self.paginate_queryset(rows), many=True).data)

    @extend_schema(
        operation_id="policies_revise",
        request=RevisionSerializer,
        responses={201: RevisionSerializer, 202: ProposalSerializer},
    )
    def post(self, request: Request, community: str, dataset: str) -> Response:
        """Put a new one into force; where the charter asks for a vote on rules, open that vote (202) instead."""
        given = _given(RevisionSerializer, request)
        revision = policies.revise(
            dataset_or_404(request, community, dataset),
            body=given["body"],
            by=person_of(request),
            note=given.get("note", ""),
            over=given["over"],
        )
        if isinstance(revision, Proposal):
            return Response(ProposalSerializer(revision).data, status=status.HTTP_202_ACCEPTED)
        return Response(RevisionSerializer(revision).data, status=status.HTTP_201_CREATED)


class PolicyDetail(APIView):
    """One revision."""

    @extend_schema(operation_id="policies_retrieve", responses=RevisionSerializer)
    def get(self, request: Request, community: str, dataset: str, number: int) -> Response:
        """Read it; ``odrl`` is the same as an ODRL 2.2 Set."""
        revision = revision_or_404(dataset_or_404(request, community, dataset), number)
        return Response(RevisionSerializer(revision).data)


class Log(GenericAPIView[Event]):
    """The log of a community."""

    serializer_class = EventSerializer
    queryset = Event.objects.none()

    @extend_schema(operation_id="log_list", responses=EventSerializer(many=True))
    def get(self, request: Request, community: str) -> Response:
        """List its lines, newest first; ``?verb=`` narrows."""
        here = community_or_404(request, community)
        rows = Event.objects.filter(community=here.public_id).select_related("leaf").order_by("-pk")
        if verb := request.query_params.get("verb"):
            rows = rows.filter(verb=verb)
        return self.get_paginated_response(EventSerializer(self.paginate_queryset(rows), many=True).data)


class LogProof(APIView):
    """The proof of one line."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, community: str, line: int) -> Response:
        """A bundle that ``manage.py verify --proof`` checks without us."""
        return Response(log.proof(event_or_404(community_or_404(request, community), line)))


class DecisionDetail(APIView):
    """One decision."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request, community: str, decision: str) -> Response:
        """The answer, its reasons and its signature; ``replay`` is null when it replays to the same."""
        row = decision_or_404(community_or_404(request, community), decision)
        difference = decisions.replay(row)
        return Response({**decisions.public(row), "replay": difference.to_json() if difference else None})


class Parties(GenericAPIView[Party]):
    """The parties outside."""

    serializer_class = PartySerializer
    queryset = Party.objects.none()

    @extend_schema(operation_id="parties_list", responses=PartySerializer(many=True))
    def get(self, request: Request, community: str) -> Response:
        """List them by name."""
        rows = community_or_404(request, community).parties.order_by("name")
        return self.get_paginated_response(PartySerializer(self.paginate_queryset(rows), many=True).data)

    @extend_schema(operation_id="parties_add", request=PartySerializer, responses={201: PartySerializer})
    def post(self, request: Request, community: str) -> Response:
        """Write one down."""
        here = community_or_404(request, community)
        party = parties.add(here, by=person_of(request), **_given(PartySerializer, request))
        return Response(PartySerializer(party).data, status=status.HTTP_201_CREATED)


class Agreements(GenericAPIView[Agreement]):
    """The agreements of a community."""

    serializer_class = AgreementSerializer
    queryset = Agreement.objects.none()

    @extend_schema(operation_id="agreements_list", responses=AgreementSerializer(many=True))
    def get(self, request: Request, community: str) -> Response:
        """List them, newest first."""
        rows = _agreements(community_or_404(request, community)).order_by("-signed_at")
        return self.get_paginated_response(AgreementSerializer(self.paginate_queryset(rows), many=True).data)

    @extend_schema(operation_id="agreements_sign", request=AgreementSerializer, responses={201: AgreementSerializer})
    def post(self, request: Request, community: str) -> Response:
        """Sign one, no wider than the rules in force."""
        here = community_or_404(request, community)
        given = _given(AgreementSerializer, request)
        party = here.parties.filter(public_id=given.pop("party")["public_id"]).first()
        dataset = here.datasets.filter(slug=given.pop("dataset")["slug"]).first()
        if party is None or dataset is None:
            raise Missing("not-found", NOT_HERE)
        given.setdefault("is_commercial", False)
        agreement = agreements.sign(party, dataset=dataset, by=person_of(request), **given)
        return Response(AgreementSerializer(agreement).data, status=status.HTTP_201_CREATED)


class AgreementDetail(APIView):
    """One agreement."""

    @extend_schema(operation_id="agreements_retrieve", responses=AgreementSerializer)
    def get(self, request: Request, community: str, agreement: str) -> Response:
        """Read it; ``in_force_at`` is null until both have signed."""
        return Response(AgreementSerializer(_agreement_or_404(community_or_404(request, community), agreement)).data)

    @extend_schema(operation_id="agreements_end", responses=AgreementSerializer)
    def delete(self, request: Request, community: str, agreement: str) -> Response:
        """End it at once."""
        row = _agreement_or_404(community_or_404(request, community), agreement)
        return Response(AgreementSerializer(agreements.end(row, by=person_of(request))).data)


class Tokens(APIView):
    """The tokens of an agreement."""

    @extend_schema(operation_id="tokens_list", responses=TokenSerializer(many=True))
    def get(self, request: Request, community: str, agreement: str) -> Response:
        """List them; secrets are shown to nobody."""
        row = _agreement_or_404(community_or_404(request, community), agreement)
        return Response(TokenSerializer(row.tokens.order_by("-created_at"), many=True).data)

    @extend_schema(operation_id="tokens_issue", request=TokenSerializer, responses={201: TokenSerializer})
    def post(self, request: Request, community: str, agreement: str) -> Response:
        """Make one; its ``secret`` is in this answer only."""
        row = _agreement_or_404(community_or_404(request, community), agreement)
        given = {"label": "", **_given(TokenSerializer, request)}
        token, secret = agreements.issue_token(row, by=person_of(request), **given)
        answer = Response({**TokenSerializer(token).data, "secret": secret}, status=status.HTTP_201_CREATED)
        answer.headers["Cache-Control"] = "no-store"
        return answer


class TokenDetail(APIView):
    """One token."""

    @extend_schema(operation_id="tokens_revoke", responses=TokenSerializer)
    def delete(self, request: Request, community: str, agreement: str, token: str) -> Response:
        """End it at once."""
        row = _agreement_or_404(community_or_404(request, community), agreement).tokens.filter(public_id=token).first()
        if row is None:
            raise Missing("not-found", NOT_HERE)
        return Response(TokenSerializer(agreements.revoke_token(row, by=person_of(request))).data)


class Votes(GenericAPIView[Proposal]):
    """What the community decides together."""

    serializer_class = ProposalSerializer
    queryset = Proposal.objects.none()

    @extend_schema(operation_id="votes_list", responses=ProposalSerializer(many=True))
    def get(self, request: Request, community: str) -> Response:
        """List the votes, newest first."""
        rows = Proposal.objects.filter(community=community_or_404(request, community)).order_by("-opened_at", "-pk")
        return self.get_paginated_response(ProposalSerializer(self.paginate_queryset(rows), many=True).data)


class Ballots(APIView):
    """The answers to a vote."""

    @extend_schema(operation_id="ballots_list", responses=BallotSerializer(many=True))
    def get(self, request: Request, community: str, vote: str) -> Response:
        """List those that count, with names and reasons."""
        proposal = proposal_or_404(community_or_404(request, community), vote)
        return Response(BallotSerializer(votes.counting(proposal).select_related("voter"), many=True).data)

    @extend_schema(operation_id="ballots_cast", request=BallotSerializer, responses={201: BallotSerializer})
    def post(self, request: Request, community: str, vote: str) -> Response:
        """Answer; a second answer of the same person replaces the first."""
        proposal = proposal_or_404(community_or_404(request, community), vote)
        ballot = votes.cast(proposal, by=person_of(request), **_given(BallotSerializer, request))
        return Response(BallotSerializer(ballot).data, status=status.HTTP_201_CREATED)


class Withdrawals(APIView):
    """Taking back one's own words."""

    @extend_schema(operation_id="withdrawals_open", request=WithdrawalSerializer, responses={201: WithdrawalSerializer})
    def post(self, request: Request, community: str) -> Response:
        """Take them back; it holds before this answers."""
        me = person_of(request)
        teller = community_or_404(request, community).contributors.filter(person=me).first()
        if teller is None:
            raise Missing("not-found", NOT_HERE)
        purposes = _given(WithdrawalSerializer, request)["purposes"]
        row = withdrawals.open(teller, by=me, channel=Withdrawal.Channel.SELF, purposes=purposes)
        return Response(WithdrawalSerializer(row).data, status=status.HTTP_201_CREATED)


class WithdrawalDetail(APIView):
    """One withdrawal."""

    @extend_schema(operation_id="withdrawals_retrieve", responses=WithdrawalSerializer)
    def get(self, request: Request, community: str, withdrawal: str) -> Response:
        """How it stands."""
        here = community_or_404(request, community)
        return Response(WithdrawalSerializer(withdrawal_or_404(here, person_of(request), withdrawal)).data)


def _agreements(community: Community) -> QuerySet[Agreement]:
    return Agreement.objects.filter(party__community=community).select_related("party__community", "dataset", "policy")


def _agreement_or_404(community: Community, public_id: str) -> Agreement:
    found = _agreements(community).filter(public_id=public_id).first()
    if found is None:
        raise Missing("not-found", NOT_HERE)
    return found


_HERE = "api/v1/communities/<slug:community>/"
_DATASET = "api/v1/datasets/<slug:community>/<slug:dataset>/"
urlpatterns: list[URLPattern] = [
    path(_DATASET + "policies/", programs(Policies), name="api-policies"),
    path(_DATASET + "policies/<int:number>/", programs(PolicyDetail), name="api-policy"),
    path(_HERE + "log/", programs(Log), name="api-log"),
    path(_HERE + "log/<int:line>/proof/", programs(LogProof), name="api-log-proof"),
    path(_HERE + "decisions/<str:decision>/", programs(DecisionDetail), name="api-decision"),
    path(_HERE + "parties/", programs(Parties), name="api-parties"),
    path(_HERE + "agreements/", programs(Agreements), name="api-agreements"),
    path(_HERE + "agreements/<str:agreement>/", programs(AgreementDetail), name="api-agreement"),
    path(_HERE + "agreements/<str:agreement>/tokens/", programs(Tokens), name="api-tokens"),
    path(_HERE + "agreements/<str:agreement>/tokens/<str:token>/", programs(TokenDetail), name="api-token"),
    path(_HERE + "votes/", programs(Votes), name="api-votes"),
    path(_HERE + "votes/<str:vote>/ballots/", programs(Ballots), name="api-ballots"),
    path(_HERE + "withdrawals/", programs(Withdrawals), name="api-withdrawals"),
    path(_HERE + "withdrawals/<str:withdrawal>/", programs(WithdrawalDetail), name="api-withdrawal"),
]
