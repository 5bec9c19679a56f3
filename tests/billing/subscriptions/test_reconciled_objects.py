"""What is on one side and not on the other: customers, payments, refunds, rights."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Organisation
from billing.ledger.models import Invoice, Payment, Refund
from billing.plans.queries import offer_for
from billing.subscriptions import services
from billing.subscriptions.models import FormerCustomer
from entitlements.models import OrganisationEntitlement
from entitlements.queries import entitlements_for
from tests.billing.subscriptions.reconciling import open_cases, run
from tests.factories.billing import customer_of
from tests.fakes.stripe_emulator import StripeEmulator

pytestmark = pytest.mark.django_db


def test_what_cannot_be_put_right_is_a_case_once(
    shop: StripeEmulator, orgs: list[Organisation], buy: Callable[..., Any]
) -> None:
    org = orgs[0]
    buy(org, org.memberships.get().user)
    invoice = Invoice.objects.get()
    Refund.objects.create(
        invoice=invoice,
        stripe_id="re_unknown_to_stripe",
        status="pending",
        amount=100,
        revenue=100,
        refunded_at=timezone.now(),
    )

    first, second = run(), run()

    left = [each for each in first if not each.is_fixed]
    assert [(each.scope, each.object_id) for each in left] == [
        ("refund", "re_unknown_to_stripe")
    ]
    assert second == []
    assert open_cases() == 1


def test_entitlements_that_nobody_pays_for_are_taken_back(
    life: StripeEmulator, orgs: list[Organisation]
) -> None:
    rows = OrganisationEntitlement.objects.filter(pk=orgs[1].pk)
    features = rows.get().features
    rows.update(features={**features, "monthly_allowance_nano": 10**15})

    found = run()

    assert [each.scope for each in found] == ["entitlement"]
    assert entitlements_for(orgs[1].pk).monthly_allowance_nano == 20 * 10**9
    assert run() == []


def test_a_customer_deleted_at_stripe_is_remembered_and_replaced(
    shop: StripeEmulator, orgs: list[Organisation], buy: Callable[..., Any]
) -> None:
    org = orgs[0]
    user = org.memberships.get().user
    buy(org, user)
    before = customer_of(org)
    shop.client().v1.customers.delete(before)

    found, again = run(), run()
    price = offer_for("pro").prices["month"]
    intent = services.open_checkout(org, user=user, price=price)

    assert "customer" in {each.scope for each in found}
    assert again == []
    assert FormerCustomer.objects.get().stripe_id == before
    assert customer_of(org) != before
    assert intent.session_url


def test_a_customer_that_names_an_organisation_of_ours_is_known_again(
    shop: StripeEmulator, orgs: list[Organisation]
) -> None:
    made = shop.client().v1.customers.create(
        {"name": "Northwind", "metadata": {"organisation": orgs[0].public_id}}
    )

    found = run()

    assert [
        (each.theirs, each.is_fixed) for each in found if each.scope == "customer"
    ] == [(made.id, True)]
    assert customer_of(orgs[0]) == made.id
    assert run() == []


def test_a_payment_that_was_not_booked_is_booked(life: StripeEmulator) -> None:
    Payment.objects.filter(pk=Payment.objects.latest("pk").pk).delete()
    count = Payment.objects.count()

    found = run()

    assert found
    assert all(each.is_fixed for each in found)
    assert Payment.objects.count() == count + 1


def test_a_payment_nobody_was_charged_goes(life: StripeEmulator) -> None:
    payment = Payment.objects.latest("pk")
    Payment.objects.create(
        invoice=payment.invoice,
        stripe_id="inpay_nowhere",
        payment_intent_id="pi_nowhere",
        amount=1,
        status="paid",
    )

    found = run()

    # The invoice is fetched again, and the payment is not among its own.
    assert all(each.is_fixed for each in found)
    assert not Payment.objects.filter(stripe_id="inpay_nowhere").exists()
