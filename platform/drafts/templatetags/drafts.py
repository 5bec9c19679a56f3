"""The one hook of every form with text: ``{% load drafts %}``."""

from typing import Any

from django import forms, template
from django.http import HttpRequest

from drafts.hooks import Hook, attach, public_id
from drafts.slots import Slot

register = template.Library()


@register.inclusion_tag("drafts/_hook.html", takes_context=True)
def draft(
    context: template.Context, form: forms.BaseForm, name: str = "", key: object = ""
) -> dict[str, Any]:
    """Fill ``form`` with what was typed into it before, and carry its token.

    Stands first inside the ``<form>``: fields shown before it are not filled. Without
    a name the form belongs to the page's address.
    """
    place = f"{name}:{key}" if name else ""
    return {"hook": attach(_request(context), form, place)}


@register.inclusion_tag("drafts/_hook.html", takes_context=True)
def local_draft(
    context: template.Context, name: str, key: object = ""
) -> dict[str, Any]:
    """Carry the token of a small form of which a page shows many.

    The browser alone keeps what is typed, so that a page of thirty costs no query.
    """
    owner = public_id(_request(context))
    slot = Slot(owner=owner, place=f"{name}:{key}", is_local=True)
    return {"hook": Hook(slot, slot.token())}


def _request(context: template.Context) -> HttpRequest:
    """Return the request, also inside ``{% include … only %}``."""
    found: HttpRequest = context.get("request") or vars(context)["request"]
    return found
