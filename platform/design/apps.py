from django.apps import AppConfig


class DesignConfig(AppConfig):
    """The look of every page: styles, scripts, components, Markdown."""

    name = "design"
    label = "design"

    def ready(self) -> None:
        from design import checks  # noqa: F401
