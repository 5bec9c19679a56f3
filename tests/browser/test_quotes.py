"""An enterprise buys alone: from the price list to an invoice with its name on it."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.services import create_organisation
from billing.ledger.models import Invoice
from billing.quotes.models import Contract, Quote
from billing.quotes.signing import link_to
from entitlements.queries import entitlements_for
from jobs.working import sweep
from tests.billing.conftest import shop, stripe_emulator, stripe_emulator_process
from tests.browser.screens import Screen, look, two_screens
from tests.browser.test_credit import opened
from tests.factories.quotes import CHINESE, DETAILS, approval_of, paid_invoice

__all__ = ["shop", "stripe_emulator", "stripe_emulator_process"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def fill(page: Page, details: dict[str, str]) -> None:
    """Type what a buyer types."""
    for name, value in details.items():
        field = page.locator(f"main [name={name}]")
        if name in {"country", "tax_kind", "fapiao"}:
            field.select_option(value)
        else:
            field.fill(value)


@two_screens
def test_a_company_buys_by_quote_and_is_sent_an_invoice(
    shop: Any,
    person: Any,
    browser: Browser,
    live_server: Any,
    settings: Any,
    screen: Screen,
) -> None:
    settings.SECOND_FACTOR_REQUIRED = False
    settings.SITE_URL = live_server.url
    owner = person("erika", display_name="Erika Beispiel")
    seller = person("sam", is_staff=True)
    team = create_organisation("Nordwind", owner=owner)

    # The buyer asks; every step is a plain form.
    page = opened(
        browser, live_server.url, owner, **screen.window, java_script_enabled=False
    )
    page.goto("/pricing/?seats=25")
    page.locator("a[href^='/pricing/quote/']").click()
    expect(page.locator("main [name=seats]")).to_have_value("25")
    fill(page, CHINESE if screen.locale == "zh-CN" else DETAILS)
    page.locator("main form[method=post] button[type=submit]:not([form])").click()
    expect(page.locator("main")).to_contain_text("PO-7741")
    quote = Quote.objects.get()
    here = f"/console/{team.slug}/quotes/{quote.public_id}/"
    assert page.url == f"{live_server.url}{here}"

    # Staff write terms and send them.
    staff = opened(browser, live_server.url, seller, **screen.window)
    staff.goto("/staff/quotes/")
    look(staff, "quotes-1-staff-list", screen)
    staff.locator(f"a[href='/staff/quotes/{quote.public_id}/']").click()
    staff.locator("main [name=discount]").fill("12.5")
    staff.locator("main [name=remarks]").fill("Support within four hours.")
    staff.locator(
        f"form[action='/staff/quotes/{quote.public_id}/'] button:not([form])"
    ).click()
    expect(staff.locator("main")).to_contain_text("$13,125.00")
    look(staff, "quotes-2-staff-detail", screen)
    send = f"form[action='/staff/quotes/{quote.public_id}/send/'] button:not([form])"
    staff.locator(send).click()
    expect(staff.locator(send)).to_have_count(0)
    quote.refresh_from_db()
    assert quote.state == Quote.State.SENT

    # The buyer reads it by the mailed address, and signs at home.
    stranger = browser.new_context(base_url=live_server.url, **screen.window).new_page()
    stranger.goto(link_to(quote))
    look(stranger, "quotes-3-link", screen)
    page = opened(browser, live_server.url, owner, **screen.window)
    page.goto(f"{here}buyer/")
    look(page, "quotes-4-buyer", screen)
    page.goto(here)
    look(page, "quotes-5-open", screen)
    page.locator("main [name=title]").fill("CFO")
    page.locator("main [name=agreed]").check()
    page.locator(f"form[action='{here}accept/'] button:not([form])").click()
    expect(page.locator(f"form[action='{here}accept/']")).to_have_count(0)
    look(page, "quotes-6-signed", screen)

    # The queue makes the contract.
    assert sweep("contract") == 1
    page.goto(here)
    invoice = Invoice.objects.get()
    expect(page.locator("main")).to_contain_text(invoice.number)
    look(page, "quotes-7-contract", screen)
    assert entitlements_for(team.pk).seats == 25
    paying = page.context.new_page()
    paying.goto(invoice.hosted_url)
    expect(paying.locator("body")).to_contain_text("PO-7741")

    page.goto(here)
    page.locator("button[name=renews]").click()
    expect(page.locator("button[name=renews][value=yes]")).to_be_visible()
    assert not Contract.objects.select_related("subscription").get().renews
    page.goto(f"/console/{team.slug}/quotes/")
    look(page, "quotes-8-list", screen)


@two_screens
def test_the_pages_of_two_people_are_read_by_everybody(
    person: Any,
    browser: Browser,
    live_server: Any,
    settings: Any,
    screen: Screen,
) -> None:
    settings.SECOND_FACTOR_REQUIRED = False
    team = create_organisation("Nordwind", owner=person("erika"))
    approval, invoice = approval_of(team), paid_invoice(team)
    page = opened(
        browser,
        live_server.url,
        person("sam", is_staff=True),
        **screen.window,
    )

    for name, address in (
        ("list", "/staff/approvals/"),
        ("detail", f"/staff/approvals/{approval.pk}/"),
        ("refund", f"/staff/revenue/invoices/{invoice.pk}/refund/"),
        ("new", "/staff/quotes/new/"),
    ):
        page.goto(address)
        expect(page.locator("h1")).to_be_visible()
        look(page, f"approvals-{name}", screen)
