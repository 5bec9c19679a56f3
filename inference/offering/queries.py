"""What staff see of the models beside their own rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Sum
from django.utils import timezone

from inference.usage.models import UsageHour

# Long enough for a model that is called once a day to show something.
DAYS = 30


@dataclass(frozen=True, slots=True)
class Sales:
    """What a model did in the last days; money in billionths of a dollar."""

    requests: int = 0
    failures: int = 0
    price_nano: int = 0
    cost_nano: int = 0

    @property
    def margin_nano(self) -> int:
        return self.price_nano - self.cost_nano

    @property
    def failure_percent(self) -> float | None:
        """Return the share that failed; nothing where nobody called."""
        return 100 * self.failures / self.requests if self.requests else None


def sales_of(slugs: Iterable[str]) -> dict[str, Sales]:
    """Return what each of these models did. One query."""
    rows = (
        UsageHour.objects.filter(
            model__in=[*slugs], hour__gte=timezone.now() - timedelta(days=DAYS)
        )
        .values("model")
        .annotate(
            calls=Sum("requests"),
            failed=Sum("failures"),
            sold=Sum("price_nano"),
            spent=Sum("cost_nano"),
        )
    )
    return {
        row["model"]: Sales(
            requests=int(row["calls"]),
            failures=int(row["failed"]),
            price_nano=int(row["sold"]),
            cost_nano=int(row["spent"]),
        )
        for row in rows
    }
