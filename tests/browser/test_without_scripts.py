"""The main way with scripts turned off: everything is a page and a form."""

import re
import uuid
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("demo")]


def test_ask_answer_accept_vote_search_and_make_a_key(
    open_demo: Callable[..., BrowserContext],
) -> None:
    ada = open_demo("ada", scripts=False).new_page()
    ada.goto("/forum/")
    ada.get_by_role("link", name="New topic").click()
    ada.get_by_label("Title").fill("Where is the zeppelin parked?")
    ada.get_by_label("Text").fill("I see **no mast**.")
    ada.get_by_label("Tags").fill("zeppelin")
    ada.get_by_role("button", name="Post topic").click()
    expect(ada.locator("h1")).to_have_text("Where is the zeppelin parked?")
    topic = ada.url

    ben = open_demo("ben", scripts=False).new_page()
    ben.goto(topic)
    ben.get_by_role("link", name="Quote").first.click()
    area = ben.locator("#reply textarea")
    expect(area).to_be_focused()
    expect(area).to_have_value(re.compile("> @ada:"))
    area.fill(area.input_value() + "Behind the hangar.")
    ben.get_by_role("button", name="Post answer").click()
    expect(ben.locator(".post").last).to_contain_text("Behind the hangar.")

    ada.goto(topic)
    ada.get_by_role("button", name="This is useful").last.click()
    expect(ada.locator(".post").last.locator(".vote__score")).to_have_text("1")
    ada.get_by_role("button", name="Accept answer").click()
    expect(ada.get_by_text("Accepted answer")).to_be_visible()

    ada.goto("/")
    ada.get_by_role("search").first.get_by_role("searchbox").fill("zeppelin")
    ada.keyboard.press("Enter")
    expect(
        ada.get_by_role("link", name="Where is the zeppelin parked?")
    ).to_be_visible()

    ada.goto("/console/ada/keys/")
    ada.locator("#new input[name=name]").fill("Without scripts")
    ada.get_by_role("button", name="Create key").click()
    assert re.search(r"ds_live_[0-9A-Za-z]{49}", ada.content())


def test_language_and_theme_change_and_stay(
    open_demo: Callable[..., BrowserContext],
) -> None:
    page = open_demo(scripts=False).new_page()
    page.goto("/pricing/")

    page.locator("summary[aria-label='Language and theme']").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.locator("summary[aria-label='Language and theme']").click()
    page.get_by_role("button", name="简体中文").click()

    assert page.url.endswith("/pricing/")
    page.goto("/forum/")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "plain"])
def test_a_refused_form_keeps_every_word(
    open_demo: Callable[..., BrowserContext], scripts: bool
) -> None:
    page = open_demo("ben", scripts=scripts).new_page()
    page.goto("/forum/new/")
    page.locator("form.form").evaluate("form => { form.noValidate = true; }")
    page.get_by_label("Discussion").check()
    page.get_by_label("Title").fill("Short")
    page.get_by_label("Text").fill("Words I will not type **again**.\n\nTwice.")
    page.get_by_label("Tags").fill("one, two")

    page.get_by_role("button", name="Post topic").click()

    expect(page.get_by_label("Title")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Title")).to_have_value("Short")
    expect(page.get_by_label("Text")).to_have_value(
        "Words I will not type **again**.\n\nTwice."
    )
    expect(page.get_by_label("Tags")).to_have_value("one, two")
    expect(page.get_by_label("Discussion")).to_be_checked()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "plain"])
def test_a_double_click_makes_one_topic(
    open_demo: Callable[..., BrowserContext], scripts: bool
) -> None:
    page = open_demo("erin", scripts=scripts).new_page()
    title = f"Asked with impatience {uuid.uuid4().hex[:8]}?"
    page.goto("/forum/new/")
    page.get_by_label("Title").fill(title)
    page.get_by_label("Text").fill("Once is enough.")

    page.get_by_role("button", name="Post topic").dblclick(no_wait_after=True)
    expect(page.locator("h1")).to_have_text(title)
    # Back and once more: the form is the same form.
    page.go_back()
    page.get_by_label("Title").fill(title)
    page.get_by_label("Text").fill("Once is enough.")
    page.get_by_role("button", name="Post topic").click()
    page.wait_for_load_state()

    page.goto("/forum/?sort=mine")
    expect(page.get_by_role("link", name=title)).to_have_count(1)
