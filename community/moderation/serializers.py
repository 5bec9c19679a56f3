"""What the REST API of moderation takes and gives."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from community.moderation.forms import MAX_NOTE, MAX_REASON
from community.moderation.models import Case, Flag
from community.moderation.reports import address_of
from community.standing.models import Sanction
from core.reading import LAST_DAY
from edge.endpoints import PageQuery, PageSerializer
from edge.rest import StrictSerializer


class NewFlagSerializer(StrictSerializer):
    """Why a text is reported; ``other`` needs a note."""

    reason = serializers.ChoiceField(choices=Flag.Reason.choices)
    note = serializers.CharField(max_length=MAX_NOTE, default="", allow_blank=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["reason"] == Flag.Reason.OTHER and not attrs["note"]:
            raise serializers.ValidationError({"note": ["Say what is wrong."]})
        return attrs


class FlagSerializer(serializers.Serializer[Any]):
    """A report the caller made."""

    id = serializers.IntegerField(source="pk")
    reason = serializers.CharField()
    note = serializers.CharField()
    created_at = serializers.DateTimeField()


class CaseSerializer(serializers.Serializer[Any]):
    """What waits for a moderator, or was decided; times are in UTC."""

    id = serializers.IntegerField(source="pk")
    kind = serializers.CharField()
    post = serializers.IntegerField(source="post_id", allow_null=True)
    comment = serializers.IntegerField(source="comment_id", allow_null=True)
    sanction = serializers.IntegerField(source="sanction_id", allow_null=True)
    message = serializers.IntegerField(
        allow_null=True, help_text="A private message; what it said is in `text`."
    )
    person = serializers.CharField(source="subject.username")
    text = serializers.CharField()
    url = serializers.SerializerMethodField()
    score = serializers.IntegerField(help_text="How much its reports weigh together.")
    opened_at = serializers.DateTimeField()
    is_hidden_by_reports = serializers.BooleanField(source="hidden_at")
    claimed_by = serializers.CharField(
        source="claimed_by.username", allow_null=True, default=None
    )
    outcome = serializers.CharField(help_text="Empty while it waits.")
    note = serializers.CharField()
    decided_at = serializers.DateTimeField(allow_null=True)

    def get_url(self, case: Case) -> str:
        """Where what it is about is read; empty for appeals and rings."""
        return address_of(case)


class CasePageSerializer(PageSerializer):
    """A page of cases."""

    results = CaseSerializer(many=True)


class CaseQuery(PageQuery):
    """Which cases."""

    view = serializers.ChoiceField(
        choices=["waiting", "mine", "decided"],
        default="waiting",
        help_text="`waiting` begins with the highest score.",
    )
    kind = serializers.ChoiceField(choices=Case.Kind.choices, required=False)


class DecisionSerializer(StrictSerializer):
    """What is decided, and what the people it is about read."""

    outcome = serializers.ChoiceField(choices=Case.Outcome.choices)
    note = serializers.CharField(max_length=MAX_REASON, default="", allow_blank=True)


class SanctionSerializer(serializers.Serializer[Any]):
    """What was imposed on a person; times are in UTC, without an end until lifted."""

    id = serializers.IntegerField(source="pk")
    kind = serializers.CharField()
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True)
    lifted_at = serializers.DateTimeField(allow_null=True)
    is_in_force = serializers.BooleanField()


class NewSanctionSerializer(StrictSerializer):
    """What is imposed, why, and until when; ``null`` lasts until it is lifted."""

    kind = serializers.ChoiceField(choices=Sanction.Kind.choices)
    reason = serializers.CharField(max_length=MAX_NOTE)
    until = serializers.DateTimeField(allow_null=True)

    def validate_until(self, value: datetime | None) -> datetime | None:
        if value is not None and value.year > LAST_DAY.year:
            raise serializers.ValidationError("That is too far away.")
        return value
