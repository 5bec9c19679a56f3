"""An organisation's keys over REST."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import RecentSignIn, caller, has_scope
from accounts.models import Organisation
from accounts.permissions import can_manage_keys
from edge.endpoints import Endpoint, PageQuery, PageSerializer, page_of, takes
from edge.pagination import paginate
from edge.rest import StrictSerializer
from inference.catalog.queries import offered_models
from inference.keys import services
from inference.keys.forms import MOST_LINES
from inference.keys.models import MOST_CACHE_SECONDS, ApiKey, DataKind, Project
from inference.keys.reading import network_of, origin_of


class KeySerializer(serializers.Serializer[Any]):
    """A key without its secret, which is not known."""

    id = serializers.CharField(source="public_id")
    name = serializers.CharField()
    prefix = serializers.CharField()
    last4 = serializers.CharField()
    allowed_models = serializers.ListField(child=serializers.CharField())
    monthly_limit_nano = serializers.IntegerField(allow_null=True)
    kind = serializers.CharField()
    project = serializers.CharField(source="project.public_id", default=None)
    scopes = serializers.ListField(child=serializers.CharField())
    networks = serializers.ListField(child=serializers.CharField())
    origins = serializers.ListField(child=serializers.CharField())
    hidden_data = serializers.ListField(child=serializers.CharField())
    requests_per_minute = serializers.IntegerField(allow_null=True)
    tokens_per_minute = serializers.IntegerField(allow_null=True)
    concurrent_requests = serializers.IntegerField(allow_null=True)
    cache_seconds = serializers.IntegerField(allow_null=True)
    created_by = serializers.CharField(source="created_by.username", default=None)
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    revoked_at = serializers.DateTimeField(allow_null=True)
    last_used_on = serializers.DateField(allow_null=True)


class KeyWithSecretSerializer(KeySerializer):
    """A new key; the secret is in this answer and nowhere else."""

    secret = serializers.CharField()


class KeyPageSerializer(PageSerializer):
    """A page of keys, the newest first; ``next`` is a cursor."""

    results = KeySerializer(many=True)


def _limit() -> serializers.IntegerField:
    return serializers.IntegerField(
        min_value=1, max_value=2_147_483_647, allow_null=True, default=None
    )


def _lines() -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=200), max_length=MOST_LINES, default=list
    )


class NewKeySerializer(StrictSerializer):
    """A key to make; ``project`` is the id of one of the organisation's."""

    name = serializers.CharField(max_length=80)
    allowed_models = serializers.ListField(
        child=serializers.CharField(max_length=120), max_length=100, default=list
    )
    monthly_limit_nano = serializers.IntegerField(
        min_value=1, max_value=10**15, allow_null=True, default=None
    )
    expires_at = serializers.DateTimeField(allow_null=True, default=None)
    is_service = serializers.BooleanField(default=False)
    project = serializers.CharField(max_length=40, allow_null=True, default=None)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=ApiKey.Scope.choices),
        max_length=len(ApiKey.Scope.values),
        default=list,
    )
    networks = _lines()
    origins = _lines()
    hidden_data = serializers.ListField(
        child=serializers.ChoiceField(choices=DataKind.choices),
        max_length=len(DataKind.values),
        default=list,
    )
    requests_per_minute = _limit()
    tokens_per_minute = _limit()
    concurrent_requests = _limit()
    cache_seconds = serializers.IntegerField(
        min_value=1, max_value=MOST_CACHE_SECONDS, allow_null=True, default=None
    )

    def validate_networks(self, lines: list[str]) -> list[str]:
        return _read(lines, network_of)

    def validate_origins(self, lines: list[str]) -> list[str]:
        return _read(lines, origin_of)

    def validate_project(self, public_id: str | None) -> Project | None:
        if public_id is None:
            return None
        mine = Project.objects.filter(organisation=self.context["organisation"])
        project = mine.filter(public_id=public_id).first()
        if project is None:
            raise serializers.ValidationError("The organisation has no such project.")
        return project

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
    permission_classes = [IsAuthenticated, has_scope("keys:write"), RecentSignIn]

    @extend_schema(operation_id="list_keys", responses=KeyPageSerializer)
    def get(self, request: Request, org: str) -> Response:
        organisation = _organisation(request, org)
        page = paginate(
            _keys(organisation).select_related("created_by", "project"),
            order_by=("-pk",),
            cursor=self.asked["cursor"],
        )
        return Response(page_of(page, KeySerializer))

    @extend_schema(
        operation_id="create_key",
        responses={201: KeyWithSecretSerializer},
    )
    @takes(NewKeySerializer)
    def post(self, request: Request, org: str) -> Response:
        organisation = _organisation(request, org)
        wanted = self.read_body(organisation=organisation)
        key, secret = services.create_key(organisation, by=caller(request), **wanted)
        return Response({**KeySerializer(key).data, "secret": secret}, status=201)


class KeyDetail(Endpoint):
    """One key."""

    permission_classes = [IsAuthenticated, has_scope("keys:write"), RecentSignIn]

    @extend_schema(operation_id="revoke_key", responses={204: None})
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
    return ApiKey.objects.managed().filter(organisation=organisation)


def _read(lines: list[str], read: Callable[[str], str]) -> list[str]:
    """Return lines as they are kept, each once."""
    try:
        return list(dict.fromkeys(read(line) for line in lines))
    except ValidationError as error:
        raise serializers.ValidationError(error.messages) from error
