"""Which customer each organisation is, and which card pays."""

from collections.abc import Iterator
from functools import partial

from accounts.models import Organisation
from billing.stripe import adapter, lists, objects
from billing.subscriptions import values
from billing.subscriptions.customers import forget_customer, organisation_of
from billing.subscriptions.models import BillingAccount
from billing.subscriptions.reconciliation.comparing import Unlike, unlike_card
from billing.subscriptions.reconciliation.work import Difference, Work


def customers(work: Work) -> Iterator[Difference]:
    """Forget customers Stripe has forgotten, and know those it has of us."""
    theirs = {each.id: each for each in lists.customers()}
    work.compared += len(theirs)
    ours = BillingAccount.objects.exclude(stripe_customer_id=None)
    for account in ours.exclude(stripe_customer_id__in=theirs):
        customer_id = account.stripe_customer_id or ""
        # The list leaves out those on a test clock, so absence is asked about.
        if adapter.has_customer(customer_id):
            continue
        yield from work.settle(
            "customer",
            customer_id,
            {"stripe_customer_id": (customer_id, "deleted")},
            heal=partial(forget_customer, customer_id),
            look=dict,
            organisation_id=account.pk,
        )
    for customer in theirs.values():
        yield from _stranger(work, customer)


def _stranger(work: Work, customer: objects.Customer) -> Iterator[Difference]:
    """A customer that names one of our organisations has to be the one we know."""
    if not customer.organisation or organisation_of(customer.id):
        return
    named = Organisation.objects.filter(public_id=customer.organisation).first()
    if named is None:
        return

    def look() -> Unlike:
        known = BillingAccount.objects.filter(pk=named.pk).first()
        ours = known.stripe_customer_id if known else None
        is_known = organisation_of(customer.id) is not None
        return {} if is_known else {"stripe_customer_id": (ours, customer.id)}

    def adopt() -> None:
        BillingAccount.objects.get_or_create(pk=named.pk)
        free = BillingAccount.objects.filter(pk=named.pk, stripe_customer_id=None)
        free.update(stripe_customer_id=customer.id)

    yield from work.settle(
        "customer",
        customer.id,
        look(),
        heal=adopt,
        look=look,
        organisation_id=named.pk,
    )


def cards(work: Work) -> Iterator[Difference]:
    """Show the card that pays: the live subscription's own before the customer's."""
    for customer in lists.customers():
        accounts = BillingAccount.objects.filter(stripe_customer_id=customer.id)
        account = accounts.first()
        if account is None:
            continue
        card = work.cards.get(customer.id) or customer.card

        def look(
            card: objects.Card | None = card, account: BillingAccount = account
        ) -> Unlike:
            account.refresh_from_db()
            return unlike_card(card, account)

        yield from work.settle(
            "customer",
            customer.id,
            unlike_card(card, account),
            heal=partial(accounts.update, **values.card_values(card)),
            look=look,
            organisation_id=account.pk,
        )
