"""Every address of the product, with something in each gap, and its page."""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

# Providers that are not configured, Django's pages for staff, programs' addresses.
ELSEWHERE = (
    "accounts/github/",
    "accounts/oidc/",
    "admin/",
    "api/",
    "hooks/",
    "v1/",
    "jsi18n/",
    "sitemap",
    "assets/",
    "favicon.ico",
)
# What stands in the gaps of an area's addresses.
AREAS = {
    "messages/": "talk",
    "messages/m/": "message_of",
    "forum/t/": "topic",
    "forum/p/": "post",
    "forum/c/": "category",
    "models/": "model",
    "staff/models/": "offer",
    "staff/approvals/": "approval",
    "staff/revenue/invoices/": "invoice",
    "staff/leads/": "lead",
}


def routes(resolver: Any = None, prefix: str = "") -> Iterator[str]:
    """Yield every route."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = f"{prefix}{entry.pattern}"
        if isinstance(entry, URLResolver):
            yield from routes(entry, route)
        elif isinstance(entry, URLPattern):
            yield route


def addresses(samples: dict[str, str]) -> Iterator[str]:
    """Yield the address of every route of ours, with something in each gap."""
    for route in routes():
        if route.startswith((*ELSEWHERE, "^")):
            continue
        values = samples | {"pk": "1", "slug": "x"}
        for start, area in AREAS.items():
            if route.startswith(start):
                values |= {"pk": samples[area], "slug": samples[area]}
        if route.startswith("quotes/"):
            values |= {"token": samples["quote_token"]}
        yield "/" + re.sub(r"<(?:\w+:)?(\w+)>", partial(_fill, values), route)
    yield f"/forum/t/{samples['topic']}-how-do-i-rotate-key/"


def _fill(values: dict[str, str], gap: re.Match[str]) -> str:
    return values.get(gap[1], "1")


def pages(client: Client, samples: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield every page that a client may open: its address and its text."""
    for address in dict.fromkeys(addresses(samples)):
        answer = client.get(address, follow=True)
        if answer.status_code == 200 and "html" in answer.headers.get(
            "Content-Type", ""
        ):
            final = answer.redirect_chain[-1][0] if answer.redirect_chain else address
            yield final.partition("?")[0], answer.content.decode()


def enter(role: str, people: dict[str, Any]) -> Client:
    client = Client(enforce_csrf_checks=True)
    if role != "visitor":
        client.force_login(people[role])
    return client


def numbered(action: str) -> str:
    """Return an address with what differs from run to run taken out."""
    named = re.sub(r"(chat|key|proj|req|quo|prl|uch)_\w+", r"\1", action)
    named = re.sub(r"^/quotes/[^/]+", "/quotes/link", named)
    return re.sub(r"\d+", "N", named)
