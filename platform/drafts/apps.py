from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry


class DraftsConfig(AppConfig):
    """What people typed and nobody has taken in yet."""

    name = "drafts"
    label = "drafts"
    menu = (MenuEntry(Menu.ACCOUNT, 25, _("Drafts"), "drafts:draft-list", "pencil"),)
