"""Changing a plan and leaving it, in both languages, narrow and wide."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.billing.conftest import buy, shop, stripe_emulator, stripe_emulator_process
from tests.browser.helpers import enter
from tests.browser.screens import Screen, look, two_screens
from tests.factories.billing import team_of

__all__ = ["buy", "shop", "stripe_emulator", "stripe_emulator_process"]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@two_screens
def test_a_plan_is_changed_and_left_by_forms_alone(
    shop: Any,
    person: Any,
    buy: Any,
    browser: Any,
    live_server: Any,
    screen: Screen,
) -> None:
    ada = person("ada")
    row = buy(team_of(ada), ada, plan="team", seats=5)
    context: BrowserContext = browser.new_context(
        base_url=live_server.url, **screen.window
    )
    enter(context, ada, live_server.url)
    home = f"/console/{row.organisation.slug}/billing/"
    page = context.new_page()
    steps: list[tuple[str, Callable[[], Any]]] = [
        ("1-billing", lambda: page.goto(home)),
        ("2-choose", lambda: page.locator(f"a[href='{home}change/']").click()),
        ("3-refused", lambda: send(page)),
        ("4-upgrade", lambda: send(page, seats="8", interval="year")),
        ("5-changed", lambda: send(page)),
        ("6-choose", lambda: page.goto(f"{home}change/")),
        ("7-downgrade", lambda: send(page, seats="3")),
        ("8-scheduled", lambda: send(page)),
        ("9-why", lambda: page.goto(f"{home}cancel/")),
        ("10-offer", lambda: leave(page)),
        ("11-cancelled", lambda: send(page)),
    ]
    for name, step in steps:
        step()
        look(page, name, screen)
    expect(page.locator(f"form[action='{home}keep/']")).to_be_visible()
    row.refresh_from_db()
    assert (row.seats, row.interval, row.cancel_at_period_end) == (8, "year", True)
    context.close()


def send(page: Page, **fields: str) -> None:
    """Fill in the page's own form and send it."""
    form = page.locator("main form").first
    if "seats" in fields:
        form.locator("[name=seats]").fill(fields["seats"])
    if "interval" in fields:
        form.locator("[name=interval]").select_option(fields["interval"])
    with page.expect_navigation():
        form.locator("button[type=submit]").click()


def leave(page: Page) -> None:
    """Say why, and see what is offered."""
    page.locator("input[value=unused]").check()
    send(page)
