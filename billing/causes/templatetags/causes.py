"""How effects on a share are written."""

from django import template
from django.utils.translation import gettext as _

from billing.causes.models import CauseEstimate

register = template.Library()


@register.filter
def effect(estimate: CauseEstimate) -> str:
    """Return an effect as ``+1.2 pp (−0.4 to +2.8)``; empty where there is none."""
    return _interval(estimate.effect, estimate.low, estimate.high)


@register.filter
def control_effect(estimate: CauseEstimate) -> str:
    """Return the effect on what cannot have been caused, written the same way."""
    return _interval(
        estimate.control_effect, estimate.control_low, estimate.control_high
    )


@register.filter
def percent(share: float | None) -> str:
    """Return a share between 0 and 1 as ``12.3 %``."""
    return "–" if share is None else f"{100 * share:.1f} %".replace("-", "−")


@register.filter
def signed(number: float) -> str:
    """Return a number with its sign and two places, as ``+0.12``."""
    return f"{number:+.2f}".replace("-", "−")


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    if value is None or low is None or high is None:
        return ""
    written = [f"{100 * each:+.1f}".replace("-", "−") for each in (value, low, high)]
    return _("%(value)s pp (%(low)s to %(high)s)") % {
        "value": written[0],
        "low": written[1],
        "high": written[2],
    }
