from typing import Any

from django import template

from accounts.models import User
from accounts.resending import is_waiting
from accounts.second_factor import has_second_factor, second_factor_due_at

register = template.Library()


@register.simple_tag(takes_context=True)
def form_waits(context: template.Context, address: str | None) -> bool:
    """Tell whether ``address``, where a confirmation leads, sends a form that waits."""
    return bool(address) and is_waiting(context["request"], address or "")


@register.inclusion_tag("accounts/_second_factor_banner.html", takes_context=True)
def second_factor_banner(context: template.Context) -> dict[str, Any]:
    """Say until when a second factor has to be set up, to whom that concerns.

    Costs most people no query: only those with such a role are looked up.
    """
    user = getattr(context.get("request"), "user", None)
    due_at = second_factor_due_at(user) if isinstance(user, User) else None
    if due_at is not None and isinstance(user, User) and has_second_factor(user):
        due_at = None
    return {"due_at": due_at}
