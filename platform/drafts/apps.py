from django.apps import AppConfig


class DraftsConfig(AppConfig):
    """What people typed and nobody has taken in yet."""

    name = "drafts"
    label = "drafts"
