"""URLs of privacy."""

from django.urls import path

from privacy import views

app_name = "privacy"
urlpatterns = [
    path("settings/data/", views.data, name="data"),
    path("settings/data/<int:pk>/download/", views.data_download, name="data-download"),
    path("settings/close/", views.account_close, name="account-close"),
    path("settings/close/undo/", views.account_reopen, name="account-reopen"),
    path("accounts/closed/", views.account_closed, name="account-closed"),
]
