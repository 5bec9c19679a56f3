"""Budgets set and shown, in both languages, narrow and wide."""

import os
from itertools import product
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import Membership
from accounts.services import add_member
from core.money import NANO
from tests.browser.test_changing import look
from tests.browser.test_credit import opened
from tests.factories.accounts import with_seats
from tests.factories.billing import team_of
from tests.factories.inference import key_of, used

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FEW = (("en-US", 320, "light"), ("zh-CN", 1280, "dark"))
ALL = tuple(product(("en-US", "zh-CN"), (390, 1280), ("light", "dark")))


def send(page: Page, target: str, amount: str) -> None:
    """Fill in the form of the page and send it."""
    form = page.locator("#set form")
    form.locator("[name=target]").select_option(target)
    form.locator("[name=amount]").fill(amount)
    with page.expect_navigation():
        form.locator("button.button--primary").click()


@pytest.mark.parametrize(
    ("language", "width", "theme"), ALL if os.environ.get("SCREENSHOTS") else FEW
)
def test_budgets_are_set_and_read_by_forms_alone(
    person: Any,
    browser: Browser,
    live_server: Any,
    language: str,
    width: int,
    theme: str,
) -> None:
    ada, ben = person("ada"), person("ben")
    team = with_seats(team_of(ada), 5)
    add_member(team, user=ben, role=Membership.Role.MEMBER)
    used(team, key_of(team, ben, name="Night batch"), price_nano=42 * NANO)
    page = opened(
        browser,
        live_server.url,
        ada,
        viewport={"width": width, "height": 900},
        color_scheme=theme,
        locale=language,
    )
    kind = f"{language}-{width}-{theme}"

    page.goto(f"/console/{team.slug}/budgets/")
    look(page, f"budgets-0-none-{kind}")
    rows = page.locator("tbody tr")
    for count, (target, amount) in enumerate(
        (("organisation", "80"), ("member:ben", "42.50")), 1
    ):
        send(page, target, amount)
        expect(rows).to_have_count(count)
        page.wait_for_load_state()
    look(page, f"budgets-1-set-{kind}")
    page.locator("a[href*='target=member']").click()
    expect(page.locator("[name=amount]")).to_have_value("42.5")
    send(page, "member:ben", "0")
    expect(page.locator("[name=amount][aria-invalid=true]")).to_have_count(1)
    # Its styles, too.
    page.wait_for_load_state()
    look(page, f"budgets-2-wrong-{kind}")
