"""What a buyer signs, and the address that opens a quote without signing in."""

import hashlib
import json
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.core import signing
from django.urls import reverse

from billing.quotes.exceptions import BadQuoteLink
from billing.quotes.models import Buyer, Quote

_SALT = "quotes.link"
BUYER_FIELDS = (
    *("company", "contact_name", "contact_email", "line1", "line2", "city", "state"),
    *("postal_code", "country", "po_number", "tax_kind", "tax_number", "fapiao"),
    *("fapiao_title", "fapiao_number", "fapiao_address", "fapiao_phone"),
    *("fapiao_bank", "fapiao_account"),
)


def terms_of(quote: Quote) -> dict[str, Any]:
    """Return all that an acceptance agrees to: numbers in minor units, and words."""
    amounts = quote.amounts
    version = quote.price.plan_version
    return {
        "number": quote.number,
        "revision": quote.revision,
        "organisation": quote.organisation.public_id,
        "plan": version.plan.key,
        "version": version.version,
        "features": version.features_for(quote.seats).to_dict(),
        "price": quote.price.lookup_key,
        "interval": quote.price.interval,
        "currency": quote.price.currency,
        "seats": quote.seats,
        "term_months": quote.term_months,
        "listed": amounts.listed,
        "discount_bps": quote.discount_bps,
        "usage_discount_bps": quote.usage_discount_bps,
        "each": amounts.each,
        "invoices": amounts.invoices,
        "term": amounts.term,
        "days_until_due": quote.days_until_due,
        "renews": quote.renews,
        "remarks": quote.remarks,
        "buyer": {name: getattr(quote.buyer, name) for name in BUYER_FIELDS},
    }


def digest_of(terms: dict[str, Any]) -> str:
    """Return the SHA-256 of terms, whatever the order of their names."""
    text = json.dumps(terms, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def has_buyer(quote: Quote) -> bool:
    """Tell whether it is known whom a quote is made out to."""
    return Buyer.objects.filter(quote=quote).exists()


def link_token(quote: Quote) -> str:
    """Return the token of a quote as it was sent; other terms have another."""
    return signing.dumps([quote.public_id, quote.revision], salt=_SALT)


def link_to(quote: Quote) -> str:
    """Return the address a mail holds: who reads that mail can open the quote."""
    return urljoin(
        settings.SITE_URL, reverse("quotes:open-detail", args=[link_token(quote)])
    )


def quote_behind(token: str) -> Quote:
    """Return the quote of a mailed token. Raises ``BadQuoteLink``.

    A quote that is prepared anew opens for nobody outside until it is sent again.
    """
    try:
        public_id, revision = signing.loads(token, salt=_SALT)
    except (signing.BadSignature, TypeError, ValueError) as error:
        raise BadQuoteLink from error
    found = Quote.objects.whole().filter(public_id=public_id, revision=revision)
    quote = found.exclude(state=Quote.State.DRAFT).first()
    if quote is None:
        raise BadQuoteLink
    return quote
