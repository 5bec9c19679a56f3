"""Telling the rest of the product what was used."""

from datetime import datetime

from django.db import transaction

from contracts.inference import FirstCallSucceeded, UsageAggregated
from inference.keys.services import record_use
from inference.usage.models import FirstCall, UsageHour, UsageReport
from outbox import publish

_SUMS = ("requests", "tokens_in", "tokens_out", "price_nano", "cost_nano")


def publish_first_calls() -> int:
    """Publish ``FirstCallSucceeded`` for each person's first call; return how many."""
    announced = 0
    for pk in list(
        FirstCall.objects.filter(is_announced=False).values_list("pk", flat=True)
    ):
        announced += _publish_first_call(pk)
    return announced


def report_hours() -> int:
    """Publish what was added to each hour since it was last reported."""
    waiting = UsageHour.objects.filter(is_reported=False)
    windows = waiting.values_list(
        "organisation_id", "model", "edition", "hour"
    ).distinct()
    return sum(_report_hour(*window) for window in list(windows))


@transaction.atomic
def _publish_first_call(pk: int) -> int:
    claimed = FirstCall.objects.filter(pk=pk, is_announced=False).update(
        is_announced=True
    )
    if not claimed:
        return 0
    call = FirstCall.objects.get(pk=pk)
    publish(
        FirstCallSucceeded(
            organisation_id=call.organisation_id,
            user_id=call.user_id,
            model=call.model,
            occurred_at=call.at.isoformat(),
        )
    )
    return 1


@transaction.atomic
def _report_hour(organisation_id: int, model: str, edition: str, hour: datetime) -> int:
    """Publish what was added to one hour; the rows that were read are locked.

    A key's first call may add a row at any moment: it is neither summed nor marked
    here, and the next report brings it.
    """
    # In the gateway's own order, so that neither waits for the other in a circle.
    rows = list(
        UsageHour.objects.select_for_update()
        .filter(organisation_id=organisation_id, model=model, hour=hour)
        .order_by("key_id")
    )
    unreported = [row for row in rows if not row.is_reported]
    if not unreported:
        return 0
    record_use([row.key_id for row in unreported if row.key_id], on=hour.date())
    totals = {name: sum(getattr(row, name) for row in rows) for name in _SUMS}
    report = UsageReport.objects.filter(
        organisation_id=organisation_id, model=model, hour=hour
    ).first()
    added = {
        name: totals[name] - (getattr(report, name) if report else 0) for name in _SUMS
    }
    revision = report.revision + 1 if report else 1
    UsageReport.objects.update_or_create(
        organisation_id=organisation_id,
        model=model,
        hour=hour,
        defaults={"revision": revision, **totals},
    )
    UsageHour.objects.filter(pk__in=[row.pk for row in rows]).update(is_reported=True)
    publish(
        UsageAggregated(
            organisation_id=organisation_id,
            model=model,
            edition=edition,
            window=hour.isoformat(),
            revision=revision,
            **added,
        )
    )
    return 1
