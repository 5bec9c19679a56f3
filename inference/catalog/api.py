"""The models on offer over REST."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from edge.endpoints import Endpoint
from inference.catalog.queries import offered_models
from inference.catalog.serializers import (
    ModelDetailSerializer,
    ModelPageSerializer,
    ModelSerializer,
)


class ModelList(Endpoint):
    """The models on offer, open ones first."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="list_models", responses=ModelPageSerializer)
    def get(self, request: Request) -> Response:
        results = ModelSerializer(offered_models(), many=True).data
        return Response({"next": None, "previous": None, "results": results})


class ModelDetail(Endpoint):
    """One model on offer."""

    permission_classes = [AllowAny]

    @extend_schema(operation_id="get_model", responses=ModelDetailSerializer)
    def get(self, request: Request, slug: str) -> Response:
        model = get_object_or_404(offered_models(), slug=slug)
        return Response(ModelDetailSerializer(model).data)
