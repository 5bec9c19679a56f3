"""What every browser test asks of a page."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import axe_core_python
from playwright.sync_api import ConsoleMessage, Page

_AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text()
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def axe_violations(page: Page) -> list[str]:
    """Return one line per broken rule: its id and the first places."""
    page.evaluate(_AXE)
    result: dict[str, Any] = page.evaluate(
        "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", _RULES
    )
    return [
        f"{found['id']}: {[node['target'] for node in found['nodes'][:3]]}"
        f" {found['nodes'][0].get('failureSummary', '')}"
        for found in result["violations"]
    ]


def assert_no_horizontal_scroll(page: Page) -> None:
    """Fail, naming the widest elements, when the page scrolls sideways."""
    wide = page.evaluate(
        """() => {
            const width = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= width) return [];
            return [...document.querySelectorAll('body *')]
                .filter(e => e.getBoundingClientRect().right > width + 1)
                .slice(0, 8)
                .map(e => e.tagName + '.' + e.getAttribute('class'));
        }"""
    )
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
