from django.apps import AppConfig

from activity.kinds import EventKind


class SearchConfig(AppConfig):
    """One index of everything a person may find."""

    name = "search"
    label = "search"
    events = (
        EventKind(
            name="searched",
            owner="search",
            meaning="Something was searched for; “results” is how many were shown.",
            schema={
                "query": "text",
                "results": "integer",
                "is_whole": "boolean",
                "kind": "text",
                "is_live": "boolean",
            },
        ),
    )
