from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """The models on offer, with versioned price and cost."""

    name = "inference.catalog"
    label = "catalog"
