"""URLs of keys."""

from django.urls import path

from inference.keys import views

app_name = "keys"
urlpatterns = [
    path("console/<slug:org>/keys/", views.key_list, name="key-list"),
    path("console/<slug:org>/keys/create/", views.key_create, name="key-create"),
    path(
        "console/<slug:org>/keys/<slug:public_id>/secret/",
        views.key_secret,
        name="key-secret",
    ),
    path(
        "console/<slug:org>/keys/<slug:public_id>/edit/",
        views.key_edit,
        name="key-edit",
    ),
    path(
        "console/<slug:org>/keys/<slug:public_id>/rotate/",
        views.key_rotate,
        name="key-rotate",
    ),
    path(
        "console/<slug:org>/keys/<slug:public_id>/revoke/",
        views.key_revoke,
        name="key-revoke",
    ),
    path("console/<slug:org>/projects/", views.project_list, name="project-list"),
    path(
        "console/<slug:org>/projects/<slug:project_id>/",
        views.project_edit,
        name="project-edit",
    ),
]
