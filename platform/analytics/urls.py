"""URLs of analytics."""

from django.urls import path

from analytics import dictionary_views, views
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
    path("staff/analytics/events/", dictionary_views.event_list, name="events"),
    path(
        "staff/analytics/events/<slug:slug>/",
        dictionary_views.event_detail,
        name="event",
    ),
]
