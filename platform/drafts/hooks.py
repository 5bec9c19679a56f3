"""Giving a form back what was typed into it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django import forms
from django.http import HttpRequest

from drafts import services
from drafts.slots import Slot
from edge.drafting import FIELD


@dataclass(frozen=True, slots=True)
class Hook:
    """What the page says of a form's draft; ``restored_at`` when it holds one."""

    slot: Slot
    token: str
    restored_at: datetime | None = None
    is_bound: bool = False


def attach(request: HttpRequest, form: forms.BaseForm, place: str = "") -> Hook:
    """Fill ``form`` with what was typed at ``place`` before, once, and return its hook.

    The template tag does this by itself; a view that reads the form's values before
    the page is rendered calls it first. The place is the address unless it is named.
    """
    present: Hook | None = getattr(form, "draft_hook", None)
    if present is None:
        present = _hook_of(request, form, place or request.path)
        form.draft_hook = present  # type: ignore[attr-defined]
    return present


def public_id(request: HttpRequest) -> str:
    """Return who the page is shown to; empty for a visitor."""
    user = getattr(request, "user", None)
    return user.public_id if user is not None and user.is_authenticated else ""


def _hook_of(request: HttpRequest, form: forms.BaseForm, place: str) -> Hook:
    mine = public_id(request)
    fresh = Slot(owner=mine, place=place)
    if request.method not in {"GET", "HEAD"}:
        # What was sent is on the page as it was sent: the form goes on as it was.
        sent = request.POST.get(FIELD, "")
        slot = Slot.read(sent)
        if slot is None or slot.owner not in {"", mine}:
            return Hook(fresh, fresh.token(), is_bound=form.is_bound)
        return Hook(slot, sent, is_bound=True)
    owner = services.owner_of(request)
    found = services.newest(owner, place) if owner is not None else None
    if found is None or form.is_bound:
        return Hook(fresh, fresh.token(), is_bound=form.is_bound)
    kept, fields = found
    _fill(form, fields)
    slot = Slot(owner=mine, place=place, began_from=kept.nonce, base=kept.sequence)
    return Hook(slot, slot.token(), restored_at=kept.saved_at)


def _fill(form: forms.BaseForm, fields: Mapping[str, list[str]]) -> None:
    """Make what was kept the form's first values.

    A form may ask for more: ``added`` is set under what was typed, such as a
    quotation, and ``fixed`` names what the address asks for and a draft leaves alone.
    """
    added: Mapping[str, str] = getattr(form, "added", {})
    fixed: frozenset[str] = getattr(form, "fixed", frozenset())
    for name, field in form.fields.items():
        if name in services.NOT_TYPED or name in fixed:
            continue
        values = fields.get(form.add_prefix(name))
        if isinstance(field, forms.MultipleChoiceField):
            form.initial[name] = values or []
        elif isinstance(field, forms.BooleanField):
            form.initial[name] = bool(values)
        elif values is not None:
            form.initial[name] = _joined(values[-1], added.get(name, ""))


def _joined(text: str, more: str) -> str:
    if not more or more in text:
        return text
    return f"{text.rstrip()}\n\n{more}" if text.strip() else more
