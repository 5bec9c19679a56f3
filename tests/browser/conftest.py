"""A real Chromium on the real application, with its real headers."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from pytest_django.live_server_helper import LiveServer


@pytest.fixture
def open_context(
    browser: Browser, live_server: LiveServer
) -> Iterator[Callable[..., BrowserContext]]:
    """Return a function that opens a window of its own: width, theme, language."""
    opened: list[BrowserContext] = []

    def open_one(
        *, width: int = 1280, theme: str = "light", locale: str = "en-US"
    ) -> BrowserContext:
        context = browser.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": 900},
            color_scheme="dark" if theme == "dark" else "light",
            locale=locale,
        )
        context.set_default_timeout(10_000)
        opened.append(context)
        return context

    yield open_one
    for context in opened:
        context.close()


@pytest.fixture
def page(open_context: Callable[..., BrowserContext]) -> Page:
    """Return an empty page of a visitor at 1280 pixels, light, English."""
    return open_context().new_page()
