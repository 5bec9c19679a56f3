"""REST URLs of usage."""

from django.urls import path

from inference.usage import api

urlpatterns = [
    path("organisations/<slug:org>/usage/", api.UsageSummary.as_view(), name="usage")
]
