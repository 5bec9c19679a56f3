"""URLs of growth."""

from django.urls import path

from billing.growth.views import (
    campaigns,
    inbox,
    measured,
    monthly,
    scores,
    slots,
    staff,
)

app_name = "growth"
urlpatterns = [
    path("_growth/slot/<slug:surface>/", slots.slot, name="slot"),
    path("_growth/seen/<uuid:uuid>/", slots.seen, name="seen"),
    path("_growth/offers/<uuid:uuid>/", slots.offer, name="offer"),
    path("_growth/offers/<uuid:uuid>/accept/", slots.accept, name="accept"),
    path("_growth/offers/<uuid:uuid>/dismiss/", slots.dismiss, name="dismiss"),
    path("staff/offers/", staff.moments, name="moments"),
    path("staff/offers/moments/<slug:moment>/", staff.moment, name="moment"),
    path("staff/offers/all/", staff.offer_list, name="offer-list"),
    path("staff/offers/new/", staff.offer_edit, name="offer-new"),
    path("staff/offers/all/<slug:key>/", staff.offer_edit, name="offer-edit"),
    path("staff/offers/all/<slug:key>/state/", staff.offer_state, name="offer-state"),
    path("staff/offers/lift/", measured.lift, name="lift"),
    path("staff/offers/month/", monthly.show_month, name="month"),
    path("staff/offers/month/<slug:address>/", monthly.show_month, name="month-of"),
    path("staff/offers/decisions/", monthly.decision_list, name="decision-list"),
    path("staff/offers/organisations/", monthly.unit_list, name="unit-list"),
    path("staff/offers/experiments/", measured.experiment_list, name="experiment-list"),
    path(
        "staff/offers/experiments/new/", measured.experiment_new, name="experiment-new"
    ),
    path(
        "staff/offers/experiments/<slug:key>/", measured.experiment, name="experiment"
    ),
    path(
        "staff/offers/experiments/<slug:key>/state/",
        measured.experiment_state,
        name="experiment-state",
    ),
    path("staff/offers/campaigns/", campaigns.campaign_list, name="campaign-list"),
    path("staff/offers/campaigns/new/", campaigns.campaign_edit, name="campaign-new"),
    path("staff/offers/campaigns/<slug:key>/", campaigns.campaign, name="campaign"),
    path(
        "staff/offers/campaigns/<slug:key>/edit/",
        campaigns.campaign_edit,
        name="campaign-edit",
    ),
    path(
        "staff/offers/campaigns/<slug:key>/state/",
        campaigns.campaign_state,
        name="campaign-state",
    ),
    path("staff/leads/", inbox.lead_list, name="lead-list"),
    path("staff/leads/scores/", scores.scores, name="scores"),
    path("staff/leads/<int:pk>/", inbox.lead, name="lead"),
    path("staff/leads/<int:pk>/take/", inbox.lead_take, name="lead-take"),
    path("staff/leads/<int:pk>/close/", inbox.lead_close, name="lead-close"),
]
