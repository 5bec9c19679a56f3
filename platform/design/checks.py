"""What ``manage.py check`` asks of the menus."""

from typing import Any

from django.core import checks
from django.urls import NoReverseMatch

from edge.menus import all_entries


@checks.register("menus")
def entries_lead_somewhere(**_: Any) -> list[checks.CheckMessage]:
    """Refuse an entry of a menu whose page does not exist."""
    found: list[checks.CheckMessage] = []
    for entry in all_entries():
        try:
            entry.url("org")
        except NoReverseMatch:
            found.append(
                checks.Error(
                    f"“{entry.label}” in the {entry.menu} menu leads nowhere: no page "
                    f"is called {entry.page}.",
                    hint="Name a page of the app's urls.py, or remove the entry.",
                    id="design.E001",
                )
            )
    return found
