from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from activity.kinds import EventKind
from edge.menus import Menu, MenuEntry


class PlaygroundConfig(AppConfig):
    """Models in the browser."""

    name = "inference.playground"
    label = "playground"
    events = (
        EventKind(
            name="playground_viewed",
            owner="playground",
            meaning="The playground was opened.",
        ),
    )
    menu = (
        MenuEntry(
            Menu.CONSOLE, 20, _("Playground"), "playground:playground", "terminal"
        ),
    )

    def ready(self) -> None:
        from inference.playground import subscribers  # noqa: F401
        from inference.playground.own_data import chats
        from privacy.registry import register_part

        register_part("chats", chats)
