from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People, organisations and how they sign in."""

    name = "accounts"
    label = "accounts"

    def ready(self) -> None:
        from accounts import openapi, receivers  # noqa: F401
