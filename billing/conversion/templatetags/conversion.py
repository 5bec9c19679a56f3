"""How figures are written: shares, changes, durations, bars."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from billing.conversion.definitions import Definition, definition_of
from billing.conversion.figures import Cohort
from billing.conversion.presentation import why_missing
from billing.conversion.ranges import UNKNOWN
from billing.conversion.reasons import Missing
from billing.conversion.stats.shares import Interval
from billing.conversion.stats.survival import SurvivalCurve, SurvivalStep
from billing.conversion.trend import Day, bars_of
from core.money import format_minor

register = template.Library()


@register.filter
def minor(amount: Fraction | Missing, currency: str) -> str:
    """Write minor units that need not be whole, or why there are none."""
    if isinstance(amount, Missing):
        return str(amount.label)
    return format_minor(round(amount), currency)


@register.filter
def percent(share: float | Fraction | Missing | None, places: int = 1) -> str:
    """Write a share; undefined is the reason or "no data", never zero."""
    if isinstance(share, Missing):
        return str(share.label)
    return _("no data") if share is None else f"{float(share) * 100:.{places}f} %"


@register.filter
def days_long(value: float | Missing) -> str:
    """Write a number of days, or why there is none."""
    if isinstance(value, Missing):
        return str(value.label)
    count = round(value)
    return ngettext("%(count)d day", "%(count)d days", count) % {"count": count}


@register.filter
def percent_range(interval: Interval | None) -> str:
    """Write an interval of a share."""
    if interval is None:
        return ""
    return f"{interval.low * 100:.1f}–{interval.high * 100:.1f} %"


@register.filter
def complement_range(interval: Interval | None) -> str:
    """Write the interval of the rest: who has got there, of who has not."""
    if interval is None:
        return ""
    return percent_range(Interval(1 - interval.high, 1 - interval.low))


@register.filter
def source_name(source: str) -> str:
    """Write a source: a host and a campaign as they are, our own words translated."""
    ours = {"": _("unknown"), "direct": _("direct"), "search": _("search")}
    return ours.get(source, source)


@register.filter
def signed(change: float | Missing, unit: str = "%") -> str:
    """Write a change with its sign, or why there is none."""
    if isinstance(change, Missing):
        return str(change.label)
    return f"{change:+.1f} {unit}"


@register.filter
def why(cohort: Cohort, name: str) -> Missing | None:
    """Return the reason code of a number that a cohort does not have."""
    return why_missing(cohort, name)


@register.filter
def source_value(source: str) -> str:
    """Return a source as an address says it; none at all has a word of its own."""
    return source or UNKNOWN


@register.filter
def span(value: timedelta | None) -> str:
    """Write a duration in its largest useful unit."""
    if value is None:
        return ""
    seconds = value.total_seconds()
    if seconds < 90:
        return _("%(count)d s") % {"count": seconds}
    if seconds < 5400:
        return _("%(count)d min") % {"count": seconds / 60}
    if seconds < 129_600:
        return _("%(count).1f h") % {"count": seconds / 3600}
    return _("%(count).1f d") % {"count": seconds / 86_400}


@register.filter
def exact(value: Fraction | int | Missing, places: int = 2) -> str:
    """Write an exact number with at most ``places`` decimals."""
    if isinstance(value, Missing):
        return str(value.label)
    rounded = Decimal(value.numerator) / Decimal(value.denominator)
    return number_format(rounded, places, force_grouping=True)


@register.simple_tag
def definition(name: str, unit: str = "") -> Definition:
    """Return what a number means, for the unit it counts."""
    return definition_of(name, unit)


@register.inclusion_tag("conversion/_trend.html")
def trend_chart(days: list[Day]) -> dict[str, Any]:
    """Draw developers and payers over time as SVG bars, with a table beneath.

    The scale's words are HTML beside the drawing, which stretches; they would not
    stay readable inside it.
    """
    bars = bars_of(days)
    top = _round_top(max((max(bar.activated, bar.paid) for bar in bars), default=0))
    width, height = 1000, 200
    step = width / max(len(bars), 1)
    drawn = [
        {
            "bar": bar,
            "hit_x": f"{index * step:.2f}",
            "activated_x": f"{index * step + step * 0.14:.2f}",
            "activated_y": f"{height - bar.activated / top * height:.2f}",
            "activated_height": f"{bar.activated / top * height:.2f}",
            "paid_x": f"{index * step + step * 0.52:.2f}",
            "paid_y": f"{height - bar.paid / top * height:.2f}",
            "paid_height": f"{bar.paid / top * height:.2f}",
        }
        for index, bar in enumerate(bars)
    ]
    middle = [bars[len(bars) // 2]] if len(bars) > 2 else []
    return {
        "bars": drawn,
        "bar_width": f"{step * 0.34:.2f}",
        "hit_width": f"{step:.2f}",
        "width": width,
        "height": height,
        "scale": [top, top // 2, 0],
        "marks": [*bars[:1], *middle, *bars[1:][-1:]],
        "is_weekly": len(bars) < len(days),
    }


@register.inclusion_tag("conversion/_curve.html")
def conversion_curve(curve: SurvivalCurve) -> dict[str, Any]:
    """Draw which share had paid by each day as an SVG curve, with a table beneath.

    The band is the 95 % interval. Days beyond the longest observation are not drawn.
    """
    width, height = 1000, 200
    last = max(curve.last, 1.0)
    top = max((1 - _least(step) for step in curve.steps), default=1.0)
    line, upper, lower = [(0.0, 0.0)], [(0.0, 0.0)], [(0.0, 0.0)]
    for step in curve.steps:
        share, known = 1 - step.survival, step.interval
        bounds = (1 - known.high, 1 - known.low) if known else (share, share)
        for points, value in ((line, share), (lower, bounds[0]), (upper, bounds[1])):
            points.append((step.time, points[-1][1]))
            points.append((step.time, value))
    for points in (line, lower, upper):
        points.append((last, points[-1][1]))

    def path(points: list[tuple[float, float]]) -> str:
        return " ".join(
            f"{time / last * width:.2f},{height - share / top * height:.2f}"
            for time, share in points
        )

    return {
        "steps": [(step, 1 - step.survival, step.interval) for step in curve.steps],
        "line": path(line),
        "band": path([*upper, *reversed(lower)]),
        "width": width,
        "height": height,
        "scale": [top, top / 2, 0.0],
        "last": round(last),
        "count": curve.count,
    }


def _least(step: SurvivalStep) -> float:
    return step.interval.low if step.interval else step.survival


def _round_top(most: int) -> int:
    """Return an even number at or above ``most`` that is easy to read halves of."""
    size = 1
    while True:
        for factor in (2, 4, 6, 10):
            if most <= factor * size:
                return factor * size
        size *= 10
