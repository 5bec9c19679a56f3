"""The ranges a usage page can show, and the bars in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

DEFAULT = "30d"
# A day, a week, a month, a quarter.
DAYS = {"1d": 1, "7d": 7, "30d": 30, "90d": 90}
# What is beyond the dearest is drawn together: colours are few.
MOST_MODELS = 6
OTHERS = ("…", "")
Series = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Period:
    """``[start, end)``, whole hours for one day and whole days (UTC) otherwise."""

    name: str
    start: datetime
    end: datetime

    @property
    def is_hourly(self) -> bool:
        return DAYS[self.name] == 1

    @classmethod
    def named(cls, name: str, *, now: datetime | None = None) -> "Period":
        """Return the period that ends now; an unknown name is the default."""
        name = name if name in DAYS else DEFAULT
        hour = (now or timezone.now()).astimezone(UTC)
        hour = hour.replace(minute=0, second=0, microsecond=0)
        end = hour + timedelta(hours=1)
        if DAYS[name] == 1:
            return cls(name, end - timedelta(hours=24), end)
        start = hour.replace(hour=0) - timedelta(days=DAYS[name] - 1)
        return cls(name, start, end)


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour or day: what each series adds to it."""

    label: str
    amounts: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.amounts)


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars from the first to the last moment, the empty ones included.

    A series is a model and its edition.
    """

    series: tuple[Series, ...] = ()
    bars: tuple[Bar, ...] = field(default=())

    @property
    def top(self) -> int:
        return max((bar.total for bar in self.bars), default=0)


def chart(period: Period, values: Mapping[Any, Mapping[Series, int]]) -> Chart:
    """Arrange amounts per moment and model as bars, the dearest model first."""
    sums: dict[Series, int] = {}
    for amounts in values.values():
        for model, amount in amounts.items():
            sums[model] = sums.get(model, 0) + amount
    ranked = sorted(sums, key=lambda model: (-sums[model], model))
    shown, rest = ranked[:MOST_MODELS], ranked[MOST_MODELS:]
    bars = []
    step = timedelta(hours=1) if period.is_hourly else timedelta(days=1)
    moment = period.start
    while moment < period.end:
        amounts = values.get(moment if period.is_hourly else moment.date(), {})
        bars.append(
            Bar(
                f"{moment:%H:%M}" if period.is_hourly else f"{moment:%Y-%m-%d}",
                _amounts(amounts, shown, rest),
            )
        )
        moment += step
    return Chart((*shown, *((OTHERS,) if rest else ())), tuple(bars))


def _amounts(
    amounts: Mapping[Series, int], shown: Sequence[Series], rest: Sequence[Series]
) -> tuple[int, ...]:
    own = tuple(amounts.get(model, 0) for model in shown)
    return (*own, sum(amounts.get(model, 0) for model in rest)) if rest else own
