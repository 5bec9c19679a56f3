"""Every URL of the product: each app brings its own list."""

from django.contrib.sitemaps.views import index, sitemap
from django.urls import include, path
from django.views.generic import RedirectView
from django.views.i18n import JavaScriptCatalog

from config.sitemaps import SITEMAPS
from core.addresses import as_asked_on_site
from edge import health

handler400 = "config.errors.bad_request"
handler403 = "config.errors.permission_denied"
handler404 = "config.errors.page_not_found"
handler500 = "config.errors.server_error"

urlpatterns = [
    path("", include("design.urls")),
    path("", include("accounts.urls")),
    path("", include("drafts.urls")),
    path("", include("notifications.urls")),
    path("", include("privacy.urls")),
    path("", include("search.urls")),
    path("", include("audit.urls")),
    path("", include("activity.urls")),
    path("", include("analytics.urls")),
    path("", include("knowledge.urls")),
    path("", include("community.urls")),
    path("", include("inference.urls")),
    path("", include("billing.urls")),
    path("", include("operations.urls")),
    path("api/", include("config.api")),
    path("accounts/", include("accounts.entrance")),
    path("jsi18n/", JavaScriptCatalog.as_view(), name="javascript-catalog"),
    path(
        "sitemap.xml",
        as_asked_on_site(index),
        {"sitemaps": SITEMAPS},
        name="sitemap-index",
    ),
    path(
        "sitemap-<section>.xml",
        as_asked_on_site(sitemap),
        {"sitemaps": SITEMAPS},
        name="django.contrib.sitemaps.views.sitemap",
    ),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    # Where other Django sites have raw records; ours have the staff pages.
    path("admin/", RedirectView.as_view(pattern_name="conversion:staff-home")),
]
