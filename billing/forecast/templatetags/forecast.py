"""The chart of what came and what is expected."""

from collections.abc import Sequence
from typing import Any

from django import template
from django.conf import settings

from billing.forecast.models import Outlook
from billing.forecast.months import RevenueMonth, following

register = template.Library()
# Two years: what the forecast is tested on.
SHOWN = 24
# Its own units: the drawing is stretched over the page.
WIDTH, HEIGHT = 1000, 200


@register.inclusion_tag("forecast/_chart.html")
def forecast_chart(months: Sequence[RevenueMonth], outlook: Outlook) -> dict[str, Any]:
    """Draw the months that are over as a line, and those ahead with their bands.

    The page has every number of it in a table.
    """
    past, ahead = list(months)[-SHOWN:], list(outlook.months.all())
    top = max([*(each.end for each in past), *(row.high_95 for row in ahead), 1])
    last = len(past) - 1
    step = WIDTH / max(last + len(ahead), 1)

    def path(points: Sequence[tuple[int, int]]) -> str:
        return " ".join(
            f"{place * step:.2f},{HEIGHT - amount / top * HEIGHT:.2f}"
            for place, amount in points
        )

    def ahead_of(name: str) -> list[tuple[int, int]]:
        rows = enumerate(ahead, start=last + 1)
        return [(last, past[-1].end), *((n, getattr(row, name)) for n, row in rows)]

    return {
        "line": path([(place, each.end) for place, each in enumerate(past)]),
        "ahead": path(ahead_of("amount")),
        "bands": [
            path([*ahead_of(f"high_{share}"), *reversed(ahead_of(f"low_{share}"))])
            for share in (95, 80)
        ],
        "today": f"{last * step:.2f}",
        "width": WIDTH,
        "height": HEIGHT,
        "scale": [top, top // 2, 0],
        "marks": [past[0].first, following(past[-1].first, len(ahead))],
        "currency": settings.REPORTING_CURRENCY,
    }
