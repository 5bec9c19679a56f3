"""URLs of the billing area: each app brings its own list."""

from django.urls import include, path

urlpatterns = [
    path("", include("billing.plans.urls")),
    path("", include("billing.catalogue.urls")),
    path("", include("billing.credits.urls")),
    path("", include("billing.overage.urls")),
    path("", include("billing.subscriptions.urls")),
    path("", include("billing.quotes.urls")),
    path("", include("billing.refunds.urls")),
    path("", include("billing.approvals.urls")),
    path("", include("billing.stripe.urls")),
    path("", include("billing.conversion.urls")),
    path("", include("billing.forecast.urls")),
    path("", include("billing.pricelab.urls")),
    path("", include("billing.attribution.urls")),
    path("", include("billing.growth.urls")),
    path("", include("billing.referrals.urls")),
    path("", include("billing.causes.urls")),
]
