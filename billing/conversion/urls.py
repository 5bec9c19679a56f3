"""URLs of conversion."""

from django.urls import path

from billing.conversion import views

app_name = "conversion"
urlpatterns = [
    path("staff/", views.staff_home, name="staff-home"),
    path("staff/conversion/", views.home, name="home"),
    path("staff/conversion/people/", views.people, name="people"),
    path("staff/conversion/visitors/", views.visitors, name="visitors"),
    path("staff/conversion/invoices/", views.invoices, name="invoices"),
    path("staff/conversion/usage/", views.usage, name="usage"),
    path("staff/conversion/model/", views.profit_model, name="profit-model"),
]
