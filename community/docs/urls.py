"""URLs of docs."""

from django.urls import URLPattern

app_name = "docs"
urlpatterns: list[URLPattern] = []
