"""A run of the comparison: after every outage, beside what happens, one at a time."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from accounts.models import Organisation
from billing.conversion.models import Account
from billing.conversion.rebuilding import rebuild
from billing.ledger.models import Invoice, Payment, Refund
from billing.stripe import lists
from billing.subscriptions import mirror, reconciliation, tasks
from billing.subscriptions.models import Case, Reconciliation, Subscription
from tests.billing.subscriptions.reconciling import open_cases, run
from tests.factories.billing import customer_of
from tests.fakes.stripe_emulator import StripeEmulator
from tests.races import together

pytestmark = pytest.mark.django_db


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


def test_a_finished_run_says_what_it_did(life: StripeEmulator) -> None:
    last = Reconciliation.objects.latest("pk")

    assert last.finished_at is not None
    assert last.compared > 10
    assert (last.found, last.fixed) == (0, 0)


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
