"""What an organisation's usage is charged, over REST."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller, has_scope, is_confirmed
from accounts.models import Organisation
from billing.overage import permissions, queries, services
from billing.overage.models import Statement
from billing.plans.api import UsagePriceSerializer
from edge.endpoints import Endpoint, PageQuery, PageSerializer, page_of, takes
from edge.pagination import paginate
from edge.rest import StrictSerializer


class ModelUsageSerializer(serializers.Serializer[Any]):
    """One model in a period, in billionths of a US dollar.

    ``used_nano`` is the sum of the four parts after it, ``charge_nano`` what
    ``charged_nano`` costs.
    """

    model = serializers.CharField()
    used_nano = serializers.IntegerField()
    from_allowance_nano = serializers.IntegerField()
    from_credit_nano = serializers.IntegerField()
    charged_nano = serializers.IntegerField()
    uncovered_nano = serializers.IntegerField()
    charge_nano = serializers.IntegerField()


class PartSerializer(serializers.Serializer[Any]):
    """What one tier has of a period, in billionths of a US dollar; the first is 1."""

    tier = serializers.IntegerField()
    usage_nano = serializers.IntegerField()
    charge_nano = serializers.IntegerField()


class ChargeStateSerializer(serializers.Serializer[Any]):
    """The running period, in billionths of a US dollar.

    ``price`` is what usage beyond the allowance costs; where its ``mode`` is flat and
    ``percent`` 0, or without a cap, it is refused. ``parts`` are what its tiers have so
    far, if it has any. ``projected_nano`` is null in the first day.
    """

    period_start = serializers.DateTimeField(source="coverage.starts_at")
    period_end = serializers.DateTimeField(source="coverage.ends_at")
    allowance_nano = serializers.IntegerField()
    used_nano = serializers.IntegerField(source="coverage.used_nano")
    percent = serializers.IntegerField()
    price = UsagePriceSerializer()
    cap_nano = serializers.IntegerField(allow_null=True)
    charge_nano = serializers.IntegerField()
    projected_nano = serializers.IntegerField(allow_null=True)
    lines = ModelUsageSerializer(many=True)
    parts = PartSerializer(many=True)


class CapSerializer(StrictSerializer):
    """The most that a period may be charged; null: nothing is."""

    cap_nano = serializers.IntegerField(
        min_value=1, max_value=services.MOST_CAP_NANO, allow_null=True
    )


class StatementLineSerializer(serializers.Serializer[Any]):
    """One line: ``amount`` in minor units, the rest in billionths of a US dollar.

    Of a price without tiers it is a model's and ``tier`` 0; else a tier's, over all
    models, as ``name`` says.
    """

    id = serializers.CharField(source="public_id")
    model = serializers.CharField()
    tier = serializers.IntegerField()
    name = serializers.CharField()
    period_start = serializers.DateTimeField(source="coverage.starts_at")
    period_end = serializers.DateTimeField(source="coverage.ends_at")
    is_late = serializers.BooleanField()
    percent = serializers.IntegerField()
    usage_nano = serializers.IntegerField()
    charge_nano = serializers.IntegerField()
    amount = serializers.IntegerField()
    invoice_item = serializers.CharField(source="item_id", allow_null=True)


class StatementSerializer(serializers.Serializer[Any]):
    """What one period was charged; ``amount`` in minor units is the sum of its lines.

    Billionths that do not make a minor unit are carried to the next.
    """

    id = serializers.CharField(source="public_id")
    period_start = serializers.DateTimeField(source="coverage.starts_at")
    period_end = serializers.DateTimeField(source="coverage.ends_at")
    currency = serializers.CharField()
    amount = serializers.IntegerField()
    carried_in_nano = serializers.IntegerField()
    carried_out_nano = serializers.IntegerField()
    closed_at = serializers.DateTimeField()
    sent_at = serializers.DateTimeField(allow_null=True)


class StatementDetailSerializer(StatementSerializer):
    """A statement with its lines."""

    lines = StatementLineSerializer(many=True)


class StatementPageSerializer(PageSerializer):
    """A page of statements, the newest first; ``next`` is a cursor."""

    results = StatementSerializer(many=True)


class ChargeView(Endpoint):
    """The running period of an organisation, and its cap."""

    permission_classes = [IsAuthenticated, has_scope("keys:write")]

    @extend_schema(operation_id="get_charges", responses=ChargeStateSerializer)
    def get(self, request: Request, organisation: str) -> Response:
        return _state(_organisation(request, organisation))

    @extend_schema(
        operation_id="set_charge_cap",
        responses=ChargeStateSerializer,
    )
    @takes(CapSerializer)
    def put(self, request: Request, organisation: str) -> Response:
        """Set the cap and return the period; the same again changes nothing."""
        found = _organisation(request, organisation)
        if not permissions.can_set_cap(request.user, found):
            raise PermissionDenied
        services.set_cap(
            found,
            cap_nano=self.read_body()["cap_nano"],
            by=caller(request),
            may_raise=is_confirmed(request),
        )
        return _state(found)


class StatementList(Endpoint):
    """What each period of an organisation was charged."""

    query = PageQuery
    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="list_charge_statements", responses=StatementPageSerializer
    )
    def get(self, request: Request, organisation: str) -> Response:
        found = _organisation(request, organisation)
        rows = Statement.objects.visible_to(request.user).filter(organisation=found)
        page = paginate(rows.select_related("coverage"), cursor=self.asked["cursor"])
        return Response(page_of(page, StatementSerializer))


class StatementDetail(Endpoint):
    """One statement and its lines."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="get_charge_statement", responses=StatementDetailSerializer
    )
    def get(self, request: Request, organisation: str, statement: str) -> Response:
        found = _organisation(request, organisation)
        rows = Statement.objects.visible_to(request.user).filter(organisation=found)
        row = get_object_or_404(
            rows.select_related("coverage").prefetch_related(
                "lines__coverage", "lines__statement"
            ),
            public_id=statement,
        )
        return Response(StatementDetailSerializer(row).data)


def _state(organisation: Organisation) -> Response:
    state = queries.charge_state(organisation.pk)
    return Response(ChargeStateSerializer(state).data)


def _organisation(request: Request, public_id: str) -> Organisation:
    """Return an organisation whose charges the caller may see."""
    visible = Organisation.objects.visible_to(request.user)
    found = get_object_or_404(visible, public_id=public_id)
    if not permissions.can_see_charges(request.user, found):
        raise PermissionDenied
    return found
