"""The name menu in a real browser: by keyboard, by mouse and with an input method."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.helpers import axe_violations, collect_console_and_csp
from tests.browser.screens import Screen, each_screen, look
from tests.factories import forum

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def written_in(
    open_context: Callable[..., BrowserContext], who: Any, url: str, **window: Any
) -> tuple[Page, Locator, Locator]:
    """Open ``url`` as ``who``; return the page, its text area and its name menu."""
    page = open_context(**window, user=who).new_page()
    page.goto(url)
    # The module has come once it has marked its composer.
    page.locator("[data-names-ready]").first.wait_for()
    return page, page.locator("[data-composer] textarea"), page.get_by_role("listbox")


def test_a_name_is_chosen_by_keyboard(
    open_context: Callable[..., BrowserContext], person: Callable[..., Any]
) -> None:
    ada = person("ada")
    person("ben", display_name="Ben Okafor")
    person("bea")
    topic = forum.topic(ada)
    page, area, menu = written_in(open_context, ada, topic.get_absolute_url())
    complaints = collect_console_and_csp(page)
    area.click()

    page.keyboard.type("Look, @be")
    expect(menu.get_by_role("option")).to_have_count(2)

    # What a screen reader is told: a list is there, and the option that is chosen.
    expect(area).to_have_attribute("aria-autocomplete", "list")
    expect(area).to_have_attribute("aria-controls", "id_text_names")
    expect(page.locator("[data-names-said]")).to_have_text(
        "People are listed. Arrows choose, Enter takes."
    )
    expect(menu).to_have_accessible_name("People")
    first, second = menu.get_by_role("option").all()
    expect(area).to_have_attribute(
        "aria-activedescendant", str(first.get_attribute("id"))
    )
    page.keyboard.press("ArrowDown")
    expect(second).to_have_attribute("aria-selected", "true")
    expect(first).to_have_attribute("aria-selected", "false")
    expect(area).to_have_attribute(
        "aria-activedescendant", str(second.get_attribute("id"))
    )
    assert axe_violations(page) == []

    page.keyboard.press("Enter")
    expect(area).to_have_value("Look, @ben ")
    expect(menu).to_be_hidden()
    expect(area).to_be_focused()
    assert area.get_attribute("aria-activedescendant") is None
    expect(page.locator("[data-names-said]")).to_have_text("")
    page.keyboard.type("please")
    expect(area).to_have_value("Look, @ben please")
    assert complaints.lines == []


def test_escape_closes_it_for_this_name_alone(
    open_context: Callable[..., BrowserContext], person: Callable[..., Any]
) -> None:
    ada = person("ada")
    person("ben")
    page, area, menu = written_in(
        open_context, ada, forum.topic(ada).get_absolute_url()
    )
    area.click()
    page.keyboard.type("@be")
    expect(menu).to_be_visible()

    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    page.keyboard.type("n")
    page.keyboard.press("Enter")
    expect(area).to_have_value("@ben\n")
    expect(menu).to_be_hidden()

    page.keyboard.type("@b")
    expect(menu).to_be_visible()


def test_chinese_needs_no_blank_and_a_composed_name_is_asked_for_once(
    open_context: Callable[..., BrowserContext], person: Callable[..., Any]
) -> None:
    ada = person("ada", locale="zh-hans")
    person("chen", display_name="陈思远")
    page, area, menu = written_in(
        open_context, ada, forum.topic(ada).get_absolute_url()
    )
    asked: list[str] = []
    page.on(
        "request",
        lambda one: asked.append(one.url) if "/_names/" in one.url else None,
    )
    area.click()
    page.keyboard.insert_text("请问@")
    session = page.context.new_cdp_session(page)

    # What an input method does: it composes, and then commits.
    session.send(
        "Input.imeSetComposition",
        {"text": "chen", "selectionStart": 4, "selectionEnd": 4},
    )
    expect(area).to_have_value("请问@chen")
    expect(menu).to_be_hidden()
    session.send("Input.insertText", {"text": "陈"})
    expect(area).to_have_value("请问@陈")
    expect(menu.get_by_role("option")).to_have_count(1)
    assert not [url for url in asked if "q=chen" in url]

    page.keyboard.press("Tab")
    expect(area).to_have_value("请问@chen ")
    expect(area).to_be_focused()


def test_an_address_is_no_name_and_a_click_takes_one(
    open_context: Callable[..., BrowserContext], person: Callable[..., Any]
) -> None:
    ada = person("ada")
    person("ben")
    page, area, menu = written_in(
        open_context, ada, forum.topic(ada).get_absolute_url()
    )
    asked: list[str] = []
    page.on(
        "request",
        lambda one: asked.append(one.url) if "/_names/" in one.url else None,
    )
    area.click()

    page.keyboard.type("me@be (@be")
    menu.get_by_role("option", name="@ben").click()

    expect(area).to_have_value("me@be (@ben ")
    expect(area).to_be_focused()
    # Only the second call was a name.
    assert asked
    assert area.input_value().count("@ben") == 1


@each_screen
def test_the_menu_is_whole(
    open_context: Callable[..., BrowserContext],
    person: Callable[..., Any],
    screen: Screen,
) -> None:
    ada = person("ada", locale=screen.language)
    person("kim", display_name="Kim Nakamura of the documentation team")
    person("kim-a-name-that-is-as-long-as-a-name-is")
    page, area, menu = written_in(
        open_context,
        ada,
        forum.topic(ada).get_absolute_url(),
        screen=screen,
    )
    area.click()

    page.keyboard.type("@kim")
    expect(menu.get_by_role("option")).to_have_count(2)

    look(page, "names", screen)
