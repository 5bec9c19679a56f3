"""Usage that is charged, and plans that staff publish: both languages, every width."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, expect

from accounts.models import Organisation
from billing.credits.models import Coverage
from billing.overage.closing import LAST_REPORTS, close_periods
from billing.overage.models import Statement
from billing.plans.services import ensure_default_plans
from core.money import NANO
from entitlements.terms import add_months
from tests.browser.screens import Screen, look, two_screens
from tests.browser.test_credit import opened
from tests.factories.billing import team_of
from tests.factories.credits import credit_of
from tests.factories.overage import charged, use

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def story_of(organisation: Organisation) -> Statement:
    """Charge a month, correct it, and use more in the next."""
    start = add_months(timezone.now() - timedelta(days=10), -1)
    before = start + timedelta(days=3)
    charged(
        organisation, allowance=100 * NANO, percent=120, cap=250 * NANO, start=start
    )
    use(organisation, 112 * NANO + 345_678_901, at=before, model="llama-4-maverick")
    use(organisation, 41 * NANO + 7, at=before, model="qwen3-235b-instruct")
    first = Coverage.objects.get(organisation=organisation)
    close_periods(now=first.ends_at + LAST_REPORTS)
    use(organisation, -5 * NANO, at=before, model="qwen3-235b-instruct")
    credit_of(organisation, 20 * NANO, reason="Autumn offer for teams")
    use(organisation, 140 * NANO + 3, at=timezone.now(), model="llama-4-maverick")
    use(organisation, 18 * NANO + 999, at=timezone.now(), model="qwen3-235b-instruct")
    second = Coverage.objects.filter(organisation=organisation).latest("starts_at")
    (pk,) = close_periods(now=second.ends_at + LAST_REPORTS)
    return Statement.objects.get(pk=pk)


@two_screens
def test_charges_are_read_and_capped_by_who_pays(
    person: Any,
    browser: Browser,
    live_server: Any,
    screen: Screen,
) -> None:
    ada = person("ada")
    organisation = team_of(ada)
    page = opened(browser, live_server.url, ada, **screen.window)
    home = f"/console/{organisation.slug}/charges/"

    page.goto(home)
    look(page, "charges-0-empty", screen)
    statement = story_of(organisation)
    page.goto(home)
    look(page, "charges-1-home", screen)
    page.locator("input[name=cap]").fill("0")
    page.locator("#cap button[type=submit]:not([form])").click()
    expect(page.locator("#cap .field__error, #cap [id$=error]").first).to_be_visible()
    look(page, "charges-2-refused", screen)
    page.locator(f"a[href='{home}{statement.public_id}/']").click()
    expect(page.locator("tbody tr")).to_have_count(statement.lines.count())
    look(page, "charges-3-statement", screen)
    page.goto(f"/console/{organisation.slug}/usage/")
    look(page, "charges-4-usage", screen)


@two_screens
def test_plans_are_written_looked_at_and_published(
    person: Any,
    browser: Browser,
    live_server: Any,
    screen: Screen,
) -> None:
    ensure_default_plans()
    staff = person("sam", is_staff=True)
    page = opened(browser, live_server.url, staff, **screen.window)

    page.goto("/staff/plans/")
    look(page, "plans-0-list", screen)
    page.goto("/staff/plans/new/")
    look(page, "plans-1-new", screen)
    page.goto("/staff/plans/team/draft/")
    page.locator("input[name=overage_percent]").fill("120")
    page.locator("input[name=month]").fill("29.00")
    look(page, "plans-2-draft", screen)
    page.locator("main form button[type=submit]:not([form])").click()
    expect(page.locator("ins")).to_have_count(2)
    look(page, "plans-3-publish", screen)
    page.goto("/staff/plans/team/")
    look(page, "plans-4-detail", screen)
