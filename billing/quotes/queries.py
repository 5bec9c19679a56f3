"""What pages and services ask about quotes and contracts."""

from billing.ledger.models import Invoice
from billing.plans.defaults import TRANSLATED
from billing.plans.models import PlanVersion, Price
from billing.quotes.models import Contract, Quote
from billing.subscriptions.models import Subscription


def has_plan(organisation_id: int) -> bool:
    """Tell whether a contract would be a second plan. At most two queries."""
    live = Subscription.objects.live().with_plan().filter(organisation=organisation_id)
    if live.exists():
        return True
    return Contract.objects.running().filter(organisation=organisation_id).exists()


def quotable_prices() -> list[Price]:
    """Return the prices of plans that are sold by quote, the lowest plan first."""
    prices = Price.objects.filter(
        plan_version__collection=PlanVersion.Collection.INVOICE,
        plan_version__published_at__isnull=False,
        plan_version__retired_at=None,
        plan_version__plan__is_public=True,
    )
    ordered = prices.order_by("plan_version__plan__tier_rank", "-interval", "currency")
    return list(ordered.select_related("plan_version__plan"))


def contract_of(quote: Quote) -> Contract | None:
    """Return what a quote became, if it was accepted."""
    rows = Contract.objects.select_related("subscription", "quote", "organisation")
    return rows.filter(quote=quote).first()


def invoices_of(contract: Contract) -> list[Invoice]:
    """Return the invoices of a contract, the newest first.

    A contract of three years that is billed by the month has 36.
    """
    if contract.subscription is None:
        return []
    rows = Invoice.objects.filter(
        organisation=contract.organisation_id,
        subscription_stripe_id=contract.subscription.stripe_id,
    )
    return list(rows.defer("raw").order_by("-issued_at", "-pk")[:60])


def plan_name(price: Price) -> str:
    """Return the name of a price's plan in the reader's language."""
    name = price.plan_version.plan.name
    return str(TRANSLATED.get(name, name))
