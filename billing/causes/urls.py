"""URLs of causes."""

from django.urls import path

from billing.causes import views

app_name = "causes"
urlpatterns = [
    path("staff/causes/", views.cause_list, name="list"),
    path("staff/causes/<slug:cause>/", views.cause_detail, name="detail"),
]
