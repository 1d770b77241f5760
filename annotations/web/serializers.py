"""What the JSON of this floor looks like."""

from typing import Any

from rest_framework import serializers

from annotations import configs, leases
from annotations.models import Annotation, Campaign, Flag, Lease, Review


class CampaignSerializer(serializers.ModelSerializer[Campaign]):
    """A campaign as it stands."""

    id = serializers.CharField(source="public_id", read_only=True)
    dataset = serializers.CharField(source="dataset.path", read_only=True)

    class Meta:
        model = Campaign
        fields = [
            "id", "dataset", "slug", "name", "instructions", "config", "config_digest", "label_control", "labels",
            "overlap", "needs_review", "status", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class DraftSerializer(serializers.Serializer[Campaign]):
    """A campaign to prepare."""

    slug = serializers.CharField(max_length=64)
    name = serializers.CharField(max_length=60)
    instructions = serializers.CharField(required=False, allow_blank=True, default="")
    config = serializers.CharField(max_length=configs.LONGEST, trim_whitespace=False)
    overlap = serializers.IntegerField(default=3)
    needs_review = serializers.BooleanField(default=False)


class StateSerializer(serializers.Serializer[Campaign]):
    """Where a campaign shall move."""

    state = serializers.ChoiceField(choices=["open", "paused", "closed"])


class LeaseSerializer(serializers.ModelSerializer[Lease]):
    """A lease with what is asked: the sample's columns, and the client id under which the answer is kept once."""

    id = serializers.CharField(source="public_id", read_only=True)
    campaign = serializers.CharField(source="campaign.public_id", read_only=True)
    sample = serializers.CharField(source="task.sample.uid", read_only=True)
    data = serializers.JSONField(source="task.sample.data", read_only=True)  # type: ignore[assignment]  # a field of that name, not the property

    class Meta:
        model = Lease
        fields = ["id", "campaign", "sample", "data", "state", "lease_until"]
        read_only_fields = fields

    def to_representation(self, instance: Lease) -> dict[str, Any]:
        """What came to rest since it was claimed is not shown again."""
        told = super().to_representation(instance)
        return told if leases.may_show(instance) else told | {"data": None}


class ClaimSerializer(serializers.Serializer[Lease]):
    """The answer to a claim: a lease, or why there is none."""

    lease = LeaseSerializer(allow_null=True)
    why = serializers.CharField(allow_blank=True)


class FlagInSerializer(serializers.Serializer[Flag]):
    """A flag to raise."""

    kind = serializers.CharField(max_length=12)
    text = serializers.CharField(required=False, allow_blank=True, default="")


class AnswerSerializer(serializers.Serializer[Annotation]):
    """An answer to keep: Label Studio's result list under the client's own id."""

    result = serializers.JSONField()
    client_id = serializers.CharField(min_length=8, max_length=64)
    seconds = serializers.FloatField(required=False, allow_null=True, default=None)
    flag = FlagInSerializer(required=False, allow_null=True, default=None)


class SkipSerializer(serializers.Serializer[Lease]):
    """Why a task is given back."""

    reason = serializers.CharField(max_length=32)


class AnnotationSerializer(serializers.ModelSerializer[Annotation]):
    """An answer as it stands."""

    id = serializers.CharField(source="public_id", read_only=True)
    campaign = serializers.CharField(source="campaign.public_id", read_only=True)
    sample = serializers.CharField(source="sample.uid", read_only=True)

    class Meta:
        model = Annotation
        fields = ["id", "campaign", "sample", "result", "label", "standing", "client_id", "seconds", "created_at"]
        read_only_fields = fields


class VerdictSerializer(serializers.Serializer[Review]):
    """A review to give."""

    verdict = serializers.CharField(max_length=8)
    reason = serializers.CharField(required=False, allow_blank=True, default="", max_length=32)
    text = serializers.CharField(required=False, allow_blank=True, default="")


class ReviewSerializer(serializers.ModelSerializer[Review]):
    """A review, without its reviewer's name."""

    id = serializers.CharField(source="public_id", read_only=True)
    annotation = serializers.CharField(source="annotation.public_id", read_only=True)

    class Meta:
        model = Review
        fields = ["id", "annotation", "verdict", "reason", "text", "at"]
        read_only_fields = fields


class FlagSerializer(serializers.ModelSerializer[Flag]):
    """A flag as it stands."""

    id = serializers.CharField(source="public_id", read_only=True)
    sample = serializers.CharField(source="sample.uid", read_only=True)

    class Meta:
        model = Flag
        fields = ["id", "sample", "kind", "text", "holds", "status", "at"]
        read_only_fields = fields


class ResolutionSerializer(serializers.Serializer[Flag]):
    """An answer to a flag."""

    verdict = serializers.CharField(max_length=10)
    text = serializers.CharField(required=False, allow_blank=True, default="")
