"""The questions as forms: read from an address, so that each has one of its own.

A form has as many rows as ``rows`` says, and works without script: a button asks for
one more. What is left empty asks for nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.forms import BoundField
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from analytics.dictionary import event_kinds
from analytics.questions import (
    COLUMNS,
    MOST_STEPS,
    MOST_VALUE,
    Condition,
    EventPattern,
    Exclusion,
    Funnel,
    InvalidQuestion,
    Operator,
    Order,
    Span,
    UnitKind,
)
from core.reading import FIRST_DAY, LAST_DAY

OPERATORS = (
    (Operator.IS, _("is")),
    (Operator.IS_NOT, _("is not")),
    (Operator.CONTAINS, _("contains")),
    (Operator.STARTS, _("starts with")),
    (Operator.MORE, _("is more than")),
    (Operator.LESS, _("is less than")),
    (Operator.SET, _("is set")),
    (Operator.UNSET, _("is not set")),
)
ORDERS = (
    (Order.FIRST_ENTRY, _("One after the other, from the first entry")),
    (Order.ANY_ENTRY, _("One after the other, from any entry")),
    (Order.UNORDERED, _("In any order")),
    (Order.STRICT, _("One right after the other")),
)
UNITS = (
    (UnitKind.PERSON, _("People")),
    (UnitKind.ORGANISATION, _("Organisations")),
)
# In minutes.
_SPANS = {"minute": 1, "hour": 60, "day": 1440}
WINDOWS = (("minute", _("minutes")), ("hour", _("hours")), ("day", _("days")))
# Two conditions narrow an event to what is meant; a third is a report of its own.
CONDITIONS = 2
# A quarter: three monthly invoices lie in it.
DEFAULT_DAYS = 90


@dataclass(frozen=True, slots=True)
class ConditionRow:
    name: BoundField
    operator: BoundField
    value: BoundField


@dataclass(frozen=True, slots=True)
class Row:
    """The fields of one step or exclusion, for the page."""

    number: int
    event: BoundField
    conditions: tuple[ConditionRow, ...]
    place: BoundField | None = None

    @property
    def is_narrowed(self) -> bool:
        """Whether its conditions are to be seen: one is filled in or wrong."""
        return any(
            bool(field.value()) or bool(field.errors)
            for each in self.conditions
            for field in (each.name, each.value)
        )


def properties() -> list[str]:
    """Return every column and property that an event may have."""
    named = {name for kind in event_kinds().values() for name in kind.schema}
    return [*COLUMNS, *sorted(named)]


class QuestionForm(forms.Form):
    """What every report asks about: days and whom it counts."""

    first = forms.DateField(
        label=_("From"), required=False, widget=forms.DateInput({"type": "date"})
    )
    last = forms.DateField(
        label=_("To"), required=False, widget=forms.DateInput({"type": "date"})
    )
    unit = forms.ChoiceField(label=_("Count"), choices=UNITS, required=False)

    def clean_first(self) -> date:
        day: date | None = self.cleaned_data["first"]
        return _known(day) or today() - timedelta(days=DEFAULT_DAYS - 1)

    def clean_last(self) -> date:
        return _known(self.cleaned_data["last"]) or today()

    def span(self) -> Span:
        """Return the days as moments. Raises ``InvalidQuestion``."""
        first, last = self.cleaned_data["first"], self.cleaned_data["last"]
        return Span(_midnight(first), _midnight(last + timedelta(days=1)))

    def add_rows(self, prefix: str, count: int, label: Any) -> None:
        """Add the fields of so many events, each with its conditions."""
        choices = [("", "–"), *((name, name) for name in event_kinds())]
        for number in range(count):
            row = f"{prefix}{number}"
            self.fields[row] = forms.ChoiceField(
                label=label, choices=choices, required=False
            )
            for index in range(CONDITIONS):
                self.fields[f"{row}p{index}"] = forms.CharField(
                    label=_("Property"),
                    max_length=80,
                    required=False,
                    widget=forms.TextInput(
                        {"list": "properties", "autocomplete": "off"}
                    ),
                )
                self.fields[f"{row}o{index}"] = forms.ChoiceField(
                    label=_("Comparison"), choices=OPERATORS, required=False
                )
                self.fields[f"{row}v{index}"] = forms.CharField(
                    label=_("Value"), max_length=MOST_VALUE, required=False
                )

    def rows_of(self, prefix: str, count: int, place: str = "") -> Iterator[Row]:
        for number in range(count):
            row = f"{prefix}{number}"
            yield Row(
                number=number + 1,
                event=self[row],
                conditions=tuple(
                    ConditionRow(
                        self[f"{row}p{index}"],
                        self[f"{row}o{index}"],
                        self[f"{row}v{index}"],
                    )
                    for index in range(CONDITIONS)
                ),
                place=self[f"{row}{place}"] if place else None,
            )

    def pattern(self, row: str) -> EventPattern | None:
        """Return the event of a row; ``None`` for an empty one, or a wrong one."""
        event = self.cleaned_data.get(row)
        if not event:
            return None
        found = []
        for index in range(CONDITIONS):
            name = self.cleaned_data.get(f"{row}p{index}")
            value = self.cleaned_data.get(f"{row}v{index}") or ""
            if not name:
                if value:
                    self.add_error(f"{row}p{index}", _("Say which property."))
                continue
            operator = Operator(self.cleaned_data.get(f"{row}o{index}") or Operator.IS)
            try:
                found.append(Condition(name, operator, value))
            except InvalidQuestion as error:
                self.add_error(f"{row}v{index}", str(error.reason))
        return EventPattern(event, tuple(found))


class FunnelForm(QuestionForm):
    """A funnel. ``steps`` and ``out`` are how many rows it has."""

    steps = forms.IntegerField(
        min_value=2,
        max_value=MOST_STEPS,
        required=False,
        widget=forms.HiddenInput,
        label=_("Steps"),
    )
    order = forms.ChoiceField(label=_("Order of steps"), choices=ORDERS, required=False)
    window = forms.IntegerField(
        label=_("Within"), min_value=1, max_value=527_040, required=False
    )
    window_unit = forms.ChoiceField(
        label=_("Unit of time"), choices=WINDOWS, required=False
    )
    hold = forms.CharField(
        label=_("Same at every step"),
        max_length=80,
        required=False,
        widget=forms.TextInput({"list": "properties", "autocomplete": "off"}),
    )
    breakdown = forms.CharField(
        label=_("Break down by"),
        max_length=80,
        required=False,
        widget=forms.TextInput({"list": "properties", "autocomplete": "off"}),
    )

    EXCLUSIONS = 1  # One is what people use; others have a report of their own.

    def __init__(self, data: Any, *, adds_row: bool = False) -> None:
        """Read the rows there are; ``adds_row`` shows one more."""
        super().__init__(data)
        self.count = min(_rows(data) + adds_row, MOST_STEPS)
        self.add_rows("s", self.count, _("Event"))
        self.add_rows("x", self.EXCLUSIONS, _("Left out when they did"))
        places: list[tuple[str, Any]] = [("", _("between any two steps"))]
        places += [
            (
                str(number),
                _("between steps %(one)d and %(two)d")
                % {"one": number + 1, "two": number + 2},
            )
            for number in range(self.count - 1)
        ]
        for number in range(self.EXCLUSIONS):
            self.fields[f"x{number}between"] = forms.ChoiceField(
                label=_("Where"), choices=places, required=False
            )
        self.question: Funnel | None = None

    @property
    def step_rows(self) -> list[Row]:
        return list(self.rows_of("s", self.count))

    @property
    def exclusion_rows(self) -> list[Row]:
        return list(self.rows_of("x", self.EXCLUSIONS, "between"))

    @property
    def can_add(self) -> bool:
        return self.count < MOST_STEPS

    def clean(self) -> dict[str, Any]:
        """Make the question; what it refuses is said beside the field it names."""
        patterns = [self.pattern(f"s{number}") for number in range(self.count)]
        steps = tuple(each for each in patterns if each is not None)
        exclusions = tuple(self._exclusions(patterns))
        if self.errors:
            return self.cleaned_data
        values = self.cleaned_data
        minutes = _SPANS[values["window_unit"] or "day"]
        try:
            self.question = Funnel(
                steps=steps,
                period=self.span(),
                window=timedelta(minutes=minutes * (values["window"] or 30)),
                order=Order(values["order"] or Order.FIRST_ENTRY),
                exclusions=exclusions,
                hold=values["hold"],
                breakdown=values["breakdown"],
                unit=UnitKind(values["unit"] or UnitKind.PERSON),
            )
        except InvalidQuestion as error:
            names = {"steps": "s0", "period": "first", "exclusions": "x0"}
            name = names.get(error.field, error.field)
            self.add_error(name if name in self.fields else None, str(error.reason))
        return values

    def _exclusions(
        self, patterns: Sequence[EventPattern | None]
    ) -> Iterator[Exclusion]:
        """Yield them with their place among the steps that are filled in."""
        for number in range(self.EXCLUSIONS):
            pattern = self.pattern(f"x{number}")
            if pattern is None:
                continue
            place = self.cleaned_data.get(f"x{number}between")
            if not place:
                yield Exclusion(pattern)
                continue
            before = patterns[: int(place) + 1]
            yield Exclusion(pattern, sum(each is not None for each in before) - 1)


class ReportNameForm(forms.Form):
    """What a report is to be called, and the address it stands for."""

    name = forms.CharField(label=_("Name"), max_length=80)
    # An address of ours with ten steps of two conditions has some thousand characters.
    query = forms.CharField(max_length=8000, required=False, widget=forms.HiddenInput)


def today() -> date:
    return timezone.now().astimezone(ZoneInfo(settings.REPORTING_TIME_ZONE)).date()


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, ZoneInfo(settings.REPORTING_TIME_ZONE))


def _known(day: date | None) -> date | None:
    if day and not FIRST_DAY <= day < LAST_DAY:
        raise forms.ValidationError(_("Choose a day from 2000 to 2199."))
    return day


def _rows(data: Any) -> int:
    """Return how many steps an address has; three are begun with."""
    field = forms.IntegerField(min_value=2, max_value=MOST_STEPS, required=False)
    try:
        return field.clean(data.get("steps")) or 3
    except forms.ValidationError:
        return 3
