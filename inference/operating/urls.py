"""URLs of operating: beside the pages of models, for staff."""

from django.urls import path

from inference.operating import views

app_name = "operating"
urlpatterns = [
    path("staff/circuits/", views.health, name="health"),
    path("staff/circuits/<int:place>/pause/", views.pause, name="pause"),
    path("staff/circuits/<int:place>/resume/", views.resume, name="resume"),
    path("staff/circuits/<int:place>/close/", views.close, name="close"),
    path("staff/circuits/what-if/", views.simulate, name="simulate"),
]
