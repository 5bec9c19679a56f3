from typing import Any

from rest_framework import serializers

from edge.endpoints import PageSerializer


class PriceSerializer(serializers.Serializer[Any]):
    """A price version; billionths of a US dollar per million tokens.

    A part of a prompt or an answer without a price of its own has that of the rest.
    """

    valid_from = serializers.DateTimeField()
    valid_to = serializers.DateTimeField(allow_null=True)
    price_in = serializers.IntegerField()
    price_cached_in = serializers.IntegerField()
    price_out = serializers.IntegerField()
    price_cache_write_in = serializers.IntegerField(allow_null=True)
    price_audio_in = serializers.IntegerField(allow_null=True)
    price_image_in = serializers.IntegerField(allow_null=True)
    price_reasoning_out = serializers.IntegerField(allow_null=True)
    price_audio_out = serializers.IntegerField(allow_null=True)
    price_image_out = serializers.IntegerField(allow_null=True)


class ModelSerializer(serializers.Serializer[Any]):
    """A model on offer, with the price in force."""

    id = serializers.CharField(source="slug")
    title = serializers.CharField()
    edition = serializers.CharField()
    summary = serializers.CharField(source="localised_summary")
    licence = serializers.CharField()
    capabilities = serializers.ListField(child=serializers.CharField())
    context_tokens = serializers.IntegerField()
    max_output_tokens = serializers.IntegerField()
    released_at = serializers.DateTimeField()
    url = serializers.CharField(source="get_absolute_url")
    price = serializers.SerializerMethodField()

    def get_price(self, model: Any) -> dict[str, Any] | None:
        return PriceSerializer(model.current[0]).data if model.current else None


class ModelDetailSerializer(ModelSerializer):
    """A model with its description and every price it had, the latest first."""

    description = serializers.CharField(source="localised_description")
    prices = serializers.SerializerMethodField()

    def get_prices(self, model: Any) -> list[Any]:
        versions = model.prices.order_by("-valid_from")
        return list(PriceSerializer(versions, many=True).data)


class ModelPageSerializer(PageSerializer):
    """All models on offer; there are few, so there is one page."""

    results = ModelSerializer(many=True)


class RatesSerializer(serializers.Serializer[Any]):
    """Billionths of a US dollar per million tokens."""

    price_in = serializers.IntegerField()
    price_cached_in = serializers.IntegerField()
    price_out = serializers.IntegerField()


class OwnPriceSerializer(serializers.Serializer[Any]):
    """One model: everybody's price, what the list takes off, and what is paid."""

    model = serializers.CharField(source="model.slug")
    discount_bps = serializers.IntegerField()
    listed = RatesSerializer()
    own = RatesSerializer()


class TermSerializer(serializers.Serializer[Any]):
    """From when and until when a price list holds; null: until it is ended."""

    begins_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(allow_null=True)


class PriceSheetSerializer(serializers.Serializer[Any]):
    """What an organisation pays now; ``current`` is null where it is everybody's."""

    current = TermSerializer(allow_null=True)
    to_come = TermSerializer(many=True)
    results = OwnPriceSerializer(many=True, source="rows")
