"""Staff read where the money came from, and open each number."""

import csv
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from audit.models import Record
from billing.attribution.maths.weighing import AttributionModel
from tests.billing.attribution.conftest import Team, see, used
from tests.factories import forum

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client: Client, person: Callable[..., Any], settings: Any) -> Client:
    settings.SECOND_FACTOR_REQUIRED = False
    client.force_login(person("boss", is_staff=True))
    return client


@pytest.fixture
def topic(person: Callable[..., Any], deliver_outbox: Callable[[], int]) -> Any:
    topic = forum.topic(person("asker"), title="Which key do I rotate?")
    deliver_outbox()
    return topic


@pytest.fixture
def paid(team: Team, topic: Any) -> Any:
    touch = {"source": "news", "campaign": "Autumn"}
    see("doc:1.0/start/keys", 9, user_id=team.founder.pk, touch=touch)
    see(f"topic:{topic.pk}", 3, user_id=team.founder.pk)
    used(team.organisation, cost_nano=1_000)
    return team.pay(1_000)


def page_of(desk: Client, **query: str) -> Any:
    return desk.get(reverse("attribution:home"), {"range": "90d", **query})


def amounts(page: Any) -> dict[str, int]:
    return {asset.kind: share.revenue for asset, share in page.context["lines"]}


@pytest.mark.usefixtures("paid")
def test_the_model_of_the_address_divides_the_money(desk: Client) -> None:
    assert amounts(page_of(desk, model="first")) == {"campaign": 1_000}
    assert amounts(page_of(desk, model="last")) == {"topic": 1_000}
    assert amounts(page_of(desk)) == {"campaign": 400, "topic": 400, "doc": 200}


@pytest.mark.usefixtures("paid")
def test_the_page_names_what_was_met_and_shows_how_it_counts(desk: Client) -> None:
    text = page_of(desk).content.decode()

    assert "Which key do I rotate?" in text
    assert "news · Autumn" in text
    assert "FROM ledger_invoice invoice" in text
    assert "wᵢ = 0.2 / (n − 2)" in text


@pytest.mark.usefixtures("paid")
def test_every_column_of_the_comparison_is_the_same_money(desk: Client) -> None:
    page = page_of(desk)

    columns = list(zip(*[row for _label, row in page.context["compared"]], strict=True))
    assert len(columns) == len(AttributionModel)
    assert {sum(column) for column in columns} == {1_000}


def test_an_asset_opens_to_the_parts_of_its_invoices(
    desk: Client, paid: Any, topic: Any
) -> None:
    query = {"kind": "topic", "key": str(topic.pk), "range": "90d"}

    page = desk.get(reverse("attribution:asset"), query)
    file = desk.get(reverse("attribution:asset"), {**query, "format": "csv"})

    assert [(line[0].pk, *line[1:]) for line in page.context["lines"]] == [
        (paid.pk, 1_000, 400)
    ]
    rows = list(csv.DictReader(StringIO(file.getvalue().decode("utf-8-sig"))))
    assert [row["part_minor_usd"] for row in rows] == ["400"]


def test_an_invoice_opens_to_its_way_in_every_model(desk: Client, paid: Any) -> None:
    page = desk.get(reverse("attribution:invoice", args=[paid.pk]))

    lines = page.context["lines"]
    assert [asset.kind for asset, *_rest in lines] == ["campaign", "doc", "topic"]
    columns = zip(*[parts for *_rest, parts in lines], strict=True)
    assert [sum(column) for column in columns] == [1_000] * len(AttributionModel)


def test_the_file_holds_all_lines_and_its_export_is_noted(
    desk: Client, paid: Any
) -> None:
    file = page_of(desk, format="csv")

    rows = list(csv.DictReader(StringIO(file.getvalue().decode("utf-8-sig"))))
    assert sum(int(row["revenue_minor_usd"]) for row in rows) == paid.revenue
    assert rows[-1]["kind"] == "unattributed"
    assert Record.objects.filter(action="attribution.exported").count() == 1


@pytest.mark.parametrize(
    ("query", "status", "word"),
    [
        ("from=0001-01-01", 200, "has to be a day"),
        ("window=²", 200, "has to be one of these: 7, 30, 90"),
        ("model=magic", 400, "has to be one of these: first"),
        ("unit=x", 400, "has to be one of these: person"),
    ],
)
def test_what_cannot_be_read_is_said(
    desk: Client, query: str, status: int, word: str
) -> None:
    page = desk.get(f"{reverse('attribution:home')}?{query}")

    assert page.status_code == status
    assert word in page.content.decode()


def test_an_asset_without_a_name_leads_to_all_of_them(desk: Client) -> None:
    page = desk.get(reverse("attribution:asset"))

    assert (page.status_code, page["Location"]) == (302, reverse("attribution:home"))


def test_nothing_paid_is_said_in_words(desk: Client) -> None:
    assert "Nobody who paid in this range" in page_of(desk).content.decode()


def test_a_page_costs_the_same_queries_for_many_payers(
    desk: Client,
    team_of: Callable[..., Team],
    topic: Any,
    django_assert_max_num_queries: Any,
) -> None:
    for number in range(4):
        each = team_of(f"p{number}")
        see(f"topic:{topic.pk}", 3, user_id=each.founder.pk)
        see(f"doc:1.0/page-{number}", 2, user_id=each.founder.pk)
        each.pay()

    with django_assert_max_num_queries(20):
        page_of(desk, unit="person")
