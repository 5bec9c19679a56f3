"""Quotes and approvals as small as they can be."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import Organisation, User
from billing.approvals.models import Approval
from billing.ledger.models import Invoice
from billing.ledger.records import PaymentRecord
from billing.ledger.services import record_invoice
from billing.plans.queries import offer_for
from billing.quotes import services
from billing.quotes.models import Buyer, Contract, Quote
from billing.quotes.signing import digest_of, terms_of
from tests.factories.billing import invoice_record

# A number that exists: of the tests of python-stdnum.
GERMAN_VAT = "DE136695976"
CHINESE_CODE = "91110000600037341L"

DETAILS: dict[str, str] = {
    "company": "Nordwind GmbH",
    "contact_name": "Erika Beispiel",
    "contact_email": "erika@nordwind.test",
    "line1": "Hafenstraße 1",
    "line2": "",
    "city": "Hamburg",
    "state": "",
    "postal_code": "20457",
    "country": "DE",
    "po_number": "PO-7741",
    "tax_kind": "eu_vat",
    "tax_number": GERMAN_VAT,
    "fapiao": "",
    "fapiao_title": "",
    "fapiao_number": "",
    "fapiao_address": "",
    "fapiao_phone": "",
    "fapiao_bank": "",
    "fapiao_account": "",
}
CHINESE: dict[str, str] = {
    **DETAILS,
    "company": "北风科技有限公司",
    "line1": "中关村大街 1 号",
    "city": "北京",
    "postal_code": "100080",
    "country": "CN",
    "tax_kind": "cn_tin",
    "tax_number": CHINESE_CODE,
    "fapiao": "special",
    "fapiao_title": "北风科技有限公司",
    "fapiao_number": CHINESE_CODE,
    "fapiao_address": "北京市海淀区中关村大街 1 号",
    "fapiao_phone": "010-88880000",
    "fapiao_bank": "中国银行北京分行",
    "fapiao_account": "6222020200000000000",
}


def draft_of(organisation: Organisation, by: User, **fields: Any) -> Quote:
    """Return a quote that was asked for: 20 seats for a year."""
    values: dict[str, Any] = {
        "price": offer_for("enterprise").prices["year"],
        "seats": 20,
        "term_months": 12,
        "buyer": Buyer(**fields.pop("details", DETAILS)),
        "wishes": "",
        "language": "en",
    }
    return services.ask_for_quote(organisation, by=by, **{**values, **fields})


def sent_to(organisation: Organisation, by: User, staff: User, **terms: Any) -> Quote:
    """Return a quote that was sent, with other ``terms`` than the list's."""
    details = terms.pop("details", DETAILS)
    quote = draft_of(organisation, by, details=details)
    if terms:
        quote = services.set_terms(quote, by=staff, **terms)
    return services.issue_quote(quote, by=staff)


def quote_of(organisation: Organisation, by: User) -> Quote:
    """Return an open quote as it is with its buyer, without anybody who sent it."""
    quote = draft_of(organisation, by)
    now = timezone.now()
    quote.state, quote.sent_at = Quote.State.SENT, now
    quote.expires_at = now + timedelta(days=30)
    quote.save()
    return quote


def approval_of(organisation: Organisation) -> Approval:
    """Return a request that waits; nobody is left who asked for it."""
    now = timezone.now()
    return Approval.objects.create(
        kind=Approval.Kind.CREDIT,
        subject="test:one",
        organisation=organisation,
        amount=200_000,
        currency="usd",
        details={
            "kind": "support",
            "amount_nano": 2_000_000_000_000,
            "currency": "usd",
            "reason": "An outage",
            "expires_at": None,
        },
        reason="An outage",
        expires_at=now + timedelta(days=7),
    )


def paid_invoice(organisation: Organisation, amount: int = 300_000) -> Invoice:
    """Return an invoice that was paid by card."""
    paid = PaymentRecord(
        stripe_id=f"inpay_{organisation.pk}_{amount}",
        amount=amount,
        status="paid",
        payment_intent_id=f"pi_{organisation.pk}_{amount}",
        paid_at=timezone.now(),
    )
    return record_invoice(
        invoice_record(amount, payments=(paid,)),
        organisation_id=organisation.pk,
        user_id=None,
        fetched_at=timezone.now(),
    )


def accept(quote: Quote, by: User | None) -> Contract:
    """Sign a quote as it is."""
    quote = Quote.objects.whole().get(pk=quote.pk)
    return services.accept_quote(
        quote,
        name="Erika Beispiel",
        title="CFO",
        digest=digest_of(terms_of(quote)),
        by=by,
    )
