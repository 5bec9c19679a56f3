from django.apps import AppConfig


class SearchConfig(AppConfig):
    """One index of everything a person may find."""

    name = "search"
    label = "search"
