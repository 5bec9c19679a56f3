"""The playground's script in a real browser, against the whole product."""

from collections.abc import Callable
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from playwright.sync_api import BrowserContext, Page, expect

from accounts.services import add_member, create_organisation
from inference.catalog.models import Model
from inference.playground.models import Chat, Message, Vote
from inference.playground.ranking import FEWEST
from inference.usage.models import UsageEvent
from tests.browser.helpers import axe_violations, collect_console_and_csp
from tests.factories import forum, playground
from tests.factories.accounts import with_seats
from tests.fakes.upstream import Upstream
from tests.inference.gateway.conftest import recorded

Window = Callable[..., BrowserContext]
pytestmark = pytest.mark.django_db(transaction=True)


def ask(page: Page, text: str) -> None:
    page.fill("#id_prompt", text)
    page.click("form[data-playground] [data-send]")


def titled(model: Model, title: str) -> None:
    Model.objects.filter(pk=model.pk).update(title=title)


def switch_language(page: Page, name: str) -> None:
    page.locator("summary:has(svg use[href*='languages'])").click()
    page.get_by_role("button", name=name).click()
    page.wait_for_load_state()


def expect_kept(page: Page) -> None:
    """See the question, its answer and the half-typed next message."""
    expect(page.locator(".turn--user")).to_contain_text("Say hello.")
    expect(page.locator(".turn--assistant .prose")).to_have_text("Hello there!")
    expect(page.locator("#id_prompt")).to_have_value("And then?")
    expect(page.locator("#id_seed")).to_have_value("7")
    expect(page.locator("#id_temperature")).to_have_value("0.5")


def test_a_conversation_survives_reload_back_language_theme_and_sign_in(
    window: Window, upstream: Upstream, offer: Any, person: Callable[..., Any]
) -> None:
    offer(upstream, "plain")
    ada = person("ada")
    EmailAddress.objects.create(user=ada, email=ada.email, verified=True, primary=True)
    page = window().new_page()
    complaints = collect_console_and_csp(page)
    page.goto("/playground/")
    page.fill("#id_temperature", "0.5")
    page.fill("#id_seed", "7")

    # A visitor's words and settings arrive with them.
    ask(page, "Say hello.")
    expect(page.locator("[data-notice]")).to_contain_text("Sign in to send it")
    assert upstream.requests == []
    page.locator("[data-notice]").get_by_role("link", name="Sign in").click()
    page.fill("input[name=login]", ada.email)
    page.fill("input[name=password]", "correct horse")
    page.press("input[name=password]", "Enter")
    expect(page.locator("#id_prompt")).to_have_value("Say hello.")
    expect(page.locator("#id_seed")).to_have_value("7")
    page.press("#id_prompt", "Control+Enter")

    figures = page.locator(".playground__figures")
    expect(figures).to_contain_text("9 tokens in, 3 out")
    expect(figures).to_contain_text("$0.000015")
    expect(figures).to_contain_text("first token after")
    expect(page.locator("[data-status]")).to_contain_text("The answer is there.")
    assert upstream.requests[-1]["payload"]["stream"] is True
    assert upstream.requests[-1]["payload"]["seed"] == 7
    assert axe_violations(page) == []
    page.fill("#id_prompt", "And then?")
    address = page.url

    page.reload()
    expect_kept(page)
    page.goto("/models/")
    page.go_back()
    expect_kept(page)
    switch_language(page, "简体中文")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect_kept(page)
    switch_language(page, "English")
    page.locator("summary[aria-label='Language and theme']").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect_kept(page)
    elsewhere = window(ada).new_page()
    expect(page.locator("[data-draft-status], body").first).to_be_visible()
    elsewhere.goto(address)
    expect_kept(elsewhere)
    assert len(upstream.requests) == 1
    assert complaints.lines == []


def test_stopping_keeps_what_came_and_says_what_it_cost(
    window: Window, upstream: Upstream, offer: Any, person: Callable[..., Any]
) -> None:
    offer(upstream, "slow")
    page = window(person("ada")).new_page()
    page.goto("/playground/")

    ask(page, "Go on for ever.")
    expect(page.locator(".turn--assistant [data-text]")).to_contain_text("w1")
    page.click("[data-stop]")

    expect(page.locator(".turn__note")).to_contain_text("What was written cost $")
    expect(page.locator("[data-stop]")).to_have_count(0)
    (event,) = recorded()
    answer = Message.objects.select_related("usage").get(role="assistant")
    assert answer.state == "stopped"
    assert answer.usage == event
    assert event.price_nano > 0
    assert "w1" in answer.content
    expect(page.locator("[data-status]")).to_contain_text("Stopped.")
    page.reload()
    expect(page.locator(".turn--assistant")).to_contain_text("w1")
    expect(page.locator(".turn__note")).to_contain_text("What was written cost $")


def test_an_answer_goes_on_while_its_page_is_reloaded_and_left(
    window: Window, upstream: Upstream, offer: Any, person: Callable[..., Any]
) -> None:
    offer(upstream, "slow")
    upstream.pause = 0.02
    page = window(person("ada")).new_page()
    complaints = collect_console_and_csp(page)
    page.goto("/playground/")
    ask(page, "Go on for ever.")
    text = page.locator(".turn--assistant [data-text]")
    expect(text).to_contain_text("w1 ")

    page.reload()
    expect(text).to_contain_text("w40 ")
    address = page.url
    page.goto("/models/")
    page.goto(address)

    expect(text).to_contain_text("w199")
    expect(page.locator(".playground__figures")).to_contain_text("tokens in")
    expect(page.locator("[data-status]")).to_contain_text("The answer is there.")
    # Loading the page again asked for nothing again.
    assert len(upstream.requests) == 1
    assert UsageEvent.objects.count() == 1
    assert Message.objects.get(role="assistant").state == "done"
    assert complaints.lines == []


def test_an_answer_is_stopped_from_a_page_that_did_not_ask_for_it(
    window: Window, upstream: Upstream, offer: Any, person: Callable[..., Any]
) -> None:
    offer(upstream, "slow")
    page = window(person("ada")).new_page()
    page.goto("/playground/")
    ask(page, "Go on for ever.")
    expect(page.locator(".turn--assistant [data-text]")).to_contain_text("w1 ")

    page.reload()
    page.focus("[data-stop]")
    page.keyboard.press("Enter")

    expect(page.locator(".turn__note")).to_contain_text("What was written cost $")
    expect(page.locator("[data-status]")).to_contain_text("Stopped.")
    answer = Message.objects.select_related("usage").get(role="assistant")
    assert answer.state == "stopped"
    assert "w199" not in answer.content
    assert len(upstream.requests) == 1


def test_a_refusal_says_why_and_leads_to_the_plans(
    window: Window, upstream: Upstream, offer: Any, person: Callable[..., Any]
) -> None:
    offer(upstream, "plain", edition="premium")
    page = window(person("ada")).new_page()
    page.goto("/playground/")

    ask(page, "Say hello.")

    answer = page.locator(".turn--assistant")
    expect(answer).to_contain_text("is a premium model that your plan does not include")
    expect(answer.get_by_role("link", name="See the plans").first).to_be_visible()
    expect(answer.get_by_role("button", name="Try again")).to_be_visible()
    expect(page.locator(".turn--user")).to_contain_text("Say hello.")
    assert upstream.requests == []


def test_two_models_are_compared_blind_from_the_vote_to_the_ranking(
    window: Window, upstream: Upstream, offer: Any, person: Callable[..., Any]
) -> None:
    titled(offer(upstream, "plain"), "Alpha")
    titled(offer(upstream, "split"), "Beta")
    # One vote less than it takes for a place in the ranking.
    for _number in range(FEWEST - 1):
        Vote.objects.create(
            voter=person(f"p{_number}"),
            columns=["plain", "split"],
            winner="split",
            verdict="win",
            language="en",
        )
    page = window(person("ada")).new_page()
    complaints = collect_console_and_csp(page)
    page.goto("/playground/ranking/")
    expect(page.locator("tbody")).to_contain_text("too few")
    page.goto("/playground/?model=plain")
    page.get_by_text("Compare with others").click()
    page.select_option("#id_model_2", "split")
    page.check("#id_is_blind")

    ask(page, "Say hello.")

    expect(page.get_by_role("button", name="Model A")).to_be_visible()
    # Neither the page nor the code of it tells which is which, nor what each cost.
    shown = page.locator(".conversation").inner_html()
    for told in ("plain", "split", "Alpha", "Beta", "$0.0", "tokens in"):
        assert told not in shown
    assert axe_violations(page) == []
    columns = Chat.objects.get().columns
    winner = columns.index("split")
    page.get_by_role("button", name=f"Model {'AB'[winner]}").click()

    expect(page.locator(".turn--assistant").nth(winner)).to_contain_text("Beta")
    expect(page.locator(".playground__figures")).to_have_count(2)
    expect(page.get_by_role("button", name="Equally good")).to_have_count(0)
    vote = Vote.objects.latest("pk")
    assert (vote.winner, vote.verdict, vote.language) == ("split", "win", "en")
    page.get_by_role("link", name="Ranking").click()
    rows = page.locator("tbody tr")
    expect(rows.nth(0)).to_contain_text("Beta")
    expect(rows.nth(0)).to_contain_text(str(FEWEST))
    expect(rows.nth(1)).to_contain_text("Alpha")
    expect(page.locator("tbody")).not_to_contain_text("too few")
    assert axe_violations(page) == []
    assert complaints.lines == []


def test_a_share_link_opens_for_the_same_rights_only(
    window: Window,
    upstream: Upstream,
    offer: Any,
    person: Callable[..., Any],
) -> None:
    titled(offer(upstream, "plain", edition="premium"), "Grand")
    ada, ben = person("ada"), person("ben")
    chat = playground.chat(ada, columns=["plain"], answers=["Read me."])
    owner = window(ada).new_page()
    owner.goto(chat.get_absolute_url())
    owner.locator("#sharing summary").click()
    owner.get_by_label("Whoever is signed in and has the link").check()
    owner.locator("#sharing").get_by_role("button", name="Save").click()
    link = owner.locator("#sharing code").inner_text()
    reader, visitor = window(ben).new_page(), window().new_page()

    visitor.goto(link)
    expect(visitor.locator("input[name=password]")).to_be_visible()
    reader.goto(link)
    expect(reader.locator(".turn--assistant")).to_contain_text("Read me.")
    expect(reader.locator("#id_prompt")).to_have_count(0)
    assert reader.goto(chat.get_absolute_url()).status == 404  # type: ignore[union-attr]
    # Ben may read what a premium model said; going on takes a plan of his own.
    reader.goto(link)
    answer = reader.locator(".turn--assistant")
    answer.get_by_role("button", name="Fork from here").click()
    expect(reader.locator(".turn--assistant")).to_contain_text("Read me.")
    ask(reader, "Go on.")
    expect(reader.locator(".turn--assistant").last).to_contain_text("does not include")
    assert upstream.requests == []
    owner.get_by_label("Only me").check()
    owner.locator("#sharing").get_by_role("button", name="Save").click()
    expect(owner.locator("#sharing code")).to_have_count(0)
    assert reader.goto(link).status == 404  # type: ignore[union-attr]


def test_a_chat_goes_into_the_draft_of_a_topic_and_nothing_is_posted(
    window: Window, upstream: Upstream, offer: Any, person: Callable[..., Any]
) -> None:
    titled(offer(upstream, "plain"), "Alpha")
    ada = person("ada")
    forum.category(name="Help")
    chat = playground.chat(ada, columns=["plain"], answers=["Hello *there*."])
    page = window(ada).new_page()
    page.goto("/forum/new/")
    page.get_by_label("Title").fill("What I was writing before")
    page.wait_for_timeout(1500)
    page.goto(chat.get_absolute_url())

    page.get_by_role("button", name="Post to the forum").click()

    expect(page.locator("textarea[name=text]")).to_have_value(
        "> **Me**\n>\n> Say hello.\n\n> **Alpha**\n>\n> Hello *there*.\n\n"
    )
    expect(page.get_by_label("Title")).to_have_value("Say hello.")
    page.get_by_role("button", name="Post topic").click()
    expect(page.locator("h1")).to_have_text("Say hello.")
    page.goto("/forum/new/")
    expect(page.get_by_label("Title")).to_have_value("What I was writing before")


@pytest.mark.parametrize("width", [320, 390])
def test_a_comparison_fits_a_small_screen(
    width: int,
    window: Window,
    upstream: Upstream,
    offer: Any,
    person: Callable[..., Any],
) -> None:
    for name in ("a", "b", "c", "d"):
        offer(upstream, name)
    ada = person("ada")
    long_word = "x" * 300
    chat = playground.chat(
        ada, long_word, columns=["a", "b", "c", "d"], answers=[f"`{long_word}`"] * 4
    )
    page = window(ada, viewport={"width": width, "height": 800}).new_page()

    for address in (chat.get_absolute_url(), "/playground/", "/playground/chats/"):
        page.goto(address)
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert (address, wide) == (address, width)


def test_colleagues_read_what_is_shared_in_their_organisation(
    window: Window, upstream: Upstream, offer: Any, person: Callable[..., Any]
) -> None:
    offer(upstream, "plain")
    ada, ben = person("ada"), person("ben")
    team = with_seats(create_organisation("Northwind", owner=ada), 5)
    add_member(team, user=ben)
    chat = playground.chat(ada, columns=["plain"], answers=["Read me."])
    page = window(ada).new_page()
    page.goto(chat.get_absolute_url())
    page.locator("#sharing summary").click()
    page.get_by_label("Members of my organisation").check()
    page.locator("#sharing").get_by_role("button", name="Save").click()
    expect(page.locator("#sharing code")).to_be_visible()
    reader = window(ben).new_page()

    reader.goto("/playground/chats/?of=team")
    reader.get_by_role("link", name="Say hello.").click()

    expect(reader.locator(".turn--assistant")).to_contain_text("Read me.")


def test_without_scripts_the_whole_answer_is_the_next_page(
    window: Window, upstream: Upstream, offer: Any, person: Callable[..., Any]
) -> None:
    for name in ("plain", "split"):
        offer(upstream, name)
    page = window(person("ada"), java_script_enabled=False).new_page()
    page.goto("/playground/?model=plain")
    page.get_by_text("Compare with others").click()
    page.select_option("#id_model_2", "split")
    page.check("#id_is_blind")

    ask(page, "Say hello.")

    expect(page.locator(".conversation")).to_contain_text("Hello there!")
    expect(page.locator(".conversation")).to_contain_text("你好世界")
    page.get_by_role("button", name="Equally good").click()
    expect(page.locator(".playground__figures").first).to_contain_text("9 tokens in, 3")
    page.fill("#id_prompt", "And now?")
    page.get_by_role("button", name="View code").click()
    expect(page.locator("#example-curl")).to_contain_text("And now?")


def test_the_code_follows_what_is_typed(
    window: Window, upstream: Upstream, offer: Any, person: Callable[..., Any]
) -> None:
    offer(upstream, "plain")
    page = window().new_page()
    complaints = collect_console_and_csp(page)
    page.goto("/playground/")
    page.fill("#id_prompt", "It's late.")

    page.get_by_role("button", name="View code").click()
    python = page.locator("#example-python")
    expect(page.locator("#example-curl")).to_contain_text("late.")
    page.get_by_label("Python").check()
    page.fill("#id_seed", "42")

    expect(python).to_contain_text("seed=42")
    expect(python).to_be_visible()
    expect(python).to_contain_text('"content": "It\'s late."')
    page.get_by_role("button", name="View code").click()
    expect(python).to_be_hidden()
    assert complaints.lines == []
