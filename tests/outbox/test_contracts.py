"""What every fact has to be, so that rows published long ago still load."""

import json
import types
from dataclasses import MISSING, asdict, fields, is_dataclass
from importlib import import_module
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

from outbox.registry import CONTRACTS, load_fact

PLAIN = {int, str, bool, type(None)}
SAMPLES: dict[type, Any] = {int: 7, str: "seven", bool: True}


def facts() -> list[type]:
    """Return every fact the areas tell each other."""
    found = []
    for name in CONTRACTS:
        module = import_module(f"contracts.{name}")
        found += [
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and is_dataclass(value)
            and value.__module__ == module.__name__
        ]
    return found


def kinds(hint: Any) -> set[type]:
    if get_origin(hint) in {Union, types.UnionType}:
        return set(get_args(hint))
    return {hint}


def test_no_two_facts_have_one_name() -> None:
    names = [fact.__name__ for fact in facts()]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("fact", facts(), ids=lambda fact: fact.__name__)
def test_a_fact_is_frozen_plain_and_told_by_name(fact: type) -> None:
    hints = get_type_hints(fact)

    assert fact.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert all(field.kw_only for field in fields(fact))
    for field in fields(fact):
        assert kinds(hints[field.name]) <= PLAIN, field.name
    actor = getattr(fact, "actor", None)
    assert actor is None or actor in hints
    assert fact.__doc__


@pytest.mark.parametrize("fact", facts(), ids=lambda fact: fact.__name__)
def test_a_fact_survives_being_written_down(fact: type) -> None:
    hints = get_type_hints(fact)
    values = {
        field.name: SAMPLES[min(kinds(hints[field.name]) - {type(None)}, key=str)]
        for field in fields(fact)
    }
    told = fact(**values)

    loaded = load_fact(fact.__name__, json.loads(json.dumps(asdict(told))))

    assert loaded == told


@pytest.mark.parametrize("fact", facts(), ids=lambda fact: fact.__name__)
def test_a_fact_loads_from_what_it_first_was(fact: type) -> None:
    hints = get_type_hints(fact)
    first = {
        field.name: SAMPLES[min(kinds(hints[field.name]) - {type(None)}, key=str)]
        for field in fields(fact)
        if field.default is MISSING
    }

    loaded = load_fact(fact.__name__, {**first, "a_field_since_dropped": 1})

    assert all(getattr(loaded, name) == value for name, value in first.items())


def test_a_fact_nobody_declares_is_an_error() -> None:
    with pytest.raises(LookupError, match="TeapotBoiled"):
        load_fact("TeapotBoiled", {})
