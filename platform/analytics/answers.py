"""What an engine answers: plain values that are cached, drawn and written as CSV."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class StepAnswer:
    """Of one step: how many units came this far, and how long it took them.

    Seconds are from the step before, at the 50th and the 90th percentile of those who
    came this far; ``None`` for the first step and where nobody did.
    """

    count: int
    median_seconds: float | None = None
    slow_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Division:
    """The steps of those with one value of the breakdown; ``None`` is all others."""

    value: str | None
    steps: tuple[StepAnswer, ...]


@dataclass(frozen=True, slots=True)
class FunnelAnswer:
    steps: tuple[StepAnswer, ...]
    divisions: tuple[Division, ...]
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class FoundUnit:
    """A unit behind a number: its id (below 0: an unlinked browser) and moments.

    ``reached_at`` is when it came to the last step it reached.
    """

    id: int
    reached: int
    entered_at: datetime
    reached_at: datetime


@dataclass(frozen=True, slots=True)
class PeopleAnswer:
    units: tuple[FoundUnit, ...]
    next_after: int | None
    total: int
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class TrendLine:
    """One series by bucket; ``None`` where it has no value."""

    label: str | None
    values: tuple[float | None, ...]
    averages: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class TrendAnswer:
    buckets: tuple[date, ...]
    lines: tuple[TrendLine, ...]
    formula: TrendLine | None
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class CohortRow:
    """Those who began in one bucket; ``None`` for buckets that are not over."""

    begun: date
    size: int
    back: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class RetentionAnswer:
    """``pooled`` is over all cohorts old enough, weighted by their size."""

    cohorts: tuple[CohortRow, ...]
    pooled: tuple[float | None, ...]
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class Edge:
    """How many went from one event to the next; ``target=""`` is the end."""

    depth: int
    source: str
    target: str
    count: int


@dataclass(frozen=True, slots=True)
class PathsAnswer:
    edges: tuple[Edge, ...]
    units: int
    as_of: datetime | None


@dataclass(frozen=True, slots=True)
class SegmentAnswer:
    count: int
    as_of: datetime | None


Answer = (
    FunnelAnswer
    | PeopleAnswer
    | TrendAnswer
    | RetentionAnswer
    | PathsAnswer
    | SegmentAnswer
)
