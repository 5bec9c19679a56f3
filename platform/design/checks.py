"""What ``manage.py check`` asks of the menus."""

from typing import Any

from django.core import checks
from django.urls import NoReverseMatch

from edge.menus import Menu, all_entries


@checks.register("menus")
def entries_lead_somewhere(**_: Any) -> list[checks.CheckMessage]:
    """Refuse an entry whose page does not exist, or that stands in no section."""
    found: list[checks.CheckMessage] = []
    for entry in all_entries():
        if (entry.menu == Menu.STAFF) != (entry.section is not None):
            found.append(
                checks.Error(
                    f"“{entry.label}” would be shown nowhere: entries of the staff menu, "
                    "and no others, stand in a section.",
                    hint="Name one of edge.menus.StaffSection, or none elsewhere.",
                    id="design.E002",
                )
            )
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
