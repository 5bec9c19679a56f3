"""URLs of profiles."""

from django.urls import path

from community.profiles import views

app_name = "profiles"
urlpatterns = [
    path("u/<str:username>/", views.profile_detail, name="profile-detail"),
    path("u/<str:username>/activity/", views.activity, name="activity"),
    path("reach/", views.reach, name="reach"),
    path("contributors/", views.leaderboard, name="leaderboard"),
]
