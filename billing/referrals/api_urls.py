"""REST URLs of referrals."""

from django.urls import path

from billing.referrals import api

urlpatterns = [
    path("referrals/", api.ReferralList.as_view(), name="referral-list"),
    path("referrals/link/", api.OwnLink.as_view(), name="referral-link"),
]
