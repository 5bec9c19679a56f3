"""Plans over REST."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from billing.plans.queries import Offer, offers
from edge.endpoints import Endpoint


class PlanPriceSerializer(serializers.Serializer[Any]):
    """One way to pay; ``unit_amount`` in minor units, per seat where kind is seat."""

    interval = serializers.CharField()
    kind = serializers.CharField()
    currency = serializers.CharField()
    unit_amount = serializers.IntegerField()
    lookup_key = serializers.CharField()


class PlanSerializer(serializers.Serializer[Any]):
    """A plan on offer."""

    key = serializers.CharField(source="plan.key")
    name = serializers.CharField(source="plan.name")
    summary = serializers.CharField(source="plan.summary")
    edition = serializers.CharField(source="plan.edition")
    version = serializers.IntegerField(source="version.version")
    seat_min = serializers.IntegerField(source="version.seat_min")
    seat_max = serializers.IntegerField(source="version.seat_max")
    features = serializers.SerializerMethodField()
    prices = serializers.SerializerMethodField()

    def get_features(self, offer: Offer) -> dict[str, Any]:
        return offer.features.to_dict()

    @extend_schema(responses=PlanPriceSerializer(many=True))
    def get_prices(self, offer: Offer) -> list[Any]:
        prices = sorted(offer.prices.values(), key=lambda price: price.interval)
        return list(PlanPriceSerializer(prices, many=True).data)


class PlanPageSerializer(serializers.Serializer[Any]):
    """All plans; there are few, so there is one page."""

    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = PlanSerializer(many=True)


class PlanList(Endpoint):
    """The plans that can be subscribed to today, smallest first."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="list_plans", responses=PlanPageSerializer)
    def get(self, request: Request) -> Response:
        results = PlanSerializer(offers(), many=True).data
        return Response({"next": None, "previous": None, "results": results})
