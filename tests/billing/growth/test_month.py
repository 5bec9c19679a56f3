"""What the engine did in a month: its figures, their rows, its address, its file."""

import csv
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Organisation
from audit.models import Record
from billing.growth import learning, month
from billing.growth.behind import first_decisions
from billing.growth.measuring import (
    ENGINE,
    measure_each,
    measure_engine,
    measure_offer,
    of_offer,
)
from billing.growth.models import Cost, Decision, Offer, OfferStop
from billing.growth.moments import Moment
from billing.growth.month import Month
from core.money import NANO
from entitlements.models import Hint
from tests.billing.growth.conftest import make_offer, put_in_force
from tests.billing.growth.past import decided, pay, use
from tests.billing.growth.test_lift import running

pytestmark = pytest.mark.django_db
Crowd = Callable[[int], list[Organisation]]
MARCH = Month(2026, 3)
THEN = datetime(2026, 3, 10, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _zone(settings: Any) -> None:
    settings.SECOND_FACTOR_REQUIRED = False
    settings.REPORTING_TIME_ZONE = "Asia/Shanghai"


@pytest.fixture
def staff(person: Callable[..., Any]) -> Client:
    client = Client()
    client.force_login(person("staff", is_staff=True))
    return client


@pytest.fixture
def spring(crowd: Crowd, catalogue: None) -> Offer:
    """One offer in March, to 180 organisations; 120 are held out for ever."""
    offer = make_offer("trial", cost_nano=1, budget_nano=10**12)
    treated, held = crowd(180), crowd(120)
    # Two of five are held out here, so that few rows give an interval.
    chance = {"held_chance": 0.4}
    made = decided(treated, "offered", offer, at=THEN, made=offer, context=chance)
    decided(held, "holdout", offer, at=THEN, context=chance)
    Decision.objects.filter(pk__in=[each.pk for each in made[:90]]).update(
        seen_at=THEN, accepted_at=THEN
    )
    after = THEN + timedelta(days=1)
    pay(treated[:60], 2_000, at=after)
    pay(held[:4], 2_000, at=after)
    use(treated, 40_000_000, at=after)
    use(held, 10_000_000, at=after)
    Cost.objects.bulk_create(
        Cost(
            decision=decision,
            offer=offer,
            kind=Cost.Kind.TRIAL_USAGE,
            amount_nano=30_000_000,
            reference=f"trial_usage:{decision.pk}",
        )
        for decision in made[:90]
    )
    return offer


def shown(page: Any) -> str:
    return re.sub(r"\s+", " ", page.content.decode())


def test_a_month_is_cut_in_the_reporting_time_zone() -> None:
    assert MARCH.start == datetime(2026, 2, 28, 16, tzinfo=UTC)
    assert MARCH.end == Month(2026, 4).start
    assert Month.of(datetime(2026, 2, 28, 16, tzinfo=UTC)) == MARCH
    assert Month.of(datetime(2026, 2, 28, 15, 59, tzinfo=UTC)) == MARCH.previous
    assert (Month(2026, 12).following, Month(2026, 1).previous) == (
        Month(2027, 1),
        Month(2025, 12),
    )


@pytest.mark.parametrize(
    "text",
    [
        "2026-3",
        "2026-13",
        "2026-00",
        "1999-12",
        "2200-01",
        "20260-1",
        "x",
        "2026-03-01",
    ],
)
def test_what_names_no_month_is_none(text: str) -> None:
    assert Month.read(text) is None


def test_a_month_says_what_was_done_and_what_it_moved(
    staff: Client, spring: Offer
) -> None:
    page = staff.get(reverse("growth:month-of", args=[MARCH]))
    report = page.context["report"]

    counts = report.counts
    assert (counts.occurred, counts.offered, counts.held_out) == (300, 180, 120)
    assert (counts.seen, counts.accepted) == (90, 90)
    assert report.offers[0].counts == counts
    sums = report.lifts.bridge
    # 60 pay $20, four of 120 do without: 60 - 6; 90 trials of 3 cents; usage beside
    # the trials is 180 times 4 cents less those, against one cent each.
    assert (sums.revenue, sums.offers, sums.usage) == (108_000, 270, 270)
    assert sums.profit == 107_460
    text = shown(page)
    assert "What the engine did in March 2026" in text
    assert "$1,074.60" in text
    assert report.lifts.engine.share.is_significant


def test_every_count_opens_to_as_many_rows(staff: Client, spring: Offer) -> None:
    page = staff.get(reverse("growth:month-of", args=[MARCH]))
    counts = page.context["report"].counts
    text = shown(page)

    for name in ("occurred", "offered", "held_out", "nothing", "seen", "accepted"):
        rows = staff.get(
            reverse("growth:decision-list"),
            {"month": "2026-03", "count": name, "offer": "trial"},
        )
        assert rows.context["count"] == getattr(counts, name), name
    for address in re.findall(r'href="(/staff/offers/(?:dec|org)[^"]+)"', text):
        assert staff.get(address.replace("&amp;", "&")).status_code == 200, address
    assert "/staff/offers/organisations/?month=2026-03&amp;arm=treated" in text


def test_the_organisations_behind_a_lift_add_up_to_it(
    staff: Client, spring: Offer
) -> None:
    arms = measure_engine(MARCH.start, MARCH.end)

    for arm, payers in (("treated", 60), ("holdout", 4)):
        address = reverse("growth:unit-list")
        asked = {"month": "2026-03", "arm": arm}
        page = staff.get(address, asked)
        sums, measured = page.context["sums"], arms[arm]
        assert page.context["count"] == measured.units
        assert sums["revenue"] == measured.revenue
        assert sums["offer_cost"] == measured.offer_cost
        assert sums["other_usage"] == measured.other_usage
        assert sums["profit"] == pytest.approx(measured.profit.total * NANO)
        paying = staff.get(address, {**asked, "payers": "1"})
        assert paying.context["count"] == measured.payers == payers
        seen: set[int] = set()
        cursor = ""
        while True:
            page = staff.get(address, {**asked, "payers": "1", "cursor": cursor})
            rows = page.context["rows"]
            seen |= {first.organisation_id for first, _unit in rows}
            assert all(unit.is_payer for _first, unit in rows)
            cursor = page.context["page"].next_cursor
            if not cursor:
                break
        assert len(seen) == payers


def test_units_are_listed_as_they_are_measured(spring: Offer, crowd: Crowd) -> None:
    """Who met a second moment, or paid before, is where the sums have them."""
    again = list(Organisation.objects.order_by("pk")[:5])
    for each in again:
        decided(
            [each],
            "holdout",
            spring,
            at=THEN + timedelta(days=2),
            occasion="2",
        )
    before = crowd(3)
    pay(before, 500, at=THEN - timedelta(days=9))
    decided(before, "offered", spring, at=THEN, made=spring)
    pay(before, 500, at=THEN + timedelta(days=3))
    span = (MARCH.start, MARCH.end)

    for compared, arms in (
        (ENGINE, measure_engine(*span)),
        (of_offer(spring.pk), measure_offer(spring.pk, *span)),
    ):
        units = measure_each(compared, *span)
        for arm, measured in arms.items():
            mine = [unit for unit in units if unit.arm == arm]
            listed = first_decisions(compared, *span, arm=arm)
            payers = first_decisions(compared, *span, arm=arm, is_payer=True)
            assert len(mine) == listed.count() == measured.units
            assert payers.count() == measured.payers
            assert {unit.organisation_id for unit in mine} == set(
                listed.values_list("organisation", flat=True)
            )
            assert sum(unit.revenue for unit in mine) == measured.revenue
    treated = measure_engine(*span)["treated"]
    assert (treated.units, treated.new, treated.payers) == (183, 180, 60)


def test_the_page_of_a_month_costs_as_many_queries_for_more_rows(
    staff: Client, spring: Offer, crowd: Crowd
) -> None:
    address = reverse("growth:month-of", args=[MARCH])
    staff.get(address)
    with CaptureQueriesContext(connection) as few:
        staff.get(address)
    decided(crowd(40), "offered", spring, at=THEN, made=spring)
    with CaptureQueriesContext(connection) as more:
        staff.get(address)
    lists = [
        reverse("growth:unit-list") + "?month=2026-03",
        reverse("growth:decision-list") + "?month=2026-03",
    ]
    counted = []
    for each in lists:
        with CaptureQueriesContext(connection) as queries:
            staff.get(each)
        counted.append(len(queries))

    # One measurement for the engine, one for each offer, one for each month.
    assert len(few) == len(more) <= 22
    assert max(counted) <= 9


def test_what_was_stopped_is_told_with_what_was_read(
    staff: Client, crowd: Crowd, catalogue: None
) -> None:
    offer = make_offer(
        "dear", cost_nano=30 * NANO, budget_nano=10**15, holdout_percent=44
    )
    now = timezone.now()
    then = now - timedelta(days=2)
    treated, kept = crowd(200), crowd(200)
    made = decided(treated, "offered", offer, at=then, made=offer)
    decided(kept, "offer_holdout", offer, at=then)
    Cost.objects.bulk_create(
        Cost(
            decision=each,
            offer=offer,
            kind=Cost.Kind.CREDITS,
            amount_nano=(30 + number % 2) * NANO,
            reference=f"credits:{each.pk}",
        )
        for number, each in enumerate(made)
    )
    Hint.objects.create(
        organisation_id=treated[0].pk,
        text_en="x",
        text_zh="x",
        url="https://doorstone.test/",
        expires_at=now + timedelta(days=3),
        reference=str(made[0].uuid),
    )

    assert learning.guard_margins() == ["dear"]
    assert learning.guard_margins() == []

    stop = OfferStop.objects.get()
    assert (stop.treated, stop.kept, stop.currency) == (200, 200, "usd")
    assert stop.low_nano < stop.value_nano < stop.high_nano < 0
    assert stop.value_nano == pytest.approx(-30.5 * NANO)
    # A refusal of the gateway tells no more of what is not offered any more.
    assert not Hint.objects.exists()
    text = shown(staff.get(reverse("growth:month")))
    assert "stopped by its guardrail" in text
    assert "-$30.50" in text
    assert "All of the interval is a loss." in text


def test_what_might_earn_something_cannot_be_written_as_stopped(
    catalogue: None,
) -> None:
    offer = make_offer("talk")

    with pytest.raises(IntegrityError), transaction.atomic():
        OfferStop.objects.create(
            offer=offer,
            low_nano=-5,
            value_nano=-1,
            high_nano=0,
            currency="usd",
            treated=1,
            kept=1,
        )


def test_what_is_being_learnt_is_said(
    staff: Client, crowd: Crowd, catalogue: None
) -> None:
    a = make_offer("a")
    experiment = running(("control", None), ("a", a))
    control, treated = crowd(30), crowd(20)
    at = timezone.now() - timedelta(hours=1)
    decided(control, "control", None, at=at, variant="words:control")
    decided(treated, "offered", a, at=at, made=a, variant="words:a")
    put_in_force(
        Moment.COLLEAGUE,
        a,
        mode="bandit",
        shares={"a": 0.85},
        learnt_at=timezone.now(),
    )

    page = staff.get(reverse("growth:month"))

    text = shown(page)
    assert "50 of 200 organisations are in it." in text
    assert "85.0 %" in text
    experiment.state, experiment.outcome = "stopped", "It did not."
    experiment.stopped_at = timezone.now()
    experiment.save()
    page = staff.get(reverse("growth:month"))
    assert page.context["report"].running == []
    assert "It did not." in shown(page)


def test_months_have_their_addresses_and_those_to_come_have_none(
    staff: Client, spring: Offer
) -> None:
    now = Month.of(timezone.now())

    page = staff.get(reverse("growth:month-of", args=[MARCH]))
    assert page.context["previous"] is None
    assert page.context["following"] == MARCH.following
    assert staff.get(reverse("growth:month")).context["report"].month == now
    for address in (str(now.following), "2026-13", "x"):
        answer = staff.get(reverse("growth:month-of", args=[address]))
        assert answer.status_code == 404
    assert staff.get(reverse("growth:unit-list"), {"month": "x"}).status_code == 400
    assert (
        staff.get(reverse("growth:decision-list"), {"offer": "gone"}).status_code == 404
    )


def test_months_are_compared_side_by_side(
    staff: Client, spring: Offer, crowd: Crowd
) -> None:
    may = Month(2026, 5)
    decided(
        crowd(4), "offered", spring, at=may.start + timedelta(minutes=1), made=spring
    )

    lines = month.report(may, now=timezone.now()).months

    assert [str(line.month) for line in lines] == ["2026-05", "2026-04", "2026-03"]
    assert [line.counts.occurred for line in lines] == [4, 0, 300]
    assert lines[2].bridge.profit == 107_460


def test_a_month_is_a_file_with_every_figure_of_the_page(
    staff: Client, spring: Offer
) -> None:
    answer: Any = staff.get(reverse("growth:month-of", args=[MARCH]), {"format": "csv"})
    rows = list(csv.DictReader(answer.getvalue().decode("utf-8-sig").splitlines()))
    found = {(row["part"], row["name"], row["figure"]): row for row in rows}

    assert found["engine", "", "offered"]["value"] == "180"
    assert found["engine", "holdout", "payers"]["value"] == "4"
    assert found["engine", "", "profit"]["value"] == "107460"
    assert found["engine", "", "profit"]["unit"] == "1/100 usd"
    lift = found["offer", "trial", "lift_in_share"]
    assert float(lift["low"]) < float(lift["value"]) < float(lift["high"])
    assert found["moment", "third_answer", "occurred"]["value"] == "300"
    assert Record.objects.filter(
        action="engine_month.exported", target="2026-03"
    ).exists()


def test_the_rows_behind_are_files_too(staff: Client, spring: Offer) -> None:
    units: Any = staff.get(
        reverse("growth:unit-list"),
        {"month": "2026-03", "arm": "treated", "format": "csv"},
    )
    rows = list(csv.DictReader(units.getvalue().decode("utf-8-sig").splitlines()))
    assert len(rows) == 180
    assert sum(int(row["revenue_nano_usd"]) for row in rows) == 1_200 * NANO
    assert sum(int(row["trial_usage_nano_usd"]) for row in rows) == 27 * NANO // 10
    decisions: Any = staff.get(
        reverse("growth:decision-list"), {"month": "2026-03", "format": "csv"}
    )
    assert len(decisions.getvalue().decode("utf-8-sig").splitlines()) == 301


def test_a_month_with_a_split_that_is_off_hides_what_it_found(
    staff: Client, crowd: Crowd, catalogue: None
) -> None:
    offer = make_offer("talk")
    decided(crowd(900), "offered", offer, at=THEN, made=offer)
    decided(crowd(20), "holdout", offer, at=THEN)
    address = reverse("growth:month-of", args=[MARCH])

    text = shown(staff.get(address))
    file: Any = staff.get(address, {"format": "csv"})

    assert "hidden: the split is off" in text
    rows = csv.DictReader(file.getvalue().decode("utf-8-sig").splitlines())
    found = {(row["part"], row["figure"]): row for row in rows}
    assert found["engine", "lift_in_share"]["value"] == ""
    assert ("engine", "profit") not in found


def test_without_a_rate_no_cost_has_a_number(
    staff: Client, spring: Offer, settings: Any
) -> None:
    settings.REPORTING_CURRENCY = "eur"
    settings.REPORTING_USD_RATE = None

    page = staff.get(reverse("growth:month-of", args=[MARCH]))
    units = staff.get(reverse("growth:unit-list"), {"month": "2026-03"})

    assert "π of the offers" not in shown(page)
    assert "REPORTING_USD_RATE" in shown(page)
    assert "Other usage" not in shown(units)


def test_a_month_in_which_nothing_was_decided_says_so(
    staff: Client, catalogue: None
) -> None:
    text = shown(staff.get(reverse("growth:month")))

    assert "No moment occurred in this month." in text
    assert "Nothing was stopped in this month." in text
    assert "Nothing was decided yet." in text
