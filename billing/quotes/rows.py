"""A quote's row: locked, closed, and told of in facts and in the audit log."""

from typing import Any

from django.utils import timezone

from accounts.models import User
from audit import services as audit
from billing.quotes.models import Quote
from contracts.billing import QuoteWithdrawn


def lock_quote(quote: Quote) -> Quote:
    """Return a quote with its row locked until the commit."""
    rows = Quote.objects.select_for_update(of=("self",))
    return rows.select_related("organisation", "price__plan_version__plan").get(
        pk=quote.pk
    )


def close_quote(quote: Quote, state: str, *, why: str = "") -> None:
    """End a quote that its caller has locked."""
    quote.state = state
    quote.decided_at = timezone.now()
    quote.why = why.strip()
    quote.save(update_fields=["state", "decided_at", "why"])


def worth_of(quote: Quote) -> dict[str, Any]:
    """Return what facts say of a quote; ``amount`` is its term in minor units."""
    return {
        "quote_id": quote.pk,
        "organisation_id": quote.organisation_id,
        "plan": quote.price.plan_version.plan.key,
        "seats": quote.seats,
        "amount": quote.amounts.term,
        "currency": quote.price.currency,
    }


def withdrawal_of(quote: Quote, by: User) -> QuoteWithdrawn:
    """Return the fact that a quote counts no more."""
    return QuoteWithdrawn(
        quote_id=quote.pk, organisation_id=quote.organisation_id, user_id=by.pk
    )


def numbers_of(quote: Quote) -> dict[str, Any]:
    """Return what the audit log keeps of its terms."""
    return {
        "price": quote.price.lookup_key,
        "seats": quote.seats,
        "term_months": quote.term_months,
        "discount_bps": quote.discount_bps,
        "usage_discount_bps": quote.usage_discount_bps,
        "revision": quote.revision,
    }


def audit_quote(
    action: str,
    quote: Quote,
    *,
    by: User | None,
    before: dict[str, Any] | None = None,
    **more: str,
) -> None:
    """Write an act to the audit log, in the transaction that does it."""
    why = {"why": quote.why} if quote.why else {}
    audit.record(
        action,
        actor=by,
        organisation=quote.organisation,
        target=quote.number,
        before=before,
        after={**numbers_of(quote), **why, **more},
    )
