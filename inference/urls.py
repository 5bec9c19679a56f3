"""URLs of the inference area: each app brings its own list."""

from django.urls import include, path

urlpatterns = [
    path("", include("inference.catalog.urls")),
    path("", include("inference.keys.urls")),
    path("", include("inference.caching.urls")),
    path("", include("inference.stored.urls")),
    path("", include("inference.transcripts.urls")),
    path("", include("inference.usage.urls")),
    path("", include("inference.budgets.urls")),
    path("", include("inference.explorer.urls")),
    path("", include("inference.playground.urls")),
    path("", include("inference.offering.urls")),
    path("", include("inference.operating.urls")),
]
