"""URLs of explorer."""

from django.urls import path

from inference.explorer import views

app_name = "explorer"
urlpatterns = [
    path("console/<slug:org>/requests/", views.request_list, name="request-list"),
    path("console/<slug:org>/requests/errors/", views.error_list, name="error-list"),
    path(
        "console/<slug:org>/requests/<str:request_id>/",
        views.request_detail,
        name="request-detail",
    ),
    path(
        "console/<slug:org>/requests/<str:request_id>/ask/",
        views.ask_community,
        name="ask-community",
    ),
    path("staff/requests/", views.staff_request_list, name="staff-request-list"),
    path("staff/requests/errors/", views.staff_error_list, name="staff-error-list"),
    path(
        "staff/requests/<str:request_id>/",
        views.staff_request_detail,
        name="staff-request-detail",
    ),
]
