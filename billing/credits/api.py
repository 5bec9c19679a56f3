"""An organisation's credit over REST."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Organisation
from billing.credits import permissions, queries
from billing.credits.models import CreditEntry, CreditGrant
from edge.endpoints import Endpoint, PageQuery, PageSerializer, page_of
from edge.pagination import paginate


class CreditGrantSerializer(serializers.Serializer[Any]):
    """Credit that was given once; amounts in billionths of a US dollar."""

    id = serializers.CharField(source="public_id")
    kind = serializers.CharField()
    currency = serializers.CharField()
    amount_nano = serializers.IntegerField()
    remaining_nano = serializers.IntegerField()
    priority = serializers.IntegerField()
    reason = serializers.CharField()
    granted_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    withdrawn_at = serializers.DateTimeField(allow_null=True)


class CreditEntrySerializer(serializers.Serializer[Any]):
    """One movement of one grant; ``usage_month`` is what it covered, as 2026-05."""

    credit = serializers.CharField(source="grant.public_id")
    kind = serializers.CharField()
    delta_nano = serializers.IntegerField()
    balance_nano = serializers.IntegerField()
    at = serializers.DateTimeField()
    usage_month = serializers.DateField(source="month", format="%Y-%m", allow_null=True)
    reason = serializers.CharField()


class CreditStateSerializer(serializers.Serializer[Any]):
    """What is left, and what covered this period, in billionths of a US dollar.

    ``used_nano`` is the sum of the four parts after it. The period is the month of the
    subscription, else the calendar's (UTC); ``month`` is the one in which it began.
    """

    left_nano = serializers.IntegerField()
    month = serializers.DateField(format="%Y-%m")
    period_start = serializers.DateTimeField(source="starts_at")
    period_end = serializers.DateTimeField(source="ends_at")
    allowance_nano = serializers.IntegerField()
    used_nano = serializers.IntegerField()
    from_allowance_nano = serializers.IntegerField()
    from_credit_nano = serializers.IntegerField()
    charged_nano = serializers.IntegerField()
    uncovered_nano = serializers.IntegerField()


class CreditGrantPageSerializer(PageSerializer):
    """A page of grants, the newest first; ``next`` is a cursor."""

    results = CreditGrantSerializer(many=True)


class CreditEntryPageSerializer(PageSerializer):
    """A page of entries, the newest first; ``next`` is a cursor."""

    results = CreditEntrySerializer(many=True)


class CreditBalance(Endpoint):
    """What is left of an organisation's credit."""

    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="get_credit", responses=CreditStateSerializer)
    def get(self, request: Request, organisation: str) -> Response:
        found = _organisation(request, organisation)
        return Response(CreditStateSerializer(queries.credit_state(found.pk)).data)


class CreditGrantList(Endpoint):
    """The credit an organisation was given."""

    query = PageQuery
    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="list_credit_grants", responses=CreditGrantPageSerializer
    )
    def get(self, request: Request, organisation: str) -> Response:
        found = _organisation(request, organisation)
        rows = CreditGrant.objects.visible_to(request.user).filter(organisation=found)
        page = paginate(rows, cursor=self.asked["cursor"])
        return Response(page_of(page, CreditGrantSerializer))


class CreditEntryList(Endpoint):
    """Every movement of an organisation's credit."""

    query = PageQuery
    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="list_credit_entries", responses=CreditEntryPageSerializer
    )
    def get(self, request: Request, organisation: str) -> Response:
        found = _organisation(request, organisation)
        rows = CreditEntry.objects.visible_to(request.user).filter(organisation=found)
        page = paginate(rows.select_related("grant"), cursor=self.asked["cursor"])
        return Response(page_of(page, CreditEntrySerializer))


def _organisation(request: Request, public_id: str) -> Organisation:
    """Return an organisation whose credit the caller may see."""
    visible = Organisation.objects.visible_to(request.user)
    found = get_object_or_404(visible, public_id=public_id)
    if not permissions.can_see_credit(request.user, found):
        raise PermissionDenied
    return found
