from django.apps import AppConfig


class ForecastConfig(AppConfig):
    """Where the recurring revenue is going, and how far off such guesses were."""

    name = "billing.forecast"
    label = "forecast"
