from django.apps import AppConfig


class StandingConfig(AppConfig):
    """How far a person is trusted, and what moderators imposed on them."""

    name = "community.standing"
    label = "standing"
