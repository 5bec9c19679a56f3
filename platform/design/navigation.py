"""The menus of the three shells: what is in them, and which entry is current."""

from dataclasses import dataclass

from django.urls import is_valid_path
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a menu; ``path`` may hold ``{slug}`` for an organisation."""

    label: str | Promise
    path: str
    icon: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """An entry as one page shows it."""

    label: str | Promise
    url: str
    icon: str
    is_current: bool


SITE = (
    Entry(_("Community"), "/forum/", "messages-square"),
    Entry(_("Docs"), "/docs/", "book-open"),
    Entry(_("Models"), "/models/", "box"),
    Entry(_("Pricing"), "/pricing/", "tag"),
)
CONSOLE = (
    Entry(_("Overview"), "/console/{slug}/", "house"),
    Entry(_("Playground"), "/playground/", "terminal"),
    Entry(_("API keys"), "/console/{slug}/keys/", "key-round"),
    Entry(pgettext_lazy("of models", "Usage"), "/console/{slug}/usage/", "chart-line"),
    Entry(_("Billing"), "/console/{slug}/billing/", "credit-card"),
    Entry(_("Members"), "/console/{slug}/members/", "users"),
    Entry(_("Audit log"), "/console/{slug}/audit/", "scroll-text"),
    Entry(_("Settings"), "/console/{slug}/settings/", "settings"),
)
STAFF = (
    Entry(_("Conversion"), "/staff/conversion/"),
    Entry(_("Profit model"), "/staff/conversion/model/"),
    Entry(_("Revenue"), "/staff/revenue/"),
    Entry(_("Growth"), "/staff/growth/"),
    Entry(_("Moderation"), "/staff/moderation/"),
    Entry(pgettext_lazy("staff menu", "Catalogue"), "/staff/catalog/"),
    Entry(_("Operations"), "/staff/operations/"),
)
ACCOUNT = (
    Entry(_("Profile"), "/settings/profile/", "user"),
    Entry(_("Notifications"), "/settings/notifications/", "bell"),
    Entry(_("Access tokens"), "/settings/tokens/", "key-round"),
    Entry(_("E-mail addresses"), "/accounts/email/", "mail"),
    Entry(_("Password"), "/accounts/password/change/", "lock"),
    Entry(_("Two-factor sign-in"), "/accounts/2fa/", "fingerprint"),
    Entry(_("Sessions"), "/accounts/sessions/", "monitor"),
    Entry(_("Connected accounts"), "/accounts/3rdparty/", "link"),
)


def links(entries: tuple[Entry, ...], path: str, *, slug: str = "") -> list[Link]:
    """Return the entries that exist, the one leading to ``path`` marked.

    An area can be left out of an installation, so an entry whose page is not
    routed is not offered. The longest address that ``path`` begins with wins.
    """
    urls = [entry.path.format(slug=slug) for entry in entries]
    current = max((url for url in urls if path.startswith(url)), key=len, default="")
    return [
        Link(entry.label, url, entry.icon, url == current)
        for entry, url in zip(entries, urls, strict=True)
        if is_valid_path(url)
    ]
