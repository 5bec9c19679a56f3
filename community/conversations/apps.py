from django.apps import AppConfig
from django.utils.translation import pgettext_lazy

from edge.menus import Menu, MenuEntry


class ConversationsConfig(AppConfig):
    """Messages between people."""

    name = "community.conversations"
    label = "conversations"
    menu = (
        MenuEntry(
            Menu.ACCOUNT,
            15,
            pgettext_lazy("between people", "Messages"),
            "conversations:conversation-list",
            "mail",
        ),
    )

    def ready(self) -> None:
        from community.conversations import reports, subscribers  # noqa: F401 - the first is heard
        from community.conversations.models import PrivateMessage
        from community.conversations.queries import told_of
        from notifications import registry as notifications
        from privacy.registry import register_part

        register_part("messages", told_of)

        notifications.register(
            "message",
            PrivateMessage.objects.visible_to,
            subscribers.words_about_messages,
        )
