"""URLs of playground."""

from django.urls import path

from inference.playground import views

app_name = "playground"
urlpatterns = [
    path("playground/", views.playground, name="playground"),
    path("playground/key/", views.playground_key, name="playground-key"),
]
