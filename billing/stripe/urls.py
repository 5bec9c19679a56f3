"""URLs of stripe."""

from django.urls import path

from billing.stripe import views

app_name = "stripe"
urlpatterns = [
    path("hooks/stripe/", views.webhook, name="webhook"),
    path("staff/revenue/webhooks/", views.webhook_list, name="webhook-list"),
    path(
        "staff/revenue/webhooks/<int:pk>/", views.webhook_detail, name="webhook-detail"
    ),
    path(
        "staff/revenue/webhooks/<int:pk>/replay/",
        views.webhook_replay,
        name="webhook-replay",
    ),
]
