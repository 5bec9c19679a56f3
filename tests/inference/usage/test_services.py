"""The road from usage to the ledger: each billionth arrives, and arrives once."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection
from django.db.models import Sum

from accounts.queries import personal_organisation
from billing.ledger.models import UsageCost
from contracts.inference import UsageAggregated
from inference.usage import recording, services
from inference.usage.models import UsageHour, UsageReport
from outbox.models import Event
from tests.factories.inference import key_of, used
from tests.races import together

AT = datetime(2026, 5, 4, 12, 20, tzinfo=UTC)


def reported() -> list[tuple[int, int]]:
    """Return the (revision, cost) of every fact, in their order."""
    facts = Event.objects.filter(name=UsageAggregated.__name__).order_by("pk")
    return [(fact.payload["revision"], fact.payload["cost_nano"]) for fact in facts]


@pytest.fixture
def ada(transactional_db: None, person: Callable[..., Any]) -> Any:
    return person("ada")


@pytest.fixture
def gap(
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[Callable[[], Any]], None]]:
    """Return a function that has something done between the sum and the marks."""
    acts: list[Callable[[], Any]] = []
    original = UsageReport.objects.update_or_create

    def update_or_create(**fields: Any) -> Any:
        while acts:
            # On a connection of its own, as the gateway has one.
            together(acts.pop())
        return original(**fields)

    monkeypatch.setattr(UsageReport.objects, "update_or_create", update_or_create)
    yield acts.append
    assert acts == []


def test_a_row_that_comes_between_the_sum_and_the_mark_is_reported_next(
    ada: Any, gap: Any, deliver_outbox: Callable[[], int]
) -> None:
    organisation = personal_organisation(ada)
    first, second = key_of(organisation, ada), key_of(organisation, ada)
    used(organisation, first, at=AT, cost_nano=40)
    gap(lambda: used(organisation, second, at=AT, cost_nano=41))

    counts = [services.report_hours() for _ in range(3)]

    assert counts == [1, 1, 0]
    assert reported() == [(1, 40), (2, 41)]
    deliver_outbox()
    assert UsageCost.objects.aggregate(sum=Sum("cost_nano"))["sum"] == 81
    assert not UsageHour.objects.filter(is_reported=False).exists()


def test_what_is_added_to_a_reported_row_is_a_revision_of_its_own(ada: Any) -> None:
    organisation = personal_organisation(ada)
    key = key_of(organisation, ada)
    used(organisation, key, at=AT, cost_nano=40)
    services.report_hours()
    used(organisation, key, at=AT, cost_nano=2)
    used(organisation, None, at=AT, cost_nano=1)

    services.report_hours()

    assert reported() == [(1, 40), (2, 3)]


def test_reports_beside_one_another_and_beside_calls_lose_nothing(
    ada: Any, deliver_outbox: Callable[[], int]
) -> None:
    organisation = personal_organisation(ada)
    keys = [key_of(organisation, ada) for _ in range(3)]
    has_ended = threading.Event()

    def call(number: int) -> None:
        for _ in range(12):
            used(organisation, keys[number], at=AT, cost_nano=7)

    def report() -> None:
        while not has_ended.is_set():
            services.report_hours()

    def calls() -> None:
        try:
            assert together(*(lambda n=n: call(n) for n in range(3))) == [None] * 3
        finally:
            has_ended.set()

    assert together(calls, report, report) == [None, None, None]
    services.report_hours()

    deliver_outbox()
    costs = UsageCost.objects.order_by("revision")
    assert sum(cost.cost_nano for cost in costs) == 36 * 7
    assert sum(cost.requests for cost in costs) == 36
    revisions = [cost.revision for cost in costs]
    assert revisions == list(range(1, len(revisions) + 1))
    connection.close()


def test_a_model_that_changes_its_edition_does_not_hold_up_a_batch(ada: Any) -> None:
    organisation = personal_organisation(ada)
    first = used(organisation, None, at=AT)
    copied = {
        name: getattr(first, name) for name in recording.Usage.__dataclass_fields__
    }
    both = [
        recording.Usage(
            **{**copied, "request_id": f"req_{edition}", "edition": edition}
        )
        for edition in ("open", "premium")
    ]

    assert len(recording.record(both)) == 2
    assert UsageHour.objects.get().requests == 3
