from django.apps import AppConfig


class ForumConfig(AppConfig):
    """Questions, discussions and their answers."""

    name = "community.forum"
    label = "forum"
