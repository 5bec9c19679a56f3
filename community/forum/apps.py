from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry


class ForumConfig(AppConfig):
    """Questions, discussions and their answers."""

    name = "community.forum"
    label = "forum"
    menu = (
        MenuEntry(Menu.SITE, 10, _("Community"), "forum:topic-list", "messages-square"),
    )

    def ready(self) -> None:
        from community.forum import subscribers  # noqa: F401
        from community.forum.indexing import entries
        from community.forum.models import Comment, Post
        from community.forum.narrowing import FILTERS
        from community.forum.nodes import register_nodes
        from notifications import registry as notifications
        from search import registry as search

        search.register("topic", entries)
        search.register_filters("topic", FILTERS)
        notifications.register("post", Post.objects.visible_to)
        notifications.register("comment", Comment.objects.visible_to)
        register_nodes()
