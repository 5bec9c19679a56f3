"""URLs of accounts."""

from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("language/", views.set_language, name="set-language"),
    path("settings/", views.settings_home, name="settings"),
    path("settings/profile/", views.profile_settings, name="profile-settings"),
    path("settings/second-factor/", views.second_factor, name="second-factor"),
    path("settings/tokens/", views.token_list, name="token-list"),
    path("settings/tokens/<int:pk>/secret/", views.token_secret, name="token-secret"),
    path("settings/tokens/<int:pk>/revoke/", views.token_revoke, name="token-revoke"),
    path("accounts/sessions/", views.session_list, name="session-list"),
    path("accounts/sessions/end/", views.session_end, name="session-end"),
    path("accounts/send-again/<str:token>/", views.send_again, name="send-again"),
    path("console/", views.console, name="console"),
    # No slug is a lone hyphen, so this takes no organisation's address.
    path("console/-/<path:page>", views.console, name="console-page"),
    path("console/new/", views.team_create, name="team-create"),
    path("console/<slug:org>/", views.console_home, name="console-home"),
    path("console/<slug:org>/members/", views.member_list, name="member-list"),
    path(
        "console/<slug:org>/members/<int:pk>/",
        views.member_change,
        name="member-change",
    ),
    path(
        "console/<slug:org>/invitations/<int:pk>/withdraw/",
        views.invitation_withdraw,
        name="invitation-withdraw",
    ),
    path(
        "console/<slug:org>/settings/",
        views.organisation_settings,
        name="organisation-settings",
    ),
    path("invitations/<str:token>/", views.invitation_accept, name="invitation-accept"),
]
