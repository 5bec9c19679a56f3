"""URLs of operations."""

from django.urls import path

from operations import views

app_name = "operations"
urlpatterns = [path("api/docs/", views.api_reference, name="api-reference")]
