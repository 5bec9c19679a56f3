"""Staff build a funnel, open its numbers, keep it and take it along."""

import csv
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from activity.services import NewEvent, write_events
from analytics.models import SavedReport
from analytics.services import allow_people
from audit.models import Record
from tests.analytics.logs import NOON, fed_rows, note, view

pytestmark = pytest.mark.django_db(transaction=True)
DAYS = "first=2026-03-01&last=2026-03-31"
TWO_STEPS = f"{DAYS}&steps=2&s0=page_viewed&s1=email_verified"
Person = Callable[..., Any]


@pytest.fixture
def staff(person: Person, settings: Any) -> Any:
    settings.SECOND_FACTOR_REQUIRED = False
    return person("boss", is_staff=True)


@pytest.fixture
def desk(client: Client, staff: Any) -> Client:
    client.force_login(staff)
    return client


@pytest.fixture
def way(person: Person) -> dict[str, Any]:
    """Three people who looked; two of them verified, one within a minute."""
    people = {name: person(name) for name in ("ada", "bea", "cem")}
    for minutes, name, path in ((0, "ada", "/docs/"), (1, "bea", "/"), (2, "cem", "/")):
        view(path, minutes, user_id=people[name].pk)
    for minutes, name in ((1, "ada"), (61, "bea")):
        pk = people[name].pk
        note("email_verified", minutes, user_id=pk, properties={"user_id": pk})
    fed_rows()
    return people


def page_of(desk: Client, query: str, **extra: Any) -> Any:
    return desk.get(f"{reverse('analytics:funnel')}?{query}", **extra)


def counts(page: Any) -> list[int]:
    return [bar.step.count for bar in page.context["bars"]]


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

    assert "ada" not in before.content.decode()
    assert [unit.name for unit in after.context["units"]] == ["bea", "ada"]
    assert "ada" not in again.content.decode()
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
def test_a_report_keeps_its_address_and_can_be_changed(
    desk: Client, staff: Any
) -> None:
    saved = desk.post(
        reverse("analytics:report-save"), {"name": "Verified", "query": TWO_STEPS}
    )
    report = SavedReport.objects.get()
    page = desk.get(saved["Location"])
    desk.post(
        reverse("analytics:report-replace", args=[report.public_id]),
        {"query": f"{DAYS}&steps=2&s0=page_viewed&s1=searched"},
    )
    changed = desk.get(saved["Location"])

    assert saved["Location"] == reverse("analytics:report", args=[report.public_id])
    assert (report.name, report.created_by) == ("Verified", staff)
    assert counts(page) == [3, 2]
    assert counts(changed) == [3, 0]


def test_a_name_is_there_once_and_what_was_typed_stays(desk: Client) -> None:
    form = {"name": "Verified", "query": TWO_STEPS}
    desk.post(reverse("analytics:report-save"), form)

    again = desk.post(reverse("analytics:report-save"), {**form, "name": "VERIFIED"})
    nameless = desk.post(reverse("analytics:report-save"), {**form, "name": " "})

    assert (again.status_code, nameless.status_code) == (409, 422)
    assert "Another report has this name" in again.content.decode()
    assert 'value="VERIFIED"' in again.content.decode()
    assert again.context["form"]["s1"].value() == "email_verified"
    assert SavedReport.objects.count() == 1


def test_a_question_that_cannot_be_asked_is_not_kept(desk: Client) -> None:
    answer = desk.post(
        reverse("analytics:report-save"),
        {"name": "Broken", "query": "steps=2&s0=page_viewed&s1=gone"},
    )

    assert answer.status_code == 422
    assert not SavedReport.objects.exists()


def test_a_deleted_report_is_gone_and_on_record(desk: Client) -> None:
    desk.post(
        reverse("analytics:report-save"), {"name": "Verified", "query": TWO_STEPS}
    )
    report = SavedReport.objects.get()
    address = reverse("analytics:report", args=[report.public_id])

    desk.post(reverse("analytics:report-delete", args=[report.public_id]))

    assert desk.get(address).status_code == 404
    assert Record.objects.filter(
        action="report.deleted", target=report.public_id
    ).exists()


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


def rows_of(answer: Any) -> list[list[str]]:
    text = b"".join(answer.streaming_content).decode()
    return list(csv.reader(StringIO(text)))


@pytest.mark.usefixtures("way")
def test_a_trend_is_built_with_a_formula_and_an_average(desk: Client) -> None:
    query = (
        "first=2026-03-02&last=2026-03-03&steps=2&s0=email_verified&s1=page_viewed"
        "&formula=a/b&average=2"
    )

    page = desk.get(f"{reverse('analytics:trend')}?{query}")
    table = rows_of(desk.get(f"{reverse('analytics:trend')}?{query}&format=csv"))

    answer = page.context["answer"]
    assert [line.values for line in answer.lines] == [(2.0, 0.0), (3.0, 0.0)]
    assert answer.formula.values == (2 / 3, None)
    assert table[0] == [
        "from",
        "A · email_verified",
        "B · page_viewed",
        "a/b",
        "A · email_verified (x̄ 2)",
        "B · page_viewed (x̄ 2)",
        "a/b (x̄ 2)",
    ]
    assert table[1] == ["2026-03-02", "2.0", "3.0", str(2 / 3), "", "", ""]


def test_retention_follows_those_who_began(desk: Client, way: dict[str, Any]) -> None:
    view("/", 60 * 24 * 7, user_id=way["ada"].pk)
    fed_rows()

    page = desk.get(
        f"{reverse('analytics:retention')}?{DAYS}"
        "&s0=email_verified&s1=page_viewed&bucket=week&buckets=2"
    )

    (row,) = page.context["answer"].cohorts
    assert (row.size, row.back) == (2, (1, 0))
    assert page.context["answer"].pooled == (0.5, 0.0)


@pytest.mark.usefixtures("way")
def test_paths_say_what_came_next(desk: Client) -> None:
    page = desk.get(
        f"{reverse('analytics:paths')}?{DAYS}&s0=page_viewed&length=2&rest=120"
    )

    (depth,) = page.context["depths"]
    assert {(edge.source, edge.target): edge.count for edge in depth.edges} == {
        ("/docs/", "email_verified"): 1,
        ("/", "email_verified"): 1,
        ("/", ""): 1,
    }


def test_a_saved_segment_narrows_every_report(
    desk: Client, way: dict[str, Any]
) -> None:
    rules = "steps=1&s0=page_viewed&s0p0=path&s0v0=/docs/&s0least=1"
    counted = desk.get(f"{reverse('analytics:segment')}?{rules}")
    desk.post(
        reverse("analytics:report-save"),
        {"kind": "segment", "name": "Readers", "query": rules},
    )
    segment = SavedReport.objects.get(kind="segment")

    narrowed = page_of(desk, f"{TWO_STEPS}&segment={segment.public_id}")
    other_unit = page_of(
        desk, f"{TWO_STEPS}&segment={segment.public_id}&unit=organisation"
    )

    assert counted.context["answer"].count == 1
    assert counts(narrowed) == [1, 1]
    assert other_unit.status_code == 400
    assert list(other_unit.context["form"].errors) == ["segment"]


@pytest.mark.parametrize(
    ("kind", "query", "field"),
    [
        ("trend", "s0=page_viewed&s0measure=sum", "s0of"),
        ("trend", "steps=1&s0=page_viewed&formula=a/b", "formula"),
        ("trend", "s0=page_viewed&s1=searched&breakdown=path", "breakdown"),
        ("trend", "s0=", "s0"),
        ("retention", "s0=page_viewed", "s1"),
        ("retention", "s0=page_viewed&s1=searched&buckets=25", "buckets"),
        ("paths", "s0=page_viewed&length=7", "length"),
        ("paths", "s0=&rest=5", "s0"),
        ("segment", "s0=page_viewed&s0least=0", "s0least"),
        ("segment", "s0=page_viewed&s0days=9999", "s0days"),
        ("segment", "s0=page_viewed&s0did=0", "s0"),
    ],
)
def test_each_kind_of_question_names_the_field_that_is_wrong(
    desk: Client, kind: str, query: str, field: str
) -> None:
    page = desk.get(f"{reverse(f'analytics:{kind}')}?{query}")

    assert page.status_code == 400
    assert list(page.context["form"].errors) == [field]


def test_every_kind_has_a_first_answer_and_can_be_kept(desk: Client) -> None:
    for kind in SavedReport.Kind.values:
        page = desk.get(reverse(f"analytics:{kind}"))
        saved = desk.post(
            reverse("analytics:report-save"),
            {"kind": kind, "name": "First", "query": page.context["query"]},
        )

        assert page.status_code == 200
        assert desk.get(saved["Location"]).status_code == 200
    assert SavedReport.objects.count() == len(SavedReport.Kind)
