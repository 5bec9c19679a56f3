"""Tiers, price lists and statements: written, read and settled, in both languages."""

import os
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from accounts.models import Organisation, User
from billing.credits.models import Coverage
from billing.overage import sending
from billing.overage.closing import LAST_REPORTS, close_periods
from billing.overage.models import Statement
from billing.plans.services import ensure_default_plans
from billing.pricelists.services import create_list
from core.money import NANO
from entitlements.terms import add_months
from entitlements.usage_price import Mode, Tier, UsagePrice
from tests.browser.test_changing import look
from tests.browser.test_credit import opened
from tests.factories.billing import team_of
from tests.factories.inference import offered_model
from tests.factories.overage import charged, use

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FEW = (("en-US", 320, "light"), ("zh-CN", 1280, "dark"))
ALL = tuple(product(("en-US", "zh-CN"), (390, 1280), ("light", "dark")))
EACH = pytest.mark.parametrize(
    ("language", "width", "theme"), ALL if os.environ.get("SCREENSHOTS") else FEW
)
TIERED = UsagePrice(
    mode=Mode.GRADUATED,
    tiers=(Tier(50 * NANO, 120), Tier(200 * NANO, 100), Tier(None, 80)),
)


def seen_by(
    user: User, browser: Browser, site: str, language: str, width: int, theme: str
) -> Page:
    options: dict[str, Any] = {
        "viewport": {"width": width, "height": 900},
        "color_scheme": theme,
        "locale": language,
    }
    return opened(browser, site, user, **options)


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


@EACH
def test_tiers_are_written_published_and_read_by_buyers(
    person: Any,
    browser: Browser,
    live_server: Any,
    language: str,
    width: int,
    theme: str,
) -> None:
    ensure_default_plans()
    kind = f"{language}-{width}-{theme}"
    staff = person("sam", is_staff=True)
    page = seen_by(staff, browser, live_server.url, language, width, theme)

    page.goto("/staff/plans/team/draft/")
    page.locator("select[name=usage_mode]").select_option("graduated")
    page.locator("textarea[name=tiers]").fill("50: 120\n40: 100\n*: 80")
    submit = page.locator("main form button[type=submit]:not([form])")
    submit.click()
    expect(page.locator("[id$=tiers_error]")).to_be_visible()
    look(page, f"tiers-0-refused-{kind}")
    page.locator("textarea[name=tiers]").fill("50: 120\n200: 100\n*: 80")
    submit.click()
    expect(page.locator("#examples-title")).to_be_visible()
    look(page, f"tiers-1-publish-{kind}")
    page.locator("input[name=reason]").fill("Larger teams")
    page.locator("main form .button--primary").click()
    expect(page.locator("#versions-title")).to_be_visible()
    look(page, f"tiers-2-plan-{kind}")
    page.goto("/pricing/")
    page.locator("#usage-team").click()
    expect(page.locator("#usage-team + * td").first).to_be_visible()
    look(page, f"tiers-3-pricing-{kind}")


@EACH
def test_a_month_of_tiers_is_read_by_who_pays_and_settled_by_staff(
    person: Any,
    browser: Browser,
    live_server: Any,
    language: str,
    width: int,
    theme: str,
) -> None:
    kind = f"{language}-{width}-{theme}"
    ada = person("ada")
    organisation = team_of(ada)
    statement = story_of(organisation)
    sending.send_statements()
    page = seen_by(ada, browser, live_server.url, language, width, theme)

    page.goto(f"/console/{organisation.slug}/charges/")
    expect(page.locator("#tiers-title")).to_be_visible()
    look(page, f"months-0-charges-{kind}")
    page.goto(f"/console/{organisation.slug}/charges/{statement.public_id}/")
    expect(page.locator("tbody tr")).to_have_count(3)
    look(page, f"months-1-statement-{kind}")

    staff = person("sam", is_staff=True)
    page = seen_by(staff, browser, live_server.url, language, width, theme)
    page.goto("/staff/statements/")
    expect(page.locator("tbody tr")).to_have_count(2)
    look(page, f"months-2-list-{kind}")
    page.locator(f"a[href='/staff/statements/{statement.public_id}/']").click()
    expect(page.locator("#off-title")).to_be_visible()
    look(page, f"months-3-detail-{kind}")
    page.locator("input[name=reason]").fill("Bankrupt")
    page.locator("form[action$='write-off/'] button[type=submit]:not([form])").click()
    expect(page.locator("#back-title")).to_be_visible()
    look(page, f"months-4-written-off-{kind}")


@EACH
def test_a_price_list_is_begun_by_staff_and_read_by_members(
    person: Any,
    browser: Browser,
    live_server: Any,
    language: str,
    width: int,
    theme: str,
) -> None:
    kind = f"{language}-{width}-{theme}"
    ada, staff = person("ada"), person("sam", is_staff=True)
    organisation = team_of(ada)
    for name in ("llama-4-maverick", "qwen3-235b-instruct", "tiny"):
        offered_model(name)
    other = Organisation.objects.get(owner=person("ben"))
    create_list(
        other, discount_bps=500, models={}, reason="Pays a year ahead", by=staff
    )
    page = seen_by(staff, browser, live_server.url, language, width, theme)

    page.goto("/staff/price-lists/")
    page.locator("input[name=organisation]").fill(organisation.slug)
    page.locator("input[name=discount]").fill("12.5")
    page.locator("textarea[name=models]").fill("llama-4-maverick: 120")
    page.locator("input[name=reason]").fill("Three years, 80 seats")
    submit = page.locator("main form .button--primary")
    submit.click()
    expect(page.locator("[id$=models_error]")).to_be_visible()
    look(page, f"lists-0-refused-{kind}")
    page.locator("textarea[name=models]").fill("llama-4-maverick: 20\ntiny: 0")
    submit.click()
    expect(page.locator("#end-title")).to_be_visible()
    look(page, f"lists-1-detail-{kind}")
    page = seen_by(ada, browser, live_server.url, language, width, theme)
    page.goto(f"/console/{organisation.slug}/prices/")
    expect(page.locator("tbody tr")).to_have_count(3)
    look(page, f"lists-2-own-{kind}")
