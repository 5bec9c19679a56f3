"""URLs of the forecast."""

from django.urls import path

from billing.forecast import views

app_name = "forecast"
urlpatterns = [
    path("staff/conversion/forecast/", views.home, name="home"),
]
