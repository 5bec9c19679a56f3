from django.apps import AppConfig


class ProfilesConfig(AppConfig):
    """A person's public page."""

    name = "community.profiles"
    label = "profiles"
