"""REST URLs of credit."""

from django.urls import path

from billing.credits import api

urlpatterns = [
    path(
        "organisations/<str:organisation>/credit/",
        api.CreditBalance.as_view(),
        name="credit-balance",
    ),
    path(
        "organisations/<str:organisation>/credit/grants/",
        api.CreditGrantList.as_view(),
        name="credit-grants",
    ),
    path(
        "organisations/<str:organisation>/credit/entries/",
        api.CreditEntryList.as_view(),
        name="credit-entries",
    ),
]
