"""A real Chromium on the real application, with its real headers."""

import os
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from accounts.models import User
from tests.browser.helpers import enter
from tests.browser.screens import Screen
from tests.browser.stack import running_stack
from tests.fakes.servers import passable_folder


def _slow_down(context: BrowserContext) -> None:
    """Let every page wait ``SLOW_NETWORK`` milliseconds for each of its requests.

    What a test does before a page's scripts have come shows only then; on a quiet
    machine they are always there. Unset, nothing waits.
    """
    latency = int(os.environ.get("SLOW_NETWORK", "0"))
    if not latency:
        return

    def slow_down(page: Page) -> None:
        session = context.new_cdp_session(page)
        session.send("Network.enable")
        session.send(
            "Network.emulateNetworkConditions",
            {
                "offline": False,
                "latency": latency,
                "downloadThroughput": -1,
                "uploadThroughput": -1,
            },
        )

    context.on("page", slow_down)


@pytest.fixture
def open_context(
    browser: Browser, live_server: LiveServer
) -> Iterator[Callable[..., BrowserContext]]:
    """Return a function that opens a window of its own: a screen, and whose it is.

    Without ``user`` it is a visitor's; theirs typed their password ``minutes_ago``.
    """
    opened: list[BrowserContext] = []

    def open_one(
        *,
        screen: Screen | None = None,
        width: int = 1280,
        theme: Literal["light", "dark"] = "light",
        locale: Literal["en-US", "zh-CN"] = "en-US",
        user: User | None = None,
        minutes_ago: float = 0,
    ) -> BrowserContext:
        shown = screen or Screen(width, theme, locale)
        context = browser.new_context(base_url=live_server.url, **shown.window)
        context.set_default_timeout(20_000)
        _slow_down(context)
        if user is not None:
            enter(context, user, live_server.url, minutes_ago=minutes_ago)
        opened.append(context)
        return context

    yield open_one
    for context in opened:
        context.close()


@pytest.fixture
def page(open_context: Callable[..., BrowserContext]) -> Page:
    """Return an empty page of a visitor at 1280 pixels, light, English."""
    return open_context().new_page()


@pytest.fixture(scope="session")
def demo_site() -> Iterator[str]:
    """Start the whole product with its demo and return its address.

    Loading the demo takes its time: the tests that use it are one group, so that one
    worker starts it once.
    ``DEMO_SITE`` names one that runs already, for whoever works on a page.
    """
    if running := os.environ.get("DEMO_SITE"):
        yield running
        return
    with passable_folder() as folder, running_stack(folder, DEMO="1") as stack:
        yield stack.site


@pytest.fixture
def open_demo(
    browser: Browser, demo_site: str
) -> Iterator[Callable[..., BrowserContext]]:
    """Return a function that opens a window on the demo, signed in as ``who``."""
    opened: list[BrowserContext] = []

    def open_one(
        who: str = "", *, width: int = 1280, scripts: bool = True
    ) -> BrowserContext:
        context = browser.new_context(
            base_url=demo_site,
            viewport={"width": width, "height": 900},
            locale="en-US",
            java_script_enabled=scripts,
        )
        context.set_default_timeout(20_000)
        _slow_down(context)
        opened.append(context)
        if who:
            page = context.new_page()
            page.goto("/accounts/login/")
            page.locator("input[name=login]").fill(f"{who}@demo.test")
            page.locator("input[name=password]").fill("doorstone-demo")
            page.locator("input[name=password]").press("Enter")
            page.wait_for_url(lambda url: "/login" not in url)
            page.close()
        return context

    yield open_one
    for context in opened:
        context.close()
