"""How figures are written: shares, changes, durations, bars."""

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from billing.conversion.definitions import DEFINITIONS, Definition
from billing.conversion.stats import Interval

register = template.Library()


@register.filter
def percent(share: float | None, places: int = 1) -> str:
    """Write a share; undefined is "no data", never zero."""
    return _("no data") if share is None else f"{share * 100:.{places}f} %"


@register.filter
def percent_range(interval: Interval | None) -> str:
    """Write an interval of a share."""
    if interval is None:
        return ""
    return f"{interval.low * 100:.1f}–{interval.high * 100:.1f} %"


@register.filter
def signed(change: float | None, unit: str = "%") -> str:
    """Write a change with its sign, or that there is too little to compare."""
    if change is None:
        return _("too few to compare")
    return f"{change:+.1f} {unit}"


@register.filter
def duration(value: timedelta | None) -> str:
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
def exact(value: Fraction | None, places: int = 2) -> str:
    """Write an exact number with at most ``places`` decimals."""
    if value is None:
        return _("no data")
    rounded = Decimal(value.numerator) / Decimal(value.denominator)
    return number_format(rounded, places, force_grouping=True)


@register.simple_tag
def definition(name: str) -> Definition:
    """Return what a number means."""
    return DEFINITIONS[name]


@register.inclusion_tag("conversion/_trend.html")
def trend_chart(days: list[Any]) -> dict[str, Any]:
    """Draw developers and payers per day as SVG bars, with a table beneath."""
    width, height = 720, 160
    top = max((max(day.activated, day.paid) for day in days), default=0) or 1
    step = width / max(len(days), 1)
    bars = [
        {
            "day": day,
            "x": round(index * step + step * 0.1, 2),
            "width": round(step * 0.8, 2),
            "activated": round(day.activated / top * (height - 4), 2),
            "activated_y": round(height - day.activated / top * (height - 4), 2),
            "paid": round(day.paid / top * (height - 4), 2),
            "paid_y": round(height - day.paid / top * (height - 4), 2),
        }
        for index, day in enumerate(days)
    ]
    return {"bars": bars, "width": width, "height": height, "top": top, "days": days}
