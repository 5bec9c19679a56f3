"""REST URLs of catalog."""

from django.urls import path

from inference.catalog import api

urlpatterns = [
    path("models/", api.ModelList.as_view(), name="model-list"),
    path(
        "organisations/<str:organisation>/prices/",
        api.OwnPriceList.as_view(),
        name="own-prices",
    ),
    path("models/<path:slug>/", api.ModelDetail.as_view(), name="model-detail"),
]
