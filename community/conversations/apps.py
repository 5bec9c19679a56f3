from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry


class ConversationsConfig(AppConfig):
    """Messages between people."""

    name = "community.conversations"
    label = "conversations"
    menu = (
        MenuEntry(
            Menu.ACCOUNT, 15, _("Messages"), "conversations:conversation-list", "mail"
        ),
    )

    def ready(self) -> None:
        from community.conversations import subscribers  # noqa: F401
        from community.conversations.models import PrivateMessage
        from notifications import registry as notifications

        notifications.register("message", PrivateMessage.objects.visible_to)
