"""The playground's script in a real browser, against the whole product."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from inference.catalog.examples import call_examples
from tests.browser.helpers import axe_violations, collect_console_and_csp
from tests.fakes.upstream import Upstream

Window = Callable[..., BrowserContext]
pytestmark = pytest.mark.django_db(transaction=True)


def ask(page: Page, text: str) -> None:
    page.fill("#id_prompt", text)
    page.click("[data-send]")


def test_an_answer_streams_is_priced_and_leaves_code_behind(
    window: Window, upstream: Upstream, offer: Any, person: Callable[..., Any]
) -> None:
    offer(upstream, "plain")
    page = window(person("ada")).new_page()
    complaints = collect_console_and_csp(page)
    page.goto("/playground/")

    page.fill("#id_system", "Be brief, it's late.")
    ask(page, "Say hello.")

    figures = page.locator(".playground__figures")
    expect(figures).to_contain_text("9 tokens in, 3 out")
    expect(figures).to_contain_text("$0.000015")
    expect(figures).to_contain_text("first token after")
    expect(page.locator(".turn--assistant .prose")).to_have_text("Hello there!")
    expect(page.locator("#id_prompt")).to_have_value("")
    sent = upstream.requests[-1]["payload"]
    assert sent["stream"] is True
    assert [turn["content"] for turn in sent["messages"]] == [
        "Be brief, it's late.",
        "Say hello.",
    ]
    shown = {
        name: page.locator(f"#example-{name}").text_content()
        for name in ("curl", "python", "javascript")
    }
    messages = [*sent["messages"], {"role": "assistant", "content": "Hello there!"}]
    payload = {"model": "plain", "messages": messages, "stream": True}
    examples = call_examples(payload)
    base = page.url.removesuffix("/playground/")
    for name, text in shown.items():
        expected = getattr(examples, name).replace("http://testserver", base)
        assert (text or "").strip() == expected.strip()
    assert complaints.lines == []
    assert axe_violations(page) == []


def test_stopping_keeps_what_was_written(
    window: Window, upstream: Upstream, offer: Any, person: Callable[..., Any]
) -> None:
    offer(upstream, "slow")
    page = window(person("ada")).new_page()
    page.goto("/playground/")

    ask(page, "Go on for ever.")
    expect(page.locator(".turn--assistant [data-text]")).not_to_be_empty()
    page.click("[data-stop]")

    expect(page.locator("[data-status]")).to_contain_text("Stopped.")
    expect(page.locator("[data-stop]")).to_be_hidden()
    turns = json.loads(page.locator("[name=conversation]").input_value())
    assert [turn["role"] for turn in turns] == ["user", "assistant"]
    assert turns[1]["content"]


def test_a_refusal_says_why_and_leaves_the_page_as_it_was(
    window: Window, upstream: Upstream, offer: Any, person: Callable[..., Any]
) -> None:
    offer(upstream, "plain", edition="premium")
    page = window(person("ada")).new_page()
    page.goto("/playground/")

    ask(page, "Say hello.")

    notice = page.locator("[data-notice]")
    expect(notice).to_contain_text("is a premium model that your plan does not include")
    expect(notice).not_to_contain_text("http")
    expect(notice.get_by_role("link", name="See the plans")).to_be_visible()
    expect(page.locator("#id_prompt")).to_have_value("Say hello.")
    expect(page.locator(".turn")).to_have_count(0)
    expect(page.get_by_text("Nothing said yet")).to_be_visible()
    assert upstream.requests == []


def test_a_visitors_text_is_kept_while_signing_in_is_asked_for(
    window: Window, upstream: Upstream, offer: Any
) -> None:
    offer(upstream, "plain")
    page = window().new_page()
    page.goto("/playground/")

    ask(page, "Say hello.")

    expect(page.locator("[data-notice]")).to_contain_text("Sign in to send it")
    expect(page.locator("#id_prompt")).to_have_value("Say hello.")
    assert upstream.requests == []
