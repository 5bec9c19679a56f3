from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from activity.kinds import EventKind
from edge.menus import Menu, MenuEntry


class CatalogConfig(AppConfig):
    """The models on offer, with versioned price and cost."""

    name = "inference.catalog"
    label = "catalog"
    menu = (
        MenuEntry(Menu.SITE, 30, _("Models"), "catalog:model-list", "box"),
        MenuEntry(
            Menu.CONSOLE,
            46,
            _("Prices of models"),
            "catalog:own-prices",
            "box",
            for_organisation=True,
        ),
    )
    events = (
        EventKind(
            name="model_viewed",
            owner="catalog",
            meaning="The page of one model was looked at.",
        ),
    )

    def ready(self) -> None:
        from inference.catalog.nodes import register_nodes

        register_nodes()
