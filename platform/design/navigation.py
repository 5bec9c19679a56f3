"""The menus as one page shows them: which entries, and which of them is current."""

from dataclasses import dataclass

from django.utils.functional import Promise

from edge.menus import Menu, entries_of


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as one page shows it."""

    label: str | Promise
    url: str
    icon: str
    is_current: bool


def links(menu: Menu, path: str, *, org: str = "") -> list[Link]:
    """Return the entries of a menu, the one leading to ``path`` marked.

    ``org`` names the organisation of the console. The longest address that ``path``
    begins with wins.
    """
    entries = entries_of(menu)
    urls = [entry.url(org) for entry in entries]
    current = max((url for url in urls if path.startswith(url)), key=len, default="")
    return [
        Link(entry.label, url, entry.icon, url == current)
        for entry, url in zip(entries, urls, strict=True)
    ]
