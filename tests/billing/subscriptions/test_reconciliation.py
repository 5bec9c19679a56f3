"""A comparison that cannot be fooled: every column, every object, every outage."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import FieldDoesNotExist
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from accounts.models import Organisation
from billing.conversion.models import Account
from billing.conversion.rebuilding import rebuild
from billing.ledger.models import Invoice, InvoiceLine, Payment, Refund
from billing.plans.queries import offer_for
from billing.stripe import lists
from billing.subscriptions import (
    mirror,
    queries,
    reconciliation,
    services,
    tasks,
    values,
)
from billing.subscriptions.models import (
    BillingAccount,
    Case,
    FormerCustomer,
    Reconciliation,
    Subscription,
    SubscriptionItem,
)
from billing.subscriptions.reconciliation.comparing import OURS, unlike_subscription
from entitlements.models import OrganisationEntitlement
from entitlements.queries import entitlements_for
from jobs.working import sweep
from outbox.models import Event
from tests.factories.billing import customer_of, team_of
from tests.fakes.stripe_emulator import StripeEmulator
from tests.races import together

pytestmark = pytest.mark.django_db
MODELS = (
    BillingAccount,
    Subscription,
    SubscriptionItem,
    Invoice,
    InvoiceLine,
    Payment,
    Refund,
)


def mirrored() -> Iterator[tuple[type[models.Model], models.Field[Any, Any]]]:
    """Yield every column that has to be as Stripe has it: all but the excused ones."""
    for model in MODELS:
        for column in model._meta.concrete_fields:
            if column.name not in OURS[model]:
                yield model, column


def run() -> list[reconciliation.Difference]:
    found = list(reconciliation.run())
    while sweep("webhook"):
        pass
    return found


def open_cases() -> int:
    return Case.objects.filter(closed_at=None).count()


@pytest.fixture
def orgs(person: Callable[..., Any]) -> list[Organisation]:
    return [team_of(person("ada")), team_of(person("ben"), "Helios")]


@pytest.fixture
def life(
    shop: StripeEmulator,
    orgs: list[Organisation],
    buy: Callable[..., Any],
    deliver_outbox: Callable[[], int],
) -> StripeEmulator:
    """Two customers with everything that can be mirrored, all of it in order."""
    for org, plan, seats in ((orgs[0], "team", 5), (orgs[1], "pro", 1)):
        buy(org, org.memberships.get().user, plan=plan, seats=seats)
    v1 = shop.client().v1
    subscription = queries.live_subscription(orgs[0])
    assert subscription is not None
    coupon = v1.coupons.create({"percent_off": 20, "duration": "forever"})
    [item] = v1.subscriptions.retrieve(subscription.stripe_id)["items"].data
    v1.subscriptions.update(
        subscription.stripe_id,
        {
            "discounts": [{"coupon": coupon.id}],
            "items": [{"id": item.id, "discounts": [{"coupon": coupon.id}]}],
        },
    )
    shop.advance(days=32)
    paid = v1.invoices.list({"customer": customer_of(orgs[0])}).data
    v1.credit_notes.create(
        {
            "invoice": paid[-1].id,
            "amount": 500,
            "refund_amount": 300,
            "out_of_band_amount": 200,
        }
    )
    run()
    deliver_outbox()
    assert run() == []
    assert Refund.objects.count() == 2
    return shop


def wrong_values(column: models.Field[Any, Any], row: Any, chance: Any) -> list[Any]:
    """Return what else the column might hold: another value, and none at all."""
    value = getattr(row, column.attname)
    emptied = [None] if column.null and value is not None else []
    wrong = other(column, row, chance)
    return [each for each in [wrong, *emptied] if is_possible(column, row, each)]


def is_possible(column: models.Field[Any, Any], row: models.Model, wrong: Any) -> bool:
    """Say whether the database takes the value; what it refuses nobody can have."""
    try:
        with transaction.atomic():
            corrupt(column, row, wrong)
            transaction.set_rollback(True)
    except IntegrityError:
        return False
    return True


def corrupt(column: models.Field[Any, Any], row: models.Model, wrong: Any) -> None:
    rows = type(row)._default_manager.filter(pk=row.pk)
    rows.update(**{column.attname: wrong})


def other(column: models.Field[Any, Any], row: Any, chance: Any) -> Any:
    """Return a value that is not the one that is there."""
    value = getattr(row, column.attname)
    if isinstance(column, models.ForeignKey):
        others = column.related_model._default_manager.exclude(pk=value)
        return others.order_by("-pk").values_list("pk", flat=True).first()
    if isinstance(column, models.BooleanField):
        return not value
    if isinstance(column, models.DateTimeField):
        days = timedelta(days=chance.randint(1, 400))
        return (value or timezone.now()) - days
    if isinstance(column, models.IntegerField):
        return (value or 0) + chance.randint(1, 98)
    assert isinstance(column, models.CharField | models.TextField)
    most = column.max_length or 40
    choices = [key for key, _ in column.choices or () if key != value]
    return chance.choice(choices) if choices else f"{chance.getrandbits(64):x}"[:most]


@pytest.mark.faults
@pytest.mark.parametrize(
    "model",
    [
        # A minute and a half for all seven: every run holds the one of most outcomes.
        pytest.param(model, marks=[pytest.mark.smoke] if model is Refund else [])
        for model in MODELS
    ],
    ids=lambda model: model.__name__,
)
def test_every_single_wrong_value_is_found_and_put_right(
    life: StripeEmulator,
    deliver_outbox: Callable[[], int],
    model: type[models.Model],
) -> None:
    """One column at a time, all of them; nothing is told a second time on the way."""
    chance = random.Random(model.__name__)  # noqa: S311
    tried, missed, left = set(), [], []
    revenue = dict(Account.objects.values_list("pk", "revenue"))
    for column in (column for owner, column in mirrored() if owner is model):
        row = chance.choice(list(model._default_manager.order_by("pk")))
        for wrong in wrong_values(column, row, chance):
            corrupt(column, row, wrong)

            found = run()

            tried.add(column.name)
            missed += [] if found else [f"{column.name}={wrong!r}"]
            left += [(column.name, each) for each in found if not each.is_fixed]
    again = run()
    deliver_outbox()

    assert tried
    assert missed == []
    assert left == []
    assert again == []
    assert open_cases() == 0
    assert dict(Account.objects.values_list("pk", "revenue")) == revenue
    assert rebuild() == []


def test_what_went_back_counts_or_does_not_as_stripe_says(life: StripeEmulator) -> None:
    Refund.objects.filter(pk=Refund.objects.earliest("pk").pk).update(counted_at=None)

    found = run()

    assert {each.field for each in found} == {"counted_at"}
    assert all(each.is_fixed for each in found)
    assert not Refund.objects.filter(counted_at=None).exists()


@pytest.mark.parametrize("model", [Subscription, Invoice, Refund])
def test_an_object_under_a_wrong_id_is_renamed_and_not_told_again(
    life: StripeEmulator, model: type[models.Model]
) -> None:
    rows = model._default_manager.all()
    before = sorted(rows.values_list("pk", "stripe_id"))
    told = Event.objects.count()
    rows.filter(pk=before[0][0]).update(stripe_id="unknown")

    found = run()

    assert [(each.field, each.ours, each.is_fixed) for each in found] == [
        ("stripe_id", "unknown", True)
    ]
    assert sorted(rows.values_list("pk", "stripe_id")) == before
    assert Event.objects.count() == told


def test_every_excuse_is_for_a_column_that_is_there() -> None:
    for model, excuses in OURS.items():
        for name, reason in excuses.items():
            try:
                model._meta.get_field(name)
            except FieldDoesNotExist:
                pytest.fail(f"{model.__name__} has no {name}")
            assert reason
    assert set(OURS) == set(MODELS)


@pytest.mark.parametrize("days", [1, 4, 29])
def test_an_outage_of_any_length_is_caught_up_with(
    shop: StripeEmulator,
    orgs: list[Organisation],
    buy: Callable[..., Any],
    deliver_outbox: Callable[[], int],
    days: int,
) -> None:
    org = orgs[0]
    buy(org, org.memberships.get().user)
    shop.advance(days=20)
    run()
    deliver_outbox()
    # From here on nothing reaches us.
    v1 = shop.client().v1
    (intent, *_) = v1.payment_intents.list().data
    v1.refunds.create({"payment_intent": intent.id, "amount": 500})
    shop.advance(days=days)

    found = run()
    deliver_outbox()
    theirs = v1.invoices.list({"status": "paid", "limit": 100}).data

    assert found
    assert all(each.is_fixed for each in found)
    assert run() == []
    assert Invoice.objects.filter(status="paid").count() == len(theirs)
    (subscription,) = v1.subscriptions.list().data
    ours = Subscription.objects.get()
    end = subscription["items"].data[0].current_period_end
    assert ours.period_end is not None
    assert int(ours.period_end.timestamp()) == end
    assert Account.objects.get(pk=org.pk).revenue == 2_000 * len(theirs) - 500
    assert rebuild() == []


def test_even_without_one_event_everything_is_found(
    shop: StripeEmulator,
    orgs: list[Organisation],
    buy: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Events are gone after thirty days; the objects are still there."""
    org = orgs[0]
    buy(org, org.memberships.get().user)
    shop.advance(days=70)
    monkeypatch.setattr(lists, "events_since", lambda _created: iter(()))

    found = run()

    assert {each.scope for each in found} >= {"subscription", "invoice"}
    assert run() == []
    assert Invoice.objects.filter(status="paid").count() == 3


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


def test_what_happens_while_the_lists_are_read_is_no_case(
    life: StripeEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    v1: Any = life.client().v1
    row = Subscription.objects.get(price__plan_version__plan__key="pro")
    card = v1.payment_methods.attach(
        "pm_card_visa", {"customer": customer_of(row.organisation)}
    )

    def then(name: str, act: Callable[[], object]) -> None:
        """Have something happen, and be heard of, once a list has been read."""
        real = getattr(lists, name)

        def read(*given: Any) -> Iterator[Any]:
            found = list(real(*given))
            act()
            return iter(found)

        monkeypatch.setattr(lists, name, read)

    def change() -> None:
        v1.subscriptions.update(row.stripe_id, {"cancel_at_period_end": True})
        mirror.sync_subscription(row.stripe_id)

    def pay() -> None:
        owner = {"customer": customer_of(row.organisation)}
        v1.invoice_items.create({**owner, "amount": 300, "currency": "usd"})
        made = v1.invoices.create(
            {**owner, "pending_invoice_items_behavior": "include"}
        )
        v1.invoices.finalize_invoice(made.id)
        v1.invoices.pay(made.id, {"payment_method": card.id})
        mirror.sync_invoice(made.id)

    def give_back() -> None:
        invoice = Invoice.objects.filter(subscription_stripe_id=row.stripe_id)
        payment = Payment.objects.filter(invoice__in=invoice, status="paid").latest(
            "pk"
        )
        made = v1.refunds.create(
            {"payment_intent": payment.payment_intent_id, "amount": 100}
        )
        mirror.sync_refund(made.id)

    then("subscriptions", change)
    then("invoices", pay)
    then("refunds", give_back)
    then("charges", pay)
    run()

    assert open_cases() == 0
    row.refresh_from_db()
    assert row.cancel_at_period_end
    assert Refund.objects.filter(amount=100, status="succeeded").count() == 1
    monkeypatch.undo()
    # The webhooks of all that never came.
    run()
    assert run() == []
    assert open_cases() == 0


def test_a_dry_run_changes_nothing(life: StripeEmulator) -> None:
    Invoice.objects.update(amount_paid=1)
    Subscription.objects.update(seats=99)

    found = list(reconciliation.run(fix=False))

    assert {each.field for each in found} >= {"amount_paid", "seats"}
    assert not any(each.is_fixed for each in found)
    assert set(Invoice.objects.values_list("amount_paid", flat=True)) == {1}
    assert set(Subscription.objects.values_list("seats", flat=True)) == {99}
    assert not Case.objects.exists()


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


def test_a_finished_run_says_what_it_did(life: StripeEmulator) -> None:
    last = Reconciliation.objects.latest("pk")

    assert last.finished_at is not None
    assert last.compared > 10
    assert (last.found, last.fixed) == (0, 0)


def test_stripes_own_numbers_are_compared_not_our_catalogues(
    life: StripeEmulator, orgs: list[Organisation]
) -> None:
    (fetched,) = [
        each
        for each in lists.subscriptions()
        if each.customer_id == customer_of(orgs[0])
    ]
    row = Subscription.objects.get(organisation=orgs[0])
    item = replace(fetched.items[0], quantity=7)
    prices = values.prices_of(fetched)

    unlike = unlike_subscription(replace(fetched, items=(item,)), row, prices)

    # A fifth off the item, and a fifth of the rest off the whole.
    assert row.period_amount == 5 * 2_500 * 80 // 100 * 80 // 100
    assert unlike["seats"] == (5, 7)
    assert unlike["amount"] == (12_500, 17_500)
    assert isinstance(row.fetched_at, datetime)


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


def test_the_wrong_first_invoice_is_put_right(
    life: StripeEmulator, orgs: list[Organisation]
) -> None:
    own = Invoice.objects.filter(organisation=orgs[1])
    first = own.get(is_first=True)
    own.update(is_first=False)

    found = run()

    assert [(each.field, each.is_fixed) for each in found] == [("is_first", True)]
    assert own.get(is_first=True) == first
    assert run() == []


def test_the_nightly_run_is_one_at_a_time(life: StripeEmulator) -> None:
    before = Reconciliation.objects.count()

    def beside() -> None:
        with reconciliation.exclusively() as is_ours:
            assert is_ours
            # The lock is a connection's, so the other one is a thread's.
            together(tasks.reconcile)

    beside()
    assert Reconciliation.objects.count() == before

    tasks.reconcile()

    assert Reconciliation.objects.count() == before + 1
    assert Reconciliation.objects.latest("pk").finished_at is not None
