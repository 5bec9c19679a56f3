"""How usage is drawn and written: ``{% load usage %}``."""

from typing import Any

from django import template
from django.utils.translation import gettext as _

from inference.usage.periods import Chart

register = template.Library()

WIDTH, HEIGHT = 720, 180


@register.filter
def share(value: float | None) -> str:
    """Write a share; undefined is "no data", never zero."""
    return _("no data") if value is None else f"{value * 100:.1f} %"


@register.inclusion_tag("usage/_chart.html")
def usage_chart(chart: Chart) -> dict[str, Any]:
    """Draw the price per hour or day as stacked SVG bars, with a table beneath."""
    top = chart.top or 1
    step = WIDTH / max(len(chart.bars), 1)
    bars = []
    for index, bar in enumerate(chart.bars):
        pieces, floor = [], float(HEIGHT)
        for number, amount in enumerate(bar.amounts, start=1):
            height = amount / top * (HEIGHT - 4)
            floor -= height
            pieces.append({"colour": number, "y": floor, "height": height})
        bars.append({"bar": bar, "x": index * step + step * 0.1, "pieces": pieces})
    return {
        "bars": bars,
        "bar_width": step * 0.8,
        "chart": chart,
        "series": list(enumerate(chart.series, start=1)),
        "width": WIDTH,
        "height": HEIGHT,
    }
