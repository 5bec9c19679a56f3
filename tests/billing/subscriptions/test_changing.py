"""The pages on which a plan is changed: what comes at once, and what waits."""

from typing import Any

from django.test import Client

from accounts.models import Membership
from audit.models import Record
from billing.plans.models import Plan
from billing.plans.queries import offer_for
from billing.plans.services import publish_version
from billing.stripe.catalogue import sync_plans
from billing.subscriptions.models import MrrMovement, PlanChange, Subscription
from entitlements.queries import entitlements_for
from tests.billing.subscriptions.plan_pages import again, confirmed, console, shown
from tests.fakes.stripe_emulator import StripeEmulator
from tests.signing_in import record_sign_in


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
