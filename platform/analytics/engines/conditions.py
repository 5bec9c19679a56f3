"""Steps and filters as conditions in SQL. What people typed is always a parameter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from analytics.questions import COLUMNS, Condition, EventPattern, Operator

_COMPARISONS = {
    Operator.IS: "{value} = ?",
    Operator.IS_NOT: "{value} IS DISTINCT FROM ?",
    Operator.CONTAINS: "contains({value}, ?)",
    Operator.STARTS: "starts_with({value}, ?)",
    Operator.MORE: "TRY_CAST({value} AS DOUBLE) > ?",
    Operator.LESS: "TRY_CAST({value} AS DOUBLE) < ?",
    Operator.SET: "coalesce({value}, '') <> ''",
    Operator.UNSET: "coalesce({value}, '') = ''",
}


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of a query and the values of its question marks, in order."""

    text: str
    values: tuple[Any, ...] = ()


def value_of(name: str) -> str:
    """Return the expression of a column or a property, as text, NULL where absent.

    Names were checked by the question: they hold no quote.
    """
    if name in COLUMNS:
        return f"e.{name}"
    return f"json_extract_string(e.properties, '$.\"{name}\"')"


def matches(step: EventPattern) -> Sql:
    """Return whether an event ``e`` is one of a step, never NULL."""
    parts = ["e.name = ?"]
    values: list[Any] = [step.event]
    for each in step.filters:
        parts.append(f"coalesce({_condition(each)}, false)")
        if each.operator in {Operator.MORE, Operator.LESS}:
            values.append(float(each.value))
        elif "?" in _COMPARISONS[each.operator]:
            values.append(each.value)
    return Sql(f"({' AND '.join(parts)})", tuple(values))


def mask_of(steps: Sequence[EventPattern]) -> Sql:
    """Return a number whose bit i says that ``e`` is one of step i."""
    found = [matches(step) for step in steps]
    text = " + ".join(
        f"CASE WHEN {each.text} THEN {1 << bit} ELSE 0 END"
        for bit, each in enumerate(found)
    )
    return Sql(f"({text})", tuple(value for each in found for value in each.values))


def _condition(each: Condition) -> str:
    return _COMPARISONS[each.operator].format(value=value_of(each.name))
