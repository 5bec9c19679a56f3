"""URLs of refunds."""

from django.urls import path

from billing.refunds import views

app_name = "refunds"
urlpatterns = [
    path(
        "staff/revenue/invoices/<int:pk>/refund/", views.invoice_refund, name="invoice"
    ),
]
