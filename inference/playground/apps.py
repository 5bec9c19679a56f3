from django.apps import AppConfig


class PlaygroundConfig(AppConfig):
    """Models in the browser."""

    name = "inference.playground"
    label = "playground"
