"""An organisation's budgets over REST."""

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
from edge.endpoints import Endpoint, takes
from edge.rest import StrictSerializer
from inference.budgets import permissions, services
from inference.budgets.exceptions import UnknownTarget
from inference.budgets.queries import budget_lines


class BudgetSerializer(serializers.Serializer[Any]):
    """One budget of this month (UTC); money in billionths of a US dollar."""

    target = serializers.CharField()
    scope = serializers.CharField()
    name = serializers.CharField()
    limit_nano = serializers.IntegerField()
    spent_nano = serializers.IntegerField()
    percent = serializers.IntegerField()
    is_hard = serializers.BooleanField()


class BudgetListSerializer(serializers.Serializer[Any]):
    """All budgets of an organisation."""

    results = BudgetSerializer(many=True)


class NewBudgetSerializer(StrictSerializer):
    """A budget to set; ``limit_nano`` null takes it away.

    ``target`` is ``organisation``, ``project:proj_…``, ``key:key_…`` or
    ``member:username``.
    """

    target = serializers.CharField(max_length=100)
    limit_nano = serializers.IntegerField(
        min_value=1, max_value=10**15, allow_null=True
    )
    is_hard = serializers.BooleanField(default=True)


class BudgetList(Endpoint):
    """The budgets of an organisation."""

    permission_classes = [IsAuthenticated, has_scope("keys:write")]

    @extend_schema(operation_id="list_budgets", responses=BudgetListSerializer)
    def get(self, request: Request, organisation: str) -> Response:
        found = _organisation(request, organisation)
        if not permissions.can_see_budgets(request.user, found):
            raise PermissionDenied
        return _answer(found)

    @extend_schema(
        operation_id="set_budget",
        responses=BudgetListSerializer,
    )
    @takes(NewBudgetSerializer)
    def put(self, request: Request, organisation: str) -> Response:
        """Set one budget and return all; the same again changes nothing."""
        found = _organisation(request, organisation)
        if not permissions.can_set_budgets(request.user, found):
            raise PermissionDenied
        wanted = self.read_body()
        try:
            services.set_budget(
                found, by=caller(request), may_raise=is_confirmed(request), **wanted
            )
        except UnknownTarget as no:
            raise serializers.ValidationError({"target": [str(no)]}) from no
        return _answer(found)


def _organisation(request: Request, public_id: str) -> Organisation:
    visible = Organisation.objects.visible_to(request.user)
    return get_object_or_404(visible, public_id=public_id)


def _answer(organisation: Organisation) -> Response:
    lines = budget_lines(organisation)
    return Response({"results": BudgetSerializer(lines, many=True).data})
