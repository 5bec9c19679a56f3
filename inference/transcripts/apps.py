from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry


class TranscriptsConfig(AppConfig):
    """What calls said and were answered, kept by choice."""

    name = "inference.transcripts"
    label = "transcripts"
    menu = (
        MenuEntry(
            Menu.CONSOLE,
            37,
            _("Transcripts"),
            "transcripts:choice",
            "list",
            for_organisation=True,
        ),
    )

    def ready(self) -> None:
        from inference.transcripts import subscribers  # noqa: F401
