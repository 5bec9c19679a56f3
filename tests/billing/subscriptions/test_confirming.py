"""A change is made as it was shown, once, or not at all."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from billing.subscriptions import changing
from billing.subscriptions.models import PlanChange, Subscription
from entitlements.queries import entitlements_for
from tests.billing.subscriptions.plan_pages import again, confirmed, console, shown
from tests.factories.billing import team_of
from tests.fakes.stripe_emulator import StripeEmulator
from tests.races import together
from tests.signing_in import record_sign_in


def method(shop: StripeEmulator, row: Subscription, card: str) -> None:
    """Let another card pay from now on."""
    v1 = shop.client().v1
    customer = v1.subscriptions.retrieve(row.stripe_id).customer
    attached = v1.payment_methods.attach(card, {"customer": str(customer)})
    v1.subscriptions.update(row.stripe_id, {"default_payment_method": attached.id})


def test_tax_that_changed_meanwhile_is_said_and_not_charged(
    shop: StripeEmulator, team: Subscription, ada: Client
) -> None:
    change = shown(ada, team, seats="8")
    v1 = shop.client().v1
    rate = v1.tax_rates.create(
        {"display_name": "VAT", "percentage": 20, "inclusive": False}
    )
    v1.subscriptions.update(team.stripe_id, {"default_tax_rates": [rate.id]})

    answer = confirmed(ada, change)

    assert answer.status_code == 409
    page = answer.content.decode()
    assert "What the change costs is not what was shown any more" in page
    assert "plan=team&amp;interval=month&amp;seats=8" in page
    assert again(team).seats == 5
    assert len(v1.invoices.list().data) == 1
    renewed = shown(ada, team, seats="8")
    assert renewed.tax > 0
    assert confirmed(ada, renewed).status_code == 302
    renewed.refresh_from_db()
    assert renewed.charged == renewed.amount_due


def test_credit_that_came_meanwhile_is_said_and_not_charged(
    shop: StripeEmulator, team: Subscription, ada: Client
) -> None:
    change = shown(ada, team, seats="8")
    v1 = shop.client().v1
    customer = str(v1.subscriptions.retrieve(team.stripe_id).customer)
    v1.customers.update(customer, {"balance": -1_000})

    assert confirmed(ada, change).status_code == 409
    assert again(team).seats == 5


def test_of_two_changes_that_were_shown_one_is_made(
    shop: StripeEmulator, team: Subscription, ada: Client
) -> None:
    first, second = shown(ada, team, seats="8"), shown(ada, team, seats="9")

    assert confirmed(ada, first).status_code == 302
    answer = confirmed(ada, second)

    assert answer.status_code == 409
    assert "has changed meanwhile" in answer.content.decode()
    assert again(team).seats == 8


@pytest.mark.django_db(transaction=True)
def test_many_clicks_at_once_charge_once(
    shop: StripeEmulator, team: Subscription, ada: Client
) -> None:
    change = shown(ada, team, seats="8")
    assert team.user is not None
    user = team.user

    together(*[lambda: changing.confirm_change(change, by=user)] * 4)

    change.refresh_from_db()
    assert (change.state, change.charged) == ("done", change.amount_due)
    assert len(shop.client().v1.invoices.list().data) == 2


def test_what_was_shown_long_ago_is_not_made(
    shop: StripeEmulator, team: Subscription, ada: Client
) -> None:
    change = shown(ada, team, seats="8")
    PlanChange.objects.update(created_at=timezone.now() - changing.SHOWN_FOR)

    assert confirmed(ada, change).status_code == 409
    assert again(team).seats == 5


@pytest.mark.parametrize("answer_is_lost", [True, False])
def test_who_died_on_the_way_goes_on_where_they_were(
    shop: StripeEmulator, team: Subscription, ada: Client, answer_is_lost: bool
) -> None:
    change = shown(ada, team, seats="8")
    if answer_is_lost:
        path = f"^/v1/subscriptions/{team.stripe_id}$"
        fault = {"path": path, "method": "POST", "status": 500, "times": 1}
        shop.post_faults(answers=[{**fault, "after": True}])
        assert confirmed(ada, change).status_code == 503
    else:
        PlanChange.objects.update(claimed_at=timezone.now())
        assert confirmed(ada, change).status_code == 409
    PlanChange.objects.update(claimed_at=timezone.now() - timedelta(minutes=2))

    assert confirmed(ada, change).status_code == 302

    change.refresh_from_db()
    assert (change.state, change.charged) == ("done", change.amount_due)
    assert len(shop.client().v1.invoices.list().data) == 2


def test_an_upgrade_that_is_not_paid_gives_nothing_until_it_is(
    shop: StripeEmulator, person: Any, buy: Any
) -> None:
    ben = person("ben")
    row = buy(team_of(ben, "Southwind"), ben, plan="pro")
    client = Client()
    client.force_login(ben)
    record_sign_in(client, ben)
    change = shown(client, row, plan="team", seats="4")
    method(shop, row, "pm_card_chargeCustomerFail")

    answer = confirmed(client, change)

    change.refresh_from_db()
    assert change.state == "open"
    assert entitlements_for(row.organisation_id).plan == "pro"
    page = client.get(answer["Location"]).content.decode()
    assert "The payment did not go through" in page
    assert "A change waits for its payment" in client.get(console(row)).content.decode()
    method(shop, row, "pm_card_visa")
    shop.client().v1.invoices.pay(change.invoice_stripe_id)
    assert again(row).has_pending_update is False
    assert entitlements_for(row.organisation_id).plan == "team"


def test_with_a_code_a_declined_payment_changes_nothing_at_all(
    shop: StripeEmulator, team: Subscription, ada: Client
) -> None:
    v1 = shop.client().v1
    coupon = v1.coupons.create({"percent_off": 50, "duration": "forever"})
    v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "HALF"}
    )
    change = shown(ada, team, seats="8", code="half")
    assert change.discount > 0
    method(shop, team, "pm_card_chargeCustomerFail")

    answer = confirmed(ada, change)

    assert answer.status_code == 402
    assert "declined and nothing has changed" in answer.content.decode()
    assert (again(team).seats, again(team).discount) == (5, 0)
    assert v1.coupons.retrieve(coupon.id).times_redeemed == 0
