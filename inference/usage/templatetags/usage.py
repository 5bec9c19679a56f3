"""How usage is drawn and written: ``{% load usage %}``."""

from typing import Any

from django import template
from django.utils.translation import gettext as _

from inference.usage.periods import Chart

register = template.Library()

# Units of the drawing, four to one; the page scales it.
WIDTH, HEIGHT = 720, 180


# Greens and blues are open, violets and reds premium, as everywhere on the site.
_COLOURS = {"open": ("2", "1", "6"), "premium": ("4", "5", "3")}
_OTHER_COLOUR = "7"


@register.filter
def share(value: float | None) -> str:
    """Write a share; undefined is "no data", never zero."""
    return _("no data") if value is None else f"{value * 100:.1f} %"


@register.inclusion_tag("usage/_chart.html")
def usage_chart(chart: Chart) -> dict[str, Any]:
    """Draw the price per hour or day as stacked SVG bars, with a table beneath."""
    top = chart.top or 1
    colours = _colours(chart)
    step = WIDTH / max(len(chart.bars), 1)
    bars = []
    for index, bar in enumerate(chart.bars):
        pieces, floor = [], float(HEIGHT)
        for colour, amount in zip(colours, bar.amounts, strict=True):
            height = amount / top * (HEIGHT - 4)
            floor -= height
            pieces.append({"colour": colour, "y": floor, "height": height})
        bars.append({"bar": bar, "x": index * step + step * 0.1, "pieces": pieces})
    return {
        "bars": bars,
        "bar_width": step * 0.8,
        "chart": chart,
        "series": [
            (colour, model)
            for colour, (model, _edition) in zip(colours, chart.series, strict=True)
        ],
        "width": WIDTH,
        "height": HEIGHT,
    }


def _colours(chart: Chart) -> list[str]:
    """Give each series a colour of its edition; the fourth of an edition is grey."""
    left = {edition: list(colours) for edition, colours in _COLOURS.items()}
    return [
        left[edition].pop(0) if left.get(edition) else _OTHER_COLOUR
        for _model, edition in chart.series
    ]
