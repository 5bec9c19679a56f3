"""URLs of plans."""

from django.urls import path

from billing.plans import views

app_name = "plans"
urlpatterns = [
    path("pricing/", views.pricing, name="pricing"),
    path("pricing/_premium/", views.premium_fragment, name="premium-fragment"),
    path("pricing/talk/", views.talk, name="talk"),
]
