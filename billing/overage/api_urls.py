"""REST URLs of charges."""

from django.urls import path

from billing.overage import api

urlpatterns = [
    path(
        "organisations/<str:organisation>/charges/",
        api.ChargeView.as_view(),
        name="charges",
    ),
    path(
        "organisations/<str:organisation>/charges/statements/",
        api.StatementList.as_view(),
        name="charge-statements",
    ),
    path(
        "organisations/<str:organisation>/charges/statements/<str:statement>/",
        api.StatementDetail.as_view(),
        name="charge-statement",
    ),
]
