"""Offers in a real browser: seen when they come into view, and staff's pages."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import BrowserContext, expect

from accounts.queries import personal_organisation
from billing.growth.catalogue import ensure_default_offers
from billing.growth.deciding import DecisionUnit
from billing.growth.leads import due_after
from billing.growth.models import Decision, Exposure, Lead, LeadScore, Offer
from billing.growth.moments import Moment
from billing.growth.occurrences import occur
from billing.plans.models import Inquiry
from billing.plans.services import ensure_default_plans
from tests.browser.helpers import (
    assert_no_horizontal_scroll,
    collect_console_and_csp,
)
from tests.browser.screens import Screen, look, wide_and_phone_screens
from tests.factories.growth import experiment_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
Person = Callable[..., Any]
Open = Callable[..., BrowserContext]
PAGES = (
    "/staff/offers/",
    "/staff/offers/moments/premium_refused/",
    "/staff/offers/all/",
    "/staff/offers/all/premium_trial/",
    "/staff/offers/experiments/",
    "/staff/offers/experiments/new/",
    "/staff/offers/experiments/words/",
    "/staff/offers/lift/",
    "/staff/offers/month/",
    "/staff/offers/decisions/",
    "/staff/offers/organisations/",
    "/staff/leads/",
)


@pytest.fixture(autouse=True)
def _one_factor(settings: Any) -> None:
    settings.SECOND_FACTOR_REQUIRED = False


def test_an_offer_is_seen_when_it_comes_into_view_and_accepted_by_keyboard(
    open_context: Open, person: Person
) -> None:
    ensure_default_plans()
    ensure_default_offers()
    Offer.objects.filter(key="premium_trial").update(state="active", holdout_percent=0)
    ada = person("ada")
    org = personal_organisation(ada)
    decided = occur(Moment.THIRD_ANSWER, DecisionUnit(org.pk, ada.pk), occasion="1")
    phone = Screen(390, "light", "en-US")
    page = open_context(screen=phone, user=ada).new_page()
    complaints = collect_console_and_csp(page)

    with page.expect_response(lambda answer: "/_growth/seen/" in answer.url):
        page.goto("/console/ada/")
    look(page, "offers-console", phone)
    assert Exposure.objects.get().surface == "console"
    page.get_by_role("button", name="Start the trial").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("It is in force.")).to_be_visible()

    assert Decision.objects.get(pk=decided.id).accepted_at is not None
    assert complaints.lines == []


@wide_and_phone_screens
def test_staff_pages_are_accessible_at_every_width(
    open_context: Open, person: Person, screen: Screen
) -> None:
    staff = person("staff", is_staff=True)
    org = personal_organisation(person("ada"))
    experiment_of("see_plans")
    occur(Moment.PREMIUM_REFUSED, DecisionUnit(org.pk), occasion="1")
    inquiry = Inquiry.objects.create(
        digest="x",
        name="Wei Chen",
        email="wei@acme.test",
        company="Acme",
        message="Hi.",
    )
    LeadScore.objects.create(
        day=timezone.now().date(),
        organisation=org,
        score=61,
        reasons=[
            {"sign": "limit_hit", "times": 2, "latest": "2026-09-01", "points": 30.0}
        ],
    )
    lead = Lead.objects.create(
        origin="inquiry",
        inquiry=inquiry,
        organisation=org,
        due_at=due_after(timezone.now()) - timedelta(days=9),
    )
    pages = (*PAGES, reverse("growth:lead", args=[lead.pk]))
    page = open_context(screen=screen, user=staff).new_page()
    complaints = collect_console_and_csp(page)
    for path in pages:
        page.goto(path)
        look(page, path.strip("/").replace("/", "-"), screen)
    assert complaints.lines == []


def test_the_page_of_a_month_prints_without_its_buttons(
    open_context: Open, person: Person
) -> None:
    ensure_default_offers()
    occur(
        Moment.PREMIUM_REFUSED,
        DecisionUnit(personal_organisation(person("ada")).pk),
        occasion="1",
    )
    # The width of A4 at 96 dots an inch, less its margins.
    context = open_context(width=718, user=person("staff", is_staff=True))
    page = context.new_page()
    page.goto("/staff/offers/month/")
    expect(page.get_by_role("navigation", name="Months")).to_be_visible()
    expect(page.get_by_role("link", name="CSV")).to_be_visible()

    page.emulate_media(media="print")

    expect(page.get_by_role("heading", level=1)).to_be_visible()
    for hidden in (".topbar", ".segments", "nav[aria-label='Months']"):
        expect(page.locator(hidden).first).to_be_hidden()
    assert_no_horizontal_scroll(page)
    assert page.pdf(format="A4").startswith(b"%PDF")
