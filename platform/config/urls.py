"""Every URL of the product: each app brings its own list."""

from django.contrib import admin
from django.contrib.sitemaps.views import index, sitemap
from django.urls import include, path
from django.views.i18n import JavaScriptCatalog

from config.sitemaps import SITEMAPS
from core import health

handler400 = "config.errors.bad_request"
handler403 = "config.errors.permission_denied"
handler404 = "config.errors.page_not_found"
handler500 = "config.errors.server_error"

urlpatterns = [
    path("", include("design.urls")),
    path("", include("accounts.urls")),
    path("", include("notifications.urls")),
    path("", include("search.urls")),
    path("", include("audit.urls")),
    path("", include("activity.urls")),
    path("", include("community.urls")),
    path("", include("inference.urls")),
    path("", include("billing.urls")),
    path("", include("operations.urls")),
    path("api/", include("config.api")),
    path("accounts/", include("allauth.urls")),
    path("jsi18n/", JavaScriptCatalog.as_view(), name="javascript-catalog"),
    path("sitemap.xml", index, {"sitemaps": SITEMAPS}, name="sitemap-index"),
    path(
        "sitemap-<section>.xml",
        sitemap,
        {"sitemaps": SITEMAPS},
        name="django.contrib.sitemaps.views.sitemap",
    ),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/", admin.site.urls),
]
