"""REST URLs of campaigns."""

from django.urls import path

from billing.growth import api

urlpatterns = [
    path("campaigns/", api.CampaignList.as_view(), name="campaign-list"),
    path("campaigns/<slug:key>/", api.CampaignDetail.as_view(), name="campaign-detail"),
    path(
        "campaigns/<slug:key>/audience/",
        api.CampaignAudience.as_view(),
        name="campaign-audience",
    ),
    path(
        "campaigns/<slug:key>/results/",
        api.CampaignResults.as_view(),
        name="campaign-results",
    ),
    path(
        "campaigns/<slug:key>/start/",
        api.CampaignStart.as_view(),
        name="campaign-start",
    ),
    path(
        "campaigns/<slug:key>/pause/",
        api.CampaignPause.as_view(),
        name="campaign-pause",
    ),
    path(
        "campaigns/<slug:key>/stop/",
        api.CampaignStop.as_view(),
        name="campaign-stop",
    ),
]
