"""What a page of rows is about, read from its address."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from billing.conversion import rows
from billing.conversion.figures import MaturedRange
from billing.conversion.funnel import STEPS
from billing.conversion.ranges import DayRange, read_range, read_source
from billing.conversion.units import CountedUnit, Population, unit_of
from core.reading import Values

FUNNEL = dict(STEPS)
# Titles of the rows behind a number, by unit.
TITLES: dict[CountedUnit, dict[str, Promise]] = {
    CountedUnit.PERSON: {
        "activated_at": _("Activated developers"),
        "converters": _("Converted developers"),
        "matured": _("Developers whose conversion window is over"),
        "matured_converters": _("Developers who paid within the conversion window"),
    },
    CountedUnit.ORGANISATION: {
        "activated_at": _("Active organisations"),
        "converters": _("Paying organisations"),
        "matured": _("Organisations whose conversion window is over"),
        "matured_converters": _("Organisations that paid within the conversion window"),
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """Which units a page of rows shows, and what its head says of them."""

    days: DayRange
    step: str
    unit: CountedUnit
    source: str | None
    is_funnel: bool
    people: Population
    context: dict[str, Any]


def read_behind(request: HttpRequest) -> Behind:
    """Read range, unit, step and source of a page of rows."""
    days, window, problems = read_range(request.GET)
    asked = Values(request.GET)
    unit = unit_of(request)
    titles = TITLES[unit]
    step = asked.choice("step", {**titles, **FUNNEL}, default="activated_at")
    is_funnel = asked.choice("basis", ("funnel",)) == "funnel" and step in FUNNEL
    source = read_source(request.GET)
    as_of = timezone.now()
    people = rows.cohort(
        days,
        step,
        window=window,
        as_of=as_of,
        unit=unit,
        source=source,
        is_funnel=is_funnel,
    )
    return Behind(
        days=days,
        step=step,
        unit=unit,
        source=source,
        is_funnel=is_funnel,
        people=people,
        context={
            "days": days,
            "problems": problems,
            "step": step,
            "unit": unit,
            "title": titles.get(step) or FUNNEL[step],
            "is_funnel": is_funnel,
            "source": source,
            "window_days": window.days,
            "matured": _matured(days, window, step),
            "currency": settings.REPORTING_CURRENCY,
            "query": without(request, "cursor"),
            "home_url": home_url(request),
        },
    )


def _matured(days: DayRange, window: timedelta, step: str) -> MaturedRange | None:
    if not step.startswith("matured"):
        return None
    return MaturedRange.of(days.start, days.end, window=window, as_of=timezone.now())


def without(request: HttpRequest, *names: str) -> str:
    """Return the address's query without some of its values."""
    query = request.GET.copy()
    for name in names:
        query.pop(name, None)
    return query.urlencode()


def home_url(request: HttpRequest) -> str:
    """Return the home page with the range the rows are of."""
    query = without(request, "cursor", "step", "basis", "format")
    return f"{reverse('conversion:home')}?{query}"
