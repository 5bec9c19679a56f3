"""Reports that are kept, and every kind of question there is."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from analytics.models import SavedReport
from audit.models import Record
from tests.analytics.asking import DAYS, TWO_STEPS, counts, page_of, rows_of
from tests.analytics.logs import fed_rows, view

pytestmark = pytest.mark.django_db(transaction=True)
Person = Callable[..., Any]


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
