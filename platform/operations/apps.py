from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Entry, Menu


class OperationsConfig(AppConfig):
    """Running the product."""

    name = "operations"
    label = "operations"
    menu = (Entry(Menu.STAFF, 40, _("Operations"), "operations:jobs"),)
