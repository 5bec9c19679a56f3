"""URLs of referrals."""

from django.urls import path

from billing.referrals import views

app_name = "referrals"
urlpatterns = [
    path("invite/<slug:code>/", views.invitation, name="invitation"),
    path("settings/invite/", views.mine, name="mine"),
    path("staff/referrals/", views.referral_list, name="list"),
    path("staff/referrals/<int:pk>/", views.referral, name="referral"),
]
