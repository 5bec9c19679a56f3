"""URLs of people."""

from django.urls import path

from community.people import views

app_name = "people"
urlpatterns = [
    path("people/", views.directory, name="directory"),
    path("people/_names/", views.names, name="names"),
    path("settings/people/", views.stance_list, name="stance-list"),
    path("u/<str:username>/stance/", views.stance_set, name="stance-set"),
]
