"""What may be asked of the read side. Nothing else crosses into an engine.

Each question is a frozen value that checks itself: ``InvalidQuestion`` names the field.
Moments are aware, periods half open, lengths are ``timedelta``. Equal questions have
equal ``key()``s, whichever process asks.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# As the log keeps names and the keys of properties: no quote ever gets into a query.
_NAME = re.compile(r"[a-z][a-z0-9_.]{0,79}", re.ASCII)
# Columns of the log beside its properties.
COLUMNS = ("path", "subject", "source")
# Every step is a column of the table and a bar: ten fit on a wide screen.
MOST_STEPS = 10
# What a person can still set up by hand, and read.
MOST_FILTERS = 8
# Exclusions and the rules of a segment are each one more mask over the events.
MOST_EXCLUSIONS = 5
# The log's text columns hold no longer value that one could be equal to.
MOST_VALUE = 300
# Three years and a day: as long as the log is kept for figures.
LONGEST_PERIOD = timedelta(days=1097)
# A year and a day, for plans that are billed yearly.
LONGEST_WINDOW = timedelta(days=366)


class InvalidQuestion(ValueError):
    """A question without an answer; ``field`` is what to change, ``reason`` why."""

    def __init__(self, field_name: str, reason: str | Promise) -> None:
        super().__init__(f"{field_name}: {reason}")
        self.field = field_name
        self.reason = reason


class UnitKind(StrEnum):
    """Whom a figure counts."""

    PERSON = "person"
    ORGANISATION = "organisation"


class Order(StrEnum):
    """How the steps of a funnel have to follow one another."""

    FIRST_ENTRY = "first_entry"
    ANY_ENTRY = "any_entry"
    UNORDERED = "unordered"
    STRICT = "strict"


class Operator(StrEnum):
    """How a filter compares. Text is compared exactly, numbers as numbers."""

    IS = "is"
    IS_NOT = "is_not"
    CONTAINS = "contains"
    STARTS = "starts"
    MORE = "more"
    LESS = "less"
    SET = "set"
    UNSET = "unset"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on a column or a property of an event."""

    name: str
    operator: Operator = Operator.IS
    value: str = ""

    def __post_init__(self) -> None:
        _require_name("filter", self.name)
        if len(self.value) > MOST_VALUE:
            raise InvalidQuestion("filter", _("A value has at most 300 characters."))
        if self.operator in {Operator.MORE, Operator.LESS}:
            try:
                number = float(self.value)
            except ValueError:
                number = float("nan")
            if not abs(number) < float("inf"):
                raise InvalidQuestion("filter", _("Compare with a number."))
        elif self.operator in {Operator.CONTAINS, Operator.STARTS} and not self.value:
            raise InvalidQuestion("filter", _("Say which text to look for."))


@dataclass(frozen=True, slots=True)
class EventPattern:
    """An event by its name, narrowed by filters that all have to hold."""

    event: str
    filters: tuple[Condition, ...] = ()

    def __post_init__(self) -> None:
        _require_name("step", self.event)
        if len(self.filters) > MOST_FILTERS:
            raise InvalidQuestion("filter", _("A step has at most eight filters."))


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Who does this between step ``after`` and step ``after + 1`` goes no further.

    Steps are counted from 0; ``after=None`` means between any two.
    """

    step: EventPattern
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """Did something ``least`` times or more, in the last ``days`` of 24 h or ever."""

    step: EventPattern
    least: int = 1
    days: int | None = None
    is_negated: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.least <= 1_000_000:
            raise InvalidQuestion("least", _("Count from 1 to 1,000,000 times."))
        if self.days is not None and not 1 <= self.days <= LONGEST_PERIOD.days:
            raise InvalidQuestion("days", _("Look back 1 to 1097 days."))


@dataclass(frozen=True, slots=True)
class Segment:
    """Units that keep all of its rules, or any of them, as of a moment."""

    rules: tuple[Rule, ...]
    as_of: datetime
    matches_all: bool = True
    unit: UnitKind = UnitKind.PERSON

    def __post_init__(self) -> None:
        _require_aware("as_of", self.as_of)
        if not 1 <= len(self.rules) <= MOST_EXCLUSIONS:
            raise InvalidQuestion("rules", _("A segment has one to five rules."))
        if all(rule.is_negated for rule in self.rules):
            # The log knows who did something, and cannot list who never came.
            raise InvalidQuestion("rules", _("One rule has to say what was done."))
        if not self.matches_all and any(rule.is_negated for rule in self.rules):
            raise InvalidQuestion(
                "rules", _("“Did not” can only be joined to other rules by “all”.")
            )

    def key(self) -> str:
        return _key(self)


@dataclass(frozen=True, slots=True)
class Span:
    """Moments from ``start``, included, to ``end``, not included."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        _require_aware("period", self.start)
        _require_aware("period", self.end)
        if self.start >= self.end:
            raise InvalidQuestion("period", _("The period has to end after it begins."))
        if self.end - self.start > LONGEST_PERIOD:
            raise InvalidQuestion("period", _("A period has at most 1097 days."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """How many units came through steps, and where the others stayed.

    The entering event lies in ``period``; later steps within ``window`` of it, both
    ends included, also after the period. Each step is the earliest event that fits
    after the step before (by moment, then id). Of several attempts of one unit the
    one that came furthest counts, the earliest of equals.

    - ``FIRST_ENTRY``: only the first entering event of the period is tried.
    - ``ANY_ENTRY``: each entering event is.
    - ``UNORDERED``: any step enters; the others may have come in any order.
    - ``STRICT``: each step is the very next event of the unit.

    ``hold`` names a property that has to be the same at every step. ``breakdown``
    names one of the entering event that the answer is divided by.
    """

    steps: tuple[EventPattern, ...]
    period: Span
    window: timedelta = timedelta(days=30)
    order: Order = Order.FIRST_ENTRY
    exclusions: tuple[Exclusion, ...] = ()
    hold: str = ""
    breakdown: str = ""
    unit: UnitKind = UnitKind.PERSON
    segment: Segment | None = None

    def __post_init__(self) -> None:
        if not 2 <= len(self.steps) <= MOST_STEPS:
            raise InvalidQuestion("steps", _("A funnel has two to ten steps."))
        if not timedelta(minutes=1) <= self.window <= LONGEST_WINDOW:
            raise InvalidQuestion("window", _("The window has one minute to 366 days."))
        for name, value in (("hold", self.hold), ("breakdown", self.breakdown)):
            if value:
                _require_name(name, value)
        if self.order == Order.UNORDERED and len(set(self.steps)) < len(self.steps):
            raise InvalidQuestion(
                "steps", _("In any order, two steps cannot be the same.")
            )
        if self.order == Order.STRICT and self.exclusions:
            raise InvalidQuestion(
                "exclusions", _("In strict order every other event excludes already.")
            )
        if self.order == Order.UNORDERED and any(
            exclusion.after is not None for exclusion in self.exclusions
        ):
            raise InvalidQuestion(
                "exclusions", _("In any order, an exclusion has no place of its own.")
            )
        if len(self.exclusions) > MOST_EXCLUSIONS:
            raise InvalidQuestion("exclusions", _("A funnel has at most five."))
        for exclusion in self.exclusions:
            if exclusion.after is not None and not (
                0 <= exclusion.after < len(self.steps) - 1
            ):
                raise InvalidQuestion(
                    "exclusions", _("An exclusion lies between two steps.")
                )
        _require_segment(self)

    def key(self) -> str:
        return _key(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """The units behind one number of a funnel, a page of them, by their id.

    ``reached`` is how many steps they came, or at least came. ``value`` is one of the
    breakdown's; ``None`` is all of them.
    """

    funnel: Funnel
    reached: int
    is_exact: bool = False
    value: str | None = None
    after: int | None = None
    most: int = 50

    def __post_init__(self) -> None:
        if not 1 <= self.reached <= len(self.funnel.steps):
            raise InvalidQuestion("step", _("There is no such step."))

    def key(self) -> str:
        return _key(self)


class SeriesMeasure(StrEnum):
    """What a series of a trend adds up."""

    EVENTS = "events"
    UNITS = "units"
    SUM = "sum"


class Bucket(StrEnum):
    """How a period is divided, in the reporting time zone; weeks begin on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Formula(StrEnum):
    """What is made of a trend's first two series, A and B."""

    NONE = ""
    RATIO = "a/b"
    SUM = "a+b"
    DIFFERENCE = "a-b"


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a trend. ``of`` is the property that is summed."""

    step: EventPattern
    measure: SeriesMeasure = SeriesMeasure.UNITS
    of: str = ""

    def __post_init__(self) -> None:
        if self.measure == SeriesMeasure.SUM:
            _require_name("of", self.of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """Series by day, week or month.

    ``average`` is over so many buckets, this one and those before it; the first ones,
    which have fewer before them, have none. A ratio over 0 has no value.
    """

    series: tuple[Series, ...]
    period: Span
    bucket: Bucket = Bucket.DAY
    formula: Formula = Formula.NONE
    average: int = 1
    breakdown: str = ""
    unit: UnitKind = UnitKind.PERSON
    segment: Segment | None = None

    def __post_init__(self) -> None:
        # More lines than that in one chart are told apart by nobody.
        if not 1 <= len(self.series) <= 5:
            raise InvalidQuestion("series", _("A trend has one to five series."))
        if not 1 <= self.average <= 90:
            raise InvalidQuestion("average", _("Average over 1 to 90 buckets."))
        if self.formula and len(self.series) != 2:
            raise InvalidQuestion("formula", _("A formula is of two series."))
        if self.breakdown:
            _require_name("breakdown", self.breakdown)
            if len(self.series) != 1:
                raise InvalidQuestion(
                    "breakdown", _("Break one series down at a time.")
                )
        _require_segment(self)

    def key(self) -> str:
        return _key(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Of those who began in a bucket, how many came back in each one after it.

    A unit is of the bucket of its first ``begin`` event in the period. It came back
    in bucket k when a ``back`` event lies in the k-th calendar bucket after that.
    A bucket that is not over at ``as_of`` is no part of a share.
    """

    begin: EventPattern
    back: EventPattern
    period: Span
    as_of: datetime
    bucket: Bucket = Bucket.WEEK
    buckets: int = 8
    unit: UnitKind = UnitKind.PERSON
    segment: Segment | None = None

    def __post_init__(self) -> None:
        _require_aware("as_of", self.as_of)
        if not 1 <= self.buckets <= 24:
            raise InvalidQuestion("buckets", _("Follow for 1 to 24 buckets."))
        _require_segment(self)

    def key(self) -> str:
        return _key(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """What units did next, from their first ``start`` event of the period on.

    A page view is named by its path, any other event by its name; the same one again
    at once is one. A path ends after ``length`` of them, or before a rest longer than
    ``rest``.
    """

    start: EventPattern
    period: Span
    length: int = 4
    rest: timedelta = timedelta(minutes=30)
    unit: UnitKind = UnitKind.PERSON
    segment: Segment | None = None

    def __post_init__(self) -> None:
        if not 2 <= self.length <= 6:
            raise InvalidQuestion("length", _("A path has two to six events."))
        if not timedelta(minutes=1) <= self.rest <= timedelta(days=30):
            raise InvalidQuestion("rest", _("A rest has one minute to 30 days."))
        _require_segment(self)

    def key(self) -> str:
        return _key(self)


Question = Funnel | People | Trend | Retention | Paths | Segment


def _require_name(field_name: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise InvalidQuestion(
            field_name, _("A name is made of small letters, digits, “.” and “_”.")
        )


def _require_aware(field_name: str, moment: datetime) -> None:
    if moment.tzinfo is None:
        raise InvalidQuestion(field_name, _("A moment needs its time zone."))


def _require_segment(question: Funnel | Trend | Retention | Paths) -> None:
    if question.segment and question.segment.unit != question.unit:
        raise InvalidQuestion(
            "segment", _("The segment counts other units than the report.")
        )


def _key(question: Any) -> str:
    values = json.dumps(asdict(question), default=_plain, sort_keys=True)
    kind = type(question).__name__
    return hashlib.sha256(f"{kind}:{values}".encode()).hexdigest()[:32]


def _plain(value: Any) -> str | float:
    """Return the same for the same moment, in whichever zone it was said."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(value)
