from django.apps import AppConfig


class ForumConfig(AppConfig):
    """Questions, discussions and their answers."""

    name = "community.forum"
    label = "forum"

    def ready(self) -> None:
        from community.forum.indexing import entries
        from search.registry import register

        register("topic", entries)
