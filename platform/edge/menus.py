"""The menus of the shells: each app brings its entries, as ``AppConfig.menu``."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from django.apps import apps
from django.db.models import TextChoices
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Menu(StrEnum):
    """Where entries stand."""

    SITE = "site"
    CONSOLE = "console"
    STAFF = "staff"
    ACCOUNT = "account"


class StaffSection(TextChoices):
    """What the staff pages are sorted by, in the order they are shown."""

    CONVERSION = "conversion", _("Conversion")
    GROWTH = "growth", pgettext_lazy("section", "Growth")
    BILLING = "billing", pgettext_lazy("section", "Billing")
    MODELS = "models", _("Models")
    COMMUNITY = "community", _("Community")
    OPERATIONS = "operations", _("Operations")


@dataclass(frozen=True, slots=True)
class MenuEntry:
    """One line of a menu: the page it opens, by name, and its place from the top.

    ``for_organisation`` is true of pages whose address names one, as ``org``. Entries
    of the staff menu say in which ``section`` they stand.
    """

    menu: Menu
    place: int
    label: str | Promise
    page: str
    icon: str = ""
    for_organisation: bool = False
    section: StaffSection | None = None

    def url(self, org: str) -> str:
        """Return the address. Raises ``NoReverseMatch`` when there is no such page."""
        return reverse(self.page, kwargs={"org": org} if self.for_organisation else {})


def all_entries() -> Iterator[MenuEntry]:
    """Yield what the installed apps bring."""
    for config in apps.get_app_configs():
        yield from getattr(config, "menu", ())


def entries_of(menu: Menu) -> list[MenuEntry]:
    """Return the entries of one menu, from the top."""
    found = (entry for entry in all_entries() if entry.menu == menu)
    return sorted(found, key=lambda entry: entry.place)
