"""Copies follow Stripe, whatever happened on the way."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.queries import personal_organisation
from audit.models import Record
from billing.ledger.models import Invoice, Refund
from billing.ledger.services import record_invoice
from billing.plans.models import Price
from billing.stripe import objects
from billing.stripe.exceptions import NotOurs
from billing.stripe.jobs import find
from billing.stripe.models import WebhookInbox
from billing.subscriptions import mirror, reconciliation
from billing.subscriptions.cases import settle_case
from billing.subscriptions.models import BillingAccount, Case, Subscription
from entitlements.features import FREE
from entitlements.queries import entitlements_for
from jobs.models import Job
from jobs.working import sweep
from notifications.models import Notification
from outbox.models import Event
from tests.factories.billing import (
    customer_of,
    default_price,
    fetched_subscription,
    invoice_record,
    team_of,
)
from tests.fakes.stripe_emulator import StripeEmulator


@pytest.mark.parametrize(
    ("status", "plan"),
    [
        ("trialing", "pro"),
        ("active", "pro"),
        ("past_due", "pro"),
        ("unpaid", "free"),
        ("incomplete", "free"),
        ("incomplete_expired", "free"),
        ("canceled", "free"),
        ("paused", "free"),
        ("from_the_future", "free"),
    ],
)
def test_what_each_status_grants(
    person: Callable[..., Any], status: str, plan: str
) -> None:
    org = personal_organisation(person("ada"))
    copy = fetched_subscription(org, default_price("pro"), status=status)

    mirror.apply_subscription(copy, fetched_at=timezone.now())

    assert entitlements_for(org.pk).plan == plan


def test_paying_in_time_ends_the_grace(person: Callable[..., Any]) -> None:
    org = personal_organisation(person("ada"))
    copy = fetched_subscription(org, default_price("pro"), status="past_due")
    first = timezone.now()
    mirror.apply_subscription(copy, fetched_at=first)
    later = first + timedelta(days=3)

    again = mirror.apply_subscription(copy, fetched_at=later)
    healed = mirror.apply_subscription(
        replace(copy, status="active"), fetched_at=later + timedelta(seconds=1)
    )

    assert again.first_failed_at == first
    assert (healed.first_failed_at, healed.grace_until) == (None, None)
    assert Event.objects.filter(name="SubscriptionStarted").count() == 1
    assert Event.objects.filter(name="SubscriptionEnded").count() == 0


def test_a_changed_plan_is_followed_without_a_new_start(
    person: Callable[..., Any],
) -> None:
    org = team_of(person("ada"))
    copy = fetched_subscription(org, default_price("pro"))
    mirror.apply_subscription(copy, fetched_at=timezone.now())
    team = default_price("team")
    item = replace(
        copy.items[0], id="si_new", price_id=team.stripe_price_id or "", quantity=4
    )

    row = mirror.apply_subscription(
        replace(copy, items=(item,)), fetched_at=timezone.now()
    )

    assert (row.granted_plan, row.seats) == ("team", 4)
    assert entitlements_for(org.pk).seats == 4
    assert row.items.get().stripe_id == "si_new"
    assert Event.objects.filter(name="SubscriptionStarted").count() == 1


def test_a_second_live_subscription_is_kept_and_marked(
    person: Callable[..., Any],
) -> None:
    org = personal_organisation(person("ada"))
    first = fetched_subscription(org, default_price("pro"))
    second = fetched_subscription(org, default_price("pro"))

    mirror.apply_subscription(first, fetched_at=timezone.now())
    doubled = mirror.apply_subscription(second, fetched_at=timezone.now())
    mirror.apply_subscription(
        replace(first, status="canceled"), fetched_at=timezone.now()
    )

    assert doubled.is_duplicate is True
    assert entitlements_for(org.pk).plan == "pro"


def test_what_charges_for_none_of_our_prices_grants_nothing(
    person: Callable[..., Any],
) -> None:
    org = personal_organisation(person("ada"))
    copy = fetched_subscription(org, default_price("pro"))
    item = replace(copy.items[0], price_id="price_of_something_else")

    row = mirror.apply_subscription(
        replace(copy, items=(item,)), fetched_at=timezone.now()
    )

    assert row.price is None
    assert entitlements_for(org.pk) == FREE


def test_a_subscription_of_a_strange_customer_is_not_ours(
    person: Callable[..., Any],
) -> None:
    org = personal_organisation(person("ada"))
    copy = fetched_subscription(org, default_price("pro"), customer_id="cus_strange")

    with pytest.raises(NotOurs):
        mirror.apply_subscription(copy, fetched_at=timezone.now())

    assert Subscription.objects.count() == 0


def test_a_subscription_made_by_hand_is_found_by_its_metadata(
    person: Callable[..., Any],
) -> None:
    org = personal_organisation(person("ada"))
    copy = fetched_subscription(
        org,
        default_price("pro"),
        customer_id="cus_by_hand",
        metadata={"organisation": org.public_id, "intent": "not a uuid"},
    )

    mirror.apply_subscription(copy, fetched_at=timezone.now())

    assert entitlements_for(org.pk).plan == "pro"


def test_a_refund_made_at_stripe_reaches_the_ledger(
    shop: StripeEmulator, person: Callable[..., Any], buy: Callable[..., Any]
) -> None:
    ada = person("ada")
    buy(personal_organisation(ada), ada)
    invoice = Invoice.objects.get()
    intent = invoice.payments.get().payment_intent_id
    refund = shop.client().v1.refunds.create({"payment_intent": intent, "amount": 500})

    mirror.sync_refund(refund.id)
    mirror.sync_refund(refund.id)

    invoice.refresh_from_db()
    assert invoice.amount_refunded == 500
    assert Refund.objects.get().revenue == 500
    assert Event.objects.filter(name="PaymentRefunded").count() == 1


def test_a_new_card_is_shown(
    shop: StripeEmulator, person: Callable[..., Any], buy: Callable[..., Any]
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    subscription = buy(org, ada)
    client = shop.client()
    customer = customer_of(org)
    method = client.v1.payment_methods.attach(
        "pm_card_mastercard", {"customer": customer}
    )
    client.v1.customers.update(
        customer, {"invoice_settings": {"default_payment_method": method.id}}
    )

    mirror.sync_customer(customer)
    before = BillingAccount.objects.get(pk=org.pk).card_brand
    client.v1.subscriptions.update(
        subscription.stripe_id, {"default_payment_method": method.id}
    )
    mirror.sync_subscription(subscription.stripe_id)
    mirror.sync_customer(customer)

    # The one the subscription names is charged, whatever the customer's is.
    assert before == "visa"
    assert BillingAccount.objects.get(pk=org.pk).card_brand == "mastercard"


@pytest.mark.parametrize("whose", ["customer", "subscription"])
def test_a_card_that_was_taken_away_or_renewed_is_not_shown_as_it_was(
    shop: StripeEmulator,
    person: Callable[..., Any],
    buy: Callable[..., Any],
    whose: str,
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    subscription = buy(org, ada)
    v1, customer = shop.client().v1, customer_of(org)
    method = v1.payment_methods.attach("pm_card_mastercard", {"customer": customer}).id
    visa = v1.subscriptions.retrieve(subscription.stripe_id).default_payment_method
    first = method if whose == "customer" else visa
    default: Any = {"invoice_settings": {"default_payment_method": first}}
    v1.customers.update(customer, default)
    if whose == "customer":
        # The subscription names none then: the customer's is charged.
        v1.payment_methods.detach(str(visa))
    else:
        v1.subscriptions.update(
            subscription.stripe_id, {"default_payment_method": method}
        )
    mirror.sync_subscription(subscription.stripe_id)
    mirror.sync_customer(customer)

    def card() -> tuple[str, int | None]:
        account = BillingAccount.objects.get(pk=org.pk)
        return account.card_brand, account.card_exp_year

    assert card()[0] == "mastercard"
    v1.payment_methods.update(method, {"card": {"exp_month": 1, "exp_year": 2049}})
    mirror.sync_payment_method(method)
    assert card() == ("mastercard", 2049)

    v1.payment_methods.detach(method)
    mirror.sync_payment_method(method)

    # What is left is the customer's own, where the subscription had named another.
    assert card()[0] == ("" if whose == "customer" else "visa")


def test_reconciliation_finds_what_no_webhook_told(
    shop: StripeEmulator, person: Callable[..., Any], buy: Callable[..., Any]
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    subscription = buy(org, ada)
    shop.client().v1.subscriptions.update(
        subscription.stripe_id, {"cancel_at_period_end": True}
    )
    dry = list(reconciliation.run(fix=False))
    untouched = WebhookInbox.objects.count()

    wet = list(reconciliation.run())
    while sweep("webhook"):
        pass
    after = list(reconciliation.run())

    subscription.refresh_from_db()
    assert untouched == 0
    assert ("subscription", "cancel_at_period_end", False) in {
        (row.scope, row.field, row.is_fixed) for row in dry
    }
    assert all(row.is_fixed for row in wet)
    assert {row.scope for row in wet} == {"event", "subscription"}
    assert subscription.cancel_at_period_end is True
    assert after == []


def test_reconciliation_ends_what_is_cancelled_there(
    shop: StripeEmulator, person: Callable[..., Any], buy: Callable[..., Any]
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    subscription = buy(org, ada)
    shop.client().v1.subscriptions.cancel(subscription.stripe_id)
    out = StringIO()

    call_command("stripe_reconcile", stdout=out)

    assert "active → canceled  fixed" in out.getvalue()
    assert entitlements_for(org.pk) == FREE
    assert Job.objects.waiting().filter(kind="webhook").count() == 0


def test_what_only_a_person_can_put_right_ends_with_one(
    shop: StripeEmulator, person: Callable[..., Any], buy: Callable[..., Any]
) -> None:
    ada = person("ada")
    org = personal_organisation(ada)
    subscription = buy(org, ada)
    client = shop.client()
    card = client.v1.customers.payment_methods.list(customer_of(org)).data[0]
    second = client.v1.subscriptions.create(
        {
            "customer": customer_of(org),
            "default_payment_method": card.id,
            "items": [{"price": subscription.price.stripe_price_id}],
        }
    )
    out = StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("stripe_reconcile", stdout=out)

    assert ended.value.code == 1
    assert f"{second.id}" in out.getvalue()
    assert "1 open case on /staff/revenue/cases/" in out.getvalue()


def test_an_unreachable_stripe_is_one_clear_sentence(settings: Any, db: None) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_x"
    settings.STRIPE_API_BASE = "http://127.0.0.1:9"

    with pytest.raises(CommandError, match="does not answer"):
        call_command("stripe_reconcile", stdout=StringIO())


def test_pushing_the_plans_again_changes_nothing(shop: StripeEmulator) -> None:
    before = dict(Price.objects.values_list("lookup_key", "stripe_price_id"))
    out = StringIO()

    call_command("stripe_sync_plans", stdout=out)

    assert out.getvalue().count("unchanged") == 5
    assert dict(Price.objects.values_list("lookup_key", "stripe_price_id")) == before
    assert len(shop.client().v1.products.list().data) == 3


def test_a_price_somebody_changed_there_is_replaced(shop: StripeEmulator) -> None:
    client = shop.client()
    price = Price.objects.get(lookup_key="pro_v1_month_usd")
    old = price.stripe_price_id or ""
    product = price.plan_version.stripe_product_id
    client.v1.prices.create(
        {
            "product": product,
            "currency": "usd",
            "unit_amount": 1,
            "recurring": {"interval": "month"},
            "lookup_key": price.lookup_key,
            "transfer_lookup_key": True,
        }
    )
    out = StringIO()

    call_command("stripe_sync_plans", stdout=out)

    price.refresh_from_db()
    found = client.v1.prices.retrieve(price.stripe_price_id or "")
    assert out.getvalue().count("replaced") == 1
    assert (found.unit_amount, found.lookup_key) == (2_000, "pro_v1_month_usd")
    assert price.stripe_price_id != old


def test_a_new_emulator_gets_the_plans_again(shop: StripeEmulator) -> None:
    shop.reset()
    out = StringIO()

    call_command("stripe_sync_plans", stdout=out)

    assert out.getvalue().count("created") == 5


def test_an_invoice_without_a_subscription_is_its_customers(
    person: Callable[..., Any],
) -> None:
    org = personal_organisation(person("ada"))
    values: dict[str, Any] = {
        **dict.fromkeys(("subtotal", "total", "amount_due"), 700),
        **dict.fromkeys(("discount", "tax", "amount_paid", "attempt_count"), 0),
        **dict.fromkeys(("due_at", "paid_at", "next_attempt_at")),
        **dict.fromkeys(("period_start", "period_end")),
        **dict.fromkeys(("subscription_id", "hosted_url", "pdf_url"), ""),
        **dict.fromkeys(("lines", "payments"), ()),
    }
    fetched = objects.Invoice(
        id="in_single",
        customer_id=customer_of(org),
        number="DS-9",
        status="open",
        billing_reason="manual",
        currency="usd",
        issued_at=timezone.now(),
        raw={},
        **values,
    )
    now = timezone.now()

    invoice = mirror.apply_invoice(fetched, subscription=None, fetched_at=now)

    assert (invoice.organisation, invoice.user_id) == (org, None)
    stranger = replace(fetched, id="in_other", customer_id="cus_of_another_project")
    with pytest.raises(NotOurs):
        mirror.apply_invoice(stranger, subscription=None, fetched_at=now)
    assert Invoice.objects.get() == invoice


def test_money_that_went_back_of_nothing_of_ours_is_not_booked(
    shop: StripeEmulator,
) -> None:
    refund = objects.Refund(
        id="re_1",
        amount=5,
        status="succeeded",
        reason="",
        created_at=timezone.now(),
        invoice_id="",
    )

    for invoice_id in ("", "in_of_another_project"):
        with pytest.raises(NotOurs):
            mirror.apply_refund(
                replace(refund, invoice_id=invoice_id), fetched_at=timezone.now()
            )

    assert not Refund.objects.exists()


def test_a_dispute_about_no_subscription_is_a_case_all_the_same(
    person: Callable[..., Any],
) -> None:
    org = personal_organisation(person("ada"))
    person("staff", is_staff=True)
    paid = record_invoice(
        invoice_record(),
        organisation_id=org.pk,
        user_id=None,
        fetched_at=timezone.now(),
    )
    dispute = objects.Dispute(
        id="du_1",
        amount=2_000,
        status="needs_response",
        reason="fraudulent",
        created_at=timezone.now(),
        answer_by=timezone.now() + timedelta(days=7),
        invoice_id=paid.stripe_id,
    )

    mirror.apply_dispute(dispute, fetched_at=timezone.now())
    later = replace(dispute, answer_by=timezone.now() + timedelta(days=9))
    mirror.apply_dispute(later, fetched_at=timezone.now())

    case = Case.objects.get()
    assert (case.kind, case.due_at, case.closed_at) == (
        "dispute",
        later.answer_by,
        None,
    )
    assert Notification.objects.filter(kind="billing").count() == 1

    mirror.apply_dispute(replace(later, status="won"), fetched_at=timezone.now())

    case.refresh_from_db()
    assert (case.note, case.closed_at is None) == ("won", False)
    assert not settle_case(case, by=person("lee"), note="again")
    assert not Record.objects.filter(action="case.closed").exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "found"),
    [("evt_1", ["evt_1"]), ("invoice.p", ["evt_1"]), ("in_2", ["evt_2"]), ("in", [])],
)
def test_staff_find_an_event_by_its_id_its_type_or_its_object(
    asked: str, found: list[str]
) -> None:
    for number, kind in ((1, "invoice.paid"), (2, "charge.refunded")):
        WebhookInbox.objects.create(
            endpoint="stripe",
            event_id=f"evt_{number}",
            type=kind,
            object_id=f"in_{number}",
            payload="{}",
            created_at=timezone.now(),
        )

    rows = WebhookInbox.objects.filter(find(asked)).order_by("pk")

    assert [row.event_id for row in rows] == found
