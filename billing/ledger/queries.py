"""What other parts of billing ask the ledger."""

from billing.ledger.models import Invoice, Refund

# Decided for us, or not taken from us.
HARMLESS_DISPUTES = (
    *("won", "prevented", "warning_needs_response", "warning_under_review"),
    "warning_closed",
)


def holding_dispute(subscription_stripe_id: str) -> Refund | None:
    """Return the dispute that holds a subscription's plan back, if one does.

    One that is open does, and one that was lost until something was paid again. A
    bank's question before it takes money does not.
    """
    disputes = Refund.objects.disputes().filter(
        invoice__subscription_stripe_id=subscription_stripe_id
    )
    held = disputes.exclude(status__in=HARMLESS_DISPUTES).order_by("-refunded_at")
    for dispute in held:
        if dispute.status != "lost":
            return dispute
        paid = Invoice.objects.paid().filter(
            subscription_stripe_id=subscription_stripe_id,
            paid_at__gt=dispute.refunded_at,
        )
        if not paid.exists():
            return dispute
    return None
