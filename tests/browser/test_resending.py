"""A form that waited for a password, sent by its page or by hand, in a browser."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import PersonalAccessToken
from tests.browser.helpers import (
    assert_no_horizontal_scroll,
    collect_console_and_csp,
    enter,
    settle,
)
from tests.browser.screens import Screen, keep_picture, look, two_screens

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def ask_for_a_token(page: Page, name: str) -> None:
    page.goto("/settings/tokens/")
    page.locator("#id_name").fill(name)
    with page.expect_navigation():
        page.locator("#id_name").press("Enter")


def type_the_password(page: Page) -> None:
    page.locator("input[name=password]").fill("correct horse")
    page.locator("input[name=password]").press("Enter")


@two_screens
def test_without_scripts_the_page_is_read_and_its_button_pressed(
    browser: Browser,
    live_server: LiveServer,
    person: Callable[..., Any],
    screen: Screen,
) -> None:
    ada = person("ada", locale=screen.language)
    window: dict[str, Any] = {"base_url": live_server.url, **screen.window}
    context = browser.new_context(**window, java_script_enabled=False)
    enter(context, ada, live_server.url, minutes_ago=60)
    page = context.new_page()

    ask_for_a_token(page, "密钥 “CI”")
    expect(page.locator(".alert")).to_be_visible()
    assert_no_horizontal_scroll(page)
    keep_picture(page, "resending-waits", screen)
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
    again = with_scripts.new_page()
    complaints = collect_console_and_csp(again)
    again.goto(waiting)
    expect(again.locator("form[action='/settings/tokens/'] button")).to_be_visible()
    look(again, "resending-again", screen)
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
