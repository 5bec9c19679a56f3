"""From the ledger to Stripe's invoice: once, on the right one, and proved after."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from billing.credits.models import Coverage
from billing.ledger.models import Invoice, InvoiceLine
from billing.overage import sending
from billing.overage.closing import LAST_REPORTS, close_periods
from billing.overage.comparing import check_charges
from billing.overage.models import CloseCheck, Statement, StatementLine
from billing.overage.services import set_cap
from billing.plans.models import Plan
from billing.plans.queries import offer_for
from billing.plans.services import publish_version
from billing.stripe import items
from billing.stripe.adapter import breaker
from billing.stripe.catalogue import sync_plans
from billing.stripe.exceptions import StripeUnavailable
from billing.subscriptions import mirror, services
from billing.subscriptions.entitling import compute_terms
from billing.subscriptions.models import Subscription
from core.money import NANO
from entitlements.queries import terms_for
from entitlements.usage_price import UsagePrice
from operations.findings import Status
from operations.sums import look_at_charges
from tests.factories.overage import use
from tests.fakes.stripe_emulator import StripeEmulator
from tests.races import together

CENT = 10_000_000


@pytest.fixture
def shop(shop: StripeEmulator) -> StripeEmulator:
    """A shop whose Pro plan charges what is beyond it, at a fifth more."""
    before = offer_for("pro")
    publish_version(
        Plan.objects.get(key="pro"),
        features=before.features,
        prices={"month": 2_000, "year": 20_000},
        collection="charge_automatically",
        usage_price=UsagePrice.flat(120),
    )
    list(sync_plans())
    return shop


@pytest.fixture
def pro(person: Callable[..., Any], buy: Callable[..., Any]) -> Subscription:
    """A subscriber who lets a period be charged fifty dollars."""
    ada = person("ada")
    row: Subscription = buy(ada.memberships.get().organisation, ada)
    set_cap(row.organisation, cap_nano=50 * NANO, by=ada)
    return row


def spend(row: Subscription, cents: int, model: str = "large") -> Coverage:
    """Use what the plan includes and so many cents beyond it, in this period."""
    now = datetime.now(UTC)
    use(row.organisation, 20 * NANO + cents * CENT, at=now, model=model)
    return Coverage.objects.containing(now).get(organisation=row.organisation)


def close(coverage: Coverage) -> Statement:
    (pk,) = close_periods(now=coverage.ends_at + LAST_REPORTS)
    return Statement.objects.get(pk=pk)


def items_of(shop: StripeEmulator) -> list[Any]:
    return list(shop.client().v1.invoice_items.list({"limit": 100}).data)


def test_a_subscriber_s_usage_comes_with_the_next_invoice(
    shop: StripeEmulator, pro: Subscription
) -> None:
    coverage = spend(pro, 250)
    use(pro.organisation, 100 * CENT, at=coverage.starts_at, model="small")
    statement = close(coverage)

    assert sending.send_statements() == (1, 0)
    assert sending.send_statements() == (0, 0)

    shop.advance(days=32)
    (renewal,) = [
        each
        for each in shop.client().v1.invoices.list().data
        if each.billing_reason == "subscription_cycle"
    ]
    invoice = mirror.sync_invoice(renewal.id)
    assert invoice is not None
    assert (statement.amount, invoice.subtotal) == (300 + 120, 2_000 + 420)
    mirrored = InvoiceLine.objects.filter(invoice=invoice, stripe_price_id="")
    assert sorted(mirrored.values_list("amount", flat=True)) == [120, 300]
    assert all("beyond the plan" in line.description for line in mirrored)
    checked = check_charges()
    assert (checked.statements, checked.lines, checked.found) == (1, 2, [])
    assert Invoice.objects.get(pk=invoice.pk).revenue == 2_420


def test_it_comes_on_the_invoice_that_the_new_period_has_begun(
    shop: StripeEmulator, pro: Subscription
) -> None:
    statement = close(spend(pro, 100))
    assert pro.period_end is not None
    begun = pro.period_end - pro.started_at + timedelta(minutes=10)
    shop.advance(days=begun.total_seconds() / 86_400)

    sending.send_statements()

    (item,) = items_of(shop)
    draft = shop.client().v1.invoices.retrieve(str(item.invoice))
    assert (draft.status, draft.total) == ("draft", 2_000 + statement.amount)
    shop.advance(days=1)
    paid = shop.client().v1.invoices.retrieve(str(item.invoice))
    assert (paid.status, paid.total) == ("paid", 2_000 + statement.amount)


def test_who_pays_by_the_year_gets_an_invoice_for_the_month(
    shop: StripeEmulator, person: Callable[..., Any]
) -> None:
    ben = person("ben")
    organisation = ben.memberships.get().organisation
    intent = services.open_checkout(
        organisation, user=ben, price=offer_for("pro").prices["year"]
    )
    shop.pay_checkout(intent.session_url)
    services.fulfil_checkout(intent.stripe_session_id or "")
    set_cap(organisation, cap_nano=50 * NANO, by=ben)
    row = Subscription.objects.get(organisation=organisation)
    coverage = spend(row, 100)
    assert coverage.ends_at - coverage.starts_at < timedelta(days=32)

    statement = close(coverage)
    sending.send_statements()

    statement.refresh_from_db()
    invoice = shop.client().v1.invoices.retrieve(statement.own_invoice_id)
    assert (invoice.status, invoice.total) == ("draft", 120)
    shop.advance(days=1)
    invoice = shop.client().v1.invoices.retrieve(statement.own_invoice_id)
    # The customer's default card pays it; one that only the subscription has does not.
    assert (invoice.status, invoice.total) == ("open", 120)


def test_who_has_left_gets_an_invoice_of_its_own(
    shop: StripeEmulator, pro: Subscription
) -> None:
    coverage = spend(pro, 100)
    shop.client().v1.subscriptions.cancel(pro.stripe_id)
    mirror.sync_subscription(pro.stripe_id)
    coverage.refresh_from_db()
    statement = close(coverage)

    sending.send_statements()

    statement.refresh_from_db()
    assert statement.own_invoice_id
    (item,) = items_of(shop)
    assert (item.invoice, item.amount) == (statement.own_invoice_id, 120)


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_crash_around_the_call_charges_once(
    shop: StripeEmulator, pro: Subscription, where: str, monkeypatch: Any
) -> None:
    statement = close(spend(pro, 250))
    create = items.create_item

    def crash(**given: Any) -> Any:
        if where == "after":
            create(**given)
        raise KeyboardInterrupt

    monkeypatch.setattr(items, "create_item", crash)
    with pytest.raises(KeyboardInterrupt):
        sending.send_statements()
    monkeypatch.setattr(items, "create_item", create)
    assert Statement.objects.unsent().count() == 1

    assert sending.send_statements() == (1, 0)

    (item,) = items_of(shop)
    assert StatementLine.objects.get().item_id == item.id
    assert item.amount == statement.amount == 300
    assert check_charges().found == []


def test_a_key_that_stripe_has_forgotten_charges_once(
    shop: StripeEmulator, pro: Subscription, monkeypatch: Any
) -> None:
    """Stripe keeps keys for a day; the next try may come later than that."""
    close(spend(pro, 250))
    create = items.create_item
    tried = []

    def answer_lost(**given: Any) -> Any:
        create(**given)
        raise StripeUnavailable(reason="silence")

    def with_another_key(**given: Any) -> Any:
        tried.append(given)
        return create(**{**given, "idempotency_key": f"later-{len(tried)}"})

    monkeypatch.setattr(items, "create_item", answer_lost)
    assert sending.send_statements() == (0, 1)
    monkeypatch.setattr(items, "create_item", with_another_key)

    assert sending.send_statements() == (1, 0)

    assert (len(items_of(shop)), tried) == (1, [])


@pytest.mark.django_db(transaction=True)
def test_four_workers_that_send_at_once_charge_once(
    shop: StripeEmulator, pro: Subscription
) -> None:
    close(spend(pro, 250))

    came = together(*[sending.send_statements] * 4)

    assert not [each for each in came if isinstance(each, Exception)]
    assert sum(sent for sent, _failed in came) == 1
    assert len(items_of(shop)) == 1


def test_a_draft_that_was_issued_meanwhile_leaves_the_line_to_the_next(
    shop: StripeEmulator, pro: Subscription, monkeypatch: Any
) -> None:
    close(spend(pro, 100))
    paid = shop.client().v1.invoices.list().data[0]
    monkeypatch.setattr(items, "draft_of", lambda _subscription: paid.id)

    assert sending.send_statements() == (1, 0)

    (item,) = items_of(shop)
    assert item.invoice is None


def test_what_differs_at_stripe_is_an_incident(
    shop: StripeEmulator, pro: Subscription, person: Callable[..., Any], client: Any
) -> None:
    coverage = spend(pro, 250)
    use(pro.organisation, 100 * CENT, at=coverage.starts_at, model="small")
    close(coverage)
    sending.send_statements()
    assert check_charges().is_whole
    v1 = shop.client().v1
    (gone,) = [each for each in items_of(shop) if each.amount == 300]
    v1.invoice_items.delete(gone.id)
    v1.invoice_items.create(
        {
            "customer": str(gone.customer),
            "amount": 5,
            "currency": "usd",
            "metadata": {items.REFERENCE: "ucl_nobody"},
        }
    )

    with pytest.raises(CommandError, match="not what the ledger comes to"):
        call_command("overage", "check", stdout=StringIO())

    checked = CloseCheck.objects.latest("pk")
    assert checked.differences == 2
    assert "0 items at Stripe" in checked.found[0]
    assert "never stated" in checked.found[1]
    assert [status for status, _ in look_at_charges()] == [Status.FAILURE]
    client.force_login(person("boss", is_staff=True))
    page = client.get("/staff/operations/").content.decode()
    assert "2 lines of charged usage differed" in page


def test_the_command_closes_sends_and_proves(
    shop: StripeEmulator, pro: Subscription, monkeypatch: Any
) -> None:
    coverage = spend(pro, 250)
    now = coverage.ends_at + LAST_REPORTS
    monkeypatch.setattr(
        "billing.overage.closing.close_periods", partial(close_periods, now=now)
    )
    out = StringIO()

    call_command("overage", "close", stdout=out)

    assert out.getvalue().splitlines() == [
        "1 periods closed, 1 statements sent, 0 could not be sent.",
        "1 statements, 1 lines, 0 differences; 0 wait to be sent.",
    ]


def test_without_stripe_everything_waits_and_nothing_is_lost(
    shop: StripeEmulator, pro: Subscription, settings: Any
) -> None:
    close(spend(pro, 250))
    address, settings.STRIPE_API_BASE = settings.STRIPE_API_BASE, "http://127.0.0.1:9"

    assert sending.send_statements() == (0, 1)

    settings.STRIPE_API_BASE = address
    breaker.succeed()
    assert sending.send_statements() == (1, 0)


def test_in_a_trial_and_while_a_payment_is_overdue_nothing_is_charged(
    shop: StripeEmulator, pro: Subscription
) -> None:
    assert terms_for(pro.organisation_id).overage_percent == 120
    for status in ("trialing", "past_due"):
        Subscription.objects.filter(pk=pro.pk).update(status=status)
        terms = compute_terms(pro.organisation_id)
        assert (terms.overage_percent, terms.period_start) == (0, pro.period_start)
