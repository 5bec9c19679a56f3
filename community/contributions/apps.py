from django.apps import AppConfig


class ContributionsConfig(AppConfig):
    """Credit for work done on code and docs."""

    name = "community.contributions"
    label = "contributions"
