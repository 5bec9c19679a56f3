"""The conversion pages: every number can be followed to its rows."""

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.queries import personal_organisation
from activity.models import Visitor
from billing.conversion.models import Account, Developer, Scenario
from billing.ledger import services as ledger
from billing.ledger.models import UsageCost
from core.money import NANO
from tests.factories.billing import invoice_record

pytestmark = pytest.mark.django_db
Make = Callable[..., Developer]
HOME = "/staff/conversion/"
RANGE = "from=2026-09-01&to=2026-09-30"
WHOLE_WAY = {
    "first_visit_at": 1,
    "signed_up_at": 2,
    "verified_at": 2.5,
    "activated_at": 3,
    "first_call_at": 4,
    "checkout_at": 5,
    "paid_at": 6,
}


@pytest.fixture
def staff(person: Callable[..., Any]) -> Client:
    client = Client()
    client.force_login(person("staff", is_staff=True))
    return client


@pytest.fixture
def customer(developer: Make) -> Callable[..., Developer]:
    """Return a function that makes a developer who paid and cost that much."""

    def make(*, amount: int = 2_000, cost: int = 0, **fields: Any) -> Developer:
        found = developer(revenue=amount, cost_nano=cost, **{**WHOLE_WAY, **fields})
        organisation = personal_organisation(found.user)
        paid_at = found.paid_at
        assert paid_at is not None
        ledger.record_invoice(
            invoice_record(amount, issued_at=paid_at, paid_at=paid_at),
            organisation_id=organisation.pk,
            user_id=found.pk,
            fetched_at=paid_at,
        )
        UsageCost.objects.create(
            organisation=organisation,
            model="doorstone-docs",
            edition="open",
            window=paid_at,
            revision=1,
            requests=3,
            tokens_in=100,
            tokens_out=50,
            price_nano=cost * 2,
            cost_nano=cost,
        )
        Account.objects.update_or_create(
            organisation=organisation,
            defaults={"developer": found, "revenue": amount, "cost_nano": cost},
        )
        return found

    return make


def figure(html: str, name: str) -> str:
    """Return what a card of the home page shows."""
    card = html.split(f'data-figure="{name}"')[1].split("</article>")[0]
    value = card.split('figure-card__value">')[1].split("</p>")[0]
    return value.split(">")[1].split("<")[0].strip()


def rows_of(response: Any) -> list[dict[str, str]]:
    """Return the lines of a streamed CSV."""
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_only_staff_may_look(person: Callable[..., Any]) -> None:
    client = Client()
    client.force_login(person("ada"))

    pages = ["", "people/", "invoices/", "usage/", "visitors/", "model/"]

    assert {client.get(f"{HOME}{page}").status_code for page in pages} == {403}
    assert Client().get(HOME).status_code == 302


def test_the_four_numbers_and_their_product_are_shown(
    staff: Client, customer: Make, developer: Make
) -> None:
    customer(amount=4_000, cost=2 * NANO)
    for _ in range(3):
        developer(activated_at=3, cost_nano=1 * NANO)

    html = staff.get(f"{HOME}?{RANGE}").content.decode()

    assert figure(html, "developers") == "4"
    assert figure(html, "share") == "25.0 %"
    assert figure(html, "price") == "$40.00"
    assert figure(html, "cost") == "$5.00"
    assert figure(html, "profit") == "$35.00"
    assert figure(html, "matured") == "25.0 %"
    assert figure(html, "paid") == "1"
    assert figure(html, "revenue") == "$40.00"
    assert "cost: $38.00</p>" in html
    assert "95 %: 4.6–69.9 %" in html


def test_nothing_measured_is_no_data_and_not_zero(staff: Client) -> None:
    html = staff.get(f"{HOME}?{RANGE}").content.decode()

    assert figure(html, "share") == "no data: nobody is counted here"
    assert figure(html, "price") == "no data: nobody is counted here"
    assert figure(html, "cost") == "no data: nobody is counted here"
    assert figure(html, "matured") == "no data: nobody is counted here"
    assert figure(html, "developers") == "0"


def test_every_figure_says_what_it_means_and_how_many_it_is_of(staff: Client) -> None:
    html = staff.get(f"{HOME}?{RANGE}").content.decode()

    assert html.count('class="hint__text"') == html.count("data-figure=") == 8
    assert html.count("n = ") == 8
    assert "as of" in html
    assert "compared with 2026-08-02 to 2026-08-31" in html


def test_too_few_people_give_no_trend(staff: Client, developer: Make) -> None:
    developer(activated_at=3)
    developer(activated_at=-20)

    html = staff.get(f"{HOME}?{RANGE}").content.decode()

    assert html.count("too few to compare") == 8


def test_enough_people_are_compared_with_the_range_before(
    staff: Client, developer: Make
) -> None:
    for _ in range(6):
        developer(activated_at=3)
    for _ in range(5):
        developer(activated_at=-20)

    html = staff.get(f"{HOME}?{RANGE}").content.decode()

    card = html.split('data-figure="developers"')[1].split("</article>")[0]
    assert "+20.0 %" in card


def test_revenue_opens_to_invoices_that_add_up_to_it(
    staff: Client, customer: Make
) -> None:
    customer(amount=4_000)
    customer(amount=1_234)
    customer(amount=9_999, activated_at=-10, signed_up_at=-11, first_visit_at=-12)

    html = staff.get(f"{HOME}?{RANGE}").content.decode()
    page = staff.get(f"{HOME}invoices/?step=activated_at&{RANGE}").content.decode()
    lines = rows_of(staff.get(f"{HOME}invoices/?{RANGE}&format=csv"))

    assert figure(html, "revenue") == "$52.34"
    assert 'data-sum="revenue">$52.34<' in page
    assert sum(int(line["revenue_minor"]) for line in lines) == 5_234


def test_cost_opens_to_usage_that_adds_up_to_it(staff: Client, customer: Make) -> None:
    customer(cost=3 * NANO)
    customer(cost=4 * NANO)

    html = staff.get(f"{HOME}?{RANGE}").content.decode()
    page = staff.get(f"{HOME}usage/?step=activated_at&{RANGE}").content.decode()
    lines = rows_of(staff.get(f"{HOME}usage/?{RANGE}&format=csv"))

    assert figure(html, "cost") == "$3.50"
    assert 'data-sum="cost">$7.00<' in page
    assert sum(int(line["cost_nano_usd"]) for line in lines) == 7 * NANO


def test_each_step_of_the_funnel_opens_to_its_people(
    staff: Client, developer: Make
) -> None:
    developer(**WHOLE_WAY)
    developer(first_visit_at=1, signed_up_at=2)

    def names(step: str) -> list[str]:
        address = f"{HOME}people/?step={step}&basis=funnel&{RANGE}&format=csv"
        return sorted(line["username"] for line in rows_of(staff.get(address)))

    assert names("signed_up_at") == ["dev0", "dev1"]
    assert names("activated_at") == ["dev0"]
    assert names("paid_at") == ["dev0"]


def test_visits_open_to_people_and_to_browsers_nobody_signed_in_with(
    staff: Client, developer: Make
) -> None:
    seen = datetime(2026, 9, 10, tzinfo=UTC)
    developer(**WHOLE_WAY)
    Visitor.objects.create(
        id="v_anonymous", first_seen_at=seen, source="search", landing_path="/docs/"
    )

    home = staff.get(f"{HOME}?{RANGE}").content.decode()
    page = staff.get(f"{HOME}people/?step=first_visit_at&basis=funnel&{RANGE}")
    browsers = staff.get(f"{HOME}visitors/?{RANGE}").content.decode()
    lines = rows_of(staff.get(f"{HOME}visitors/?{RANGE}&format=csv"))

    first = home.split('data-step="first_visit_at"')[1].split("</tr>")[0]
    assert ">2</a>" in first
    assert "/staff/conversion/visitors/" in page.content.decode()
    assert "v_anonymous" in browsers
    assert [line["id"] for line in lines] == ["v_anonymous"]


def test_matured_developers_can_be_looked_at(staff: Client, developer: Make) -> None:
    developer(activated_at=3, paid_at=20)
    developer(activated_at=3, paid_at=45)
    recent = (timezone.now() - datetime(2026, 9, 1, tzinfo=UTC)) / timedelta(days=1)
    developer(signed_up_at=recent - 2, activated_at=recent - 1)

    def names(step: str) -> list[str]:
        today = timezone.now().date() + timedelta(days=1)
        address = f"{HOME}people/?step={step}&from=2026-09-01&to={today}&format=csv"
        return sorted(line["username"] for line in rows_of(staff.get(address)))

    assert names("matured") == ["dev0", "dev1"]
    assert names("matured_converters") == ["dev0"]
    assert names("converters") == ["dev0", "dev1"]


def test_a_long_range_is_drawn_week_by_week(staff: Client) -> None:
    short = staff.get(f"{HOME}?range=30d").content.decode()
    long = staff.get(f"{HOME}?range=365d").content.decode()

    assert short.count("trend__hit") == 30
    assert "people per day" in short
    assert long.count("trend__hit") == 53
    assert "people per week" in long


@pytest.mark.parametrize(
    "query", ["range=never", "from=yesterday&to=2026-09-30", "window=x&cursor=y"]
)
def test_a_question_that_makes_no_sense_is_answered_anyway(
    staff: Client, query: str
) -> None:
    assert staff.get(f"{HOME}?{query}").status_code == 200


def test_a_changed_cursor_is_refused(staff: Client) -> None:
    for page in ("people", "invoices", "usage", "visitors"):
        assert staff.get(f"{HOME}{page}/?cursor=x").status_code == 400


@pytest.mark.parametrize("people", [1, 30])
def test_the_home_page_costs_the_same_for_one_and_for_thirty(
    staff: Client,
    developer: Make,
    people: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for index in range(people):
        developer(source=f"source-{index}", **WHOLE_WAY)
    staff.get(f"{HOME}?{RANGE}")

    with django_assert_max_num_queries(24):
        assert staff.get(f"{HOME}?{RANGE}").status_code == 200


def test_the_profit_model_begins_with_the_example(staff: Client) -> None:
    html = staff.get(f"{HOME}model/").content.decode()

    assert 'data-profit="profit">3,000.00<' in html
    assert 'data-profit="without">30,000<' in html
    assert "leaves out α" in html


def test_the_profit_model_works_without_scripts(staff: Client) -> None:
    html = staff.get(
        f"{HOME}model/?developers=1000&share=10&price=100&cost=70&fixed_cost=1500"
    ).content.decode()

    assert 'data-break-even="share">5.00 %<' in html
    assert 'data-break-even="price">85.00<' in html
    assert 'data-break-even="cost">85.00<' in html
    assert 'data-break-even="developers">500<' in html


def test_the_profit_model_says_when_every_conversion_loses_money(
    staff: Client,
) -> None:
    html = staff.get(
        f"{HOME}model/?developers=10&share=10&price=70&cost=70&fixed_cost=5"
    ).content.decode()

    assert "every conversion loses money" in html
    assert "none: the price does not cover the cost" in html


def test_the_profit_model_starts_from_what_was_measured(
    staff: Client, developer: Make
) -> None:
    recent = (timezone.now() - datetime(2026, 9, 1, tzinfo=UTC)) / timedelta(days=1)
    developer(
        activated_at=recent - 2, paid_at=recent - 1, revenue=4_000, cost_nano=NANO
    )
    developer(activated_at=recent - 2, cost_nano=NANO)

    html = staff.get(f"{HOME}model/").content.decode()
    link = html.split("?developers=")[1].split('"')[0].replace("&amp;", "&")
    taken = staff.get(f"{HOME}model/?developers={link}").content.decode()

    assert link == "2&share=50.0000&price=40.0000&cost=1.0000"
    assert 'data-profit="profit">39.00<' in taken


def test_a_number_that_cannot_be_gives_no_result_and_says_which(staff: Client) -> None:
    html = staff.get(f"{HOME}model/?share=150").content.decode()

    assert "There is no result before these are put right" in html
    assert 'data-profit="profit"' not in html
    assert 'value="150"' in html


def test_a_scenario_is_kept_beside_the_others_and_opens_in_the_model(
    staff: Client,
) -> None:
    kept = {"developers": 1000, "share": "10", "price": "100", "cost": "70"}
    answer = staff.post(
        f"{HOME}scenarios/", {**kept, "fixed_cost": "1500", "name": "As it is"}
    )
    staff.post(f"{HOME}scenarios/", {**kept, "cost": "100", "name": "Dear models"})

    html = staff.get(f"{HOME}scenarios/").content.decode()

    assert answer.status_code == 302
    first = html.split("As it is")[1].split("</tr>")[0]
    for shown in ("1,500.00", "5.00 %", "85.00", "500"):
        assert shown in first
    assert "none: the price does not cover the cost" in html
    link = html.split("developers=1000")[2].split('"')[0].replace("&amp;", "&")
    assert (
        'data-profit="profit">3,000.00<'
        in staff.get(f"{HOME}model/?developers=1000{link}").content.decode()
    )


def test_what_was_measured_stands_first_beside_the_scenarios(
    staff: Client, developer: Make
) -> None:
    recent = (timezone.now() - datetime(2026, 9, 1, tzinfo=UTC)) / timedelta(days=1)
    developer(
        activated_at=recent - 2, paid_at=recent - 1, revenue=4_000, cost_nano=NANO
    )
    developer(activated_at=recent - 2, cost_nano=NANO)
    kept = {
        "developers": 7,
        "share": "10",
        "price": "100",
        "cost": "70",
        "name": "Kept",
    }
    staff.post(f"{HOME}scenarios/", kept)

    page = staff.get(f"{HOME}scenarios/")
    file = staff.get(f"{HOME}scenarios/", {"format": "csv"})

    measured, scenario = page.context["compared"]
    assert (measured.profit, measured.scenario.developers) == (39, 2)
    assert scenario.scenario.name == "Kept"
    # What is measured is not kept, so only one of them can be deleted.
    assert page.content.decode().count("/drop/") == 1
    lines = b"".join(file.streaming_content).decode("utf-8-sig").splitlines()  # type: ignore[attr-defined]
    assert lines[1].startswith('"As measured in the last 90 days",2,50.0000,40.0000,')
    assert lines[2].startswith('"Kept",7,')
    assert staff.get(f"{HOME}scenarios/", {"format": "cat"}).status_code == 400


def test_a_scenario_without_a_name_keeps_its_numbers(staff: Client) -> None:
    sent = {"developers": 7, "share": "10", "price": "100", "cost": "70", "name": ""}

    page = staff.post(f"{HOME}scenarios/", sent)

    assert page.status_code == 422
    assert 'name="developers" value="7"' in page.content.decode()


def test_a_scenario_can_be_deleted(staff: Client) -> None:
    sent = {"developers": 7, "share": "10", "price": "100", "cost": "70", "name": "x"}
    staff.post(f"{HOME}scenarios/", sent)
    pk = Scenario.objects.get().pk

    assert staff.post(f"{HOME}scenarios/{pk}/drop/").status_code == 302
    assert not Scenario.objects.exists()
    assert staff.post(f"{HOME}scenarios/{pk}/drop/").status_code == 404


@pytest.mark.parametrize("reader", ["America/Los_Angeles", "UTC", "Asia/Shanghai"])
def test_days_are_shown_by_the_rule_they_are_cut_by(
    reader: str, developer: Make, person: Callable[..., Any], settings: Any
) -> None:
    settings.REPORTING_TIME_ZONE = "Asia/Shanghai"
    client = Client()
    client.force_login(person("west", is_staff=True, time_zone=reader))
    # 16:48 in UTC: a new day in Shanghai, and nowhere west of it.
    developer(activated_at=0.7)
    asked = "?from=2026-09-02&to=2026-09-30&window=7&step=matured"

    page = client.get(f"{HOME}people/{asked}").text

    assert "active from 2026-09-02 to 2026-09-30" in page
    assert "days of Asia/Shanghai" in page
    assert ">2026-09-02<" in page
    assert ">2026-08-31<" not in page
