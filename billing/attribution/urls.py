"""URLs of attribution."""

from django.urls import path

from billing.attribution import views

app_name = "attribution"
urlpatterns = [
    path("staff/attribution/", views.home, name="home"),
    path("staff/attribution/asset/", views.asset_detail, name="asset"),
    path("staff/attribution/invoices/<int:pk>/", views.invoice_detail, name="invoice"),
]
