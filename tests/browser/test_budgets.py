"""Budgets set and shown, in both languages, narrow and wide."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import Membership
from accounts.services import add_member
from core.money import NANO
from tests.browser.screens import Screen, look, two_screens
from tests.browser.test_credit import opened
from tests.factories.accounts import with_seats
from tests.factories.billing import team_of
from tests.factories.inference import key_of, used

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def send(page: Page, target: str, amount: str) -> None:
    """Fill in the form of the page and send it."""
    form = page.locator("#set form")
    form.locator("[name=target]").select_option(target)
    form.locator("[name=amount]").fill(amount)
    with page.expect_navigation():
        form.locator("button.button--primary").click()


@two_screens
def test_budgets_are_set_and_read_by_forms_alone(
    person: Any,
    browser: Browser,
    live_server: Any,
    screen: Screen,
) -> None:
    ada, ben = person("ada"), person("ben")
    team = with_seats(team_of(ada), 5)
    add_member(team, user=ben, role=Membership.Role.MEMBER)
    used(team, key_of(team, ben, name="Night batch"), price_nano=42 * NANO)
    page = opened(
        browser,
        live_server.url,
        ada,
        **screen.window,
    )

    page.goto(f"/console/{team.slug}/budgets/")
    look(page, "budgets-0-none", screen)
    rows = page.locator("tbody tr")
    for count, (target, amount) in enumerate(
        (("organisation", "80"), ("member:ben", "42.50")), 1
    ):
        send(page, target, amount)
        expect(rows).to_have_count(count)
        page.wait_for_load_state()
    look(page, "budgets-1-set", screen)
    page.locator("a[href*='target=member']").click()
    expect(page.locator("[name=amount]")).to_have_value("42.5")
    send(page, "member:ben", "0")
    expect(page.locator("[name=amount][aria-invalid=true]")).to_have_count(1)
    # Its styles, too.
    page.wait_for_load_state()
    look(page, "budgets-2-wrong", screen)
