"""URLs of trust."""

from django.urls import path

from community.trust import views

app_name = "trust"
urlpatterns = [
    path("settings/trust/", views.level_page, name="levels"),
    path("badges/", views.badge_list, name="badge-list"),
    path("badges/<int:pk>/revoke/", views.badge_revoke, name="badge-revoke"),
]
