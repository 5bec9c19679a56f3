"""The questions as forms: read from an address, so that each has one of its own.

A form has as many rows as ``rows`` says, and works without script: a button asks for
one more. What is left empty asks for nothing.
"""

import re
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.forms import BoundField
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from analytics.dictionary import event_kinds
from analytics.models import SavedReport
from analytics.questions import (
    COLUMNS,
    MOST_VALUE,
    Condition,
    EventPattern,
    InvalidQuestion,
    Operator,
    Question,
    Segment,
    Span,
    UnitKind,
)
from core.clock import reporting_day
from core.reading import FIRST_DAY, LAST_DAY
from edge.fields import validate_readable

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
UNITS = (
    (UnitKind.PERSON, _("People")),
    (UnitKind.ORGANISATION, _("Organisations")),
)
# Two conditions narrow an event to what is meant; a third is a report of its own.
CONDITIONS = 2
# A quarter: three monthly invoices lie in it.
DEFAULT_DAYS = 90


# The fields of a line begin with its letter and number; the number of lines is hidden.
_LINE = re.compile(r"[sx]\d|steps$")


@dataclass(frozen=True, slots=True)
class ConditionRow:
    name: BoundField
    operator: BoundField
    value: BoundField


@dataclass(frozen=True, slots=True)
class Row:
    """The fields of one step or exclusion, for the page."""

    legend: str
    event: BoundField
    conditions: tuple[ConditionRow, ...]
    extras: tuple[BoundField, ...] = ()

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
        label=_("From"),
        required=False,
        widget=forms.DateInput({"type": "date"}),
        help_text=_("Empty: 90 days ago."),
    )
    last = forms.DateField(
        label=_("To"),
        required=False,
        widget=forms.DateInput({"type": "date"}),
        help_text=_("Empty: today."),
    )
    unit = forms.ChoiceField(label=_("Count"), choices=UNITS, required=False)
    segment = forms.ChoiceField(label=_("Only of the segment"), required=False)

    # Under which name a question's field stands in the form.
    NAMES: ClassVar[dict[str, str]] = {"period": "first"}
    # Segments are not narrowed by segments.
    HAS_SEGMENT = True

    def __init__(self, data: Any) -> None:
        """Offer the segments there are."""
        super().__init__(data)
        self.question: Question | None = None
        if self.HAS_SEGMENT:
            saved = SavedReport.objects.filter(kind=SavedReport.Kind.SEGMENT)
            self.segments = {one.public_id: one for one in saved.order_by("name")}
            field = self.fields["segment"]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
            named = [(one.public_id, one.name) for one in self.segments.values()]
            field.choices = [("", _("everybody")), *named]
        else:
            del self.fields["segment"]

    def clean(self) -> dict[str, Any]:
        """Make the question; what it refuses is said beside the field it names."""
        try:
            self.question = self.made()
        except InvalidQuestion as error:
            name = self.NAMES.get(error.field, error.field)
            self.add_error(name if name in self.fields else None, str(error.reason))
        return self.cleaned_data

    @abstractmethod
    def made(self) -> Question | None:
        """Return the question; ``None`` when a field is wrong already."""

    def chosen_segment(self) -> Segment | None:
        """Return the segment that was chosen, as of the end of today."""
        chosen = self.segments.get(self.cleaned_data.get("segment") or "")
        if chosen is None:
            return None
        form = self.segment_form()(QueryDict(chosen.query))
        form.is_valid()
        if not isinstance(form.question, Segment):
            raise InvalidQuestion("segment", _("This segment cannot be read any more."))
        return form.question

    @staticmethod
    @abstractmethod
    def segment_form() -> type["QuestionForm"]:
        """Return the form of segments, which is one of these itself."""

    def unit_kind(self) -> UnitKind:
        return UnitKind(self.cleaned_data.get("unit") or UnitKind.PERSON)

    def clean_first(self) -> date:
        day: date | None = self.cleaned_data["first"]
        return known_day(day) if day else today() - timedelta(days=DEFAULT_DAYS - 1)

    def clean_last(self) -> date:
        day: date | None = self.cleaned_data["last"]
        return known_day(day) if day else today()

    def span(self) -> Span:
        """Return the days as moments. Raises ``InvalidQuestion``."""
        first, last = self.cleaned_data["first"], self.cleaned_data["last"]
        return Span(midnight(first), midnight(last + timedelta(days=1)))

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

    def rows_of(self, prefix: str, count: int, *extras: str) -> Iterator[Row]:
        for number in range(count):
            row = f"{prefix}{number}"
            yield Row(
                legend=self.legend_of(row, number),
                event=self[row],
                conditions=tuple(
                    ConditionRow(
                        self[f"{row}p{index}"],
                        self[f"{row}o{index}"],
                        self[f"{row}v{index}"],
                    )
                    for index in range(CONDITIONS)
                ),
                extras=tuple(self[f"{row}{extra}"] for extra in extras),
            )

    def legend_of(self, row: str, number: int) -> str:
        """Return what a line is called."""
        return gettext("Step %(number)d") % {"number": number + 1}

    @property
    def choices_of_question(self) -> list[BoundField]:
        """Return the fields that are of no line."""
        return [self[name] for name in self.fields if not _LINE.match(name)]

    def needed_pattern(self, row: str) -> EventPattern | None:
        """Return the event of a row that may not be empty."""
        found = self.pattern(row)
        if found is None and row not in self.errors:
            self.add_error(row, _("Choose an event."))
        return found

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


class ReportNameForm(forms.Form):
    """What a report is to be called, and the address it stands for."""

    name = forms.CharField(
        label=_("Name"), max_length=80, validators=[validate_readable]
    )
    # An address of ours with ten steps of two conditions has some thousand characters.
    query = forms.CharField(max_length=8000, required=False, widget=forms.HiddenInput)


def today() -> date:
    return reporting_day(timezone.now())


def midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, ZoneInfo(settings.REPORTING_TIME_ZONE))


def known_day(day: date) -> date:
    """Return a day of the calendar of reports, or refuse one far outside it."""
    if not FIRST_DAY <= day < LAST_DAY:
        raise forms.ValidationError(_("Choose a day from 2000 to 2199."))
    return day
