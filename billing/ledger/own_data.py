"""What the ledger keeps of a person: the invoices of organisations theirs alone."""

from collections.abc import Iterator, Mapping
from typing import Any

from accounts.models import User
from accounts.queries import own_organisations
from billing.ledger.models import Invoice

FIELDS = (
    *("organisation__slug", "number", "status", "currency", "subtotal", "discount"),
    *("tax", "total", "amount_paid", "amount_refunded", "issued_at", "paid_at"),
    *("period_start", "period_end"),
)


def invoices(user: User) -> Iterator[Mapping[str, Any]]:
    """Yield invoices; amounts in minor units of their currency."""
    mine = Invoice.objects.filter(organisation__in=own_organisations(user))
    yield from mine.order_by("pk").values(*FIELDS)
