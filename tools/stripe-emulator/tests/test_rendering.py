"""Pages: money, dates, both languages, and what every answer carries."""

import ast
import re
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request

import stripe_emulator
from shopping import Shop
from stripe_emulator.account import Account
from stripe_emulator.pages.invoice import _pdf
from stripe_emulator.pages.rendering import Renderer, comes_from_elsewhere, money
from stripe_emulator.pages.texts import CHINESE, ENGLISH
from stripe_emulator.testing import StripeEmulator

PACKAGE = Path(stripe_emulator.__file__).parent


def request(**headers: str) -> Request:
    pairs = [
        (name.replace("_", "-").encode(), value.encode())
        for name, value in headers.items()
    ]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": pairs})


@pytest.mark.parametrize(
    ("amount", "currency", "written"),
    [
        (0, "usd", "$0.00"),
        (5, "usd", "$0.05"),
        (123456789, "usd", "$1,234,567.89"),
        (-1050, "eur", "-€10.50"),
        (1050, "jpy", "¥1,050"),
        (1050, "cny", "¥10.50"),
        (1050, "sek", "10.50 SEK"),
        (-1050, "krw", "-1,050 KRW"),
    ],
)
def test_amounts_are_written_as_people_write_them(
    amount: int, currency: str, written: str
) -> None:
    assert money(amount, currency) == written


@pytest.mark.parametrize(
    ("locale", "accepted", "language"),
    [
        (None, "", "en"),
        ("auto", "zh-CN,zh;q=0.9", "zh-Hans"),
        ("", "ZH", "zh-Hans"),
        ("zh", "en", "zh-Hans"),
        ("en", "zh-CN", "en"),
        ("de", "zh-CN", "en"),
        (None, "de-DE,zh;q=0.5", "en"),
    ],
)
def test_the_sessions_language_goes_before_the_browsers(
    account: Account, locale: str | None, accepted: str, language: str
) -> None:
    renderer = Renderer(account)

    assert renderer.language(request(accept_language=accepted), locale) == language


@pytest.mark.parametrize(
    ("site", "is_foreign"),
    [
        (None, False),
        ("none", False),
        ("same-origin", False),
        ("same-site", True),
        ("cross-site", True),
    ],
)
def test_forms_of_other_sites_are_known(site: str | None, *, is_foreign: bool) -> None:
    headers = {"sec_fetch_site": site} if site else {}

    assert comes_from_elsewhere(request(**headers)) is is_foreign


def sentences() -> set[str]:
    """Return what templates and pages say, as far as it stands there in full."""
    found = set()
    for template in (PACKAGE / "templates").glob("*.html"):
        found |= set(re.findall(r'_\("((?:[^"\\]|\\.)+)"[),]', template.read_text()))
    for path in (PACKAGE / "pages").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "message"
            ):
                said = [*node.args[1:], *(key.value for key in node.keywords)]
                found |= {
                    part.value
                    for part in said
                    if isinstance(part, ast.Constant)
                    and isinstance(part.value, str)
                    and part.value[:1].isupper()
                }
    return found


def test_every_sentence_is_there_in_chinese() -> None:
    said = sentences()

    assert len(said) > 70
    assert {text for text in said if text not in CHINESE} == set()
    assert set(ENGLISH) <= set(CHINESE)


def test_translations_keep_their_placeholders() -> None:
    for text, chinese in CHINESE.items():
        source = ENGLISH.get(text, text)
        assert set(re.findall(r"\{\w+\}", source)) == set(
            re.findall(r"\{\w+\}", chinese)
        ), text


def test_every_page_carries_the_same_guards(
    shop: Shop, stripe_emulator: StripeEmulator
) -> None:
    customer = shop.customer()
    shop.subscribe(customer.id)
    portal = shop.client.v1.billing_portal.sessions.create({"customer": customer.id})
    invoice = shop.client.v1.invoices.list().data[0]
    console = f"{stripe_emulator.url}/_emulator/"

    for url in (shop.session().url, portal.url, invoice.hosted_invoice_url, console):
        answer = httpx.get(url)
        assert answer.status_code == 200, url
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "EMULATED – no money moves" in answer.text
        assert '<html lang="en">' in answer.text


def test_pages_need_no_script(stripe_emulator: StripeEmulator) -> None:
    for template in (PACKAGE / "templates").glob("*.html"):
        text = template.read_text()
        assert "<script" not in text
        assert not re.search(r"\son[a-z]+=|style=\"|javascript:", text), template.name
    styles = httpx.get(f"{stripe_emulator.url}/_emulator/style.css")
    assert styles.headers["content-type"].startswith("text/css")
    # Both themes, of which the browser chooses one.
    assert "prefers-color-scheme: dark" in styles.text or "light-dark(" in styles.text


def test_an_invoices_file_is_a_whole_pdf() -> None:
    invoice = {
        "number": "ABC-0001",
        "status": "paid",
        "customer": "cus_1",
        "customer_email": None,
        "currency": "usd",
        "total": 1050,
        "amount_due": 0,
        "lines": {"data": [{"description": r"Tea (50 % \ off)", "amount": 1050}]},
    }

    made = _pdf(invoice)

    assert made.startswith(b"%PDF-1.4\n")
    assert made.endswith(b"%%EOF\n")
    assert rb"(Tea \(50 % \\ off\)    $10.50) Tj" in made
    # Every place in the table is where an object begins.
    places = [
        int(place) for place in re.findall(rb"^(\d{10}) 00000 n", made, re.MULTILINE)
    ]
    assert len(places) == 5
    for number, place in enumerate(places, 1):
        assert made[place:].startswith(b"%d 0 obj" % number)
    start = int(made.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    assert made[start:].startswith(b"xref\n")


def test_an_invoices_page_follows_its_state(shop: Shop) -> None:
    customer = shop.customer(card=None)
    bought = shop.subscribe(
        customer.id, payment_behavior="default_incomplete", expand=["latest_invoice"]
    )
    invoice = bought.latest_invoice
    link = invoice.hosted_invoice_url

    assert 'name="card"' in httpx.get(link).text
    foreign = httpx.post(
        link, data={"card": "success"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    shop.client.v1.invoices.void_invoice(invoice.id)
    voided = httpx.get(link).text
    refused = httpx.post(link, data={"card": "success"})

    assert (foreign.status_code, refused.status_code) == (403, 409)
    assert 'name="card"' not in voided
    assert "Void" in voided
    assert shop.client.v1.charges.list().data == []


def test_a_portal_of_somebody_who_was_deleted_is_a_page(shop: Shop) -> None:
    customer = shop.customer()
    portal = shop.client.v1.billing_portal.sessions.create({"customer": customer.id})
    shop.client.v1.customers.delete(customer.id)

    answer = httpx.get(portal.url)

    assert answer.status_code == 404
    assert "EMULATED – no money moves" in answer.text
