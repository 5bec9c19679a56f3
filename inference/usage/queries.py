"""Usage as pages and exports show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.db.models import Sum
from django.db.models.functions import Coalesce, TruncDate
from django.utils import timezone

from inference.usage.models import OrganisationMonth, UsageHour

GROUPS = {
    "model": ("model", "edition"),
    "key": ("key_id", "key__name", "key__prefix", "key__last4"),
    "project": ("key__project_id", "key__project__name"),
}
NAMES = {"model": "model", "key": "key__name", "project": "key__project__name"}


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums of a range; money in billionths of a dollar."""

    requests: int
    failures: int
    tokens_in: int
    tokens_out: int
    price_nano: int

    @property
    def failure_share(self) -> float | None:
        return self.failures / self.requests if self.requests else None


def totals(organisation_id: int, start: datetime, end: datetime) -> Totals:
    """Return what an organisation used in ``[start, end)``."""
    sums = _hours(organisation_id, start, end).aggregate(
        **{
            name: Coalesce(Sum(name), 0)
            for name in (
                "requests",
                "failures",
                "tokens_in",
                "tokens_out",
                "price_nano",
            )
        }
    )
    return Totals(**{name: int(value) for name, value in sums.items()})


def by_hour(
    organisation_id: int, start: datetime, end: datetime
) -> dict[datetime, dict[tuple[str, str], int]]:
    """Return the price per hour and (model, edition), in billionths of a dollar."""
    return _series(
        _hours(organisation_id, start, end).values_list("hour", "model", "edition"),
        "hour",
    )


def by_day(
    organisation_id: int, start: datetime, end: datetime
) -> dict[date, dict[tuple[str, str], int]]:
    """Return the price per day (UTC) and (model, edition), in billionths of a US$."""
    days = _hours(organisation_id, start, end).annotate(
        on=TruncDate("hour", tzinfo=UTC)
    )
    return _series(days.values_list("on", "model", "edition"), "on")


def grouped(
    organisation_id: int, start: datetime, end: datetime, *, group: str
) -> Sequence[dict[str, Any]]:
    """Return sums per model, key or project, the dearest first."""
    return list(
        _hours(organisation_id, start, end)
        .values(*GROUPS[group])
        .annotate(
            request_count=Sum("requests"),
            failure_count=Sum("failures"),
            in_count=Sum("tokens_in"),
            out_count=Sum("tokens_out"),
            price=Sum("price_nano"),
        )
        .order_by("-price", "-request_count")
    )


def spent_this_month(organisation_id: int) -> int:
    """Return what this calendar month's usage is worth, in billionths."""
    month = timezone.now().date().replace(day=1)
    row = OrganisationMonth.objects.filter(
        organisation_id=organisation_id, month=month
    ).first()
    return row.price_nano if row else 0


def _series(rows: Any, moment: str) -> dict[Any, dict[tuple[str, str], int]]:
    series: dict[Any, dict[tuple[str, str], int]] = {}
    summed = rows.annotate(price=Sum("price_nano")).order_by(moment, "model", "edition")
    for at, model, edition, price in summed:
        series.setdefault(at, {})[model, edition] = int(price)
    return series


def _hours(organisation_id: int, start: datetime, end: datetime) -> Any:
    return UsageHour.objects.filter(
        organisation_id=organisation_id, hour__gte=start, hour__lt=end
    )
