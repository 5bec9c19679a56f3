"""Campaigns and referrals in a real browser: from the editor to the result."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import BrowserContext, expect

from accounts.queries import personal_organisation
from billing.growth.campaigns.enrolling import enrol, refresh_campaigns
from billing.growth.campaigns.stepping import take_due_steps
from billing.growth.deciding import DecisionUnit
from billing.growth.models import Campaign, Enrolment
from billing.growth.moments import Moment
from billing.growth.occurrences import occur
from billing.referrals.models import Referral
from billing.referrals.services import ensure_link
from tests.billing.growth.conftest import make_offer
from tests.browser.helpers import collect_console_and_csp
from tests.browser.screens import Screen, look, wide_and_phone_screens
from tests.factories.campaigns import campaign_of, offer_step, only_if, wait
from tests.factories.growth import keep_nobody_out
from tests.factories.referrals import referral_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Person = Callable[..., Any]
Open = Callable[..., BrowserContext]
# The buttons and words a reader of each language looks for.
WORDS = {
    "en-US": ("Save", "Start", "What came of it", "Wait 48 hours"),
    "zh-CN": ("保存", "开始", "结果", "等待 48 小时"),
}


@pytest.fixture(autouse=True)
def _one_factor(settings: Any, tmp_path: Path) -> None:
    settings.SECOND_FACTOR_REQUIRED = False
    settings.ANALYTICS_DIR = tmp_path / "analytics"
    settings.GROWTH_HOLDOUT_PERCENT = 0
    keep_nobody_out()


def offers() -> tuple[Any, Any]:
    words = {
        "title_en": "Half an hour with an engineer",
        "title_zh": "与工程师交流半小时",
        "body_en": "Bring the part that does not work yet. We look at it together.",
        "body_zh": "带上还没跑通的部分，我们和您一起看。",
        "action_en": "Ask for a time",
        "action_zh": "预约时间",
    }
    return (
        make_offer("engineer", **words, surfaces=["console", "mail"]),
        make_offer("more", surfaces=["console"]),
    )


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_a_campaign_goes_from_the_editor_to_its_result(
    open_context: Open, person: Person, locale: str
) -> None:
    offers()
    staff, ada = person("staff", is_staff=True), person("ada")
    save, start, result, waits = WORDS[locale]
    page = open_context(width=1280, locale=locale, user=staff).new_page()
    page.goto(reverse("growth:campaign-new"))
    page.locator("#id_key").fill("welcome")
    page.locator("#id_purpose").fill("Who helps others buys more often.")
    page.locator("#id_moment").select_option("third_answer")
    page.locator("#id_holdout_percent").fill("5")
    page.locator("#id_step_1_kind").select_option("offer")
    page.locator("#id_step_1_offer").select_option("engineer")
    page.locator("#id_step_2_kind").select_option("wait")
    page.get_by_role("button", name=save, exact=True).click()

    # A wait without its hours is named, and nothing typed is gone.
    expect(page.locator("#id_step_2_hours")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#id_purpose")).to_have_value(
        "Who helps others buys more often."
    )
    page.locator("#id_step_2_hours").fill("48")
    page.get_by_role("button", name=save, exact=True).click()
    expect(page.get_by_text("Half an hour with an engineer").first).to_be_visible()
    expect(page.get_by_text("与工程师交流半小时").first).to_be_visible()
    expect(page.get_by_text(waits).first).to_be_visible()
    page.get_by_role("button", name=start, exact=True).click()
    expect(page.get_by_role("heading", name=result)).to_be_visible()

    # Of those a moment occurs to, the first that the campaign does not keep out.
    organisation = personal_organisation(ada)
    Campaign.objects.update(started_at=timezone.now() - timedelta(minutes=1))
    campaign = Campaign.objects.get()
    occur(Moment.THIRD_ANSWER, DecisionUnit(organisation.pk, ada.pk), occasion="before")
    refresh_campaigns()
    assert Enrolment.objects.get().campaign == campaign
    take_due_steps()

    page.goto(reverse("growth:campaign", args=["welcome"]))
    facts = page.locator("dl.facts dd")
    expect(facts.first).to_have_text("1")


@wide_and_phone_screens
def test_the_pages_can_be_read_by_everybody_at_every_width(
    open_context: Open, person: Person, screen: Screen
) -> None:
    engineer, more = offers()
    staff, ada = person("staff", is_staff=True), person("ada")
    steps = (offer_step(engineer), wait(48), only_if("unseen"), offer_step(more))
    campaign_of(*steps, key="draft_one", is_started=False, purpose="Who helps buys.")
    going = campaign_of(*steps, key="going", purpose="Who helps buys.")
    enrol(going, {personal_organisation(ada).pk: ada.pk}, at=timezone.now())
    take_due_steps()
    Enrolment.objects.create(
        campaign=going,
        organisation=personal_organisation(staff),
        ended_at=timezone.now(),
        ended_as="converted",
    )
    now = timezone.now()
    held = referral_of(ada, person("ben"), signs=["same_card", "velocity"], held_at=now)
    referral_of(ada, person("cyd"))
    link = ensure_link(ada)
    pages = {
        "campaigns": (staff, reverse("growth:campaign-list")),
        "campaign-new": (staff, reverse("growth:campaign-new")),
        "campaign-draft": (staff, reverse("growth:campaign", args=["draft_one"])),
        "campaign-edit": (staff, reverse("growth:campaign-edit", args=["draft_one"])),
        "campaign-going": (staff, reverse("growth:campaign", args=["going"])),
        "referrals": (staff, reverse("referrals:list")),
        "referrals-all": (staff, reverse("referrals:list") + "?state=all"),
        "referral": (staff, reverse("referrals:referral", args=[held.pk])),
        "mine": (ada, reverse("referrals:mine")),
    }
    for user in (staff, ada):
        page = open_context(screen=screen, user=user).new_page()
        complaints = collect_console_and_csp(page)
        for name, (whose, path) in pages.items():
            if whose == user:
                page.goto(path)
                look(page, name, screen)
        assert complaints.lines == []
    stranger = open_context(screen=screen).new_page()
    stranger.goto(reverse("referrals:invitation", args=[link.code]))
    look(stranger, "invitation", screen)


def test_the_editor_fits_a_narrow_phone(open_context: Open, person: Person) -> None:
    offers()
    staff = person("staff", is_staff=True)
    narrow = Screen(320, "light", "en-US")
    page = open_context(screen=narrow, user=staff).new_page()

    page.goto(reverse("growth:campaign-new"))

    look(page, "campaign-new", narrow)


def test_who_is_invited_joins_and_is_seen_by_who_invited(
    open_context: Open, person: Person
) -> None:
    ada = person("ada")
    owner = open_context(width=1280, user=ada).new_page()
    owner.goto(reverse("referrals:mine"))
    owner.get_by_role("button", name="Make my link").click()
    expect(owner.get_by_text("/invite/")).to_be_visible()
    code = owner.locator(".copy code").inner_text().rstrip("/").rpartition("/")[2]

    guest = open_context(width=390).new_page()
    guest.goto(f"/invite/{code}/")
    guest.get_by_role("button", name="Create an account").click()
    guest.wait_for_url("**/accounts/signup/**")
    guest.locator("main input[name=email]").fill("new@second.test")
    guest.locator("input[name=username]").fill("newcomer")
    guest.locator("input[name=password1]").fill("a long enough passphrase")
    guest.locator("form:has(input[name=password1]) button[type=submit]").first.click()
    guest.wait_for_url(lambda url: "/accounts/signup/" not in url)

    referral = Referral.objects.get()
    assert (referral.link.user, referral.invited.username) == (ada, "newcomer")
    owner.reload()
    expect(
        owner.get_by_role("cell", name="newcomer").or_(
            owner.get_by_role("rowheader", name="newcomer")
        )
    ).to_be_visible()
