"""The models on offer over REST."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import Organisation
from edge.endpoints import Endpoint
from inference.catalog.own_prices import price_sheet
from inference.catalog.queries import offered_models
from inference.catalog.serializers import (
    ModelDetailSerializer,
    ModelPageSerializer,
    ModelSerializer,
    PriceSheetSerializer,
)


class ModelList(Endpoint):
    """The models on offer, open ones first."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="list_models", responses=ModelPageSerializer)
    def get(self, request: Request) -> Response:
        results = ModelSerializer(offered_models(), many=True).data
        return Response({"next": None, "previous": None, "results": results})


class OwnPriceList(Endpoint):
    """What an organisation pays for each model now."""

    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="list_own_prices", responses=PriceSheetSerializer)
    def get(self, request: Request, organisation: str) -> Response:
        visible = Organisation.objects.visible_to(request.user)
        found = get_object_or_404(visible, public_id=organisation)
        sheet = price_sheet(found.pk)
        return Response(PriceSheetSerializer(sheet).data)


class ModelDetail(Endpoint):
    """One model on offer."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="get_model", responses=ModelDetailSerializer)
    def get(self, request: Request, slug: str) -> Response:
        model = get_object_or_404(offered_models(), slug=slug)
        return Response(ModelDetailSerializer(model).data)
