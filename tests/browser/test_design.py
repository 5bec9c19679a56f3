"""The pages of the design system as a browser shows them."""

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.helpers import collect_console_and_csp
from tests.browser.screens import Screen, each_screen, look

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAGES = {
    "home": "/",
    "styleguide": "/styleguide/",
    "login": "/accounts/login/",
    "signup": "/accounts/signup/",
}


@each_screen
def test_pages_are_accessible_quiet_and_never_scroll_sideways(
    open_context: Callable[..., BrowserContext], screen: Screen
) -> None:
    page = open_context(screen=screen).new_page()
    complaints = collect_console_and_csp(page)

    for name, path in PAGES.items():
        page.goto(path)
        page.wait_for_load_state("networkidle")
        look(page, name, screen)

    assert complaints.lines == []


def test_the_theme_changes_at_once_and_stays(page: Page) -> None:
    page.goto("/")

    page.locator("summary[aria-label='Language and theme']").click()
    with page.expect_response("**/theme/"):
        page.get_by_role("button", name="Dark").click()
    page.goto("/styleguide/")

    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_the_language_can_be_changed_without_scripts(
    open_context: Callable[..., BrowserContext],
) -> None:
    page = open_context().new_page()
    page.goto("/styleguide/")

    page.locator("summary[aria-label='Language and theme']").click()
    page.get_by_role("button", name="简体中文").click()

    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    assert page.url.endswith("/styleguide/")


def test_the_preview_is_the_servers(page: Page) -> None:
    page.goto("/styleguide/")

    page.get_by_label("Reply").fill("**bold** words")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("[data-preview] strong")).to_have_text("bold")


def test_shortcuts_find_the_search_and_can_be_turned_off(page: Page) -> None:
    page.goto("/")

    page.keyboard.press("/")
    expect(page.locator("#search-main")).to_be_focused()

    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("?")
    page.get_by_label("Turn single-key shortcuts off").check()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#search-main")).not_to_be_focused()


def test_a_menu_closes_with_escape_and_gives_the_focus_back(page: Page) -> None:
    page.goto("/")
    menu = page.locator("summary[aria-label='Language and theme']")

    menu.click()
    page.keyboard.press("Escape")

    expect(page.get_by_role("button", name="简体中文")).to_be_hidden()
    expect(menu).to_be_focused()


def test_a_skip_link_comes_first(page: Page) -> None:
    page.goto("/")

    page.keyboard.press("Tab")

    expect(page.get_by_text("Skip to content")).to_be_focused()
