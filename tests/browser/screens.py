"""The screens that pages are looked at on, and what is asked of a page there.

Of the twelve screens of three widths, two themes and two languages, six are looked at:
every width meets each theme and each language, every theme each language. Such pairs
suffice. A layout breaks where a width meets the words of a language, a contrast in a
theme; a fault that needs all three was never seen. With ``SCREENSHOTS``, which names a
folder that a picture of every page is put into, all twelve are looked at.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.helpers import axe_violations, elements_too_wide, settle


@dataclass(frozen=True)
class Screen:
    """A width in pixels, a theme, and a language as a browser names it."""

    width: int
    theme: Literal["light", "dark"]
    locale: Literal["en-US", "zh-CN"]

    def __str__(self) -> str:
        return f"{self.width}-{self.theme}-{self.locale[:2]}"

    @property
    def language(self) -> str:
        """The language as a person's setting names it."""
        return "zh-hans" if self.locale == "zh-CN" else "en"

    @property
    def window(self) -> dict[str, Any]:
        """What a browser is told to open such a window."""
        return {
            "viewport": {"width": self.width, "height": 900},
            "color_scheme": self.theme,
            "locale": self.locale,
        }


SCREENS = (
    Screen(1280, "light", "en-US"),
    Screen(1280, "dark", "zh-CN"),
    Screen(390, "light", "zh-CN"),
    Screen(390, "dark", "en-US"),
    Screen(320, "light", "en-US"),
    Screen(320, "dark", "zh-CN"),
)
# Without the narrowest, for pages that cost much to write.
WIDE_AND_PHONE = SCREENS[:4]


# As long as anything else is waited for (chromium.py).
HEADING_SECONDS: float = 15


def wanted(screens: Iterable[Screen]) -> tuple[Screen, ...]:
    """Return ``screens``, or all twelve where pictures are asked for."""
    if not os.environ.get("SCREENSHOTS"):
        return tuple(screens)
    widths = dict.fromkeys(screen.width for screen in SCREENS)
    themes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    locales: tuple[Literal["en-US", "zh-CN"], ...] = ("en-US", "zh-CN")
    return tuple(Screen(*each) for each in product(widths, themes, locales))


def on(screens: Iterable[Screen]) -> pytest.MarkDecorator:
    """Run a test once on each of ``screens``, which it takes as ``screen``."""
    return pytest.mark.parametrize("screen", wanted(screens), ids=str)


each_screen = on(SCREENS)
wide_and_phone_screens = on(WIDE_AND_PHONE)
# All but one, where every screen writes a large world anew.
five_screens = on(SCREENS[:5])
# Each width once, where there are many pages.
three_screens = on((SCREENS[0], SCREENS[2], SCREENS[5]))
# The narrowest and the widest, where it costs much to come to the pages.
two_screens = on((SCREENS[4], SCREENS[1]))


def look(page: Page, name: str, screen: Screen) -> None:
    """Fail, naming page and screen, where a page is not whole.

    It has a heading that is seen, scrolls in one direction, and axe objects to nothing.
    """
    settle(page)
    expect(page.locator("h1").first, f"{name} on {screen}").to_be_visible(
        timeout=HEADING_SECONDS * 1_000
    )
    keep_picture(page, name, screen)
    faults = [f"too wide: {wide}" for wide in elements_too_wide(page)]
    faults += axe_violations(page)
    assert faults == [], f"{name} on {screen}: {faults}"


def keep_picture(page: Page, name: str, screen: Screen) -> None:
    """Keep how the whole page looks, where pictures are asked for."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}-{screen}.png", full_page=True)
