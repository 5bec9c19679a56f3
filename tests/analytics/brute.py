"""What questions mean, said once more without haste: plain loops over plain events."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from analytics.questions import (
    COLUMNS,
    Condition,
    EventPattern,
    Funnel,
    Operator,
    Order,
)


@dataclass(frozen=True, slots=True)
class Done:
    """One event of one unit."""

    unit: int
    at: datetime
    id: int
    name: str
    properties: dict[str, Any] = field(default_factory=dict, hash=False)

    @property
    def place(self) -> tuple[datetime, int]:
        return self.at, self.id


@dataclass(frozen=True, slots=True)
class Way:
    reached: int
    moments: tuple[datetime, ...]
    entry: Done


def text_of(event: Done, name: str) -> str | None:
    value = event.properties.get(name)
    if name in COLUMNS:
        return str(value or "")
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def fits(event: Done, step: EventPattern) -> bool:
    return event.name == step.event and all(holds(event, f) for f in step.filters)


def holds(event: Done, condition: Condition) -> bool:
    text = text_of(event, condition.name)
    match condition.operator:
        case Operator.IS:
            return text == condition.value
        case Operator.IS_NOT:
            return text != condition.value
        case Operator.CONTAINS:
            return text is not None and condition.value in text
        case Operator.STARTS:
            return text is not None and text.startswith(condition.value)
        case Operator.SET:
            return bool(text)
        case Operator.UNSET:
            return not text
    try:
        number = float(text or "")
    except ValueError:
        return False
    limit = float(condition.value)
    return number > limit if condition.operator == Operator.MORE else number < limit


def find_ways(funnel: Funnel, events: Iterable[Done]) -> dict[int, Way]:
    """Return how far every unit came that entered."""
    by_unit = defaultdict(list)
    for event in events:
        by_unit[event.unit].append(event)
    found = {}
    for unit, done in by_unit.items():
        ways = list(_attempts(funnel, sorted(done, key=lambda each: each.place)))
        if ways:
            found[unit] = min(ways, key=lambda way: (-way.reached, way.entry.place))
    return found


def _attempts(funnel: Funnel, done: Sequence[Done]) -> Iterable[Way]:
    if not funnel.hold:
        yield from _of_one_value(funnel, done, done)
        return
    for value in {text_of(event, funnel.hold) for event in done} - {None}:
        same = [event for event in done if text_of(event, funnel.hold) == value]
        yield from _of_one_value(funnel, same, done)


def _of_one_value(
    funnel: Funnel, done: Sequence[Done], everything: Sequence[Done]
) -> Iterable[Way]:
    entering = funnel.steps if funnel.order == Order.UNORDERED else funnel.steps[:1]
    entries = [
        event
        for event in done
        if funnel.period.start <= event.at < funnel.period.end
        and any(fits(event, step) for step in entering)
    ]
    if funnel.order == Order.FIRST_ENTRY:
        entries = entries[:1]
    for entry in entries:
        if funnel.order == Order.UNORDERED:
            yield _in_any_order(funnel, entry, done)
        else:
            yield _in_order(funnel, entry, done, everything)


def _in_order(
    funnel: Funnel, entry: Done, done: Sequence[Done], everything: Sequence[Done]
) -> Way:
    moments, last = [entry.at], entry
    for number, step in enumerate(funnel.steps[1:]):
        if funnel.order == Order.STRICT:
            later = [event for event in everything if event.place > last.place][:1]
            later = [event for event in later if event in done and fits(event, step)]
        else:
            later = [e for e in done if e.place > last.place and fits(e, step)]
        if not later or later[0].at > entry.at + funnel.window:
            break
        hindered = any(
            last.place < event.place < later[0].place and fits(event, exclusion.step)
            for exclusion in funnel.exclusions
            if exclusion.after in {None, number}
            for event in done
        )
        if hindered:
            break
        last = later[0]
        moments.append(last.at)
    return Way(len(moments), tuple(moments), entry)


def _in_any_order(funnel: Funnel, entry: Done, done: Sequence[Done]) -> Way:
    inside = []
    for event in done:
        if event.place < entry.place:
            continue
        is_excluded = any(fits(event, each.step) for each in funnel.exclusions)
        if event is not entry and is_excluded:
            break
        if event.at <= entry.at + funnel.window:
            inside.append(event)
    first = []
    for step in funnel.steps:
        moments = [event.at for event in inside if fits(event, step)]
        first += moments[:1]
    return Way(len(first), tuple(sorted(first)), entry)
