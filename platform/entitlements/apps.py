from django.apps import AppConfig


class EntitlementsConfig(AppConfig):
    """What an organisation may do now."""

    name = "entitlements"
    label = "entitlements"

    def ready(self) -> None:
        from entitlements import seats  # noqa: F401
