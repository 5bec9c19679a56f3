"""URLs of charges."""

from django.urls import path

from billing.overage import views

app_name = "overage"
urlpatterns = [
    path("console/<slug:org>/charges/", views.overage_home, name="overage-home"),
    path("console/<slug:org>/charges/lines.csv", views.lines_csv, name="lines-csv"),
    path(
        "console/<slug:org>/charges/<slug:statement_id>/",
        views.statement_detail,
        name="statement-detail",
    ),
]
