"""Every page of the main way: accessible, quiet, in both themes, at every width."""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Literal

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.browser.helpers import (
    assert_no_horizontal_scroll,
    axe_violations,
    collect_console_and_csp,
    settle,
)
from tests.browser.screens import Screen, keep_picture

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("demo")]

WIDTHS = (1280, 390)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

FOR_ALL = (
    "/",
    "/forum/",
    "TOPIC",
    "/docs/1.0/quick-start/",
    "/models/",
    "/models/doorstone-docs/",
    "/playground/",
    "/pricing/",
    "/u/ada/",
    "/accounts/login/",
    "/accounts/signup/",
)
# Somebody who pays sees the most of a console.
FOR_ERIN = (
    "TOPIC",
    "/forum/new/",
    "/console/northwind/",
    "/console/northwind/keys/",
    "/console/northwind/usage/",
    "/console/northwind/billing/",
)
FOR_ADA = (
    "/settings/invite/",
    "/settings/trust/",
    "/messages/",
    "/people/",
)
FOR_STAFF = (
    "/staff/conversion/",
    "/staff/conversion/model/",
    "/staff/attribution/",
    "/staff/quotes/",
    "/moderation/",
    "TOPIC",
)


@pytest.mark.parametrize(
    ("who", "paths"),
    [("", FOR_ALL), ("ada", FOR_ADA), ("erin", FOR_ERIN), ("staff", FOR_STAFF)],
    ids=["visitor", "member", "owner", "staff"],
)
def test_pages_are_accessible_quiet_and_never_scroll_sideways(
    open_demo: Callable[..., BrowserContext], who: str, paths: tuple[str, ...]
) -> None:
    page = open_demo(who).new_page()
    complaints = collect_console_and_csp(page)
    page.goto("/forum/?sort=top")
    topic = page.locator(".topic-row__title a").first.get_attribute("href") or ""

    broken = {
        f"{path} {state}": lines
        for path in paths
        for state, lines in states(page, path.replace("TOPIC", topic))
        if lines
    }

    assert broken == {}
    assert complaints.lines == []


def states(page: Page, url: str) -> Iterator[tuple[str, list[str]]]:
    """Yield what axe has against a page, wide and narrow, light and dark."""
    for width, theme in product(WIDTHS, THEMES):
        page.set_viewport_size({"width": width, "height": 900})
        # The page is loaded anew: what is folded away keeps its old colours.
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        answer = page.goto(url)
        assert answer is not None
        assert answer.status == 200, url
        settle(page)
        name = url.strip("/").replace("/", "-") or "home"
        keep_picture(page, name, Screen(width, theme, "en-US"))
        yield f"{width} {theme}", axe_violations(page)
        assert_no_horizontal_scroll(page)
    page.set_viewport_size({"width": 320, "height": 900})
    assert_no_horizontal_scroll(page)
