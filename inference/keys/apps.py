from django.apps import AppConfig


class KeysConfig(AppConfig):
    """API keys of organisations."""

    name = "inference.keys"
    label = "keys"

    def ready(self) -> None:
        from inference.keys import subscribers  # noqa: F401
