"""What an attribution page is about, read from its address."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from django.conf import settings
from django.http import HttpRequest

from billing.attribution.explaining import EXPLANATIONS
from billing.attribution.maths.weighing import AttributionModel
from billing.attribution.report import Effects, MetOnWay, effects_of, ways_of
from billing.conversion.behind import without
from billing.conversion.currency import dollar_rate
from billing.conversion.ranges import (
    PRESETS,
    WINDOWS,
    DayRange,
    preset_of,
    read_range,
)
from billing.conversion.units import CountedUnit
from core.reading import Values


@dataclass(frozen=True, slots=True)
class ReportScope:
    """Range, window before the first payment, whose touches, and the model."""

    days: DayRange
    lookback: timedelta
    unit: CountedUnit
    model: AttributionModel
    problems: list[Any]

    @classmethod
    def read(cls, request: HttpRequest) -> Self:
        days, lookback, problems = read_range(request.GET, default="90d")
        asked = Values(request.GET)
        model = asked.choice(
            "model", AttributionModel.values, default=AttributionModel.POSITION
        )
        unit = asked.choice(
            "unit", CountedUnit.values, default=CountedUnit.ORGANISATION
        )
        return cls(
            days, lookback, CountedUnit(unit), AttributionModel(model), list(problems)
        )

    @property
    def effects(self) -> Effects:
        return effects_of(lookback=self.lookback, unit=self.unit)

    def ways(self, organisations: set[int]) -> dict[int, list[MetOnWay]]:
        return ways_of(organisations, lookback=self.lookback, unit=self.unit)

    def context(self, request: HttpRequest) -> dict[str, Any]:
        return {
            "asked": self,
            "days": self.days,
            "problems": self.problems,
            "presets": PRESETS,
            "preset": preset_of(request.GET, self.days),
            "lookbacks": WINDOWS,
            "units": CountedUnit,
            "models": AttributionModel,
            "explanation": EXPLANATIONS[self.model],
            "currency": settings.REPORTING_CURRENCY,
            "rate": dollar_rate(),
            "query": without(request, "format", "kind", "key"),
        }
