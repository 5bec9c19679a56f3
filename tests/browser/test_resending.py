"""A form that waited for a password, sent by its page or by hand, in a browser."""

import os
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import PersonalAccessToken
from tests.browser.helpers import (
    assert_no_horizontal_scroll,
    axe_violations,
    collect_console_and_csp,
    enter,
    settle,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FEW = (("en", 1280, "dark"), ("zh-hans", 320, "light"))
ALL = tuple(product(("en", "zh-hans"), (320, 1280), ("light", "dark")))


def ask_for_a_token(page: Page, name: str) -> None:
    page.goto("/settings/tokens/")
    page.locator("#id_name").fill(name)
    with page.expect_navigation():
        page.locator("#id_name").press("Enter")


def type_the_password(page: Page) -> None:
    page.locator("input[name=password]").fill("correct horse")
    page.locator("input[name=password]").press("Enter")


@pytest.mark.parametrize(
    ("locale", "width", "theme"), ALL if os.environ.get("SCREENSHOTS") else FEW
)
def test_without_scripts_the_page_is_read_and_its_button_pressed(
    browser: Browser,
    live_server: LiveServer,
    person: Callable[..., Any],
    locale: str,
    width: int,
    theme: str,
) -> None:
    ada = person("ada", locale=locale)
    window: dict[str, Any] = {
        "base_url": live_server.url,
        "viewport": {"width": width, "height": 900},
        "color_scheme": theme,
    }
    context = browser.new_context(**window, java_script_enabled=False)
    enter(context, ada, live_server.url, minutes_ago=60)
    page = context.new_page()

    ask_for_a_token(page, "密钥 “CI”")
    expect(page.locator(".alert")).to_be_visible()
    assert_no_horizontal_scroll(page)
    if folder := os.environ.get("SCREENSHOTS"):
        shown = f"waits-{locale}-{width}-{theme}.png"
        page.screenshot(path=Path(folder) / shown, full_page=True)
    type_the_password(page)
    page.wait_for_url("**/accounts/send-again/**")
    waiting = page.url
    expect(page.locator("h1")).to_be_visible()
    assert not PersonalAccessToken.objects.exists()
    page.locator("form[action='/settings/tokens/'] button").click()
    page.wait_for_url("**/secret/")

    assert PersonalAccessToken.objects.get().name == "密钥 “CI”"
    # Opened again it is sent only by hand, with scripts too.
    with_scripts = browser.new_context(**window, storage_state=context.storage_state())
    look = with_scripts.new_page()
    complaints = collect_console_and_csp(look)
    look.goto(waiting)
    settle(look)
    expect(look.locator("form[action='/settings/tokens/'] button")).to_be_visible()
    if folder := os.environ.get("SCREENSHOTS"):
        shown = f"send-again-{locale}-{width}-{theme}.png"
        look.screenshot(path=Path(folder) / shown, full_page=True)
    assert_no_horizontal_scroll(look)
    assert axe_violations(look) == []
    assert complaints.lines == []
    assert PersonalAccessToken.objects.count() == 1
    with_scripts.close()
    context.close()


def test_the_way_back_leads_past_the_page_that_sends(
    open_context: Callable[..., BrowserContext], person: Callable[..., Any]
) -> None:
    context = open_context(user=person("ada"), minutes_ago=60)
    page = context.new_page()
    complaints = collect_console_and_csp(page)

    ask_for_a_token(page, "CI")
    type_the_password(page)
    page.wait_for_url("**/secret/")
    page.go_back()
    settle(page)

    assert "/send-again/" not in page.url
    assert PersonalAccessToken.objects.count() == 1
    assert complaints.lines == []
