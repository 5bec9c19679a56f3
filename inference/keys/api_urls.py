"""REST URLs of keys."""

from django.urls import path

from inference.keys import api

urlpatterns = [
    path("organisations/<slug:org>/keys/", api.KeyList.as_view(), name="key-list"),
    path(
        "organisations/<slug:org>/keys/<slug:public_id>/",
        api.KeyDetail.as_view(),
        name="key-detail",
    ),
]
