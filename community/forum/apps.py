from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry, StaffSection


class ForumConfig(AppConfig):
    """Questions, discussions, ideas, announcements and their answers."""

    name = "community.forum"
    label = "forum"
    menu = (
        MenuEntry(Menu.SITE, 10, _("Community"), "forum:topic-list", "messages-square"),
        MenuEntry(Menu.ACCOUNT, 22, _("What you follow"), "forum:watch-list", "bell"),
        MenuEntry(
            Menu.STAFF,
            41,
            _("Categories"),
            "forum:category-list",
            section=StaffSection.COMMUNITY,
        ),
    )

    def ready(self) -> None:
        from community.forum import draft_places, subscribers  # noqa: F401
        from community.forum.digests import letter_of
        from community.forum.indexing import entries
        from community.forum.models import Comment, Post, Topic
        from community.forum.narrowing import FILTERS
        from community.forum.nodes import register_nodes
        from community.forum.own_data import chosen, written
        from community.forum.wording import words_about_comments, words_about_posts
        from drafts import places
        from notifications import registry as notifications
        from privacy.registry import register_part
        from search import registry as search

        places.register_name("forum.reply", draft_places.replies)
        places.register_name("forum.comment", draft_places.comments)
        places.register_address("/forum/", draft_places.pages)
        search.register("topic", entries)
        search.register_filters("topic", FILTERS)
        notifications.register("post", Post.objects.visible_to, words_about_posts)
        notifications.register(
            "comment", Comment.objects.visible_to, words_about_comments
        )
        notifications.register("topic", Topic.objects.visible_to)
        notifications.register_writing("digest", letter_of)
        register_nodes()
        register_part("forum", written)
        register_part("forum_choices", chosen)
