"""An organisation's keys over REST."""

from datetime import datetime
from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller, has_scope
from accounts.models import Organisation
from accounts.permissions import can_manage_keys
from edge.endpoints import Endpoint, PageQuery
from edge.pagination import paginate
from edge.rest import StrictSerializer
from inference.catalog.queries import offered_models
from inference.keys import services
from inference.keys.models import ApiKey


class KeySerializer(serializers.Serializer[Any]):
    """A key without its secret, which is not known."""

    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    prefix = serializers.CharField()
    last4 = serializers.CharField()
    allowed_models = serializers.ListField(child=serializers.CharField())
    monthly_limit_nano = serializers.IntegerField(allow_null=True)
    created_by = serializers.CharField(source="created_by.username", default=None)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    last_used_on = serializers.DateField(allow_null=True)


class KeyWithSecretSerializer(KeySerializer):
    """A new key; the secret is in this answer and nowhere else."""

    secret = serializers.CharField()


class KeyPageSerializer(serializers.Serializer[Any]):
    """A page of keys, the newest first; ``next`` is a cursor."""

    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = KeySerializer(many=True)


class NewKeySerializer(StrictSerializer):
    """A key to make."""

    name = serializers.CharField(max_length=80)
    allowed_models = serializers.ListField(
        child=serializers.CharField(max_length=120), max_length=100, default=list
    )
    monthly_limit_nano = serializers.IntegerField(
        min_value=1, max_value=10**15, allow_null=True, default=None
    )
    expires_at = serializers.DateTimeField(allow_null=True, default=None)

    def validate_allowed_models(self, slugs: list[str]) -> list[str]:
        unknown = set(slugs) - {model.slug for model in offered_models()}
        if unknown:
            raise serializers.ValidationError(
                f"Not on offer: {', '.join(sorted(unknown))}."
            )
        return slugs

    def validate_expires_at(self, moment: datetime | None) -> datetime | None:
        if moment is not None and moment <= timezone.now():
            raise serializers.ValidationError("Choose a later time.")
        return moment


class KeyList(Endpoint):
    """The keys of an organisation."""

    query = PageQuery
    permission_classes = [IsAuthenticated, has_scope("keys:write")]

    @extend_schema(operation_id="list_keys", responses=KeyPageSerializer)
    def get(self, request: Request, org: str) -> Response:
        organisation = _organisation(request, org)
        page = paginate(
            _keys(organisation).select_related("created_by"),
            order_by=("-pk",),
            cursor=self.asked["cursor"],
        )
        return Response(
            {
                "next": page.next_cursor or None,
                "previous": page.previous_cursor or None,
                "results": KeySerializer(page.items, many=True).data,
            }
        )

    @extend_schema(
        operation_id="create_key",
        request=NewKeySerializer,
        responses={201: KeyWithSecretSerializer},
    )
    def post(self, request: Request, org: str) -> Response:
        organisation = _organisation(request, org)
        wanted = NewKeySerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        key, secret = services.create_key(
            organisation, by=caller(request), **wanted.validated_data
        )
        return Response({**KeySerializer(key).data, "secret": secret}, status=201)


class KeyDetail(Endpoint):
    """One key."""

    permission_classes = [IsAuthenticated, has_scope("keys:write")]

    @extend_schema(operation_id="revoke_key", request=None, responses={204: None})
    def delete(self, request: Request, org: str, public_id: str) -> Response:
        """Revoke the key; revoking it again changes nothing."""
        key = get_object_or_404(_keys(_organisation(request, org)), public_id=public_id)
        services.revoke_key(key, by=caller(request))
        return Response(status=204)


def _organisation(request: Request, slug: str) -> Organisation:
    """Return an organisation whose keys the caller may manage."""
    visible = Organisation.objects.visible_to(request.user)
    organisation = get_object_or_404(visible, slug=slug)
    if not can_manage_keys(request.user, organisation):
        raise PermissionDenied
    return organisation


def _keys(organisation: Organisation) -> Any:
    return ApiKey.objects.filter(organisation=organisation, kind=ApiKey.Kind.STANDARD)
