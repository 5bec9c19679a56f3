"""URLs of conversion."""

from django.urls import path

from billing.conversion import (
    model_views,
    recurring_views,
    row_views,
    subject_views,
    timing_views,
    views,
)

app_name = "conversion"
urlpatterns = [
    path("staff/", views.staff_home, name="staff-home"),
    path("staff/conversion/", views.home, name="home"),
    path("staff/conversion/people/", row_views.people, name="people"),
    path("staff/conversion/visitors/", row_views.visitors, name="visitors"),
    path("staff/conversion/invoices/", row_views.invoices, name="invoices"),
    path("staff/conversion/usage/", row_views.usage, name="usage"),
    path("staff/conversion/cohorts/", timing_views.cohorts, name="cohorts"),
    path("staff/conversion/revenue/", recurring_views.revenue, name="revenue"),
    path(
        "staff/conversion/revenue/movements/",
        recurring_views.movements,
        name="movements",
    ),
    path(
        "staff/conversion/revenue/customers/",
        recurring_views.customers,
        name="customers",
    ),
    path("staff/conversion/outside/", subject_views.outside, name="outside"),
    path("staff/conversion/rates/", subject_views.rates, name="rates"),
    path(
        "staff/conversion/organisations/<slug:org>/",
        subject_views.organisation,
        name="organisation",
    ),
    path(
        "staff/conversion/people/<str:username>/", subject_views.person, name="person"
    ),
    path(
        "staff/conversion/people/<str:username>/export/",
        subject_views.person_export,
        name="person-export",
    ),
    path(
        "staff/conversion/people/<str:username>/forget/",
        subject_views.person_forget,
        name="person-forget",
    ),
    path("staff/conversion/scenarios/", model_views.scenarios, name="scenarios"),
    path(
        "staff/conversion/scenarios/<int:scenario>/drop/",
        model_views.scenario_drop,
        name="scenario-drop",
    ),
    path("staff/conversion/model/", model_views.profit_model, name="profit-model"),
]
