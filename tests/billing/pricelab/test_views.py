"""The price lab's pages: kept, compared, masked, and wrong numbers said."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.test import Client, override_settings

from accounts.models import User
from accounts.queries import personal_organisation
from audit.models import Record
from billing.plans.models import PlanVersion
from billing.pricelab.models import PlanCandidate, ReplayedBill
from billing.pricelab.outcomes import LabOutcome, LeavingShare, Unbroken, outcomes_of
from billing.subscriptions.mirror import apply_subscription
from core.clock import now
from core.money import NANO
from entitlements.usage_price import Mode, Tier, UsagePrice
from jobs.models import Job
from jobs.working import sweep
from tests.factories.billing import default_price, fetched_subscription
from tests.factories.overage import use
from tests.factories.pricelab import candidate_of

pytestmark = pytest.mark.django_db
LAB = "/staff/conversion/price-lab/"


@pytest.fixture
def boss(person: Callable[..., Any]) -> User:
    user: User = person("boss", is_staff=True)
    return user


@pytest.fixture
def staff(client: Client, boss: User) -> Iterator[Client]:
    client.force_login(boss)
    with time_machine.travel(datetime(2026, 4, 5, tzinfo=UTC), tick=False):
        yield client


@pytest.fixture
def payer(person: Callable[..., Any], staff: Client) -> Any:
    """A subscriber to pro who used twelve dollars in March."""
    organisation = personal_organisation(person("payer"))
    organisation.name = "Northwind"
    organisation.save(update_fields=["name"])
    fetched = fetched_subscription(organisation, default_price("pro"))
    apply_subscription(fetched, fetched_at=now())
    use(organisation, 12 * NANO, at=datetime(2026, 3, 9, tzinfo=UTC), model="large")
    return organisation


def bill(candidate: PlanCandidate, organisation: Any, **amounts: int) -> ReplayedBill:
    names = ("before", "after", "cost_before", "cost_after")
    values = {f"{name}_nano": amounts.get(name, 0) * NANO for name in names}
    return ReplayedBill.objects.create(
        replay_id=candidate.pk,
        organisation=organisation,
        refused_before_nano=0,
        refused_after_nano=0,
        **values,
    )


@pytest.mark.usefixtures("payer")
def test_a_candidate_begins_with_what_is_sold_and_is_replayed(staff: Client) -> None:
    version = PlanVersion.objects.get(plan__key="pro")
    page = staff.get(f"{LAB}new/", {"version": version.pk})
    sent = _filled(page)

    response = staff.post(
        f"{LAB}new/", {**sent, "name": "Thirty", "month": "30", "rate:large": "150"}
    )

    kept = PlanCandidate.objects.get()
    assert response["Location"] == f"{LAB}{kept.pk}/"
    waiting = staff.get(f"{LAB}{kept.pk}/").content.decode()
    assert "The last month is being replayed" in waiting
    assert "What it comes to" not in waiting
    assert staff.get(LAB).status_code == 200
    assert sweep("replay") == 1
    assert (kept.month_amount, kept.rates) == (3_000, {"large": 150})
    assert kept.allowance_nano == version.features["monthly_allowance_nano"]
    shown = staff.get(f"{LAB}{kept.pk}/").content.decode()
    assert "counts at 150 % of its list price" in shown
    assert "usage of 2026-03, replayed on" in shown
    assert "$30.00" in shown
    assert kept.owner is not None


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"name": ""}, "name", "required"),
        ({"month": "", "year": ""}, "month", "What is sold has a price"),
        ({"seat_min": "3", "seat_max": "2"}, "seat_max", "Not fewer than the fewest"),
        ({"overage_percent": "1001"}, "overage_percent", "1000"),
        ({"rate:large": "-1"}, "rate:large", "greater than or equal to 0"),
        ({"allowance": "x"}, "allowance", "Enter a number"),
        ({"version": "999"}, "version", "valid choice"),
    ],
)
@pytest.mark.usefixtures("payer")
def test_what_is_wrong_is_said_and_kept_as_it_was_typed(
    change: dict[str, str], field: str, words: str, staff: Client
) -> None:
    sent = {**_filled(staff.get(f"{LAB}new/")), "name": "My candidate", **change}

    response = staff.post(f"{LAB}new/", sent)

    assert response.status_code == 422
    assert words in str(response.context["form"].errors[field])
    if field != "name":
        assert "My candidate" in response.content.decode()
    assert not PlanCandidate.objects.exists()


@pytest.mark.usefixtures("payer")
def test_another_candidate_begins_where_one_was(staff: Client) -> None:
    first = candidate_of(rates={"large": 80}, month_amount=2_750)

    page = staff.get(f"{LAB}new/", {"like": first.pk})

    shown = _filled(page)
    assert (shown["month"], shown["rate:large"]) == ("27.50", "80")
    assert staff.get(f"{LAB}new/", {"like": 10**9}).status_code == 404
    assert staff.get(f"{LAB}new/", {"version": 10**9}).status_code == 404


@pytest.mark.usefixtures("payer")
def test_tiers_are_no_terms_of_a_candidate_and_the_page_says_so(staff: Client) -> None:
    plan = PlanVersion.objects.get(plan__key="pro").plan
    price = UsagePrice(mode=Mode.GRADUATED, tiers=(Tier(NANO, 100), Tier(None, 50)))
    draft = PlanVersion.objects.create(
        plan=plan,
        version=9,
        features={"monthly_allowance_nano": 0},
        collection="charge_automatically",
        overage_tiers=price.stored_tiers,
    )
    draft.prices.create(
        interval="month", kind="base", unit_amount=900, lookup_key="pro_v9_month"
    )

    tiered = staff.get(f"{LAB}new/", {"version": draft.pk}).content.decode()
    plain = staff.get(f"{LAB}new/").content.decode()

    assert "A candidate has one rate" in tiered
    assert "A candidate has one rate" not in plain


def test_without_a_plan_there_is_nothing_to_begin_with(staff: Client) -> None:
    assert "nothing to begin with" in staff.get(LAB).content.decode()
    assert "nothing to begin with" in staff.get(f"{LAB}new/").content.decode()


@pytest.fixture
def compared(staff: Client, person: Callable[..., Any]) -> PlanCandidate:
    """Bills of 20 become 30, of 100 become 105, of 50 become 40, of 10 stay."""
    candidate = candidate_of()
    amounts = {
        "Up": (20, 30),
        "Slightly": (100, 105),
        "Down": (50, 40),
        "Same": (10,) * 2,
    }
    for name, (before, after) in amounts.items():
        organisation = personal_organisation(person(name.lower()))
        organisation.name = name
        organisation.save(update_fields=["name"])
        bill(candidate, organisation, before=before, after=after, cost_after=6)
    return candidate


def test_who_pays_more_and_what_if_they_leave(
    staff: Client, compared: PlanCandidate
) -> None:
    page = staff.get(f"{LAB}{compared.pk}/", {"above": 10, "leave": 50})

    outcome = page.context["outcome"]
    assert (outcome.more, outcome.less, outcome.same) == (2, 1, 1)
    assert (outcome.revenue_before, outcome.revenue_after) == (180 * NANO, 185 * NANO)
    # Only one bill rises by more than a tenth: half of 30 goes, and half of its 6.
    assert (outcome.risen, outcome.expected_revenue) == (1, 170 * NANO)
    assert outcome.expected_cost == 21 * NANO
    assert outcome.expected_margin == 149 * NANO
    html = page.content.decode()
    assert "50 % of them are taken to leave" in html
    assert html.count("•••") == 2


def test_a_rise_by_just_so_much_is_no_rise_by_more(
    staff: Client, compared: PlanCandidate
) -> None:
    found = [
        outcomes_of([compared.pk], LeavingShare(above, 0))[compared.pk].risen
        for above in (4, 5, 49, 50)
    ]

    assert found == [2, 1, 1, 0]


@pytest.mark.parametrize(
    ("gain", "risen", "theirs", "expected"),
    [
        (0, 1, 10, Unbroken.NOT_BETTER),
        (-5, 1, 10, Unbroken.NOT_BETTER),
        (5, 0, 0, Unbroken.NOBODY),
        (10, 1, 10, Unbroken.ALWAYS),
        (5, 2, 20, Fraction(1, 4)),
    ],
)
def test_how_many_may_leave(
    gain: int, risen: int, theirs: int, expected: Fraction | Unbroken
) -> None:
    outcome = LabOutcome(
        organisations=9,
        more=3,
        less=0,
        revenue_before=100,
        revenue_after=100 + gain,
        cost_before=7,
        cost_after=7,
        refused_before=0,
        refused_after=0,
        risen=risen,
        risen_revenue=theirs + 3,
        risen_cost=3,
        leaving=LeavingShare(10, 0),
    )

    assert outcome.break_even == expected
    if isinstance(expected, Fraction):
        lost = theirs * expected
        assert outcome.margin_after - lost == outcome.margin_before


def test_names_are_masked_unless_one_may_see_them(
    staff: Client, boss: User, compared: PlanCandidate
) -> None:
    masked = staff.get(f"{LAB}{compared.pk}/").content.decode()
    masked_file = _lines(staff.get(f"{LAB}{compared.pk}/", {"format": "csv"}))
    boss.user_permissions.add(Permission.objects.get(codename="see_people"))
    named = staff.get(f"{LAB}{compared.pk}/").content.decode()
    named_file = _lines(staff.get(f"{LAB}{compared.pk}/", {"format": "csv"}))

    assert "Slightly" not in masked
    assert "S•••" in masked
    assert "Slightly" in named
    assert '"S•••"' in masked_file[2]
    assert [line.split(",")[0] for line in named_file[1:]] == [
        *('"Up"', '"Slightly"', '"Same"', '"Down"'),
    ]
    assert [int(line.split(",")[3]) // NANO for line in named_file[1:]] == [
        10,
        5,
        0,
        -10,
    ]
    exported = Record.objects.filter(action="candidate.exported").order_by("pk")
    assert [one.after for one in exported] == [{"named": False}, {"named": True}]


def test_each_side_has_its_own_the_largest_change_first(
    staff: Client, compared: PlanCandidate
) -> None:
    def changes(side: str) -> list[int]:
        page = staff.get(f"{LAB}{compared.pk}/", {"side": side})
        return [row.change_nano // NANO for _name, row in page.context["lines"]]

    assert [changes(side) for side in ("more", "less", "same")] == [[10, 5], [-10], [0]]
    assert staff.get(f"{LAB}{compared.pk}/", {"side": "cat"}).status_code == 400


def test_an_assumption_that_is_none_is_said_and_the_page_shows(
    staff: Client, compared: PlanCandidate
) -> None:
    for page in (LAB, f"{LAB}{compared.pk}/"):
        response = staff.get(page, {"above": "x", "leave": "101"})

        assert response.status_code == 200
        assert len(response.context["problems"]) == 2
        assert response.context["leaving"] == LeavingShare(10, 0)


def test_candidates_stand_side_by_side_under_one_assumption(
    staff: Client, compared: PlanCandidate, django_assert_max_num_queries: Any
) -> None:
    other = candidate_of(name="Cheaper")
    staff.get(LAB)

    # Nine of any page of staff; candidates, their sums, and the plans to begin with.
    with django_assert_max_num_queries(12):
        page = staff.get(LAB, {"leave": 100})

    found = {each.pk: outcome for each, outcome in page.context["rows"]}
    assert found[compared.pk].expected_revenue == 155 * NANO
    assert found[other.pk].organisations == 0
    html = page.content.decode()
    assert "Cheaper" in html
    assert f"{LAB}{other.pk}/?leave=100" in html


@pytest.mark.usefixtures("payer")
def test_a_candidate_is_replayed_again_and_deleted(staff: Client) -> None:
    candidate = candidate_of()

    asked = staff.post(f"{LAB}{candidate.pk}/replay/", follow=True)
    staff.post(f"{LAB}{candidate.pk}/replay/")
    done = sweep("replay")
    again = staff.get(f"{LAB}{candidate.pk}/")
    staff.post(f"{LAB}{candidate.pk}/replay/")
    dropped = staff.post(f"{LAB}{candidate.pk}/drop/")

    # What was replayed before is shown until then, and asking twice does it once.
    assert "The last month is being replayed" in asked.content.decode()
    assert asked.context["outcome"].organisations == 0
    assert done == 1
    assert "is being replayed" not in again.content.decode()
    assert again.context["outcome"].organisations == 1
    assert dropped["Location"] == LAB
    # What waited for the candidate went with it.
    assert not Job.objects.filter(kind="replay").exists()
    assert not ReplayedBill.objects.exists()
    assert staff.post(f"{LAB}{candidate.pk}/drop/").status_code == 404


@pytest.mark.usefixtures("payer")
def test_a_replay_that_settings_forbid_by_now_is_given_up_and_asked_for_again(
    staff: Client, settings: Any
) -> None:
    candidate = candidate_of()
    staff.post(f"{LAB}{candidate.pk}/replay/")
    with override_settings(REPORTING_CURRENCY="eur", REPORTING_USD_RATE=(1, None)):
        sweep("replay")

    job = Job.objects.get(kind="replay")
    shown = staff.get(f"{LAB}{candidate.pk}/").content.decode()
    staff.post(f"{LAB}{candidate.pk}/replay/")
    sweep("replay")

    assert (job.state, job.last_error) == (
        "dead",
        "Only prices in the reporting currency can be replayed.",
    )
    assert f"/staff/operations/jobs/{job.pk}/" in shown
    job.refresh_from_db()
    assert job.state == "done"
    assert (
        "could not be replayed"
        not in staff.get(f"{LAB}{candidate.pk}/").content.decode()
    )


@pytest.mark.usefixtures("payer")
def test_without_a_dollar_rate_nothing_is_kept_and_the_form_stays(
    staff: Client, settings: Any
) -> None:
    candidate = candidate_of()
    sent = {**_filled(staff.get(f"{LAB}new/")), "name": "Kept"}
    settings.REPORTING_USD_RATE = None
    settings.REPORTING_CURRENCY = "cny"

    again = staff.post(f"{LAB}{candidate.pk}/replay/", follow=True)

    assert "REPORTING_USD_RATE" in again.content.decode()
    assert "REPORTING_USD_RATE" in staff.get(LAB).content.decode()
    assert staff.post(f"{LAB}new/", sent).status_code == 422


def _filled(page: Any) -> dict[str, str]:
    """Return what the form of a page would send."""
    form = page.context["form"]
    return {
        field.html_name: str(field.value())
        for field in form
        if field.value() is not None
    }


def _lines(response: Any) -> list[str]:
    lines: list[str] = (
        b"".join(response.streaming_content).decode("utf-8-sig").splitlines()
    )
    return lines
