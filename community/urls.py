"""URLs of the community area: each app brings its own list."""

from django.urls import include, path

urlpatterns = [
    path("", include("community.trust.urls")),
    path("", include("community.moderation.urls")),
    path("", include("community.forum.urls")),
    path("", include("community.docs.urls")),
    path("", include("community.contributions.urls")),
    path("", include("community.reputation.urls")),
    path("", include("community.profiles.urls")),
    path("", include("community.imports.urls")),
    path("", include("community.people.urls")),
    path("", include("community.conversations.urls")),
]
