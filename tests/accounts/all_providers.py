"""Every URL of an installation that has set up every provider."""

from django.urls import include, path

from accounts.entrance import PROVIDERS, routes
from config.urls import urlpatterns as ours

handler404 = "config.errors.page_not_found"
handler500 = "config.errors.server_error"
urlpatterns = [path("accounts/", include(routes(PROVIDERS))), *ours]
