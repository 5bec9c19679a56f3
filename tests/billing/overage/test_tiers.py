"""Tiers count a period's usage whole: lines are theirs, and what moves is moved."""

import csv
import io
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Organisation, User
from billing.credits.models import Coverage
from billing.overage import sending
from billing.overage.closing import LAST_REPORTS, close_periods
from billing.overage.comparing import check_charges
from billing.overage.models import Statement, StatementLine
from billing.overage.services import set_cap
from billing.plans.models import Plan
from billing.plans.queries import offer_for
from billing.plans.services import publish_version
from billing.stripe.catalogue import sync_plans
from core.money import NANO
from entitlements.queries import credit_for
from entitlements.terms import add_months
from entitlements.usage_price import UsagePrice
from tests.billing.overage.test_closing import (
    AFTER,
    CENT,
    END,
    USES,
    differences,
    forget_everything,
)
from tests.factories.overage import (
    GRADUATED,
    PACKAGES,
    START,
    VOLUME,
    charged,
    use,
)
from tests.fakes.stripe_emulator import StripeEmulator

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(person: Callable[..., Any]) -> User:
    found: User = person("ada")
    return found


@pytest.fixture
def acme(ada: User) -> Organisation:
    return Organisation.objects.get(owner=ada)


def lines() -> list[tuple[int, int, int]]:
    """Return each line's tier, and usage and amount in cents."""
    rows = StatementLine.objects.order_by("pk")
    return [(row.tier, row.usage_nano // CENT, row.amount) for row in rows]


def test_each_tier_is_a_line_over_all_models(acme: Organisation) -> None:
    charged(acme, price=GRADUATED)
    use(acme, 100 + 60 * CENT, model="a")
    use(acme, 540 * CENT, model="b")

    close_periods(now=AFTER)

    assert lines() == [(1, 100, 120), (2, 400, 400), (3, 100, 50)]
    assert Statement.objects.get().amount == 570
    assert set(StatementLine.objects.values_list("model", flat=True)) == {""}
    names = [row.name for row in StatementLine.objects.order_by("pk")]
    assert names == ["up to $1.00", "from $1.00 to $5.00", "above $5.00"]
    assert differences() == []


def test_usage_that_comes_late_goes_on_where_the_tiers_were(acme: Organisation) -> None:
    charged(acme, price=GRADUATED)
    use(acme, 100 + 450 * CENT)
    close_periods(now=AFTER)
    use(acme, 100 * CENT)
    use(acme, 100 + CENT, at=END)

    close_periods(now=add_months(AFTER, 1))

    assert lines() == [
        *[(1, 100, 120), (2, 350, 350)],
        *[(2, 50, 50), (3, 50, 25)],
        (1, 1, 1),
    ]
    assert differences() == []


def test_by_volume_what_reaches_another_tier_moves_there_whole(
    acme: Organisation,
) -> None:
    charged(acme, price=VOLUME)
    use(acme, 100 + 400 * CENT)
    close_periods(now=AFTER)
    use(acme, 200 * CENT)
    use(acme, 100 + CENT, at=END)

    close_periods(now=add_months(AFTER, 1))

    assert lines()[:3] == [(2, 400, 400), (2, -400, -400), (3, 600, 300)]
    assert differences() == []


def test_a_package_that_was_begun_counts_once(acme: Organisation) -> None:
    charged(acme, price=PACKAGES)
    use(acme, 100 + 250 * CENT)
    close_periods(now=AFTER)
    use(acme, 100 * CENT)
    use(acme, 200 * CENT)
    use(acme, 100 + CENT, at=END)

    close_periods(now=add_months(AFTER, 1))

    # The late three dollars need one more; the new period begins its own.
    assert lines() == [(1, 250, 300), (1, 300, 150), (1, 1, 150)]
    first = StatementLine.objects.order_by("pk")[0]
    assert (first.name, first.percent) == ("2 packages", 0)
    assert differences() == []


@pytest.mark.parametrize(
    ("price", "most"),
    [(GRADUATED, 260), (VOLUME, 280), (PACKAGES, 200)],
    ids=["graduated", "volume", "package"],
)
def test_gateways_are_told_what_the_tiers_leave_of_the_cap(
    acme: Organisation, price: UsagePrice, most: int
) -> None:
    charged(acme, price=price, cap=280 * CENT, start=datetime.now(UTC))

    assert credit_for(acme.pk).chargeable_nano == most * CENT


def test_the_database_takes_one_price_of_a_period(acme: Organisation) -> None:
    charged(acme, price=GRADUATED)
    use(acme, 100 + CENT)
    close_periods(now=AFTER)

    with pytest.raises(IntegrityError), transaction.atomic():
        Coverage.objects.update(charge_percent=120)
    with pytest.raises(IntegrityError), transaction.atomic():
        Coverage.objects.update(charge_tiers=None)
    line = StatementLine.objects.get()
    line.pk, line.public_id, line.model = None, "ucl_other", "large"
    with pytest.raises(IntegrityError), transaction.atomic():
        line.save(force_insert=True)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    story=USES,
    closings=st.lists(st.integers(1, 12), max_size=3),
    price=st.sampled_from([GRADUATED, VOLUME, PACKAGES]),
    scale=st.sampled_from([1, 30, 200]),
)
def test_generated_months_of_tiers_close_without_a_difference(
    acme: Organisation,
    story: list[tuple[int, str, int]],
    closings: list[int],
    price: UsagePrice,
    scale: int,
) -> None:
    forget_everything()
    charged(acme, price=price)
    used: Counter[int] = Counter()
    for number, (month, model, amount) in enumerate(story, 1):
        taken = max(amount * scale, -used[month])
        if taken:
            use(acme, taken, at=add_months(START, month), model=model)
            used[month] += taken
        if number in closings:
            close_periods(now=add_months(AFTER, month))
    close_periods(now=add_months(AFTER, 3))
    running = Coverage.objects.filter(organisation=acme).order_by("starts_at").last()
    if running is not None:
        close_periods(now=max(running.ends_at, add_months(AFTER, 4)) + LAST_REPORTS)

    assert differences() == []
    stated = StatementLine.objects.all()
    for month, amount in used.items():
        beyond = max(amount - 100, 0)
        own = stated.filter(coverage__starts_at__month=add_months(START, month).month)
        assert sum(line.usage_nano for line in own) == beyond
        assert sum(line.charge_nano for line in own) == price.charge_of(beyond)


def test_the_page_the_file_the_api_and_the_invoice_say_the_same_of_tiers(
    client: Client, ada: User, acme: Organisation
) -> None:
    start = datetime.now(UTC)
    charged(acme, price=GRADUATED, start=start)
    use(acme, 100 + 333 * CENT + 7, at=start, model="a")
    use(acme, 267 * CENT + 1, at=start, model="b")
    client.force_login(ada)
    home = client.get(reverse("overage:overage-home", args=[acme.slug]))
    api = f"/api/v1/organisations/{acme.public_id}/charges/"
    state = client.get(api).json()

    whole = GRADUATED.charge_of(600 * CENT + 8)
    assert state["charge_nano"] == home.context["state"].charge_nano == whole
    assert sum(line["charge_nano"] for line in state["lines"]) == whole
    assert sum(part["charge_nano"] for part in state["parts"]) == whole
    assert state["price"]["mode"] == "graduated"
    assert state["price"]["tiers"][0] == {"up_to_nano": NANO, "percent": 120}
    said = home.content.decode()
    assert "from $1.00 to $5.00: at 100 %" in said
    assert "above $5.00" in said

    coverage = Coverage.objects.get(organisation=acme)
    (pk,) = close_periods(now=coverage.ends_at + LAST_REPORTS)
    statement = Statement.objects.get(pk=pk)
    detail = client.get(
        reverse("overage:statement-detail", args=[acme.slug, statement.public_id])
    )
    told = client.get(f"{api}statements/{statement.public_id}/").json()
    file = client.get(reverse("overage:lines-csv", args=[acme.slug]))
    rows = list(csv.DictReader(io.StringIO(b"".join(file).decode("utf-8-sig"))))
    by_api = [(each["tier"], each["name"], each["amount"]) for each in told["lines"]]
    assert [
        (int(row["tier"]), row["line"], int(row["amount_minor"])) for row in rows
    ] == by_api
    assert [
        (each.tier, each.name, each.amount) for each in detail.context["lines"]
    ] == by_api
    assert detail.context["charge_nano"] == whole
    assert statement.amount == whole // CENT
    for line in detail.context["lines"]:
        assert line.name in sending.description_of(line)


def test_an_invoice_has_the_lines_of_a_plan_s_tiers(
    shop: StripeEmulator, ada: User, acme: Organisation, buy: Callable[..., Any]
) -> None:
    publish_version(
        Plan.objects.get(key="pro"),
        features=offer_for("pro").features,
        prices={"month": 2_000},
        collection="charge_automatically",
        usage_price=GRADUATED,
    )
    list(sync_plans())
    buy(acme, ada)
    set_cap(acme, cap_nano=50 * NANO, by=ada)
    now = datetime.now(UTC)
    use(acme, 20 * NANO + 600 * CENT, at=now)
    coverage = Coverage.objects.containing(now).get(organisation=acme)
    close_periods(now=coverage.ends_at + LAST_REPORTS)

    assert sending.send_statements() == (1, 0)

    items = shop.client().v1.invoice_items.list({"limit": 100}).data
    assert sorted(item.amount for item in items) == [50, 120, 400]
    assert {"up to $1.00" in str(item.description) for item in items} == {True, False}
    checked = check_charges()
    assert (checked.lines, checked.found) == (3, [])


def test_who_changes_a_plan_reads_what_usage_beyond_it_would_cost(
    shop: StripeEmulator,
    client: Client,
    ada: User,
    acme: Organisation,
    buy: Callable[..., Any],
) -> None:
    publish_version(
        Plan.objects.get(key="pro"),
        features=offer_for("pro").features,
        prices={"month": 2_000, "year": 20_000},
        collection="charge_automatically",
        usage_price=GRADUATED,
    )
    list(sync_plans())
    buy(acme, ada)
    client.force_login(ada)
    told = "Usage beyond it, from $1.00 to $5.00: at 100 %"
    change = f"/console/{acme.slug}/billing/change/"
    assert told in client.get(change).content.decode()

    shown = client.post(
        change, {"plan": "pro", "interval": "year", "seats": "1"}, follow=True
    )

    said = shown.content.decode()
    assert told in said
    # Ten dollars: one at a fifth more, four at the price, the rest at half of it.
    assert "$7.70" in said


def test_tiers_are_read_as_they_are_written_and_wrong_lines_are_named() -> None:
    from billing.catalogue.tier_lines import read_tiers, written_tiers

    tiers = read_tiers("100: 120\n 500.50=100 \n\n*：80%\n")
    assert [(tier.up_to_nano, tier.percent) for tier in tiers] == [
        (100 * NANO, 120),
        (500 * NANO + 50 * CENT, 100),
        (None, 80),
    ]
    assert read_tiers(written_tiers(tiers)) == tiers
    for text, said in (
        ("", "at least two"),
        ("100: 120", "all the rest"),
        ("100: 120\n90: 3\n*: 1", "Line 2, “90: 3”: it has to end after"),
        ("*: 120\n*: 1", "Line 1, “*: 120”: only the last"),
        ("x: 120\n*: 1", "one in US dollars"),
        ("1.005: 120\n*: 1", "one in US dollars"),
        ("100: 0\n*: 1", "from 1 to 1000"),
        ("100 120 7\n*: 1", "give an amount"),
        ("nan: 120\n*: 1", "one in US dollars"),
        ("\n".join(f"{n}: 5" for n in range(1, 11)) + "\n*: 1", "at most 10"),
    ):
        with pytest.raises(ValidationError) as no:
            read_tiers(text)
        assert said in " ".join(no.value.messages)
