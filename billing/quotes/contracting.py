"""From a signed quote to a subscription that sends invoices, made once.

Everything at the payment provider can be repeated: the customer is written again, the
coupon and the subscription are found by what we called them. So a crash between the
provider and our commit costs another try and nothing else.
"""

from datetime import datetime, timedelta
from decimal import Decimal

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext, override

from billing.plans.exceptions import PlanNotSynced
from billing.pricelists.services import create_list_of_contract
from billing.quotes import notices
from billing.quotes.amounts import months_after
from billing.quotes.exceptions import BeingMade
from billing.quotes.models import Buyer, Contract
from billing.stripe import contracts, objects
from billing.stripe.adapter import has_customer
from billing.stripe.contracts import BillTo, ContractOrder
from billing.stripe.locks import database_now
from billing.stripe.operations import run_once
from billing.subscriptions import mirror
from billing.subscriptions.customers import ensure_customer, forget_customer

# As long as the job's lease: who takes longer is taken for dead.
DIED_AFTER = timedelta(minutes=5)


def provision(contract: Contract) -> Contract:
    """Make the subscription of a contract and write down that it is there.

    Does nothing where it is done. Raises ``BeingMade`` while another worker has it,
    ``PlanNotSynced`` and whatever the provider says.
    """
    if not _claim(contract.pk):
        contract = _whole(contract.pk)
        if contract.subscription_id is None:
            raise BeingMade
        return contract
    contract = _whole(contract.pk)
    asked_at = database_now()
    try:
        fetched = _make(contract)
    except Exception:
        # The worker that tries next need not wait for us.
        Contract.objects.filter(pk=contract.pk).update(claimed_at=None)
        raise
    return _record(contract, fetched, asked_at=asked_at)


def bill_to_of(buyer: Buyer, language: str) -> BillTo:
    """Return what the invoices of a buyer say, in the language of the quote."""
    with override(language):
        named = [
            (gettext("PO number"), buyer.po_number),
            (gettext("Fapiao title"), buyer.fapiao_title),
            (gettext("Fapiao tax number"), buyer.fapiao_number),
        ]
    return BillTo(
        name=buyer.company,
        email=buyer.contact_email,
        line1=buyer.line1,
        line2=buyer.line2,
        city=buyer.city,
        state=buyer.state,
        postal_code=buyer.postal_code,
        country=buyer.country,
        fields=tuple((name, value) for name, value in named if value),
        tax_kind=buyer.tax_kind,
        tax_number=buyer.tax_number,
    )


def _make(contract: Contract) -> objects.Subscription:
    quote = contract.quote
    customer_id = ensure_customer(contract.organisation)
    if not has_customer(customer_id):
        forget_customer(customer_id)
        customer_id = ensure_customer(contract.organisation)
    contracts.write_bill_to(customer_id, bill_to_of(quote.buyer, quote.language))
    found = contracts.find_contract(customer_id, quote.public_id)
    if found is None:
        found = _create(contract, customer_id=customer_id)
    if found.latest_invoice_id:
        contracts.send_invoice(
            found.latest_invoice_id,
            idempotency_key=f"first-invoice:{quote.public_id}",
        )
    return found


def _create(contract: Contract, *, customer_id: str) -> objects.Subscription:
    quote = contract.quote
    price_id = quote.price.stripe_price_id
    if not price_id:
        raise PlanNotSynced
    coupon_id = ""
    if quote.discount_bps:
        coupon_id = contracts.ensure_coupon(
            f"{quote.public_id}-{quote.discount_bps}",
            percent=Decimal(quote.discount_bps) / 100,
            name=quote.number,
        )
    order = ContractOrder(
        customer_id=customer_id,
        price_id=price_id,
        quantity=quote.price.quantity_for(quote.seats),
        days_until_due=quote.days_until_due,
        reference=quote.public_id,
        coupon_id=coupon_id,
        metadata={
            "organisation": contract.organisation.public_id,
            "plan_version": str(quote.price.plan_version),
            "intent": str(contract.order.uuid),
        },
    )
    return run_once(
        "contract",
        quote.public_id,
        {"order": order},
        lambda key: contracts.create_contract(order, idempotency_key=key),
    )


def _record(
    contract: Contract, fetched: objects.Subscription, *, asked_at: datetime
) -> Contract:
    """Write the subscription to our books; its plan and seats are in force then."""
    quote = contract.quote
    starts_at = fetched.started_at
    ends_at = months_after(starts_at, quote.term_months)
    if not quote.renews and fetched.cancel_at is None:
        fetched = contracts.set_contract_end(fetched.id, at=int(ends_at.timestamp()))
    row = mirror.apply_answer(fetched, asked_at=asked_at)
    if fetched.latest_invoice_id:
        mirror.sync_invoice(fetched.latest_invoice_id)
    with transaction.atomic():
        noted = Contract.objects.filter(pk=contract.pk, subscription=None).update(
            subscription=row, starts_at=starts_at, ends_at=ends_at, claimed_at=None
        )
        contract = _whole(contract.pk)
        if noted and quote.usage_discount_bps:
            create_list_of_contract(
                contract.organisation,
                discount_bps=quote.usage_discount_bps,
                contract=quote.public_id,
                reason=quote.number,
            )
        if noted:
            notices.send_first_invoice(contract)
    return contract


def _claim(pk: int) -> bool:
    now = timezone.now()
    free = Q(claimed_at=None) | Q(claimed_at__lt=now - DIED_AFTER)
    waiting = Contract.objects.filter(free, pk=pk, subscription=None)
    return bool(waiting.update(claimed_at=now))


def _whole(pk: int) -> Contract:
    rows = Contract.objects.select_related(
        "organisation", "order", "subscription", "quote__price__plan_version__plan"
    )
    return rows.get(pk=pk)
