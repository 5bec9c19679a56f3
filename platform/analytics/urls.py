"""URLs of analytics."""

from django.urls import path

from analytics import board_views, dictionary_views, views
from analytics.kinds import KINDS

app_name = "analytics"
urlpatterns = [
    path("staff/analytics/", views.home, name="home"),
    *(
        path(f"staff/analytics/{kind}/", views.report, {"kind": kind}, name=kind)
        for kind in KINDS
    ),
    path("staff/analytics/funnel/people/", views.funnel_people, name="people"),
    path("staff/analytics/reports/save/", views.report_save, name="report-save"),
    path(
        "staff/analytics/reports/<slug:public_id>/", views.report_detail, name="report"
    ),
    path(
        "staff/analytics/reports/<slug:public_id>/replace/",
        views.report_replace,
        name="report-replace",
    ),
    path(
        "staff/analytics/reports/<slug:public_id>/delete/",
        views.report_delete,
        name="report-delete",
    ),
    path(
        "staff/analytics/reports/<slug:public_id>/watch/",
        board_views.report_watch,
        name="report-watch",
    ),
    path("staff/analytics/dashboards/", board_views.dashboard_list, name="dashboards"),
    path(
        "staff/analytics/dashboards/<slug:public_id>/",
        board_views.dashboard_detail,
        name="dashboard",
    ),
    path(
        "staff/analytics/dashboards/<slug:public_id>/tiles/",
        board_views.tile_add,
        name="tile-add",
    ),
    path(
        "staff/analytics/dashboards/<slug:public_id>/tiles/<int:tile>/",
        board_views.tile_change,
        name="tile-change",
    ),
    path(
        "staff/analytics/dashboards/<slug:public_id>/mail/",
        board_views.dashboard_mail,
        name="dashboard-mail",
    ),
    path(
        "staff/analytics/dashboards/<slug:public_id>/delete/",
        board_views.dashboard_delete,
        name="dashboard-delete",
    ),
    path(
        "staff/analytics/annotations/",
        board_views.annotation_list,
        name="annotations",
    ),
    path(
        "staff/analytics/annotations/<int:pk>/delete/",
        board_views.annotation_delete,
        name="annotation-delete",
    ),
    path("staff/analytics/events/", dictionary_views.event_list, name="events"),
    path(
        "staff/analytics/events/<slug:slug>/",
        dictionary_views.event_detail,
        name="event",
    ),
]
