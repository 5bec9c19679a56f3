"""URLs of credit."""

from django.urls import path

from billing.credits import staff_views, views

app_name = "credits"
urlpatterns = [
    path("console/<slug:org>/credit/", views.credit_home, name="credit-home"),
    path(
        "console/<slug:org>/credit/entries.csv", views.entries_csv, name="entries-csv"
    ),
    path(
        "console/<slug:org>/credit/<slug:credit_id>/",
        views.credit_detail,
        name="credit-detail",
    ),
    path("staff/credit/", staff_views.credit_list, name="staff-credit-list"),
    path(
        "staff/credit/<slug:credit_id>/",
        staff_views.credit_withdraw,
        name="staff-credit-withdraw",
    ),
]
