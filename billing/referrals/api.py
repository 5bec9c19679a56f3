"""A member's own link and whom it brought, over REST."""

from typing import Any

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller, has_scope
from accounts.models import User
from billing.referrals import services, terms
from billing.referrals.figures import referral_figures
from billing.referrals.models import Referral, ReferralLink
from billing.referrals.visiting import digest_of_address
from edge.endpoints import Endpoint, PageQuery, PageSerializer, page_of
from edge.pagination import paginate


class ReferralLinkSerializer(serializers.Serializer[Any]):
    """The caller's link, how many came how far by it, and what is promised.

    ``reward_nano`` is what each of both is given, in billionths of a US dollar, when
    the first payment has stayed for ``settling_days``. A payment counts that comes
    within ``lifetime_days`` after the invited person joined.
    """

    address = serializers.CharField()
    created_at = serializers.DateTimeField()
    joined = serializers.IntegerField()
    paid = serializers.IntegerField()
    rewarded = serializers.IntegerField()
    reward_nano = serializers.IntegerField()
    settling_days = serializers.IntegerField()
    lifetime_days = serializers.IntegerField()


class ReferralSerializer(serializers.Serializer[Any]):
    """A person the caller has brought; what speaks against a reward is not told."""

    username = serializers.CharField(source="invited.username")
    state = serializers.ChoiceField(choices=Referral.Progress.choices)
    joined_at = serializers.DateTimeField()


class ReferralPageSerializer(PageSerializer):
    """A page of referrals, the newest first; ``next`` is a cursor."""

    results = ReferralSerializer(many=True)


class ReferralList(Endpoint):
    """Whom the caller has brought."""

    query = PageQuery
    permission_classes = [IsAuthenticated]

    @extend_schema(operation_id="list_referrals", responses=ReferralPageSerializer)
    def get(self, request: Request) -> Response:
        brought = Referral.objects.brought_by(caller(request))
        page = paginate(
            brought.select_related("invited"),
            order_by=("-joined_at", "-pk"),
            cursor=self.asked["cursor"],
        )
        return Response(page_of(page, ReferralSerializer))


class OwnLink(Endpoint):
    """The address by which the caller invites others."""

    permission_classes = [IsAuthenticated, has_scope("referrals:write")]

    @extend_schema(operation_id="get_referral_link", responses=ReferralLinkSerializer)
    def get(self, request: Request) -> Response:
        """Return the link; 404 before it was made."""
        who = caller(request)
        link = ReferralLink.objects.filter(user=who).first()
        if link is None:
            raise Http404
        return Response(_told(link, who))

    @extend_schema(
        operation_id="make_referral_link",
        responses=ReferralLinkSerializer,
    )
    def put(self, request: Request) -> Response:
        """Make the link; it stays the same, and again changes nothing."""
        who = caller(request)
        link = services.ensure_link(who, address_digest=digest_of_address(request))
        return Response(_told(link, who))


def _told(link: ReferralLink, who: User) -> Any:
    figures = referral_figures(Referral.objects.brought_by(who))
    values = {
        "address": link.address,
        "created_at": link.created_at,
        "joined": figures.joined,
        "paid": figures.paid,
        "rewarded": figures.rewarded,
        **terms.PROMISE,
    }
    return ReferralLinkSerializer(values).data
