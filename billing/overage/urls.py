"""URLs of charges."""

from django.urls import path

from billing.overage import staff_views, views

app_name = "overage"
urlpatterns = [
    path("console/<slug:org>/charges/", views.overage_home, name="overage-home"),
    path("console/<slug:org>/charges/lines.csv", views.lines_csv, name="lines-csv"),
    path(
        "console/<slug:org>/charges/<slug:statement_id>/",
        views.statement_detail,
        name="statement-detail",
    ),
    path("staff/statements/", staff_views.statement_list, name="staff-list"),
    path("staff/statements/all.csv", staff_views.statement_csv, name="staff-csv"),
    path("staff/statements/close/", staff_views.period_close, name="period-close"),
    path(
        "staff/statements/<slug:statement_id>/",
        staff_views.statement_detail,
        name="staff-detail",
    ),
    path(
        "staff/statements/<slug:statement_id>/send/",
        staff_views.statement_send,
        name="staff-send",
    ),
    path(
        "staff/statements/<slug:statement_id>/write-off/",
        staff_views.statement_write_off,
        name="staff-write-off",
    ),
    path(
        "staff/statements/<slug:statement_id>/take-back/",
        staff_views.statement_take_back,
        name="staff-take-back",
    ),
]
