"""Subscriptions over REST."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Organisation
from billing.subscriptions import permissions, queries
from edge.endpoints import Endpoint


class SubscriptionSerializer(serializers.Serializer[Any]):
    """What an organisation subscribes to now; the free plan has no status."""

    plan = serializers.CharField()
    status = serializers.CharField(allow_null=True)
    seats = serializers.IntegerField()
    interval = serializers.CharField(allow_null=True)
    period_end = serializers.DateTimeField(allow_null=True)
    ends_at = serializers.DateTimeField(allow_null=True)
    grace_until = serializers.DateTimeField(allow_null=True)
    features = serializers.DictField()


class CurrentSubscription(Endpoint):
    """The plan of an organisation, for those who look after its money."""

    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="get_subscription", responses=SubscriptionSerializer)
    def get(self, request: Request, organisation: str) -> Response:
        visible = Organisation.objects.visible_to(request.user)
        found = get_object_or_404(visible, public_id=organisation)
        if not permissions.can_see_billing(request.user, found):
            raise PermissionDenied
        state = queries.billing_state(found)
        row = state.subscription
        answer = {
            "plan": state.features.plan,
            "status": row.status if row else None,
            "seats": row.seats if row else state.features.seats,
            "interval": row.price.interval if row and row.price else None,
            "period_end": row.period_end if row else None,
            "ends_at": row.ends_at if row else None,
            "grace_until": row.grace_until if row else None,
            "features": state.features.to_dict(),
        }
        return Response(SubscriptionSerializer(answer).data)
