"""What every browser test asks of a page."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import axe_core_python
from django.conf import settings
from django.test import Client
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, expect

from accounts.models import User
from tests.signing_in import record_sign_in

_AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text()
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def enter(
    context: BrowserContext, user: User, site: str, *, minutes_ago: float = 0
) -> None:
    """Sign ``user`` in at ``site``, where they typed their password ``minutes_ago``.

    Any other session of theirs goes on.
    """
    client = Client()
    client.force_login(user)
    record_sign_in(client, user, minutes_ago=minutes_ago)
    name = settings.SESSION_COOKIE_NAME
    value = client.cookies[name].value
    context.add_cookies([{"name": name, "value": value, "url": site}])


def axe_violations(page: Page) -> list[str]:
    """Return one line per broken rule: its id and the first places."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(_AXE)
    result: dict[str, Any] = page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags},"
        " resultTypes: ['violations'], preload: false})",
        _RULES,
    )
    return [
        f"{found['id']}: {[node['target'] for node in found['nodes'][:3]]}"
        f" {found['nodes'][0].get('failureSummary', '')}"
        for found in result["violations"]
    ]


def settle(page: Page) -> None:
    """Wait for the fragments a page asked for, and for colours to stop changing."""
    page.wait_for_load_state()
    expect(page.locator(".htmx-request")).to_have_count(0)
    page.evaluate(
        """async () => {
            await new Promise(requestAnimationFrame);
            const ending = document.getAnimations()
                .filter(one => one.effect.getComputedTiming().endTime < Infinity);
            await Promise.allSettled(ending.map(one => one.finished));
            await new Promise(requestAnimationFrame);
        }"""
    )


def elements_too_wide(page: Page) -> list[str]:
    """Return the widest elements when the page scrolls sideways.

    Where none of them sticks out, as beside a margin, it is the page itself.
    """
    wide: list[str] = page.evaluate(
        """() => {
            const width = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= width) return [];
            const found = [...document.querySelectorAll('body *')]
                .filter(e => e.getBoundingClientRect().right > width + 1)
                .slice(0, 8)
                .map(e => e.tagName + '.' + e.getAttribute('class'));
            return found.length ? found : ['HTML'];
        }"""
    )
    return wide


def assert_no_horizontal_scroll(page: Page) -> None:
    """Fail, naming the widest elements, when the page scrolls sideways."""
    wide = elements_too_wide(page)
    assert wide == [], wide


@dataclass
class Complaints:
    """What the browser said while a page was used."""

    lines: list[str] = field(default_factory=list)


def collect_console_and_csp(page: Page) -> Complaints:
    """Collect console errors, policy violations and exceptions from now on."""
    complaints = Complaints()

    def heard(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.lines.append(
                f"{message.text} ({message.location.get('url', '')})"
            )

    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.lines.append(str(error)))
    return complaints
