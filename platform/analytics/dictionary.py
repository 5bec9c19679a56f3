"""The events there are: facts by their contracts, tracked ones by their apps.

Each app that calls ``activity.track`` lists what it tracks as ``AppConfig.events``.
"""

import types
import typing
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import import_module
from inspect import isclass

from django.apps import apps

from activity.kinds import EventKind
from activity.subscribers import event_name
from analytics.judging import Dictionary
from outbox.registry import CONTRACTS

_KINDS = {int: "integer", float: "number", str: "text", bool: "boolean"}


@cache
def event_kinds() -> dict[str, EventKind]:
    """Return every kind of event by its name, in the order of names."""
    found = {kind.name: kind for kind in (*_facts(), *_tracked())}
    return dict(sorted(found.items()))


@cache
def dictionary() -> Dictionary:
    """Return how events are judged."""
    return Dictionary({name: kind.schema for name, kind in event_kinds().items()})


def _facts() -> Iterator[EventKind]:
    for owner in CONTRACTS:
        module = import_module(f"contracts.{owner}")
        for fact in vars(module).values():
            if not (isclass(fact) and is_dataclass(fact)):
                continue
            if fact.__module__ != module.__name__:
                continue
            hints = typing.get_type_hints(fact)
            yield EventKind(
                name=event_name(fact.__name__),
                owner=owner,
                meaning=(fact.__doc__ or "")
                .strip()
                .partition("\n")[0]
                .replace("``", ""),
                schema={
                    # Which row of the outbox it was.
                    "event": "integer",
                    **{each.name: _kind_of(hints[each.name]) for each in fields(fact)},
                },
                is_fact=True,
            )


def _tracked() -> Iterator[EventKind]:
    for config in apps.get_app_configs():
        yield from getattr(config, "events", ())


def _kind_of(hint: object) -> str:
    """Return the kind of a field's values; one that may be None fits as well."""
    if isinstance(hint, types.UnionType):
        kinds = {_kind_of(each) for each in hint.__args__ if each is not type(None)}
        return kinds.pop() if len(kinds) == 1 else "any"
    return _KINDS.get(hint, "any") if isinstance(hint, type) else "any"
