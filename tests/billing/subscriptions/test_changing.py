"""The pages on which a plan is changed, ended and kept."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Membership
from audit.models import Record
from billing.plans.models import Plan
from billing.plans.queries import offer_for
from billing.plans.services import publish_version
from billing.stripe import changes
from billing.stripe.catalogue import sync_plans
from billing.subscriptions import changing, ending, mirror, offers
from billing.subscriptions.models import (
    Cancellation,
    MrrMovement,
    PlanChange,
    Subscription,
)
from entitlements.queries import entitlements_for
from tests.factories.billing import grant_of, team_of
from tests.factories.growth import keep_nobody_out
from tests.fakes.stripe_emulator import StripeEmulator
from tests.races import together
from tests.signing_in import record_sign_in


@pytest.fixture
def team(person: Callable[..., Any], buy: Callable[..., Any]) -> Subscription:
    """A team of five seats, by the month."""
    ada = person("ada")
    row: Subscription = buy(team_of(ada), ada, plan="team", seats=5)
    return row


@pytest.fixture
def ada(team: Subscription) -> Client:
    client = Client()
    assert team.user is not None
    client.force_login(team.user)
    record_sign_in(client, team.user)
    return client


def console(row: Subscription, page: str = "") -> str:
    return f"/console/{row.organisation.slug}/billing/{page}"


def shown(client: Client, row: Subscription, **wanted: str) -> PlanChange:
    """Choose a change and return what its page showed."""
    values = {"plan": "team", "interval": "month", "seats": "5", "code": ""}
    answer = client.post(console(row, "change/"), values | wanted)
    assert answer.status_code == 302, answer.content.decode()
    page = client.get(answer["Location"])
    assert page.status_code == 200
    return PlanChange.objects.latest("pk")


def confirmed(client: Client, change: PlanChange) -> Any:
    row = change.subscription
    return client.post(console(row, f"change/{change.uuid}/"))


def again(row: Subscription) -> Subscription:
    found = mirror.sync_subscription(row.stripe_id)
    assert found is not None
    return found


def method(shop: StripeEmulator, row: Subscription, card: str) -> None:
    """Let another card pay from now on."""
    v1 = shop.client().v1
    customer = v1.subscriptions.retrieve(row.stripe_id).customer
    attached = v1.payment_methods.attach(card, {"customer": str(customer)})
    v1.subscriptions.update(row.stripe_id, {"default_payment_method": attached.id})


def test_more_seats_are_there_at_once_for_what_was_shown(
    shop: StripeEmulator, team: Subscription, ada: Client
) -> None:
    change = shown(ada, team, seats="8")

    answer = confirmed(ada, change)

    assert answer["Location"] == console(team)
    change.refresh_from_db()
    assert (change.state, change.charged) == ("done", change.amount_due)
    assert 7_400 <= change.amount_due <= 7_500
    assert entitlements_for(team.organisation_id).seats == 8
    assert "8" in ada.get(console(team)).content.decode()
    line = Record.objects.get(action="subscription.changed")
    assert (line.actor_id, (line.after or {})["seats"]) == (team.user_id, 8)
    # A second click is answered, and does nothing.
    assert confirmed(ada, change).status_code == 302
    assert len(shop.client().v1.invoices.list().data) == 2


def test_fewer_seats_wait_for_the_end_of_the_period(
    shop: StripeEmulator, team: Subscription, ada: Client
) -> None:
    change = shown(ada, team, seats="3")
    assert (change.is_immediate, change.amount_due) == (False, 7_500)

    confirmed(ada, change)

    row = again(team)
    assert (row.seats, row.next_seats) == (5, 3)
    assert row.next_at == row.period_end
    assert entitlements_for(team.organisation_id).seats == 5
    assert "Take the change back" in ada.get(console(team)).content.decode()
    assert Record.objects.filter(action="subscription.change_scheduled").exists()
    shop.advance(days=32)
    row = again(team)
    assert (row.seats, row.next_at) == (3, None)
    assert entitlements_for(team.organisation_id).seats == 3
    last = MrrMovement.objects.latest("pk")
    assert (last.kind, last.after) == ("contraction", 7_500)
    assert last.occurred_at == row.period_start


def test_a_discount_of_an_item_is_no_recurring_revenue(
    shop: StripeEmulator, team: Subscription
) -> None:
    v1 = shop.client().v1
    [item] = v1.subscriptions.retrieve(team.stripe_id)["items"].data
    fifth = v1.coupons.create({"percent_off": 20, "duration": "forever"})
    ten = v1.coupons.create(
        {"amount_off": 1_000, "currency": "usd", "duration": "forever"}
    )

    # Ten off after the fifth is 9,000; ten off before it would be 9,200.
    v1.subscriptions.update(
        team.stripe_id,
        {
            "items": [{"id": item.id, "discounts": [{"coupon": fifth.id}]}],
            "discounts": [{"coupon": ten.id}],
        },
    )
    row = again(team)

    assert (row.amount, row.discount, row.monthly_amount) == (12_500, 3_500, 9_000)
    last = MrrMovement.objects.latest("pk")
    assert (last.kind, last.before, last.after) == ("contraction", 12_500, 9_000)
    shop.advance(days=32)
    assert again(team).monthly_amount == 9_000
    newest = v1.invoices.list({"subscription": team.stripe_id, "limit": 1}).data[0]
    assert newest.total == 9_000
    # Taken off again, it is revenue again, and the steps still lead to what there is.
    v1.subscriptions.update(
        team.stripe_id, {"items": [{"id": item.id, "discounts": ""}]}
    )
    assert again(team).monthly_amount == 11_500
    steps = MrrMovement.objects.filter(organisation=team.organisation_id)
    assert sum(step.after - step.before for step in steps) == 11_500


def test_what_was_to_come_can_be_taken_back(
    shop: StripeEmulator, team: Subscription, ada: Client
) -> None:
    confirmed(ada, shown(ada, team, plan="pro", interval="month"))
    refused = ada.post(
        console(team, "change/"), {"plan": "team", "interval": "year", "seats": "9"}
    )
    assert "Take it back first" in refused.content.decode()

    ada.post(console(team, "change/drop/"))

    assert again(team).next_at is None
    shop.advance(days=32)
    assert (again(team).seats, entitlements_for(team.organisation_id).plan) == (
        5,
        "team",
    )


def test_a_lower_plan_keeps_the_allowance_until_it_begins(
    shop: StripeEmulator, team: Subscription, ada: Client
) -> None:
    before = entitlements_for(team.organisation_id)

    confirmed(ada, shown(ada, team, plan="pro"))

    again(team)
    assert entitlements_for(team.organisation_id) == before
    shop.advance(days=32)
    again(team)
    assert entitlements_for(team.organisation_id).plan == "pro"


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


def test_a_code_alone_lowers_what_comes(
    shop: StripeEmulator, team: Subscription, ada: Client
) -> None:
    v1 = shop.client().v1
    coupon = v1.coupons.create({"percent_off": 20, "duration": "forever"})
    v1.promotion_codes.create(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "FIFTH"}
    )

    change = shown(ada, team, code="FIFTH")
    confirmed(ada, change)

    assert (change.amount_due, again(team).period_amount) == (0, 10_000)
    assert len(v1.invoices.list().data) == 1


def test_what_cannot_be_is_said_and_the_choice_stays(
    shop: StripeEmulator, team: Subscription, ada: Client
) -> None:
    page = console(team, "change/")
    same = {"plan": "team", "interval": "month", "seats": "5"}

    nothing = ada.post(page, same)
    no_code = ada.post(page, same | {"seats": "9", "code": "NOBODY"})
    too_many = ada.post(page, same | {"seats": "201"})

    assert [each.status_code for each in (nothing, no_code, too_many)] == [400] * 3
    assert "This is what you have now" in nothing.content.decode()
    assert "This promotion code cannot be used here" in no_code.content.decode()
    assert 'value="9"' in no_code.content.decode()
    assert 'value="NOBODY"' in no_code.content.decode()
    assert not PlanChange.objects.exists()


def test_who_stays_on_a_plan_keeps_its_price(
    shop: StripeEmulator, team: Subscription, ada: Client
) -> None:
    publish_version(
        Plan.objects.get(key="team"),
        features=offer_for("team").features,
        prices={"month": 9_900, "year": 99_000},
        collection="charge_automatically",
        seat_min=2,
        seat_max=200,
    )
    list(sync_plans())

    kept, new = shown(ada, team, seats="6"), shown(ada, team, interval="year")

    assert kept.price == team.price
    assert new.price.unit_amount == 99_000


def test_only_who_looks_after_the_money_may_change_it(
    shop: StripeEmulator, team: Subscription, ada: Client, person: Any
) -> None:
    change = shown(ada, team, seats="8")
    member = person("member")
    Membership.objects.create(
        organisation=team.organisation, user=member, role="member"
    )
    client = Client()
    client.force_login(member)
    record_sign_in(client, member)
    stranger = Client()
    stranger.force_login(person("stranger"))

    for page in ("change/", f"change/{change.uuid}/", "cancel/"):
        assert client.get(console(team, page)).status_code == 403
        assert stranger.get(console(team, page)).status_code == 404
    for page in ("change/drop/", "keep/", f"change/{change.uuid}/"):
        assert client.post(console(team, page)).status_code == 403
    assert again(team).seats == 5


def test_a_plan_ends_with_its_period_and_can_be_kept(
    shop: StripeEmulator, team: Subscription, ada: Client
) -> None:
    keep_nobody_out()
    page = console(team, "cancel/")
    asked_why = ada.get(page).content.decode()
    assert "Why do you leave?" in asked_why
    assert ada.post(page, {"reason": ""}).status_code == 400
    said = {"reason": "too_expensive", "comment": "No budget."}
    offered = ada.post(page, said).content.decode()
    assert "Keep the plan with 2 seats" in offered
    # Red is the button that ends it, and no other.
    assert ("button--danger" in asked_why, "button--danger" in offered) == (False, True)
    assert again(team).cancel_at_period_end is False

    ada.post(page, said | {"sure": "1"})

    row = again(team)
    assert row.cancel_at_period_end is True
    asked = Cancellation.objects.get()
    assert (asked.reason, asked.offer) == ("too_expensive", "fewer_seats")
    details = shop.client().v1.subscriptions.retrieve(row.stripe_id)
    assert details.cancellation_details is not None
    assert details.cancellation_details.feedback == "too_expensive"
    assert "Keep the plan" in ada.get(console(team)).content.decode()
    ada.post(console(team, "keep/"))
    assert again(team).cancel_at_period_end is False
    asked.refresh_from_db()
    assert asked.reactivated_at is not None
    actions = Record.objects.filter(action__startswith="subscription.")
    assert list(actions.order_by("pk").values_list("action", flat=True)) == [
        "subscription.cancelled",
        "subscription.kept",
    ]


@pytest.mark.parametrize(
    ("given_until", "said"),
    [
        (None, "Community"),
        ("for ever", "Pro"),
        (timedelta(days=1), "Pro"),
        # Over when the period is: it is not what goes on.
        (timedelta(), "Community"),
        (timedelta(days=-1), "Community"),
    ],
)
def test_the_page_that_ends_a_plan_names_the_one_that_goes_on(
    team: Subscription, ada: Client, given_until: Any, said: str
) -> None:
    if given_until is not None:
        given = grant_of(team.organisation)
        if isinstance(given_until, timedelta):
            assert team.period_end is not None
            given.ends_at = team.period_end + given_until
            given.save()

    page = ada.get(console(team, "cancel/")).content.decode()

    assert f"goes on with the plan {said};" in page


def test_the_plan_that_goes_on_has_the_name_that_staff_gave_it(
    team: Subscription, ada: Client
) -> None:
    Plan.objects.filter(key="free").update(name="Garden")

    page = ada.get(console(team, "cancel/")).content.decode()

    assert "goes on with the plan Garden;" in page


def test_an_answer_that_was_overtaken_is_not_written_over_what_came_after(
    shop: StripeEmulator, team: Subscription, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = changes.set_ending

    def overtaken(*given: Any, **named: Any) -> Any:
        """While the answer is on its way the plan ends, and a webhook tells of it."""
        answered = real(*given, **named)
        shop.client().v1.subscriptions.cancel(team.stripe_id)
        mirror.sync_subscription(team.stripe_id)
        return answered

    monkeypatch.setattr(changes, "set_ending", overtaken)
    assert team.user is not None
    row = ending.end_plan(
        team.organisation, by=team.user, reason="unused", comment="", offer=""
    )

    assert row.status == "canceled"
    assert entitlements_for(team.organisation_id).plan == "free"


def test_the_end_drops_what_was_to_come(
    shop: StripeEmulator, team: Subscription, ada: Client
) -> None:
    confirmed(ada, shown(ada, team, seats="3"))

    ada.post(console(team, "cancel/"), {"reason": "unused", "sure": "1"})

    row = again(team)
    assert (row.cancel_at_period_end, row.next_at) == (True, None)


def test_who_left_lately_is_shown_the_way_back(
    shop: StripeEmulator, team: Subscription, ada: Client
) -> None:
    shop.client().v1.subscriptions.cancel(team.stripe_id)
    again(team)

    page = ada.get(console(team)).content.decode()

    assert "Come back to it" in page
    assert "interval=month&amp;seats=5" in page
    Subscription.objects.update(ended_at=timezone.now() - timedelta(days=91))
    assert "Come back to it" not in ada.get(console(team)).content.decode()


@pytest.mark.parametrize(
    ("plan", "seats", "reason", "members", "kind"),
    [
        ("team", 5, "too_expensive", 3, "fewer_seats"),
        ("team", 5, "unused", 5, "smaller_plan"),
        ("team", 2, "too_expensive", 1, "smaller_plan"),
        ("pro", 1, "too_expensive", 1, "yearly"),
        ("pro", 1, "missing_features", 1, "talk"),
        ("team", 5, "customer_service", 1, "talk"),
        ("team", 5, "switched_service", 1, None),
        ("team", 5, "other", 1, None),
    ],
)
def test_an_offer_fits_what_was_said(
    shop: StripeEmulator,
    plan: str,
    seats: int,
    reason: str,
    members: int,
    kind: str | None,
) -> None:
    row = Subscription(price=offer_for(plan).prices["month"], seats=seats)

    found = offers.fitting(
        offers.Situation(subscription=row, reason=reason, members=members)
    )

    assert (found.kind if found else None) == kind


def test_the_portal_neither_changes_nor_ends_a_plan(
    shop: StripeEmulator, team: Subscription
) -> None:
    found = shop.client().v1.billing_portal.configurations.list().data[0].features

    assert found.subscription_cancel.enabled is False
    assert found.subscription_update.enabled is False
    assert found.payment_method_update.enabled is True
