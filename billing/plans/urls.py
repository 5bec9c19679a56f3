"""URLs of plans."""

from django.urls import path

from billing.plans import views

app_name = "plans"
urlpatterns = [
    path("pricing/", views.pricing, name="pricing"),
    path("pricing/talk/", views.talk, name="talk"),
]
