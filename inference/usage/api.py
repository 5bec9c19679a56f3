"""What an organisation used, over REST."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import Organisation
from core.rest import StrictSerializer
from entitlements.queries import entitlements_for
from inference.usage import queries
from inference.usage.periods import DAYS, DEFAULT, Period


class QuestionSerializer(StrictSerializer):
    """What to sum up."""

    range = serializers.ChoiceField(choices=list(DAYS), default=DEFAULT)
    group = serializers.ChoiceField(choices=list(queries.GROUPS), default="model")


class GroupSerializer(serializers.Serializer[Any]):
    """The sums of one model or key; money in billionths of a US dollar."""

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


class UsageSummary(APIView):
    """Usage of an organisation, summed up."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="get_usage",
        parameters=[
            OpenApiParameter("range", enum=list(DAYS)),
            OpenApiParameter("group", enum=list(queries.GROUPS)),
        ],
        responses=SummarySerializer,
    )
    def get(self, request: Request, org: str) -> Response:
        visible = Organisation.objects.visible_to(request.user)
        organisation = get_object_or_404(visible, slug=org)
        question = QuestionSerializer(data=request.query_params.dict())
        question.is_valid(raise_exception=True)
        period = Period.named(question.validated_data["range"])
        group = question.validated_data["group"]
        bounds = (organisation.pk, period.start, period.end)
        totals = queries.totals(*bounds)
        name = "model" if group == "model" else "key__name"
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
