"""Tiers, price lists and statements: written, read and settled, in both languages."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, expect

from accounts.models import Organisation
from billing.credits.models import Coverage
from billing.overage import sending
from billing.overage.closing import LAST_REPORTS, close_periods
from billing.overage.models import Statement
from billing.plans.services import ensure_default_plans
from billing.pricelists.services import create_list
from core.money import NANO
from entitlements.terms import add_months
from entitlements.usage_price import Mode, Tier, UsagePrice
from tests.browser.screens import Screen, look, two_screens
from tests.browser.test_credit import opened
from tests.factories.billing import team_of
from tests.factories.inference import offered_model
from tests.factories.overage import charged, use

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TIERED = UsagePrice(
    mode=Mode.GRADUATED,
    tiers=(Tier(50 * NANO, 120), Tier(200 * NANO, 100), Tier(None, 80)),
)


def story_of(organisation: Organisation) -> Statement:
    """Charge a month by tiers, and use more in the next."""
    start = add_months(timezone.now() - timedelta(days=10), -1)
    charged(
        organisation, allowance=100 * NANO, price=TIERED, cap=900 * NANO, start=start
    )
    before = start + timedelta(days=3)
    use(organisation, 212 * NANO + 345_678_901, at=before, model="llama-4-maverick")
    use(organisation, 141 * NANO + 7, at=before, model="qwen3-235b-instruct")
    coverage = Coverage.objects.get(organisation=organisation)
    (pk,) = close_periods(now=coverage.ends_at + LAST_REPORTS)
    use(organisation, 180 * NANO + 3, at=timezone.now(), model="llama-4-maverick")
    use(organisation, 60 * NANO, at=timezone.now(), model="qwen3-235b-instruct")
    return Statement.objects.get(pk=pk)


@two_screens
def test_tiers_are_written_published_and_read_by_buyers(
    person: Any,
    browser: Browser,
    live_server: Any,
    screen: Screen,
) -> None:
    ensure_default_plans()
    staff = person("sam", is_staff=True)
    page = opened(browser, live_server.url, staff, **screen.window)

    page.goto("/staff/plans/team/draft/")
    page.locator("select[name=usage_mode]").select_option("graduated")
    page.locator("textarea[name=tiers]").fill("50: 120\n40: 100\n*: 80")
    submit = page.locator("main form button[type=submit]:not([form])")
    submit.click()
    expect(page.locator("[id$=tiers_error]")).to_be_visible()
    look(page, "tiers-0-refused", screen)
    page.locator("textarea[name=tiers]").fill("50: 120\n200: 100\n*: 80")
    submit.click()
    expect(page.locator("#examples-title")).to_be_visible()
    look(page, "tiers-1-publish", screen)
    page.locator("input[name=reason]").fill("Larger teams")
    page.locator("main form .button--primary").click()
    expect(page.locator("#versions-title")).to_be_visible()
    look(page, "tiers-2-plan", screen)
    page.goto("/pricing/")
    page.locator("#usage-team").click()
    expect(page.locator("#usage-team + * td").first).to_be_visible()
    look(page, "tiers-3-pricing", screen)


@two_screens
def test_a_month_of_tiers_is_read_by_who_pays_and_settled_by_staff(
    person: Any,
    browser: Browser,
    live_server: Any,
    screen: Screen,
) -> None:
    ada = person("ada")
    organisation = team_of(ada)
    statement = story_of(organisation)
    sending.send_statements()
    page = opened(browser, live_server.url, ada, **screen.window)

    page.goto(f"/console/{organisation.slug}/charges/")
    expect(page.locator("#tiers-title")).to_be_visible()
    look(page, "months-0-charges", screen)
    page.goto(f"/console/{organisation.slug}/charges/{statement.public_id}/")
    expect(page.locator("tbody tr")).to_have_count(3)
    look(page, "months-1-statement", screen)

    staff = person("sam", is_staff=True)
    page = opened(browser, live_server.url, staff, **screen.window)
    page.goto("/staff/statements/")
    expect(page.locator("tbody tr")).to_have_count(2)
    look(page, "months-2-list", screen)
    page.locator(f"a[href='/staff/statements/{statement.public_id}/']").click()
    expect(page.locator("#off-title")).to_be_visible()
    look(page, "months-3-detail", screen)
    page.locator("input[name=reason]").fill("Bankrupt")
    page.locator("form[action$='write-off/'] button[type=submit]:not([form])").click()
    expect(page.locator("#back-title")).to_be_visible()
    look(page, "months-4-written-off", screen)


@two_screens
def test_a_price_list_is_begun_by_staff_and_read_by_members(
    person: Any,
    browser: Browser,
    live_server: Any,
    screen: Screen,
) -> None:
    ada, staff = person("ada"), person("sam", is_staff=True)
    organisation = team_of(ada)
    for name in ("llama-4-maverick", "qwen3-235b-instruct", "tiny"):
        offered_model(name)
    other = Organisation.objects.get(owner=person("ben"))
    create_list(
        other, discount_bps=500, models={}, reason="Pays a year ahead", by=staff
    )
    page = opened(browser, live_server.url, staff, **screen.window)

    page.goto("/staff/price-lists/")
    page.locator("input[name=organisation]").fill(organisation.slug)
    page.locator("input[name=discount]").fill("12.5")
    page.locator("textarea[name=models]").fill("llama-4-maverick: 120")
    page.locator("input[name=reason]").fill("Three years, 80 seats")
    submit = page.locator("main form .button--primary")
    submit.click()
    expect(page.locator("[id$=models_error]")).to_be_visible()
    look(page, "lists-0-refused", screen)
    page.locator("textarea[name=models]").fill("llama-4-maverick: 20\ntiny: 0")
    submit.click()
    expect(page.locator("#end-title")).to_be_visible()
    look(page, "lists-1-detail", screen)
    page = opened(browser, live_server.url, ada, **screen.window)
    page.goto(f"/console/{organisation.slug}/prices/")
    expect(page.locator("tbody tr")).to_have_count(3)
    look(page, "lists-2-own", screen)
