"""REST URLs of catalog."""

from django.urls import path

from inference.catalog import api

urlpatterns = [
    path("models/", api.ModelList.as_view(), name="model-list"),
    path("models/<path:slug>/", api.ModelDetail.as_view(), name="model-detail"),
]
