"""URLs of catalog."""

from django.urls import path

from inference.catalog import views

app_name = "catalog"
urlpatterns = [
    path("models/", views.model_list, name="model-list"),
    path("models/_cards/", views.cards, name="cards"),
    path("models/_rates/", views.rates, name="rates"),
    path("console/<slug:org>/prices/", views.own_prices, name="own-prices"),
    path("models/<path:slug>/", views.model_detail, name="model-detail"),
]
