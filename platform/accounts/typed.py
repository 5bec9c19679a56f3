"""What a person typed into a form, told from what its page put there.

A wall answers in the place of the view a form was for, so no form is there to ask. The
name of a field tells: all forms of the product are looked through for what they have
under it. A name that none of them has counts as typed, so that nothing is lost.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from django import forms
from django.forms.utils import pretty_name
from django.http import QueryDict

from edge import drafting

# Never shown again, not even to their author: ``new_password1``, ``code``; and what no
# author typed: ``client_token``. Tokens that a model may read in a minute are a figure.
_UNSHOWN = re.compile(
    rf"csrf|password|secret|(?:^|_)(?:token|code|submission|{drafting.FIELD})$"
)
# What is pressed or chosen; a hidden field is neither, and nobody sees it.
_NOT_TYPED = (forms.HiddenInput, forms.CheckboxInput, forms.widgets.ChoiceWidget)


class Typed(NamedTuple):
    """A text that was typed, with what its field is called on the page."""

    field: str
    label: str
    text: str


def texts_typed(sent: QueryDict) -> list[Typed]:
    """Return what was typed into a form that was sent, by field; never a secret.

    What was chosen is left out, and so is what a page fills in: both are there again
    with the form.
    """
    form = _form_of(sent)
    return [
        Typed(name, _label_of(name, form), text)
        for name, texts in sent.lists()
        for text in texts
        if text.strip()
        and not _UNSHOWN.search(name.lower())
        and not _is_the_pages(name, text)
    ]


def _form_of(sent: QueryDict) -> type[forms.BaseForm] | None:
    """Return the form that has the most of the fields that were sent, and few others.

    Fields of one name are called differently in different forms.
    """
    names = set(sent)

    def likeness(kind: type[forms.BaseForm]) -> tuple[int, int]:
        fields = set(_base_fields(kind))
        return len(fields & names), -len(fields - names)

    return max(_kinds(), key=likeness, default=None)


def _label_of(name: str, form: type[forms.BaseForm] | None) -> str:
    """Return what a page calls a field; in plain words where no form names it."""
    own = _base_fields(form) if form is not None else {}
    for short in (name, name.rpartition("-")[2]):
        first = (own[short],) if short in own else ()
        for field in (*first, *_fields_by_name().get(short, ())):
            if field.label:
                return str(field.label)
    return pretty_name(name)


def _is_the_pages(name: str, text: str) -> bool:
    """Tell whether a page had a value in a field, or whether it can be chosen only."""
    known = _fields_by_name()
    # A form in a row of equal ones counts its fields: ``steps-0-kind``.
    fields = known.get(name) or known.get(name.rpartition("-")[2], ())
    if not fields:
        return False
    return all(isinstance(field.widget, _NOT_TYPED) for field in fields) or any(
        text == _filled_in(field) for field in fields
    )


def _filled_in(field: forms.Field) -> str | None:
    """Return what a form declares for a field, as it is sent; views may know better."""
    if field.initial is None or callable(field.initial):
        return None
    return str(field.initial)


@cache
def _fields_by_name() -> Mapping[str, tuple[forms.Field, ...]]:
    """Return the fields of every form there is; the routes have imported them all."""
    found: defaultdict[str, tuple[forms.Field, ...]] = defaultdict(tuple)
    for kind in _kinds():
        for name, field in _base_fields(kind).items():
            found[name] += (field,)
    return dict(found)


@cache
def _kinds() -> tuple[type[forms.BaseForm], ...]:
    """Return every form, but those of Django's admin: they come and go with it."""
    return tuple(
        kind
        for kind in _kinds_below(forms.BaseForm)
        if kind.__module__ != "django.forms.models"
    )


def _base_fields(kind: type[forms.BaseForm]) -> dict[str, forms.Field]:
    return getattr(kind, "base_fields", {})


def _kinds_below(parent: type[forms.BaseForm]) -> Iterator[type[forms.BaseForm]]:
    for kind in parent.__subclasses__():
        yield kind
        yield from _kinds_below(kind)
