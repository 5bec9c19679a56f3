"""Campaigns over REST, for staff: what the pages do, by the same form and services."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import BasePermission, IsAdminUser, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import RecentSignIn, caller, has_scope, is_confirmed
from accounts.exceptions import RecentSignInRequired
from accounts.models import User
from billing.growth.campaigns import editing
from billing.growth.campaigns.audience import count_audience
from billing.growth.campaigns.forms import CampaignForm
from billing.growth.campaigns.results import figures_of
from billing.growth.measuring import dollar_rate
from billing.growth.models import Campaign
from billing.growth.serializers import (
    AudienceSerializer,
    CampaignChangeSerializer,
    CampaignPageSerializer,
    CampaignQuery,
    CampaignSerializer,
    NewCampaignSerializer,
    ResultSerializer,
    errors_of,
    form_values,
    result_of,
)
from edge.endpoints import Endpoint, page_of, takes
from edge.pagination import paginate

STAFF: list[type[BasePermission]] = [
    IsAuthenticated,
    IsAdminUser,
    has_scope("campaigns:write"),
]


class CampaignList(Endpoint):
    """Every campaign, the newest first, and writing one."""

    query = CampaignQuery
    permission_classes = STAFF

    @extend_schema(operation_id="list_campaigns", responses=CampaignPageSerializer)
    def get(self, request: Request) -> Response:
        campaigns = Campaign.objects.counted().with_steps()
        if state := self.asked.get("state"):
            campaigns = campaigns.filter(state=state)
        page = paginate(
            campaigns,
            order_by=("-created_at", "-pk"),
            cursor=self.asked["cursor"],
        )
        return Response(page_of(page, CampaignSerializer))

    @extend_schema(
        operation_id="create_campaign",
        responses={201: CampaignSerializer},
    )
    @takes(NewCampaignSerializer)
    def post(self, request: Request) -> Response:
        """Write a campaign; nothing happens before it is started."""
        saved = _save(Campaign(), self.read_body(), by=caller(request))
        return Response(_written(saved.key), status=201)


class CampaignDetail(Endpoint):
    """One campaign, and changing it before it is started."""

    permission_classes = STAFF

    @extend_schema(operation_id="get_campaign", responses=CampaignSerializer)
    def get(self, request: Request, key: str) -> Response:
        return Response(_written(key))

    @extend_schema(
        operation_id="change_campaign",
        responses=CampaignSerializer,
    )
    @takes(CampaignChangeSerializer)
    def put(self, request: Request, key: str) -> Response:
        """Write all of a campaign anew; what is started keeps what it is."""
        found = get_object_or_404(Campaign, key=key)
        _save(found, self.read_body(), by=caller(request))
        return Response(_written(key))


class CampaignAudience(Endpoint):
    """Whom a campaign would reach if it began now."""

    permission_classes = STAFF

    @extend_schema(operation_id="count_campaign_audience", responses=AudienceSerializer)
    def get(self, request: Request, key: str) -> Response:
        found = get_object_or_404(Campaign, key=key)
        return Response(AudienceSerializer(count_audience(found)).data)


class CampaignResults(Endpoint):
    """What came of a campaign until now."""

    permission_classes = STAFF

    @extend_schema(operation_id="get_campaign_results", responses=ResultSerializer)
    def get(self, request: Request, key: str) -> Response:
        found = get_object_or_404(Campaign, key=key)
        values = result_of(
            figures_of(found),
            currency=settings.REPORTING_CURRENCY,
            has_rate=dollar_rate() is not None,
        )
        return Response(ResultSerializer(values).data)


class CampaignStart(Endpoint):
    """Starting a campaign."""

    permission_classes = [*STAFF, RecentSignIn]

    @extend_schema(operation_id="start_campaign", responses=CampaignSerializer)
    def post(self, request: Request, key: str) -> Response:
        """Have organisations enter, from the first day on."""
        return _do(editing.start_campaign, request, key)


class CampaignPause(Endpoint):
    """Pausing a campaign, and having it go on."""

    permission_classes = STAFF

    @extend_schema(operation_id="pause_campaign", responses=CampaignSerializer)
    def put(self, request: Request, key: str) -> Response:
        """Take no step and let nobody enter; again changes nothing."""
        return _do(editing.pause_campaign, request, key)

    @extend_schema(operation_id="resume_campaign", responses=CampaignSerializer)
    def delete(self, request: Request, key: str) -> Response:
        """Go on; again changes nothing."""
        if not is_confirmed(request):
            raise RecentSignInRequired
        return _do(editing.resume_campaign, request, key)


class CampaignStop(Endpoint):
    """Ending a campaign for good."""

    permission_classes = STAFF

    @extend_schema(operation_id="stop_campaign", responses=CampaignSerializer)
    def post(self, request: Request, key: str) -> Response:
        return _do(editing.stop_campaign, request, key)


def _do(deed: Callable[..., None], request: Request, key: str) -> Response:
    deed(get_object_or_404(Campaign, key=key), by=caller(request))
    return Response(_written(key))


def _save(campaign: Campaign, typed: dict[str, Any], *, by: User) -> Campaign:
    """Write what was sent as the editor's page would. Raises ``ValidationError``."""
    form = CampaignForm(form_values(campaign, typed), instance=campaign)
    if not form.is_valid():
        raise serializers.ValidationError(errors_of(form, steps=len(typed["steps"])))
    return editing.save_campaign(
        form.save(),
        steps=form.steps(),
        by=by,
        version=form.cleaned_data["version"],
    )


def _written(key: str) -> Any:
    found = get_object_or_404(Campaign.objects.counted().with_steps(), key=key)
    return CampaignSerializer(found).data
