"""REST URLs of subscriptions."""

from django.urls import path

from billing.subscriptions import api

urlpatterns = [
    path(
        "organisations/<str:organisation>/subscription/",
        api.CurrentSubscription.as_view(),
        name="current-subscription",
    ),
]
