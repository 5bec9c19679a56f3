"""What our columns hold, worked out from what Stripe has."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from accounts.models import Membership
from accounts.queries import personal_organisation
from billing.stripe import convert, objects
from billing.subscriptions import mirror
from billing.subscriptions.models import Subscription
from billing.subscriptions.revenue import revenue
from tests.factories.billing import default_price, fetched_subscription, team_of

Person = Callable[..., Any]


def discount(**fields: Any) -> objects.Discount:
    values = {"percent": None, "amount": None, "is_once": False, "ends_at": None}
    return objects.Discount(**{**values, **fields})


@pytest.mark.parametrize(
    ("off", "taken"),
    [
        (discount(percent=Decimal("12.5")), 250),
        # A half is rounded up, as Stripe rounds it.
        (discount(percent=Decimal("0.025")), 1),
        (discount(amount=300), 300),
        (discount(amount=9_000), 2_000),
        (discount(), 0),
        (discount(percent=Decimal(50), is_once=True), 0),
        (discount(percent=Decimal(50), ends_at=timezone.now()), 0),
        (discount(percent=Decimal(50), ends_at=timezone.now() + timedelta(900)), 1_000),
    ],
    ids=["part", "half", "sum", "more", "nothing", "once", "over", "goes on"],
)
def test_only_what_goes_on_comes_off(
    person: Person, off: objects.Discount, taken: int
) -> None:
    copy = fetched_subscription(
        personal_organisation(person("ada")), default_price("pro"), discounts=(off,)
    )

    row = mirror.apply_subscription(copy, fetched_at=timezone.now())

    assert (row.amount, row.discount) == (2_000, taken)
    assert row.period_amount == row.monthly_amount == 2_000 - taken


def test_an_items_discounts_come_off_before_those_of_the_whole(person: Person) -> None:
    copy = fetched_subscription(
        personal_organisation(person("ada")),
        default_price("pro"),
        discounts=(discount(percent=Decimal(50)), discount(amount=1)),
    )
    spent = discount(percent=Decimal(90), is_once=True)
    first = replace(
        copy.items[0],
        discounts=(discount(percent=Decimal(10)), discount(amount=501), spent),
    )
    other = replace(copy.items[0], id="si_more", unit_amount=333, quantity=3)

    row = mirror.apply_subscription(
        replace(copy, items=(first, other)), fetched_at=timezone.now()
    )

    # 2,000 less a tenth less 501 is 1,299; half of each line, a half rounded up, is
    # 650 and 500 off; the last one is the amount.
    assert row.amount == 2_000 + 999
    assert row.period_amount == (1_299 - 650) + (999 - 500) - 1
    assert row.monthly_amount == row.period_amount


def test_an_items_discount_is_no_more_than_the_item_costs(person: Person) -> None:
    copy = fetched_subscription(
        personal_organisation(person("ada")), default_price("pro")
    )
    free = replace(copy.items[0], discounts=(discount(amount=9_000),))
    other = replace(copy.items[0], id="si_more", unit_amount=700)

    row = mirror.apply_subscription(
        replace(copy, items=(free, other)), fetched_at=timezone.now()
    )

    assert (row.amount, row.discount, row.period_amount) == (2_700, 2_000, 700)


def test_a_price_that_usage_decides_makes_the_sum_unknown(person: Person) -> None:
    copy = fetched_subscription(
        personal_organisation(person("ada")), default_price("pro")
    )
    metered = replace(copy.items[0], id="si_metered", unit_amount=None)

    row = mirror.apply_subscription(
        replace(copy, items=(*copy.items, metered)), fetched_at=timezone.now()
    )

    assert (row.amount, row.discount, row.period_amount) == (None, 0, None)
    assert row.monthly_amount == 0


def test_an_overdue_upgrade_keeps_what_was_paid_for(person: Person) -> None:
    ada = person("ada")
    org = team_of(ada)
    copy = fetched_subscription(org, default_price("pro"))
    mirror.apply_subscription(copy, fetched_at=timezone.now())
    team = default_price("team")
    item = replace(
        copy.items[0],
        price_id=team.stripe_price_id or "",
        quantity=5,
        unit_amount=2_500,
    )

    overdue = mirror.apply_subscription(
        replace(copy, status="past_due", items=(item,), paid_for=None),
        fetched_at=timezone.now(),
    )

    assert overdue.price == team
    assert overdue.entitled_price == default_price("pro")
    assert (overdue.entitled_seats, overdue.monthly_amount) == (1, 2_000)
    assert [(row.plan, row.mrr) for row in revenue().plans] == [("pro", 2_000)]


def test_an_overdue_purchase_that_never_was_paid_gives_nothing(person: Person) -> None:
    copy = fetched_subscription(
        personal_organisation(person("ada")),
        default_price("pro"),
        status="past_due",
        paid_for=None,
    )

    row = mirror.apply_subscription(copy, fetched_at=timezone.now())

    assert (row.entitled_price, row.entitled_seats, row.granted_plan) == (None, 0, "")
    assert revenue().plans == []


def test_what_has_ended_keeps_the_plan_it_was_for(person: Person) -> None:
    copy = fetched_subscription(
        personal_organisation(person("ada")), default_price("pro")
    )
    mirror.apply_subscription(copy, fetched_at=timezone.now())

    ended = mirror.apply_subscription(
        replace(copy, status="canceled", items=(), cancel_at_period_end=True),
        fetched_at=timezone.now(),
    )

    assert ended.price == default_price("pro")
    assert (ended.seats, ended.interval, ended.interval_count) == (1, "", 1)
    assert ended.ends_at is None


def test_of_several_prices_the_highest_plan_counts(person: Person) -> None:
    copy = fetched_subscription(team_of(person("ada")), default_price("pro"))
    team = default_price("team")
    more = replace(
        copy.items[0], id="si_team", price_id=team.stripe_price_id or "", quantity=3
    )

    row = mirror.apply_subscription(
        replace(copy, items=(more, *copy.items)), fetched_at=timezone.now()
    )

    assert (row.price, row.seats) == (team, 3)
    assert row.amount == 4 * 2_000


def test_subscriptions_are_seen_by_those_who_look_after_the_money(
    person: Person,
) -> None:
    ada, ben = person("ada"), person("ben")
    team = team_of(ada)
    Membership.objects.create(organisation=team, user=ben, role=Membership.Role.ADMIN)
    row = mirror.apply_subscription(
        fetched_subscription(team, default_price("pro")), fetched_at=timezone.now()
    )

    def seen_by(user: Any) -> list[Subscription]:
        return list(Subscription.objects.visible_to(user))

    assert seen_by(ada) == seen_by(person("staff", is_staff=True)) == [row]
    assert seen_by(ben) == seen_by(AnonymousUser()) == []


def test_what_stripe_leaves_out_is_read_as_nothing() -> None:
    assert convert.card(None) is None
    assert convert.paid_for([]) is None
    assert convert.paid_for([{"id": "il_1", "amount": 5}]) is None


def test_a_plan_was_paid_for_by_its_own_line_and_by_none_beside_it() -> None:
    def line(kind: str, price: str, amount: int, **details: Any) -> dict[str, Any]:
        return {
            "id": f"il_{price}",
            "amount": amount,
            "quantity": 4,
            "parent": {"type": kind, kind: details},
            "pricing": {"price_details": {"price": price}},
        }

    usage = line("invoice_item_details", "price_of_an_amount", 777)
    plan = line("subscription_item_details", "price_team", 10_000)
    more = line("subscription_item_details", "price_more", 500, proration=True)
    less = line("subscription_item_details", "price_less", -500, proration=True)

    assert convert.paid_for([usage, plan]) == ("price_team", 4)
    assert convert.paid_for([usage, less, more]) == ("price_more", 4)
    assert convert.paid_for([usage]) is None
