"""URLs of audit."""

from django.urls import path

from audit import views

app_name = "audit"
urlpatterns = [
    path("console/<slug:org>/audit/", views.record_list, name="record-list"),
]
