"""URLs of stripe."""

from django.urls import URLPattern

app_name = "stripe"
urlpatterns: list[URLPattern] = []
