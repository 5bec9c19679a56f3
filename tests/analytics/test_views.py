"""Staff build a funnel, open its numbers and take it along."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from activity.services import NewEvent, write_events
from analytics.services import allow_people
from audit.models import Record
from tests.analytics.asking import DAYS, TWO_STEPS, counts, page_of, rows_of
from tests.analytics.logs import NOON, fed_rows, note, view
from tests.pages import said_by

pytestmark = pytest.mark.django_db(transaction=True)
Person = Callable[..., Any]


@pytest.mark.usefixtures("way")
def test_a_funnel_is_built_from_its_address(desk: Client) -> None:
    page = page_of(desk, TWO_STEPS)

    assert counts(page) == [3, 2]
    first, second = page.context["bars"]
    assert (first.share, second.share, second.lost) == (1, 2 / 3, 1)
    # One took a minute, the other an hour.
    assert second.step.median_seconds == (60 + 3600) / 2


@pytest.mark.usefixtures("way")
def test_a_condition_narrows_a_step(desk: Client) -> None:
    page = page_of(desk, f"{TWO_STEPS}&s0p0=path&s0o0=starts&s0v0=/docs/")

    assert counts(page) == [1, 1]
    assert "path starts with /docs/" in page.content.decode()


@pytest.mark.usefixtures("way")
def test_the_window_is_kept_to_the_second(desk: Client) -> None:
    one_minute = page_of(desk, f"{TWO_STEPS}&window=1&window_unit=minute")

    assert counts(one_minute) == [3, 1]
    assert counts(page_of(desk, f"{TWO_STEPS}&window=1&window_unit=hour")) == [3, 2]


@pytest.mark.usefixtures("way")
def test_a_breakdown_divides_every_step(desk: Client) -> None:
    page = page_of(desk, f"{TWO_STEPS}&breakdown=path")

    divided = {
        each.value: [step.count for step in each.steps]
        for each in page.context["answer"].divisions
    }
    assert divided == {"/": [2, 1], "/docs/": [1, 1]}


def test_who_does_something_in_between_is_left_out(
    desk: Client, way: dict[str, Any]
) -> None:
    note("searched", 30, user_id=way["bea"].pk, properties={"query": "x"})
    fed_rows()

    excluded = page_of(desk, f"{TWO_STEPS}&x0=searched")
    between = page_of(desk, f"{TWO_STEPS}&x0=searched&x0between=0")

    assert counts(excluded) == counts(between) == [3, 1]


@pytest.mark.usefixtures("way")
def test_a_number_opens_to_the_people_it_counts(desk: Client) -> None:
    people = reverse("analytics:people")

    came = desk.get(f"{people}?{TWO_STEPS}&step=2")
    stayed = desk.get(f"{people}?{TWO_STEPS}&step=1&exact=1")
    of_value = desk.get(f"{people}?{TWO_STEPS}&breakdown=path&step=1&value=/docs/")

    assert came.context["answer"].total == 2
    assert [unit.name for unit in stayed.context["units"]] == ["c•••"]
    assert [unit.name for unit in of_value.context["units"]] == ["a•••"]


@pytest.mark.usefixtures("way")
def test_names_are_masked_until_an_operator_allows_them(
    desk: Client, staff: Any
) -> None:
    address = f"{reverse('analytics:people')}?{TWO_STEPS}&step=2"
    before = desk.get(address)

    call_command("analytics", "allow", staff.email)
    after = desk.get(address)
    call_command("analytics", "disallow", staff.email)
    again = desk.get(address)

    assert "ada" not in said_by(before)
    assert [unit.name for unit in after.context["units"]] == ["bea", "ada"]
    assert "ada" not in said_by(again)
    assert Record.objects.filter(action__startswith="people.").count() == 2


def test_only_staff_can_be_allowed_to_see_names(person: Person) -> None:
    ada = person("ada")

    with pytest.raises(CommandError, match="Nobody on the staff"):
        call_command("analytics", "allow", ada.email)

    assert not ada.user_permissions.exists()


@pytest.mark.usefixtures("way")
def test_a_page_of_people_costs_a_fixed_number_of_queries(
    desk: Client, staff: Any, person: Person
) -> None:
    address = f"{reverse('analytics:people')}?{TWO_STEPS}&step=1"
    desk.get(address)
    with CaptureQueriesContext(
        connection,
    ) as few:
        desk.get(address)
    for number in range(8):
        view("/", 3, user_id=person(f"more{number}").pk)
    fed_rows()

    with CaptureQueriesContext(connection) as many:
        page = desk.get(f"{address}&hold=")

    assert len(page.context["units"]) in {3, 11}
    assert len(many) == len(few)


def test_pages_of_people_leave_nobody_out(desk: Client) -> None:
    write_events(
        NewEvent(name="page_viewed", occurred_at=NOON, user_id=1000 + number)
        for number in range(120)
    )
    fed_rows()
    address = f"{reverse('analytics:people')}?{TWO_STEPS}&step=1"
    seen: list[int] = []
    after: int | None = 0

    while after is not None:
        answer = desk.get(f"{address}&after={after}").context["answer"]
        seen += [unit.id for unit in answer.units]
        after = answer.next_after

    assert seen == sorted(range(1000, 1120), reverse=True)


@pytest.mark.usefixtures("way")
def test_the_table_and_the_people_come_as_csv(desk: Client, staff: Any) -> None:
    allow_people(staff, is_allowed=True)

    table = rows_of(page_of(desk, f"{TWO_STEPS}&breakdown=path&format=csv"))
    people = rows_of(
        desk.get(f"{reverse('analytics:people')}?{TWO_STEPS}&step=2&format=csv")
    )

    assert table[:3] == [
        ["value", "step", "event", "count", "median_seconds", "slow_seconds"],
        ["", "1", "page_viewed", "3", "", ""],
        ["", "2", "email_verified", "2", "1830.0", "3246.0"],
    ]
    assert [row[:1] + row[3:4] for row in table[3:]] == [
        ["/", "2"],
        ["/", "1"],
        ["/docs/", "1"],
        ["/docs/", "1"],
    ]
    assert [row[1] for row in people] == ["name", "bea", "ada"]
    assert {record.action for record in Record.objects.all()} >= {
        "people.exported",
        "funnel.exported",
    }


@pytest.mark.usefixtures("way")
def test_a_file_holds_everybody_however_many_are_asked_for_at_once(
    desk: Client, staff: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow_people(staff, is_allowed=True)
    monkeypatch.setattr("analytics.views.FILE_LINES", 1)

    people = rows_of(
        desk.get(f"{reverse('analytics:people')}?{TWO_STEPS}&step=1&format=csv")
    )

    assert [row[1] for row in people] == ["name", "cem", "bea", "ada"]


def test_a_value_that_names_a_line_is_no_formula_and_no_error_in_the_file(
    desk: Client, way: dict[str, Any]
) -> None:
    # Whoever opens such an address has named a line of the staff's report.
    for path in ("=1+1", "spent_minor"):
        view(path, 3, user_id=way["ada"].pk)
    fed_rows()
    query = f"{DAYS}&steps=1&s0=page_viewed&breakdown=path&format=csv"

    head = rows_of(desk.get(f"{reverse('analytics:trend')}?{query}"))[0]

    assert sorted(head) == ["'=1+1", "/", "/docs/", "from", "spent_minor"]


@pytest.mark.parametrize(
    ("event", "summed", "unit"),
    [
        ("usage_aggregated", "price_nano", "price_nano"),
        ("usage_aggregated", "tokens_in", "tokens_in"),
        ("invoice_paid", "amount", "amount_minor"),
        ("subscription_changed", "amount_after", "amount_after_minor"),
    ],
)
def test_a_sum_says_in_the_file_what_it_is_of_and_in_which_unit(
    desk: Client, event: str, summed: str, unit: str
) -> None:
    asked = f"{DAYS}&series=1&s0={event}&s0measure=sum&s0of={summed}&format=csv"

    table = rows_of(desk.get(f"{reverse('analytics:trend')}?{asked}"))

    assert table[0] == ["from", f"A · {event} · {unit}"]


def test_what_is_wrong_is_said_beside_its_field_and_stays(desk: Client) -> None:
    page = page_of(
        desk,
        f"{DAYS}&steps=2&s0=page_viewed&s1=page_viewed&order=unordered"
        "&s1p0=Bad Name&s1v0=typed&window=0",
    )

    form = page.context["form"]
    assert page.status_code == 400
    assert set(form.errors) == {"window", "s1v0"}
    assert 'value="typed"' in page.content.decode()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("steps=2&s0=page_viewed", "s0"),
        ("steps=2&s0=page_viewed&s1=page_viewed&order=unordered", "s0"),
        ("steps=2&s0=page_viewed&s1=gone", "s1"),
        (f"{TWO_STEPS}&order=strict&x0=searched", "x0"),
        (f"{TWO_STEPS}&hold=Über", "hold"),
        (f"{TWO_STEPS}&s0v0=alone", "s0p0"),
        (
            "steps=2&s0=page_viewed&s1=searched&first=2026-04-01&last=2026-03-01",
            "first",
        ),
        ("steps=2&s0=page_viewed&s1=searched&first=1999-01-01", "first"),
    ],
)
def test_each_refusal_names_its_field(desk: Client, query: str, field: str) -> None:
    page = page_of(desk, query)

    assert page.status_code == 400
    assert list(page.context["form"].errors) == [field]


def test_a_step_can_be_added_without_script_up_to_ten(desk: Client) -> None:
    three = page_of(desk, f"{TWO_STEPS}&add=1")
    ten = page_of(desk, f"{DAYS}&steps=10&s0=page_viewed&s1=searched&add=1")

    assert len(three.context["form"].step_rows) == 3
    assert 'name="steps" value="3"' in three.content.decode()
    assert len(ten.context["form"].step_rows) == 10
    assert 'name="add"' not in ten.content.decode()


def test_without_a_question_the_whole_way_is_shown(desk: Client) -> None:
    page = desk.get(reverse("analytics:funnel"))

    assert [bar.pattern.event for bar in page.context["bars"]] == [
        "user_signed_up",
        "email_verified",
        "first_call_succeeded",
        "invoice_paid",
    ]


@pytest.mark.usefixtures("way")
def test_the_same_question_is_answered_from_the_cache(
    desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    page_of(desk, TWO_STEPS)

    def refuse(*_: object) -> None:
        raise AssertionError("asked again")

    monkeypatch.setattr("analytics.engines.duckdb.DuckDB.answer", refuse)

    assert counts(page_of(desk, TWO_STEPS)) == [3, 2]


@pytest.mark.usefixtures("way")
def test_the_pages_speak_chinese(desk: Client) -> None:
    chinese: dict[str, Any] = {"headers": {"Accept-Language": "zh-Hans"}}

    for page in (
        page_of(desk, f"{TWO_STEPS}&breakdown=path", **chinese),
        desk.get(reverse("analytics:home"), **chinese),
        desk.get(f"{reverse('analytics:people')}?{TWO_STEPS}&step=1", **chinese),
        desk.get(reverse("analytics:events"), **chinese),
        desk.get(reverse("analytics:event", args=["page_viewed"]), **chinese),
    ):
        assert page.status_code == 200
        assert 'lang="zh-Hans"' in page.content.decode()
    assert "漏斗" in page_of(desk, TWO_STEPS, **chinese).content.decode()


def test_the_dictionary_says_what_there_is_and_what_waits(desk: Client) -> None:
    view("/", user_id=1)
    note("moon_landed", 1, user_id=1)
    note("invoice_paid", 2, user_id=1, properties={"amount": "much"})
    fed_rows()

    page = desk.get(reverse("analytics:events"))
    unknown = desk.get(reverse("analytics:event", args=["moon_landed"]))
    nowhere = desk.get(reverse("analytics:event", args=["never_seen"]))

    volumes = {each.kind.name: each.volume for each in page.context["events"]}
    assert volumes["page_viewed"].count == 1
    assert volumes["invoice_paid"] is None
    assert {(v.name, v.fault) for v in page.context["quarantined"]} == {
        ("moon_landed", "unknown"),
        ("invoice_paid", "malformed: amount"),
    }
    assert unknown.status_code == 200
    assert nowhere.status_code == 404


def test_examples_do_not_say_who_did_it(desk: Client) -> None:
    note("email_verified", 1, user_id=424242, properties={"user_id": 424242})
    fed_rows()

    page = desk.get(reverse("analytics:event", args=["email_verified"]))

    assert len(page.context["examples"]) == 1
    assert "424242" not in page.content.decode()


def test_a_read_side_that_vanishes_while_it_is_read_is_an_error_people_understand(
    desk: Client, settings: Any
) -> None:
    view("/", user_id=1)
    fed_rows()
    desk.raise_request_exception = False
    for path in Path(settings.ANALYTICS_DIR).glob("events-*.parquet"):
        path.unlink()

    page = page_of(desk, TWO_STEPS)

    assert page.status_code == 503
    assert "could not be answered just now" in page.content.decode()
