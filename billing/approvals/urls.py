"""URLs of approvals."""

from django.urls import path

from billing.approvals import views

app_name = "approvals"
urlpatterns = [
    path("staff/approvals/", views.approval_list, name="list"),
    path("staff/approvals/<int:pk>/", views.approval_detail, name="detail"),
    path(
        "staff/approvals/<int:pk>/withdraw/", views.approval_withdraw, name="withdraw"
    ),
]
