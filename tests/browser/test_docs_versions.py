"""Versions of the documentation and what did not help, as staff see them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext

from community.docs import services
from community.docs.models import Page, Version
from tests.browser.helpers import collect_console_and_csp
from tests.browser.screens import Screen, five_screens, look

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TITLE = "How long an answer may be given again, and what that costs"


def write(root: Path, pages: dict[str, str]) -> Path:
    for path, text in pages.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


def world(folder: Path) -> dict[str, str]:
    """Make three versions, and pages that helped some; return the pages by name."""
    pages = {
        "en/index.md": f"# {TITLE}\n\nHello.\n",
        "en/keys.md": "# Keys\n\nHello.\n",
        "zh-hans/keys.md": "# 密钥\n\n您好。\n",
    }
    new, old = {"en/index.md": "# New\n"}, {"en/index.md": "# Old\n"}
    services.import_version(write(folder / "1", pages), version="1.0", is_default=True)
    services.import_version(write(folder / "2", new), version="2.0")
    services.import_version(write(folder / "0", old), version="0.9")
    services.relabel_version(
        Version.objects.get(slug="0.9"), label="0.9 (long term support)"
    )
    for number, page in enumerate(Page.objects.filter(version__slug="1.0")):
        for voter in range(number + 2):
            services.vote_helpful(page, voter=f"v{voter}", is_helpful=voter == 0)
    return {
        "list": "/staff/docs/",
        "old": "/staff/docs/0.9/",
        "now": "/staff/docs/1.0/",
    }


@five_screens
def test_every_page_of_versions_is_whole(
    open_context: Callable[..., BrowserContext],
    person: Callable[..., Any],
    tmp_path: Path,
    screen: Screen,
) -> None:
    staff = person("staff", is_staff=True)
    staff.locale = screen.language
    staff.save(update_fields=["locale"])
    pages = world(tmp_path)
    page = open_context(screen=screen, user=staff).new_page()
    complaints = collect_console_and_csp(page)
    for shown, url in pages.items():
        page.goto(url)
        look(page, f"docs-{shown}", screen)

    assert complaints.lines == []
