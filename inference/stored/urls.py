"""URLs of stored responses."""

from django.urls import path

from inference.stored import views

app_name = "stored"
urlpatterns = [
    path("console/<slug:org>/responses/", views.storage, name="storage"),
    path("console/<slug:org>/responses/off/", views.turn_off, name="turn-off"),
]
