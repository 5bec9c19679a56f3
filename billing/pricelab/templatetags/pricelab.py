"""How a break-even is written."""

from fractions import Fraction

from django import template

from billing.pricelab.outcomes import Unbroken

register = template.Library()


@register.filter
def share_or_reason(share: Fraction | Unbroken) -> str:
    """Write a share in per cent, or why there is none."""
    if isinstance(share, Unbroken):
        return str(share.label)
    return f"{float(share) * 100:.1f} %"
