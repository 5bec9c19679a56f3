from django.apps import AppConfig


class DocsConfig(AppConfig):
    """Versioned documentation."""

    name = "community.docs"
    label = "docs"
