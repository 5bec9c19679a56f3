"""URLs of stripe."""

from django.urls import path

from billing.stripe import views

app_name = "stripe"
urlpatterns = [
    path("hooks/stripe/", views.webhook, name="webhook"),
]
