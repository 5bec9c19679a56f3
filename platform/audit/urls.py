"""URLs of audit."""

from django.urls import path

from audit import views

app_name = "audit"
urlpatterns = [
    path("console/<slug:org>/audit/", views.record_list, name="record-list"),
    path("console/<slug:org>/audit/records.csv", views.record_csv, name="record-csv"),
    path("staff/operations/audit/", views.staff_record_list, name="staff-record-list"),
]
