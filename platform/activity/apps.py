from django.apps import AppConfig

from activity.kinds import EventKind


class ActivityConfig(AppConfig):
    """First-party event log: what people did."""

    name = "activity"
    label = "activity"
    events = (
        EventKind(
            name="page_viewed",
            owner="activity",
            meaning="A page was looked at; its name among the addresses is “view”.",
            schema={"view": "text"},
        ),
        EventKind(
            name="page_fetched",
            owner="activity",
            meaning="A program fetched a page, by its own word: a crawler, a script.",
            schema={"agent": "text"},
        ),
    )

    def ready(self) -> None:
        from activity import receivers, subscribers  # noqa: F401
