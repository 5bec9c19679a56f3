"""Events put into the real log, and what the read side says of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from activity.services import NewEvent, write_events
from analytics.answers import FunnelAnswer
from analytics.engines import engine
from analytics.feed import feed
from analytics.questions import EventPattern, Funnel, Span, UnitKind

# Noon of a day on which nothing else happened.
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MARCH = Span(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))


def note(name: str, minutes: float = 0, **fields: Any) -> None:
    """Write one event, so many minutes after noon."""
    write_events(
        [NewEvent(name=name, occurred_at=NOON + timedelta(minutes=minutes), **fields)]
    )


def view(path: str, minutes: float = 0, **fields: Any) -> None:
    note("page_viewed", minutes, path=path, properties={"view": "x"}, **fields)


def fed_rows() -> int:
    """Feed what there is, and return how many rows the read side has then."""
    assert feed() is not None
    return engine().state().rows


def funnel_of(*names: str, unit: UnitKind = UnitKind.PERSON, **more: Any) -> Funnel:
    return Funnel(
        steps=tuple(EventPattern(name) for name in names),
        period=MARCH,
        unit=unit,
        **more,
    )


def counts(funnel: Funnel) -> list[int]:
    answer = engine().answer(funnel)
    assert isinstance(answer, FunnelAnswer)
    return [step.count for step in answer.steps]
