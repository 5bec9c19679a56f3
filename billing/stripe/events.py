"""What becomes of every type of event: heard, or let go for a reason.

An event nobody listens to is not done: the inbox says why it was let go, and a type
this table does not know shows up there by that name.
"""

HEARD = {
    "checkout.session.async_payment_failed": "checkout.session",
    "checkout.session.async_payment_succeeded": "checkout.session",
    "checkout.session.completed": "checkout.session",
    "checkout.session.expired": "checkout.session",
    "charge.dispute.closed": "dispute",
    "charge.dispute.created": "dispute",
    "charge.dispute.funds_reinstated": "dispute",
    "charge.dispute.funds_withdrawn": "dispute",
    "charge.dispute.updated": "dispute",
    "charge.refund.updated": "refund",
    "credit_note.created": "credit_note",
    "credit_note.updated": "credit_note",
    "credit_note.voided": "credit_note",
    "customer.created": "customer",
    "customer.deleted": "customer",
    "customer.updated": "customer",
    "customer.subscription.created": "subscription",
    "customer.subscription.deleted": "subscription",
    "customer.subscription.paused": "subscription",
    "customer.subscription.pending_update_applied": "subscription",
    "customer.subscription.pending_update_expired": "subscription",
    "customer.subscription.resumed": "subscription",
    "customer.subscription.trial_will_end": "subscription",
    "customer.subscription.updated": "subscription",
    "invoice.created": "invoice",
    "invoice.deleted": "invoice",
    "invoice.finalization_failed": "invoice",
    "invoice.finalized": "invoice",
    "invoice.marked_uncollectible": "invoice",
    "invoice.overdue": "invoice",
    "invoice.overpaid": "invoice",
    "invoice.paid": "invoice",
    "invoice.payment_action_required": "invoice",
    "invoice.payment_attempt_required": "invoice",
    "invoice.payment_failed": "invoice",
    "invoice.payment_succeeded": "invoice",
    "invoice.sent": "invoice",
    "invoice.updated": "invoice",
    "invoice.voided": "invoice",
    "invoice.will_be_due": "invoice",
    "payment_method.automatically_updated": "payment_method",
    "payment_method.detached": "payment_method",
    "payment_method.updated": "payment_method",
    "refund.created": "refund",
    "refund.failed": "refund",
    "refund.updated": "refund",
}

_NOT_USED = "a service of Stripe's that we do not use"
_OURS = "our catalogue is the original; Stripe's is its copy"
_BY_INVOICE = "the invoice it belongs to tells of it"
# By the longest beginning that fits.
LET_GO = {
    "account.": _NOT_USED,
    "application_fee.": _NOT_USED,
    "apps.": _NOT_USED,
    "balance.": "what lies at Stripe before it is paid out is not ours to book",
    "balance_settings.": _NOT_USED,
    "billing.": "usage and credit are counted here, not there",
    "billing_portal.": "what is done in the portal comes with its object",
    "capability.": _NOT_USED,
    "cash_balance.": _NOT_USED,
    "charge.": _BY_INVOICE,
    "climate.": _NOT_USED,
    "coupon.": "a discount comes with the subscription or invoice it lowers",
    "customer.discount.": "a discount comes with the subscription it lowers",
    "customer.source.": "the customer tells which card is used",
    "customer.tax_id.": "a tax number is printed by Stripe and used by nothing here",
    "customer_cash_balance_transaction.": _NOT_USED,
    "entitlements.": "what a plan grants is worked out here",
    "file.": _NOT_USED,
    "financial_connections.": _NOT_USED,
    "identity.": _NOT_USED,
    "invoice.upcoming": "a preview without an id",
    "invoice_payment.": _BY_INVOICE,
    "invoiceitem.": _BY_INVOICE,
    "issuing_": _NOT_USED,
    "mandate.": _NOT_USED,
    "payment_intent.": _BY_INVOICE,
    "payment_link.": _NOT_USED,
    "payment_method.attached": "the customer tells which card is used",
    "payout.": "what Stripe pays out to the bank is not ours to book",
    "person.": _NOT_USED,
    "plan.": _OURS,
    "price.": _OURS,
    "product.": _OURS,
    "promotion_code.": "a discount comes with the subscription or invoice it lowers",
    "quote.": _NOT_USED,
    "radar.": _NOT_USED,
    "reporting.": _NOT_USED,
    "reserve.": _NOT_USED,
    "review.": "a payment under review is decided at Stripe",
    "setup_intent.": "the customer tells which card is used",
    "sigma.": _NOT_USED,
    "source.": _NOT_USED,
    "subscription_schedule.": "a planned change comes with the subscription it changes",
    "tax.": _NOT_USED,
    "tax_rate.": "tax comes with the invoice it is on",
    "terminal.": _NOT_USED,
    "test_helpers.": "a test clock moves its objects, which tell of themselves",
    "three_d_secure.": _NOT_USED,
    "topup.": _NOT_USED,
    "transfer.": _NOT_USED,
    "treasury.": _NOT_USED,
}
UNKNOWN = "of a type this version does not know"


def reason_to_let_go(event_type: str) -> str:
    """Return why nothing follows from an event; empty when something does."""
    if event_type in HEARD:
        return ""
    fitting = [start for start in LET_GO if event_type.startswith(start)]
    return LET_GO[max(fitting, key=len)] if fitting else UNKNOWN
