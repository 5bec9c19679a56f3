"""Plans over REST."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from billing.plans.queries import Offer, offers
from edge.endpoints import Endpoint, PageSerializer


class PlanPriceSerializer(serializers.Serializer[Any]):
    """One way to pay; ``unit_amount`` in minor units, per seat where kind is seat."""

    interval = serializers.CharField()
    kind = serializers.CharField()
    currency = serializers.CharField()
    unit_amount = serializers.IntegerField()
    lookup_key = serializers.CharField()


class TierSerializer(serializers.Serializer[Any]):
    """Usage at list price up to and with an amount, null in the last; per cent."""

    up_to_nano = serializers.IntegerField(allow_null=True)
    percent = serializers.IntegerField()


class UsagePriceSerializer(serializers.Serializer[Any]):
    """What usage beyond the allowance costs, in billionths of a US dollar.

    ``mode`` is flat (one tier; without any it is refused), graduated (each tier's own
    usage at its rate), volume (all of it at the rate of the tier that was reached) or
    package (each that was begun costs its price).
    """

    mode = serializers.CharField()
    tiers = TierSerializer(many=True)
    package_nano = serializers.IntegerField()
    package_price_nano = serializers.IntegerField()


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
    usage_price = UsagePriceSerializer(source="version.usage_price")
    prices = serializers.SerializerMethodField()

    def get_features(self, offer: Offer) -> dict[str, Any]:
        return offer.features.to_dict()

    @extend_schema(responses=PlanPriceSerializer(many=True))
    def get_prices(self, offer: Offer) -> list[Any]:
        prices = sorted(offer.prices.values(), key=lambda price: price.interval)
        return list(PlanPriceSerializer(prices, many=True).data)


class PlanPageSerializer(PageSerializer):
    """All plans; there are few, so there is one page."""

    results = PlanSerializer(many=True)


class PlanList(Endpoint):
    """The plans that can be subscribed to today, smallest first."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="list_plans", responses=PlanPageSerializer)
    def get(self, request: Request) -> Response:
        results = PlanSerializer(offers(), many=True).data
        return Response({"next": None, "previous": None, "results": results})
