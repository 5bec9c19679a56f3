from django.apps import AppConfig


class ForumConfig(AppConfig):
    """Questions, discussions and their answers."""

    name = "community.forum"
    label = "forum"

    def ready(self) -> None:
        from community.forum import subscribers  # noqa: F401
        from community.forum.indexing import entries
        from community.forum.models import Post
        from notifications import registry as notifications
        from search import registry as search

        search.register("topic", entries)
        notifications.register("post", Post.objects.visible_to)
