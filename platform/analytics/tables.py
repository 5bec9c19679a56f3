"""Answers as lines: of a page's table, and of a file."""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext as _

from analytics.answers import (
    Edge,
    FunnelAnswer,
    PathsAnswer,
    RetentionAnswer,
    SegmentAnswer,
    StepAnswer,
    TrendAnswer,
    TrendLine,
)
from analytics.models import Annotation
from analytics.questions import (
    Bucket,
    EventPattern,
    Funnel,
    Paths,
    Retention,
    Segment,
    Series,
    SeriesMeasure,
    Trend,
)

Cells = Iterator[tuple[Any, ...]]
# What is told apart at each depth of a path; the rest is added up.
MOST_TARGETS = 12


@dataclass(frozen=True, slots=True)
class Bar:
    """One step as the page draws it; shares are ``None`` over nobody."""

    number: int
    pattern: EventPattern
    step: StepAnswer
    share: float | None
    from_previous: float | None
    lost: int


def bars_of(question: Funnel, answer: FunnelAnswer) -> list[Bar]:
    first = answer.steps[0].count
    bars: list[Bar] = []
    pairs = zip(question.steps, answer.steps, strict=True)
    for number, (pattern, step) in enumerate(pairs, start=1):
        previous = bars[-1].step.count if bars else None
        bars.append(
            Bar(
                number=number,
                pattern=pattern,
                step=step,
                share=step.count / first if first else None,
                from_previous=step.count / previous if previous else None,
                lost=previous - step.count if previous is not None else 0,
            )
        )
    return bars


def funnel_cells(question: Funnel, answer: FunnelAnswer) -> Cells:
    yield "value", "step", "event", "count", "median_seconds", "slow_seconds"
    parts: list[tuple[str, tuple[StepAnswer, ...]]] = [("", answer.steps)]
    parts += [
        (_("others") if each.value is None else each.value, each.steps)
        for each in answer.divisions
    ]
    for value, steps in parts:
        for number, step in enumerate(steps):
            event = question.steps[number].event
            median, slow = step.median_seconds, step.slow_seconds
            yield value, number + 1, event, step.count, median, slow


def names_of(question: Trend, answer: TrendAnswer) -> list[str]:
    """Return what each line of a trend is called: a letter, or a value."""
    if question.breakdown:
        summed = _summed(question.series[0])
        return [
            (_("others") if line.label is None else line.label or _("none")) + summed
            for line in answer.lines
        ]
    return [
        f"{'ABCDE'[number]} · {series.step.event}{_summed(series)}"
        for number, series in enumerate(question.series)
    ]


def _summed(series: Series) -> str:
    """Return what is summed, with its unit; nothing where events are counted."""
    if series.measure != SeriesMeasure.SUM:
        return ""
    # An amount is told in the smallest unit of its own currency.
    is_minor = re.fullmatch(r"amount(_before|_after)?", series.of)
    return f" · {series.of}{'_minor' if is_minor else ''}"


def drawn_lines(question: Trend, answer: TrendAnswer) -> list[tuple[str, TrendLine]]:
    """Return every line with its name, that of a formula last."""
    lines = list(zip(names_of(question, answer), answer.lines, strict=True))
    if answer.formula:
        lines.append((question.formula.value, answer.formula))
    return lines


def trend_cells(question: Trend, answer: TrendAnswer) -> Cells:
    lines = drawn_lines(question, answer)
    averages = question.average > 1
    heads = [name for name, _line in lines]
    if averages:
        heads += [f"{name} (x̄ {question.average})" for name, _line in lines]
    yield "from", *heads
    for index, day in enumerate(answer.buckets):
        values = [line.values[index] for _name, line in lines]
        if averages:
            values += [line.averages[index] for _name, line in lines]
        yield day, *values


def retention_cells(question: Retention, answer: RetentionAnswer) -> Cells:
    yield "from", "size", *(f"back_{k + 1}" for k in range(question.buckets))
    for row in answer.cohorts:
        yield row.begun, row.size, *row.back


@dataclass(frozen=True, slots=True)
class Depth:
    """What was done at one place of the paths, the commonest first."""

    number: int
    edges: tuple[Edge, ...]
    others: int


def depths_of(answer: PathsAnswer) -> list[Depth]:
    found: dict[int, list[Edge]] = defaultdict(list)
    for edge in answer.edges:
        found[edge.depth].append(edge)
    return [
        Depth(
            number,
            tuple(edges[:MOST_TARGETS]),
            sum(edge.count for edge in edges[MOST_TARGETS:]),
        )
        for number, edges in sorted(found.items())
    ]


def paths_cells(question: Paths, answer: PathsAnswer) -> Cells:
    yield "depth", "source", "target", "count"
    for edge in answer.edges:
        yield edge.depth, edge.source, edge.target, edge.count


def segment_cells(question: Segment, answer: SegmentAnswer) -> Cells:
    yield ("count",)
    yield (answer.count,)


@dataclass(frozen=True, slots=True)
class Mark:
    """What happened in a bucket, at ``x`` of a drawing 1000 wide."""

    number: int
    bucket: int
    x: str
    note: Annotation


def marks_of(
    buckets: Sequence[date], notes: Sequence[Annotation], bucket: Bucket
) -> list[Mark]:
    """Place notes on the buckets their days lie in; others are left out."""
    width = 1000 / max(len(buckets) - 1, 1)
    found: list[Mark] = []
    for note in notes:
        place = bisect_right(buckets, note.on) - 1
        if place < 0 or _following_bucket(buckets[place], bucket) <= note.on:
            continue
        found.append(Mark(len(found) + 1, place, f"{place * width:.1f}", note))
    return found


def _following_bucket(day: date, bucket: Bucket) -> date:
    if bucket == Bucket.MONTH:
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return day + timedelta(days=7 if bucket == Bucket.WEEK else 1)


@dataclass(frozen=True, slots=True)
class Plot:
    """The lines of a trend as points of a drawing 1000 wide and 200 high."""

    top: float
    lines: tuple[tuple[str, int, tuple[str, ...]], ...]


def plot_of(lines: Sequence[tuple[str, TrendLine]], *, is_averaged: bool) -> Plot:
    """Place every line; where it has no value it is broken."""
    drawn = [
        (name, line.averages if is_averaged else line.values) for name, line in lines
    ]
    top = max((value or 0 for _name, values in drawn for value in values), default=0)
    found = []
    for number, (name, values) in enumerate(drawn):
        width = 1000 / max(len(values) - 1, 1)
        pieces: list[list[str]] = [[]]
        for index, value in enumerate(values):
            if value is None:
                pieces.append([])
                continue
            height = 200 - max(value, 0) / (top or 1) * 200
            pieces[-1].append(f"{index * width:.1f},{height:.1f}")
            if len(values) == 1:
                pieces[-1].append(f"1000,{height:.1f}")
        found.append((name, number + 1, tuple(" ".join(one) for one in pieces if one)))
    return Plot(top, tuple(found))
