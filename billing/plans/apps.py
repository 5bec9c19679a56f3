from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry


class PlansConfig(AppConfig):
    """Plans, their versions, prices and features."""

    name = "billing.plans"
    label = "plans"
    menu = (MenuEntry(Menu.SITE, 40, _("Pricing"), "plans:pricing", "tag"),)

    def ready(self) -> None:
        from billing.plans import subscribers  # noqa: F401
        from billing.plans.nodes import register_nodes

        register_nodes()
