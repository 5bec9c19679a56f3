"""URLs of usage."""

from django.urls import path

from inference.usage import views

app_name = "usage"
urlpatterns = [
    path("console/<slug:org>/usage/", views.usage, name="usage"),
    path("console/<slug:org>/usage/log.csv", views.log_csv, name="log-csv"),
    path("console/<slug:org>/usage/table.csv", views.table_csv, name="table-csv"),
    path("console/<slug:org>/_usage/", views.usage_fragment, name="usage-fragment"),
    path("console/<slug:org>/_steps/", views.steps_fragment, name="steps-fragment"),
]
