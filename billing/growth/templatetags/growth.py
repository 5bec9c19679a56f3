"""How figures of growth are written."""

from django import template
from django.utils.translation import gettext as _

from billing.growth.stats.samples import Effect
from core.money import format_minor, minor_per_unit

register = template.Library()


@register.filter
def points(estimate: Effect | None) -> str:
    """Return an effect on a share as ``+1.2 pp (−0.4 to +2.8)``."""
    if estimate is None:
        return _("too few yet")
    value, low, high = (
        f"{100 * each:+.1f}".replace("-", "−")
        for each in (estimate.value, estimate.low, estimate.high)
    )
    return _("%(value)s pp (%(low)s to %(high)s)") % {
        "value": value,
        "low": low,
        "high": high,
    }


@register.filter
def worth(estimate: Effect | None, currency: str) -> str:
    """Return an effect in units of money as ``$1.20 (-$0.40 to $2.80)``."""
    if estimate is None:
        return _("too few yet")
    value, low, high = (
        format_minor(round(each * minor_per_unit(currency)), currency)
        for each in (estimate.value, estimate.low, estimate.high)
    )
    return _("%(value)s (%(low)s to %(high)s)") % {
        "value": value,
        "low": low,
        "high": high,
    }


@register.filter
def of(mapping: dict[str, object], key: str) -> object:
    """Return what a mapping has for a key; ``None`` where it has nothing."""
    return mapping.get(key)
