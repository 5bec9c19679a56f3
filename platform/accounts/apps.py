from django.apps import AppConfig
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry


class AccountsConfig(AppConfig):
    """People, organisations and how they sign in."""

    name = "accounts"
    label = "accounts"

    @property
    def menu(self) -> list[MenuEntry]:
        """The console's own pages and those of a person's settings."""
        entries = [*CONSOLE, *ACCOUNT]
        # Where nobody can be asked to vouch for people, there is no such page.
        return entries + CONNECTED if settings.SOCIALACCOUNT_PROVIDERS else entries

    def ready(self) -> None:
        from accounts import openapi, receivers  # noqa: F401


CONSOLE = [
    MenuEntry(
        Menu.CONSOLE,
        10,
        _("Overview"),
        "accounts:console-home",
        "house",
        for_organisation=True,
    ),
    MenuEntry(
        Menu.CONSOLE,
        60,
        _("Members"),
        "accounts:member-list",
        "users",
        for_organisation=True,
    ),
    MenuEntry(
        Menu.CONSOLE,
        80,
        _("Settings"),
        "accounts:organisation-settings",
        "settings",
        for_organisation=True,
    ),
]
ACCOUNT = [
    MenuEntry(Menu.ACCOUNT, 10, _("Profile"), "accounts:profile-settings", "user"),
    MenuEntry(Menu.ACCOUNT, 30, _("Access tokens"), "accounts:token-list", "key-round"),
    MenuEntry(Menu.ACCOUNT, 40, _("E-mail addresses"), "account_email", "mail"),
    MenuEntry(Menu.ACCOUNT, 50, _("Password"), "account_change_password", "lock"),
    MenuEntry(Menu.ACCOUNT, 60, _("Two-factor sign-in"), "mfa_index", "fingerprint"),
    MenuEntry(Menu.ACCOUNT, 70, _("Sessions"), "accounts:session-list", "monitor"),
]
CONNECTED = [
    MenuEntry(
        Menu.ACCOUNT, 80, _("Connected accounts"), "socialaccount_connections", "link"
    )
]
