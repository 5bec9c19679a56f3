"""Who an organisation is to Stripe, now and before."""

from django.db import transaction

from accounts.models import Organisation
from billing.stripe import adapter
from billing.stripe.operations import run_once
from billing.subscriptions.models import BillingAccount, FormerCustomer
from billing.subscriptions.queries import live_subscription
from billing.subscriptions.values import card_values


def ensure_customer(organisation: Organisation) -> str:
    """Return the organisation's customer at Stripe, made at most once.

    The key of the call is the organisation's, so two calls at once get the same
    customer, and only one id is ever stored. After one that was deleted the key is
    another.
    """
    account, _ = BillingAccount.objects.get_or_create(pk=organisation.pk)
    if account.stripe_customer_id:
        return account.stripe_customer_id
    former = FormerCustomer.objects.filter(organisation=organisation)
    customer = run_once(
        "customer",
        organisation.public_id,
        {"after": sorted(former.values_list("stripe_id", flat=True))},
        lambda key: adapter.create_customer(
            name=organisation.name,
            email=organisation.billing_email,
            organisation=organisation.public_id,
            idempotency_key=key,
        ),
    )
    BillingAccount.objects.filter(pk=account.pk, stripe_customer_id=None).update(
        stripe_customer_id=customer.id
    )
    account.refresh_from_db()
    return account.stripe_customer_id or customer.id


def write_customer(account: BillingAccount) -> bool:
    """Tell Stripe what an organisation is called now and where its bills go.

    Tell whether it was for us to say: of a plan by contract the contract does. Raises
    ``StripeMissing``.
    """
    organisation = account.organisation
    plan = live_subscription(organisation)
    is_by_contract = plan is not None and plan.collection_method == "send_invoice"
    if account.stripe_customer_id is None or is_by_contract:
        return False
    adapter.write_customer(
        account.stripe_customer_id,
        name=organisation.name,
        email=organisation.billing_email,
    )
    return True


@transaction.atomic
def forget_customer(customer_id: str) -> bool:
    """Let an organisation be nobody at Stripe again; its old id is remembered."""
    accounts = BillingAccount.objects.select_for_update()
    account = accounts.filter(stripe_customer_id=customer_id).first()
    if account is None:
        return False
    FormerCustomer.objects.get_or_create(
        stripe_id=customer_id, defaults={"organisation_id": account.pk}
    )
    BillingAccount.objects.filter(pk=account.pk).update(
        stripe_customer_id=None, **card_values(None)
    )
    return True


def organisation_of(customer_id: str) -> Organisation | None:
    """Return whose customer it is or was."""
    account = (
        BillingAccount.objects.select_related("organisation")
        .filter(stripe_customer_id=customer_id)
        .first()
    )
    if account is not None:
        return account.organisation
    former = FormerCustomer.objects.select_related("organisation")
    found = former.filter(stripe_id=customer_id).first()
    return found.organisation if found else None
