"""The REST API's URLs: each app brings its ``api_urls``."""

from importlib import import_module
from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView

from edge.endpoints import Endpoint

APPS = [
    "accounts",
    "search",
    "notifications",
    "analytics",
    "community.conversations",
    "community.forum",
    "community.moderation",
    "community.docs",
    "community.contributions",
    "inference.catalog",
    "inference.keys",
    "inference.usage",
    "inference.budgets",
    "billing.credits",
    "billing.growth",
    "billing.overage",
    "billing.plans",
    "billing.referrals",
    "billing.subscriptions",
]


class SchemaView(Endpoint, SpectacularAPIView):
    """The OpenAPI description of all of it."""


v1: list[URLPattern | URLResolver] = []
for app in APPS:
    if find_spec(f"{app}.api_urls"):
        v1 += import_module(f"{app}.api_urls").urlpatterns

urlpatterns = [
    path("v1/", include((v1, "api"))),
    path("schema/", SchemaView.as_view(), name="schema"),
]
