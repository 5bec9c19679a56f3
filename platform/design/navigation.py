"""The menus as one page shows them: which entries, and which of them is current."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from edge.menus import Menu, MenuEntry, StaffSection, entries_of


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as one page shows it."""

    label: str | Promise
    url: str
    icon: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class MenuSection:
    """A section of the staff pages: it opens at its first page."""

    label: str
    url: str
    is_current: bool
    links: list[Link]


def links(menu: Menu, path: str, *, org: str = "") -> list[Link]:
    """Return the entries of a menu, the one leading to ``path`` marked.

    ``org`` names the organisation of the console. The longest address that ``path``
    begins with wins.
    """
    return [link for _, link in _marked(menu, path, org)]


@dataclass(frozen=True, slots=True)
class LegalPage:
    """A page that the operator of a site has to have."""

    label: str
    url: str


def legal_pages() -> list[LegalPage]:
    """Return the legal pages whose addresses are set."""
    pages = (
        LegalPage(_("Terms"), settings.TERMS_URL),
        LegalPage(_("Privacy"), settings.PRIVACY_URL),
        LegalPage(_("Imprint"), settings.IMPRINT_URL),
    )
    return [page for page in pages if page.url]


def sections(path: str) -> list[MenuSection]:
    """Return the staff menu by section, the section and the page of ``path`` marked."""
    marked = _marked(Menu.STAFF, path, "")
    return [
        MenuSection(
            label=str(section.label),
            url=found[0].url,
            is_current=any(link.is_current for link in found),
            links=found,
        )
        for section in StaffSection
        if (found := [link for entry, link in marked if entry.section == section])
    ]


def _marked(menu: Menu, path: str, org: str) -> list[tuple[MenuEntry, Link]]:
    entries = entries_of(menu)
    urls = [entry.url(org) for entry in entries]
    current = max((url for url in urls if path.startswith(url)), key=len, default="")
    return [
        (entry, Link(entry.label, url, entry.icon, url == current))
        for entry, url in zip(entries, urls, strict=True)
    ]
