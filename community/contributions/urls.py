"""URLs of contributions."""

from django.urls import path

from community.contributions import views

app_name = "contributions"
urlpatterns = [
    path("hooks/github/", views.github_webhook, name="github-webhook"),
    path("contributions/", views.hub, name="hub"),
    path("contributions/_of/<str:username>/", views.of_user, name="of-user"),
]
