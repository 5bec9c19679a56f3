"""Credit given, used and taken back, in both languages, narrow and wide."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page

from accounts.models import Organisation, User
from billing.credits.models import CreditGrant
from billing.credits.subscribers import cover_usage
from core.money import NANO
from entitlements.features import Features
from entitlements.services import replace_for
from tests.browser.helpers import enter
from tests.browser.screens import Screen, look, two_screens
from tests.factories.billing import team_of
from tests.factories.credits import credit_of, usage_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def opened(browser: Browser, site: str, user: User, **options: Any) -> Page:
    """Return a page of somebody who signed in."""
    context = browser.new_context(base_url=site, **options)
    enter(context, user, site)
    return context.new_page()


def story_of(organisation: Organisation) -> CreditGrant:
    """Use up a plan and one grant, draw another, and take one back."""
    features = Features(plan="team", monthly_allowance_nano=100 * NANO, seats=5)
    replace_for(organisation.pk, features, source="test")
    soon = timezone.now() + timedelta(days=6)
    credit_of(
        organisation, 5 * NANO, kind="contribution", reason="A merged guide to retries"
    )
    drawn = credit_of(
        organisation, 25 * NANO, reason="Autumn offer for teams", expires_at=soon
    )
    credit_of(organisation, 10 * NANO, kind="support", reason="Slow answers on Tuesday")
    for price in (99 * NANO, 9 * NANO + 123_456_789, -NANO, 2 * NANO):
        cover_usage(usage_of(organisation, price))
    return drawn


@two_screens
def test_the_pages_of_credit_are_read_by_everybody(
    person: Any,
    browser: Browser,
    live_server: Any,
    screen: Screen,
) -> None:
    ada, staff = person("ada"), person("sam", is_staff=True)
    organisation = team_of(ada)
    page = opened(browser, live_server.url, ada, **screen.window)
    home = f"/console/{organisation.slug}/credit/"

    page.goto(home)
    look(page, "credit-0-empty", screen)
    drawn = story_of(organisation)
    page.goto(home)
    look(page, "credit-1-home", screen)
    page.locator(f"a[href='{home}{drawn.public_id}/']").click()
    assert page.locator("tbody tr").count() == drawn.entries.count() > 2
    look(page, "credit-2-detail", screen)
    page.goto(f"/console/{organisation.slug}/usage/")
    look(page, "credit-3-usage", screen)

    page = opened(browser, live_server.url, staff, **screen.window)
    page.goto("/staff/credit/")
    look(page, "credit-4-staff", screen)
    page.goto(f"/staff/credit/{drawn.public_id}/")
    look(page, "credit-5-withdraw", screen)
