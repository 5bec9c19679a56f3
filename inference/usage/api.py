"""What an organisation used, over REST."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Organisation
from edge.endpoints import Endpoint
from edge.rest import StrictSerializer
from entitlements.queries import entitlements_for
from inference.usage import queries
from inference.usage.periods import DAYS, DEFAULT, Period


class UsageQuery(StrictSerializer):
    """What to sum up."""

    range = serializers.ChoiceField(choices=list(DAYS), default=DEFAULT)
    group = serializers.ChoiceField(choices=list(queries.GROUPS), default="model")


class GroupSerializer(serializers.Serializer[Any]):
    """The sums of one model, key or project; money in billionths of a US dollar."""

    name = serializers.CharField(allow_null=True)
    requests = serializers.IntegerField(source="request_count")
    failures = serializers.IntegerField(source="failure_count")
    tokens_in = serializers.IntegerField(source="in_count")
    tokens_out = serializers.IntegerField(source="out_count")
    price_nano = serializers.IntegerField(source="price")


class SummarySerializer(serializers.Serializer[Any]):
    """The sums of a range, and this calendar month against what the plan includes."""

    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    requests = serializers.IntegerField()
    failures = serializers.IntegerField()
    tokens_in = serializers.IntegerField()
    tokens_out = serializers.IntegerField()
    price_nano = serializers.IntegerField()
    month_price_nano = serializers.IntegerField()
    month_allowance_nano = serializers.IntegerField()
    groups = GroupSerializer(many=True)


class UsageSummary(Endpoint):
    """Usage of an organisation, summed up."""

    query = UsageQuery
    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="get_usage", responses=SummarySerializer)
    def get(self, request: Request, org: str) -> Response:
        visible = Organisation.objects.visible_to(request.user)
        organisation = get_object_or_404(visible, slug=org)
        period = Period.named(self.asked["range"])
        group = self.asked["group"]
        bounds = (organisation.pk, period.start, period.end)
        totals = queries.totals(*bounds)
        name = queries.NAMES[group]
        summary = {
            "start": period.start,
            "end": period.end,
            "requests": totals.requests,
            "failures": totals.failures,
            "tokens_in": totals.tokens_in,
            "tokens_out": totals.tokens_out,
            "price_nano": totals.price_nano,
            "month_price_nano": queries.spent_this_month(organisation.pk),
            "month_allowance_nano": entitlements_for(
                organisation.pk
            ).monthly_allowance_nano,
            "groups": [
                {**row, "name": row[name]}
                for row in queries.grouped(*bounds, group=group)
            ],
        }
        return Response(SummarySerializer(summary).data)
