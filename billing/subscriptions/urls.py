"""URLs of subscriptions."""

from django.urls import path

from billing.subscriptions import change_views, grant_views, staff_views, views

app_name = "subscriptions"
urlpatterns = [
    path("staff/revenue/", staff_views.revenue_home, name="revenue"),
    path("staff/revenue/cases/", staff_views.case_list, name="case-list"),
    path(
        "staff/revenue/cases/<int:pk>/close/", staff_views.case_close, name="case-close"
    ),
    path("staff/grants/", grant_views.grant_list, name="grant-list"),
    path("staff/grants/<int:grant>/", grant_views.grant_detail, name="grant"),
    path("billing/checkout/<slug:plan>/", views.checkout, name="checkout"),
    path("billing/return/", views.checkout_return, name="checkout-return"),
    path("console/<slug:org>/billing/", views.billing, name="billing"),
    path("console/<slug:org>/billing/change/", change_views.choose, name="change"),
    path(
        "console/<slug:org>/billing/change/drop/",
        change_views.drop,
        name="change-drop",
    ),
    path(
        "console/<slug:org>/billing/change/<uuid:uuid>/",
        change_views.confirm,
        name="change-confirm",
    ),
    path("console/<slug:org>/billing/cancel/", change_views.cancel, name="cancel"),
    path("console/<slug:org>/billing/keep/", change_views.keep, name="keep"),
    path("console/<slug:org>/billing/portal/", views.portal, name="portal"),
    path(
        "console/<slug:org>/billing/invoices.csv",
        views.invoices_csv,
        name="invoices-csv",
    ),
    path("console/<slug:org>/_plan/", views.plan_fragment, name="plan-fragment"),
    path(
        "console/<slug:org>/_upgrade/", views.upgrade_fragment, name="upgrade-fragment"
    ),
]
