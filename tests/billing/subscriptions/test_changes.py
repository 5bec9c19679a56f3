"""A plan that becomes another is a fact, an audited line, news and a movement."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Membership
from audit.models import Record
from billing.stripe.objects import Discount
from billing.subscriptions import mirror, services
from billing.subscriptions.models import MrrMovement, Subscription
from billing.subscriptions.movements import revenue_steps
from billing.subscriptions.reconciliation.sums import movements
from billing.subscriptions.reconciliation.work import Work
from billing.subscriptions.revenue import revenue
from notifications.models import Notification
from outbox.models import Event
from tests.factories.billing import default_price, fetched_subscription, team_of

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
BEGAN = datetime.now(UTC)


@pytest.fixture
def change(person: Callable[..., Any]) -> Callable[..., Subscription]:
    """Return a function that has Stripe say something new of one subscription."""
    founder = person("founder")
    team = team_of(founder)
    known: dict[str, Any] = {"id": "sub_1", "started_at": BEGAN}

    def say(
        plan: str = "team",
        *,
        interval: str = "month",
        quantity: int = 5,
        on: int = 0,
        period: datetime = BEGAN,
        off: tuple[Discount, ...] = (),
        **fields: Any,
    ) -> Subscription:
        price = default_price(plan, interval)
        values = {**known, **fields, "quantity": quantity}
        fetched = fetched_subscription(team, price, **values)
        # Within one period of Stripe's, whatever the clock says here.
        items = tuple(
            replace(
                each,
                period_start=period,
                period_end=period + 30 * DAY,
                product_id=f"prod_{plan}",
                discounts=off,
            )
            for each in fetched.items
        )
        return mirror.apply_subscription(
            replace(fetched, items=items), fetched_at=BEGAN + on * DAY
        )

    return say


def told() -> list[dict[str, Any]]:
    rows = Event.objects.filter(name="SubscriptionChanged").order_by("pk")
    return list(rows.values_list("payload", flat=True))


def moved() -> list[tuple[str, int, int, int]]:
    return [
        (row.kind, row.before, row.after, (row.occurred_at - BEGAN).days)
        for row in MrrMovement.objects.order_by("pk")
    ]


def test_a_change_says_what_was_and_what_is(
    change: Callable[..., Subscription], deliver_outbox: Callable[[], int]
) -> None:
    row = change()
    accountant = row.organisation.memberships.get().user
    change("pro", interval="year", quantity=1, on=9, changed_at=BEGAN + 7 * DAY)

    assert told() == [
        {
            "organisation_id": row.organisation_id,
            "subscription_id": row.pk,
            "plan_before": "team",
            "plan_after": "pro",
            "seats_before": 5,
            "seats_after": 1,
            "interval_before": "month",
            "interval_after": "year",
            "amount_before": 12_500,
            "amount_after": 20_000,
            "currency": "usd",
            "user_id": None,
            "occurred_at": (BEGAN + 7 * DAY).isoformat(),
        }
    ]
    line = Record.objects.get(action="subscription.changed")
    assert (line.organisation_id, line.target) == (row.organisation_id, "sub_1")
    assert ((line.before or {})["plan"], (line.after or {})["plan"]) == ("team", "pro")
    deliver_outbox()
    news = Notification.objects.get(user=accountant, title__contains="has changed")
    assert "Team · 5 seats · Monthly · $125.00" in news.body
    assert "Pro · 1 seat · Yearly" in news.body


def test_only_billing_roles_hear_of_it(
    change: Callable[..., Subscription],
    person: Callable[..., Any],
    deliver_outbox: Callable[[], int],
) -> None:
    row = change()
    for role in ("member", "admin", "billing"):
        Membership.objects.create(
            organisation=row.organisation, user=person(role), role=role
        )
    change(quantity=6, on=1)

    deliver_outbox()

    heard = Notification.objects.filter(title__contains="has changed")
    roles = Membership.objects.filter(user__in=heard.values("user"))
    assert set(roles.values_list("role", flat=True)) >= {"owner", "billing"}
    assert not heard.filter(user__username="member").exists()


@pytest.mark.parametrize(
    "fields",
    [
        {"quantity": 6},
        {"interval": "year"},
        {"plan": "pro", "quantity": 1},
        {"discounts": ("half",)},
    ],
)
def test_each_kind_of_change_is_one_fact(
    change: Callable[..., Subscription], fields: dict[str, Any]
) -> None:
    half = Discount(percent=Decimal(50), amount=None, ends_at=None, is_once=False)
    given = {**fields, **({"discounts": (half,)} if "discounts" in fields else {})}
    change()

    for _ in range(3):
        change(on=1, **given)

    assert len(told()) == 1
    assert Record.objects.filter(action="subscription.changed").count() == 1
    assert len(moved()) == 2


def test_what_changes_no_term_is_no_change(change: Callable[..., Subscription]) -> None:
    change()
    change(on=1, cancel_at_period_end=True)

    assert told() == []
    assert moved() == [("new", 0, 12_500, 0)]


def test_an_upgrade_that_is_not_paid_is_no_change_until_it_is(
    change: Callable[..., Subscription],
) -> None:
    change("pro", quantity=1)
    paid = {"paid_for": ("price_pro_v1_month_usd", 1)}
    change("team", on=1, status="past_due", **paid)

    assert told() == []
    assert moved() == [("new", 0, 2_000, 0)]

    change("team", on=2)

    assert [fact["plan_after"] for fact in told()] == ["team"]
    assert moved()[1:] == [("expansion", 2_000, 12_500, 2)]


def test_the_whole_way_is_dated_by_what_happened(
    change: Callable[..., Subscription],
) -> None:
    trial = {"status": "trialing", "trial_end": BEGAN + 14 * DAY}
    change(**trial)
    change(on=20, trial_end=BEGAN + 14 * DAY)
    change(on=35, quantity=8, changed_at=BEGAN + 30 * DAY, trial_end=BEGAN + 14 * DAY)
    change(on=60, quantity=2, changed_at=BEGAN + 50 * DAY, trial_end=BEGAN + 14 * DAY)
    change(on=90, quantity=2, status="canceled", ended_at=BEGAN + 75 * DAY)
    change(on=95, quantity=3)

    assert moved() == [
        ("new", 0, 12_500, 14),
        ("expansion", 12_500, 20_000, 30),
        ("contraction", 20_000, 5_000, 50),
        ("churn", 5_000, 0, 75),
        ("reactivation", 0, 7_500, 95),
    ]
    for first in range(0, 100, 5):
        for last in range(first, 101, 5):
            found = revenue_steps(
                BEGAN + first * DAY, BEGAN + last * DAY, currency="usd"
            )
            parts = found.new + found.reactivation + found.expansion
            assert found.start + parts + found.contraction + found.churn == found.end
    assert found.end == revenue().mrr == 7_500


def test_discounts_of_an_item_are_dated_by_themselves(
    change: Callable[..., Subscription],
) -> None:
    half = Discount(percent=Decimal(50), amount=None, ends_at=None, is_once=False)
    for_others = replace(half, products=("prod_pro",))
    ending = replace(half, ends_at=BEGAN + 50 * DAY, products=("prod_team",))
    change("pro", quantity=1)
    # The last thing that was charged for stays the upgrade of the fifth day.
    upgraded: dict[str, Any] = {
        "changed_at": BEGAN + 5 * DAY,
        "latest_invoice_id": "in_1",
        "raw": {"latest_invoice": "in_1"},
    }
    change(on=6, **upgraded)

    change(on=10, off=(half,), **upgraded)
    change(on=15, **upgraded)
    change(on=17, off=(for_others,), **upgraded)
    change(on=20, off=(ending,), **upgraded)
    # No invoice after the thirtieth day but that of the sixtieth, and it is over then.
    change(on=31, off=(ending,), period=BEGAN + 30 * DAY, **upgraded)

    assert moved() == [
        ("new", 0, 2_000, 0),
        ("expansion", 2_000, 12_500, 5),
        ("contraction", 12_500, 6_250, 10),
        ("expansion", 6_250, 12_500, 15),
        ("contraction", 12_500, 6_250, 20),
        ("expansion", 6_250, 12_500, 30),
    ]


def test_the_end_of_grace_is_churn_on_the_day_it_ended(
    change: Callable[..., Subscription],
) -> None:
    change("pro", quantity=1)
    change("pro", quantity=1, on=3, status="past_due")
    over_at = timezone.now() - timedelta(minutes=1)
    Subscription.objects.update(grace_until=over_at)
    MrrMovement.objects.update(occurred_at=over_at - DAY)

    services.expire_grace()

    last = MrrMovement.objects.latest("pk")
    assert (last.kind, last.after, last.occurred_at) == ("churn", 0, over_at)
    assert revenue().mrr == 0


def test_a_chain_that_is_missing_is_written_with_the_day_it_began(
    change: Callable[..., Subscription],
) -> None:
    change()
    MrrMovement.objects.all().delete()

    found = list(movements(Work(fix=True)))

    assert [(each.ours, each.theirs) for each in found] == [("0", "12500")]
    assert moved() == [("new", 0, 12_500, 0)]
    assert list(movements(Work(fix=True))) == []
