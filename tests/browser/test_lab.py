"""The forecast and the price lab in a real browser, looked at from every side."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import BrowserContext, expect

from accounts.queries import personal_organisation
from billing.forecast.months import following
from billing.forecast.services import replace_forecast, reporting_today
from billing.pricelab.month import PastMonth
from billing.subscriptions.mirror import apply_subscription
from billing.subscriptions.models import MrrMovement
from core.money import NANO
from jobs.working import sweep
from tests.browser.helpers import collect_console_and_csp, enter
from tests.browser.screens import SCREENS, look, wanted
from tests.factories.billing import default_price, fetched_subscription
from tests.factories.overage import use

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Person = Callable[..., Any]
Open = Callable[..., BrowserContext]


@pytest.fixture(autouse=True)
def _one_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_REQUIRED = False


def look_at(open_context: Open, user: Any, paths: dict[str, str]) -> None:
    """Look at pages on each screen, for what was written before took long."""
    for screen in wanted(SCREENS):
        page = open_context(screen=screen, user=user).new_page()
        complaints = collect_console_and_csp(page)
        for name, path in paths.items():
            page.goto(path)
            look(page, name, screen)
        assert complaints.lines == []
        page.close()


def test_the_forecast_is_readable_everywhere(
    open_context: Open, person: Person
) -> None:
    staff = person("staff", is_staff=True)
    running = reporting_today().replace(day=1)
    for number in range(18):
        organisation = personal_organisation(person(f"payer{number}"))
        month = following(running, number - 18)
        amount = 2_000 + 700 * (number % 5)
        steps = [("new", 0, amount, month)]
        if number % 3 == 1:
            later = following(month, 2)
            steps.append(("expansion", amount, amount + 900, later))
        elif number % 4 == 0:
            steps.append(("churn", amount, 0, following(month, 2)))
        for kind, before, after, at in steps:
            if at < running:
                MrrMovement.objects.create(
                    organisation=organisation,
                    kind=kind,
                    currency="usd",
                    before=before,
                    after=after,
                    occurred_at=datetime(at.year, at.month, 9, tzinfo=UTC),
                )
    replace_forecast(following(running, -3) + timedelta(days=3))
    replace_forecast()

    look_at(
        open_context,
        staff,
        {"forecast": "/staff/conversion/forecast/"},
    )


def test_a_candidate_is_written_and_compared_without_scripts(
    browser: Any, open_context: Open, live_server: Any, person: Person
) -> None:
    staff = person("staff", is_staff=True)
    used_at = PastMonth.before(timezone.now()).start + timedelta(days=3)
    for number in range(6):
        organisation = personal_organisation(person(f"buyer{number}"))
        fetched = fetched_subscription(organisation, default_price("pro"))
        apply_subscription(fetched, fetched_at=timezone.now())
        use(organisation, (6 * number + 1) * NANO, at=used_at)
    plain = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    enter(plain, staff, live_server.url)
    page = plain.new_page()

    page.goto("/staff/conversion/price-lab/")
    page.get_by_label("Begin with").select_option(label="Pro v1")
    page.get_by_role("button", name="Write a candidate").click()
    page.get_by_label("Name of the candidate").fill("Twenty-five with less in it")
    page.get_by_label("Price of a month").fill("25")
    page.get_by_label("Usage included per month, in US dollars").fill("10")
    page.get_by_label("Price of usage beyond it").fill("120")
    page.get_by_label("Cap of customers who have set none").fill("8")
    page.get_by_role("button", name="Keep and replay the last month").click()
    expect(page.get_by_text("The last month is being replayed")).to_be_visible()
    sweep("replay")
    page.reload()
    expect(page.get_by_text("What it comes to")).to_be_visible()
    page.get_by_label("of whom so many leave (%)").fill("20")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("20 % of them are taken to leave")).to_be_visible()
    address = page.url.removeprefix(live_server.url)
    plain.close()

    look_at(
        open_context,
        staff,
        {
            "lab": "/staff/conversion/price-lab/?leave=20",
            "new": "/staff/conversion/price-lab/new/",
            "candidate": address,
        },
    )
