"""Usage that is charged, and plans that staff publish: both languages, every width."""

import os
from datetime import timedelta
from itertools import product
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
from tests.browser.test_changing import look
from tests.browser.test_credit import opened
from tests.factories.billing import team_of
from tests.factories.credits import credit_of
from tests.factories.overage import charged, use

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FEW = (("en-US", 320, "light"), ("zh-CN", 1280, "dark"))
ALL = tuple(product(("en-US", "zh-CN"), (390, 1280), ("light", "dark")))
EACH = pytest.mark.parametrize(
    ("language", "width", "theme"), ALL if os.environ.get("SCREENSHOTS") else FEW
)


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


@EACH
def test_charges_are_read_and_capped_by_who_pays(
    person: Any,
    browser: Browser,
    live_server: Any,
    language: str,
    width: int,
    theme: str,
) -> None:
    ada = person("ada")
    organisation = team_of(ada)
    options: dict[str, Any] = {
        "viewport": {"width": width, "height": 900},
        "color_scheme": theme,
        "locale": language,
    }
    kind = f"{language}-{width}-{theme}"
    page = opened(browser, live_server.url, ada, **options)
    home = f"/console/{organisation.slug}/charges/"

    page.goto(home)
    look(page, f"charges-0-empty-{kind}")
    statement = story_of(organisation)
    page.goto(home)
    look(page, f"charges-1-home-{kind}")
    page.locator("input[name=cap]").fill("0")
    page.locator("#cap button[type=submit]:not([form])").click()
    expect(page.locator("#cap .field__error, #cap [id$=error]").first).to_be_visible()
    look(page, f"charges-2-refused-{kind}")
    page.locator(f"a[href='{home}{statement.public_id}/']").click()
    expect(page.locator("tbody tr")).to_have_count(statement.lines.count())
    look(page, f"charges-3-statement-{kind}")
    page.goto(f"/console/{organisation.slug}/usage/")
    look(page, f"charges-4-usage-{kind}")


@EACH
def test_plans_are_written_looked_at_and_published(
    person: Any,
    browser: Browser,
    live_server: Any,
    language: str,
    width: int,
    theme: str,
) -> None:
    ensure_default_plans()
    staff = person("sam", is_staff=True)
    options: dict[str, Any] = {
        "viewport": {"width": width, "height": 900},
        "color_scheme": theme,
        "locale": language,
    }
    kind = f"{language}-{width}-{theme}"
    page = opened(browser, live_server.url, staff, **options)

    page.goto("/staff/plans/")
    look(page, f"plans-0-list-{kind}")
    page.goto("/staff/plans/new/")
    look(page, f"plans-1-new-{kind}")
    page.goto("/staff/plans/team/draft/")
    page.locator("input[name=overage_percent]").fill("120")
    page.locator("input[name=month]").fill("29.00")
    look(page, f"plans-2-draft-{kind}")
    page.locator("main form button[type=submit]:not([form])").click()
    expect(page.locator("ins")).to_have_count(2)
    look(page, f"plans-3-publish-{kind}")
    page.goto("/staff/plans/team/")
    look(page, f"plans-4-detail-{kind}")
