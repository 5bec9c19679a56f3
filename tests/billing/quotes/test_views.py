"""Quotes in the browser: who sees what, what is typed stays, and it works by a link."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pypdf import PdfReader

from accounts.models import Membership, Organisation, User
from accounts.services import add_member, create_organisation
from billing.approvals.models import Approval
from billing.growth.models import Lead
from billing.quotes import services
from billing.quotes.models import Contract, Quote
from billing.quotes.queries import quotable_prices
from billing.quotes.signing import link_token
from drafts.models import Draft
from tests.factories.accounts import with_seats
from tests.factories.growth import lead_of
from tests.factories.quotes import DETAILS, accept, draft_of, sent_to
from tests.forms import form_of
from tests.signing_in import browser_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("plans")]


def here(quote: Quote, page: str = "") -> str:
    return f"/console/{quote.organisation.slug}/quotes/{quote.public_id}/{page}"


def staff_page(quote: Quote, page: str = "") -> str:
    return f"/staff/quotes/{quote.public_id}/{page}"


def wish(**change: str) -> dict[str, str]:
    price = quotable_prices()[0]
    sent = {"price": price.lookup_key, "seats": "20", "term_months": "12"}
    return {**DETAILS, **sent, "wishes": "", **change}


def test_the_pricing_page_leads_to_the_order_form(
    team: Organisation, owner: User
) -> None:
    client = browser_of(owner)
    assert "/pricing/quote/?seats=20" in client.get("/pricing/").content.decode()

    page = client.get("/pricing/quote/?seats=30", follow=True)

    assert page.redirect_chain[-1][0] == "/console/nordwind/quotes/ask/?seats=30"
    form = form_of(page.content.decode(), "seats").values
    assert form["seats"] == "30"
    assert form["company"] == "Nordwind"


def test_who_has_no_team_is_led_to_make_one(person: Callable[..., Any]) -> None:
    client = browser_of(person("alone"))

    assert client.get("/pricing/quote/")["Location"] == "/console/new/"


def test_a_buyer_asks_and_sees_that_it_is_prepared(
    team: Organisation, owner: User
) -> None:
    client = browser_of(owner)

    answer = client.post("/console/nordwind/quotes/ask/", wish(), follow=True)

    quote = Quote.objects.get()
    assert answer.redirect_chain[-1][0] == here(quote)
    html = answer.content.decode()
    assert "We are preparing this quote" in html
    assert "PO-7741" in html
    # Prices that nobody has decided are not shown.
    assert "$12,000.00" not in html
    assert not Draft.objects.exists()


def test_what_was_typed_stays_and_the_field_is_named(
    team: Organisation, owner: User
) -> None:
    client = browser_of(owner)

    answer = client.post(
        "/console/nordwind/quotes/ask/",
        wish(tax_number="DE136695977", wishes="We need SSO."),
    )

    html = answer.content.decode()
    assert answer.status_code == 422
    assert "No such number can exist" in html
    form = form_of(html, "tax_number").values
    assert form["tax_number"] == "DE136695977"
    assert form["wishes"] == "We need SSO."
    assert not Quote.objects.exists()


def test_a_second_wish_is_refused_without_losing_a_word(
    team: Organisation, owner: User
) -> None:
    draft_of(team, owner)

    answer = browser_of(owner).post(
        "/console/nordwind/quotes/ask/", wish(wishes="Another")
    )

    assert answer.status_code == 409
    assert "Another" in answer.content.decode()


def test_a_buyer_signs_what_is_on_the_page(
    team: Organisation, owner: User, seller: User
) -> None:
    quote = sent_to(team, owner, seller, discount_bps=1_250)
    client = browser_of(owner)
    html = client.get(here(quote)).content.decode()
    assert "$10,500.00" in html
    digest = form_of(html, "digest").values["digest"]

    unticked = client.post(
        here(quote, "accept/"), {"name": "Erika", "digest": digest, "title": "CFO"}
    )
    signed = client.post(
        here(quote, "accept/"),
        {"name": "Erika", "digest": digest, "title": "CFO", "agreed": "on"},
        follow=True,
    )

    assert unticked.status_code == 422
    assert 'value="CFO"' in unticked.content.decode()
    assert "being set up" in signed.content.decode()
    assert Contract.objects.get().quote == quote


def test_what_changed_meanwhile_is_read_again_before_it_is_signed(
    team: Organisation, owner: User, seller: User
) -> None:
    quote = sent_to(team, owner, seller)
    client = browser_of(owner)
    html = client.get(here(quote)).content.decode()
    stale = form_of(html, "digest").values["digest"]
    services.set_buyer(quote, by=owner, **{**DETAILS, "po_number": "PO-2"})
    typed = {"name": "Erika", "title": "CFO", "agreed": "on"}

    refused = client.post(here(quote, "accept/"), {**typed, "digest": stale})

    page = refused.content.decode()
    assert refused.status_code == 409
    assert "changed meanwhile" in page
    fresh = form_of(page, "digest").values
    assert (fresh["name"], fresh["digest"] != stale) == ("Erika", True)
    client.post(here(quote, "accept/"), {**typed, "digest": fresh["digest"]})
    assert Contract.objects.exists()


def test_the_mailed_link_is_enough_to_read_correct_sign_and_keep(
    team: Organisation, owner: User, seller: User
) -> None:
    quote = sent_to(team, owner, seller)
    door = f"/quotes/{link_token(quote)}/"
    client = Client()
    page = client.get(door)
    assert page["Cache-Control"] == "private, no-store"
    assert page["X-Robots-Tag"] == "noindex, nofollow"
    assert client.get(f"{door}quote.pdf")["Content-Type"] == "application/pdf"

    client.post(f"{door}buyer/", {**DETAILS, "po_number": "PO-9"})
    html = client.get(door).content.decode()
    assert "PO-9" in html
    client.post(
        f"{door}accept/",
        {
            "name": "Erika",
            "title": "",
            "agreed": "on",
            "digest": form_of(html, "digest").values["digest"],
        },
    )

    contract = Contract.objects.get()
    assert contract.quote.signature.user is None
    assert contract.order.user == owner
    assert "Erika" in client.get(door).content.decode()


def test_a_link_that_was_changed_opens_nothing(
    team: Organisation, owner: User, seller: User
) -> None:
    token = link_token(sent_to(team, owner, seller))
    client = Client()

    for page in ("", "buyer/", "quote.pdf"):
        assert client.get(f"/quotes/{token}x/{page}").status_code == 404
    for page in ("accept/", "decline/"):
        assert client.post(f"/quotes/{token[:-1]}/{page}").status_code == 404
    assert not Contract.objects.exists()


def test_a_buyer_declines_with_a_word(
    team: Organisation, owner: User, seller: User
) -> None:
    quote = sent_to(team, owner, seller)

    browser_of(owner).post(here(quote, "decline/"), {"why": "Too dear"})

    quote.refresh_from_db()
    assert (quote.state, quote.why) == ("declined", "Too dear")


def test_quotes_are_the_affair_of_owners_and_billing(
    team: Organisation, owner: User, seller: User, person: Callable[..., Any]
) -> None:
    with_seats(team, 9)
    quote = sent_to(team, owner, seller)
    roles = {}
    for role in ("billing", "admin", "member"):
        roles[role] = person(role)
        add_member(team, user=roles[role], role=Membership.Role(role))
    stranger = person("stranger")
    create_organisation("Other", owner=stranger)
    pages = [here(quote), here(quote, "quote.pdf"), "/console/nordwind/quotes/"]
    expected = {"billing": 200, "admin": 403, "member": 403}

    for role, status in expected.items():
        client = browser_of(roles[role])
        assert [client.get(page).status_code for page in pages] == [status] * 3
        signed = client.post(here(quote, "accept/"), {}).status_code
        assert signed == (422 if status == 200 else 403)
    client = browser_of(stranger)
    assert [client.get(page).status_code for page in pages] == [404] * 3
    # Under their own organisation there is no such quote either.
    assert client.get(f"/console/other/quotes/{quote.public_id}/").status_code == 404
    assert browser_of(seller).post(here(quote, "accept/"), {}).status_code == 403


def test_staff_write_terms_and_send_them(
    team: Organisation, owner: User, seller: User
) -> None:
    quote = draft_of(team, owner)
    client = browser_of(seller)
    assert "Nordwind GmbH" in client.get(staff_page(quote)).content.decode()
    terms = {
        "price": quote.price.lookup_key,
        "seats": "25",
        "term_months": "36",
        "discount": "12.5",
        "days_until_due": "45",
        "valid_days": "14",
        "renews": "on",
        "remarks": "Support within four hours.",
    }

    wrong = client.post(staff_page(quote), {**terms, "seats": "3"})
    client.post(staff_page(quote), terms)
    client.post(staff_page(quote, "send/"))

    assert wrong.status_code == 422
    assert "Support within four hours." in wrong.content.decode()
    quote.refresh_from_db()
    assert (quote.state, quote.seats, quote.discount_bps) == ("sent", 25, 1_250)
    assert quote.expires_at is not None
    assert 13 <= (quote.expires_at - timezone.now()).days <= 14


def test_a_large_discount_is_asked_for_on_the_page(
    team: Organisation, owner: User, seller: User
) -> None:
    quote = services.set_terms(draft_of(team, owner), by=seller, discount_bps=5_000)
    client = browser_of(seller)
    html = client.get(staff_page(quote)).content.decode()
    assert "takes a second person" in html
    assert staff_page(quote, "send/") not in html
    client.post(staff_page(quote, "send/"))
    quote.refresh_from_db()
    assert quote.state == "draft"

    client.post(staff_page(quote, "ask/"), {"reason": "A reference customer"})

    assert Approval.objects.get().reason == "A reference customer"
    assert "A colleague decides" in client.get(staff_page(quote)).content.decode()


def test_a_lead_begins_a_quote_with_what_it_knows(
    team: Organisation, seller: User
) -> None:
    lead = lead_of(team)
    client = browser_of(seller)
    page = client.get(f"/staff/leads/{lead.pk}/").content.decode()
    assert f"/staff/quotes/new/?lead={lead.pk}" in page

    html = client.get(f"/staff/quotes/new/?lead={lead.pk}").content.decode()
    form = form_of(html, "organisation").values
    unknown = client.post("/staff/quotes/new/", {"organisation": "nobody"})
    client.post(f"/staff/quotes/new/?lead={lead.pk}", {"organisation": "nordwind"})

    assert form["organisation"] == "nordwind"
    assert unknown.status_code == 422
    quote = Quote.objects.get()
    assert (quote.lead, quote.prepared_by) == (lead, seller)
    client.post(staff_page(quote, "buyer/"), DETAILS)
    assert quote.buyer.company == "Nordwind GmbH"


def test_a_signature_wins_the_lead_it_came_from(
    team: Organisation, owner: User, seller: User
) -> None:
    lead = lead_of(team)
    price = quotable_prices()[0]
    quote = services.create_quote(team, by=seller, price=price, lead=lead)
    services.set_buyer(quote, by=seller, **DETAILS)
    services.issue_quote(quote, by=seller)

    accept(quote, owner)

    lead.refresh_from_db()
    assert (lead.outcome, lead.owner) == (Lead.Outcome.WON, seller)
    assert (lead.amount, lead.currency) == (1_200_000, "usd")


def test_staff_withdraw_a_quote(team: Organisation, owner: User, seller: User) -> None:
    quote = sent_to(team, owner, seller)

    browser_of(seller).post(staff_page(quote, "withdraw/"), {"why": "A mistake"})

    quote.refresh_from_db()
    assert (quote.state, quote.why) == ("withdrawn", "A mistake")


def test_the_lists_cost_the_same_however_long_they_are(
    team: Organisation, owner: User, seller: User
) -> None:
    sent_to(team, owner, seller)
    browsers = {
        "/console/nordwind/quotes/": browser_of(owner),
        "/staff/quotes/?state=sent": browser_of(seller),
    }
    few = {}
    for page, client in browsers.items():
        client.get(page)
        cache.clear()
        with CaptureQueriesContext(connection) as queries:
            client.get(page)
        few[page] = len(queries)
    for _ in range(4):
        sent_to(team, owner, seller)

    for page, client in browsers.items():
        with CaptureQueriesContext(connection) as queries:
            html = client.get(page).content.decode()
        assert html.count('<th scope="row"') == 5
        assert len(queries) <= few[page]


def test_the_pages_and_the_file_speak_chinese(
    team: Organisation, owner: User, seller: User
) -> None:
    quote = sent_to(team, owner, seller)
    client = browser_of(owner, language="zh-hans")
    owner.locale = "zh-hans"
    owner.save(update_fields=["locale"])

    html = client.get(here(quote)).content.decode()
    content = client.get(here(quote, "quote.pdf")).content

    text = "".join(PdfReader(io.BytesIO(content)).pages[0].extract_text().split())
    for words in ("报价", "席位", "德国"):
        assert words in html
        assert words in text
