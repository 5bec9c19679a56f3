"""How figures of growth are written."""

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.growth.stats.samples import Effect
from core.money import format_minor, minor_per_unit

register = template.Library()
# By the names of ``figures.COUNTED``.
COUNT_NAMES: dict[str, Promise] = {
    "occurred": gettext_lazy("Moments that occurred"),
    "offered": gettext_lazy("Offers that were made"),
    "held_out": gettext_lazy("Offers that were held back, to compare with"),
    "nothing": gettext_lazy("Moments at which nothing was offered"),
    "seen": gettext_lazy("Offers that were seen"),
    "accepted": gettext_lazy("Offers that were accepted"),
    "paid": gettext_lazy("Offers that a payment followed"),
}


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
def share_of(share: float) -> str:
    """Return a share as ``12.5 %``."""
    return f"{100 * share:.1f} %"


@register.filter
def counted_name(name: str) -> str:
    """Return what a list of decisions is called that a count counts."""
    return str(COUNT_NAMES[name])


@register.filter
def arm_name(arm: str, offer: object) -> str:
    """Return what the organisations of an arm are called; ``offer`` is None of all."""
    if offer is None:
        return (
            _("Treated organisations") if arm == "treated" else _("Held out for ever")
        )
    return _("The offer was made to") if arm == "treated" else _("Kept from the offer")


@register.filter
def of(mapping: dict[str, object], key: str) -> object:
    """Return what a mapping has for a key; ``None`` where it has nothing."""
    return mapping.get(key)
