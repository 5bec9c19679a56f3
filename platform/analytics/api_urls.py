"""REST URLs of analytics."""

from django.urls import path

from analytics import api

urlpatterns = [
    path("analytics/reports/", api.ReportList.as_view(), name="report-list"),
    path(
        "analytics/reports/<slug:public_id>/",
        api.ReportAnswer.as_view(),
        name="report-answer",
    ),
]
