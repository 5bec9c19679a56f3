"""URLs of the answer cache."""

from django.urls import path

from inference.caching import views

app_name = "caching"
urlpatterns = [
    path("console/<slug:org>/cache/", views.cache, name="cache"),
    path(
        "console/<slug:org>/cache/empty/", views.remove_answers, name="remove-answers"
    ),
]
