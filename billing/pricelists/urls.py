"""URLs of price lists."""

from django.urls import path

from billing.pricelists import views

app_name = "pricelists"
urlpatterns = [
    path("staff/price-lists/", views.price_lists, name="list"),
    path("staff/price-lists/<slug:list_id>/", views.price_list, name="detail"),
]
