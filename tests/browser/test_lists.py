"""Lists and choices on a phone: nothing is cut off, and what is asked stands out."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext

from community.contributions.models import Contribution
from core.money import NANO
from tests.browser.helpers import assert_no_horizontal_scroll, axe_violations, settle
from tests.factories.billing import grant_of, team_of
from tests.factories.credits import credit_of
from tests.factories.overage import price_list_of, statement_of
from tests.factories.quotes import approval_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_tables_that_staff_work_with_show_every_cell_on_a_phone(
    open_context: Callable[..., BrowserContext], person: Callable[..., Any]
) -> None:
    team = team_of(person("ada"))
    grant_of(team)
    credit_of(team, 5 * NANO)
    price_list_of(team)
    statement_of(team)
    approval_of(team)
    context = open_context(width=320, user=person("sam", is_staff=True))
    page = context.new_page()

    for name in ("grants", "credit", "price-lists", "statements", "approvals"):
        page.goto(f"/staff/{name}/")
        settle(page)
        hidden = page.locator(".table-scroll").evaluate(
            "table => table.scrollWidth - table.clientWidth"
        )
        assert hidden <= 0, name
        assert axe_violations(page) == []
        assert_no_horizontal_scroll(page)


def test_a_row_with_nothing_at_its_end_breaks_its_words(
    open_context: Callable[..., BrowserContext], person: Callable[..., Any]
) -> None:
    now = timezone.now()
    Contribution.objects.create(
        kind=Contribution.Kind.PULL_REQUEST,
        status=Contribution.Status.CONFIRMED,
        dedupe_key="one",
        user=person("ada"),
        provider="github",
        external_id="1",
        external_login="ada",
        repository="northwind-laboratories/inference-gateway-examples",
        number=1,
        title="Retry a call",
        url="https://github.test/1",
        happened_at=now,
        credited_at=now,
    )
    page = open_context(width=320).new_page()

    page.goto("/contributions/")

    assert page.locator(".divided--list > li > *").count() == 1
    assert_no_horizontal_scroll(page)


def test_a_question_is_heavier_than_its_answers(
    open_context: Callable[..., BrowserContext], person: Callable[..., Any]
) -> None:
    page = open_context(user=person("ada")).new_page()
    page.goto("/settings/tokens/")
    weigh = "one => Number(getComputedStyle(one).fontWeight)"

    asked = page.locator("fieldset legend").first.evaluate(weigh)
    answer = page.locator("fieldset label").first.evaluate(weigh)

    assert answer == 400 < asked
