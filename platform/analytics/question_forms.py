"""A form for each kind of question."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from analytics.forms import QuestionForm, Row, midnight, today
from analytics.questions import (
    MOST_STEPS,
    Bucket,
    EventPattern,
    Exclusion,
    Formula,
    Funnel,
    InvalidQuestion,
    Order,
    Paths,
    Question,
    Retention,
    Rule,
    Segment,
    Series,
    SeriesMeasure,
    Trend,
)

ORDERS = (
    (Order.FIRST_ENTRY, _("One after the other, from the first entry")),
    (Order.ANY_ENTRY, _("One after the other, from any entry")),
    (Order.UNORDERED, _("In any order")),
    (Order.STRICT, _("One right after the other")),
)
# In minutes.
_SPANS = {"minute": 1, "hour": 60, "day": 1440}
# The first of each is what counts when nothing was chosen.
WINDOWS = (("day", _("days")), ("hour", _("hours")), ("minute", _("minutes")))
BUCKETS = (
    (Bucket.DAY, _("Day")),
    (Bucket.WEEK, _("Week")),
    (Bucket.MONTH, _("Month")),
)
MEASURES = (
    (SeriesMeasure.UNITS, _("who did it, each once")),
    (SeriesMeasure.EVENTS, _("how often")),
    (SeriesMeasure.SUM, _("sum of a property")),
)
FORMULAS = (
    (Formula.NONE, _("none")),
    (Formula.RATIO, "A / B"),
    (Formula.SUM, "A + B"),
    (Formula.DIFFERENCE, "A − B"),
)
# More lines in one chart, or rules of one segment, are told apart by nobody.
MOST_SERIES = 5


def _property(label: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=80,
        required=False,
        widget=forms.TextInput({"list": "properties", "autocomplete": "off"}),
    )


def _number(usual: int) -> forms.NumberInput:
    """Return a field that says what counts while it is empty."""
    return forms.NumberInput({"placeholder": usual})


class ReportForm(QuestionForm):
    """A question that may be narrowed by a segment."""

    @staticmethod
    def segment_form() -> type[QuestionForm]:
        return SegmentForm


class FunnelForm(ReportForm):
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
        label=_("Within"),
        widget=_number(30),
        min_value=1,
        max_value=527_040,
        required=False,
    )
    window_unit = forms.ChoiceField(
        label=_("Unit of time"), choices=WINDOWS, required=False
    )
    hold = _property(_("Same at every step"))
    breakdown = _property(_("Break down by"))

    EXCLUSIONS = 1  # One is what people use; others have a report of their own.
    NAMES: ClassVar[dict[str, str]] = {
        "steps": "s0",
        "period": "first",
        "exclusions": "x0",
    }

    def __init__(self, data: Any, *, adds_row: bool = False) -> None:
        """Read the rows there are; ``adds_row`` shows one more."""
        super().__init__(data)
        self.count = min(_rows(data, "steps", 3, MOST_STEPS) + adds_row, MOST_STEPS)
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

    @property
    def step_rows(self) -> list[Row]:
        return list(self.rows_of("s", self.count))

    @property
    def exclusion_rows(self) -> list[Row]:
        return list(self.rows_of("x", self.EXCLUSIONS, "between"))

    @property
    def can_add(self) -> bool:
        return self.count < MOST_STEPS

    def made(self) -> Question | None:
        patterns = [self.pattern(f"s{number}") for number in range(self.count)]
        exclusions = tuple(self._exclusions(patterns))
        if self.errors:
            return None
        values = self.cleaned_data
        minutes = _SPANS[values["window_unit"] or "day"]
        return Funnel(
            steps=tuple(each for each in patterns if each is not None),
            period=self.span(),
            window=timedelta(minutes=minutes * (values["window"] or 30)),
            order=Order(values["order"] or Order.FIRST_ENTRY),
            exclusions=exclusions,
            hold=values["hold"],
            breakdown=values["breakdown"],
            unit=self.unit_kind(),
            segment=self.chosen_segment(),
        )

    def legend_of(self, row: str, number: int) -> str:
        if row.startswith("x"):
            return gettext("Left out when they did")
        return super().legend_of(row, number)

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


class TrendForm(ReportForm):
    """A trend. ``steps`` is how many series it has."""

    bucket = forms.ChoiceField(
        label=pgettext_lazy("period", "By"), choices=BUCKETS, required=False
    )
    formula = forms.ChoiceField(label=_("Formula"), choices=FORMULAS, required=False)
    average = forms.IntegerField(
        label=_("Moving average over"),
        widget=_number(1),
        min_value=1,
        max_value=90,
        required=False,
    )
    breakdown = _property(_("Break down by"))
    NAMES: ClassVar[dict[str, str]] = {
        "series": "s0",
        "period": "first",
        "of": "s0of",
    }

    def __init__(self, data: Any, *, adds_row: bool = False) -> None:
        """Read the rows there are; ``adds_row`` shows one more."""
        super().__init__(data)
        self.count = min(_rows(data, "steps", 2, MOST_SERIES) + adds_row, MOST_SERIES)
        self.add_rows("s", self.count, _("Event"))
        for number in range(self.count):
            self.fields[f"s{number}measure"] = forms.ChoiceField(
                label=_("Measure"), choices=MEASURES, required=False
            )
            self.fields[f"s{number}of"] = _property(_("Property to sum"))

    @property
    def step_rows(self) -> list[Row]:
        return list(self.rows_of("s", self.count, "measure", "of"))

    @property
    def can_add(self) -> bool:
        return self.count < MOST_SERIES

    def made(self) -> Question | None:
        series = tuple(self._series())
        if self.errors:
            return None
        values = self.cleaned_data
        return Trend(
            series=series,
            period=self.span(),
            bucket=Bucket(values["bucket"] or Bucket.DAY),
            formula=Formula(values["formula"] or Formula.NONE),
            average=values["average"] or 1,
            breakdown=values["breakdown"],
            unit=self.unit_kind(),
            segment=self.chosen_segment(),
        )

    def legend_of(self, row: str, number: int) -> str:
        return gettext("Series %(letter)s") % {"letter": "ABCDE"[number]}

    def _series(self) -> Iterator[Series]:
        for number in range(self.count):
            pattern = self.pattern(f"s{number}")
            measure = self.cleaned_data.get(f"s{number}measure")
            of = self.cleaned_data.get(f"s{number}of") or ""
            if pattern is None:
                continue
            try:
                yield Series(pattern, SeriesMeasure(measure or "units"), of)
            except InvalidQuestion:
                self.add_error(f"s{number}of", _("Say which property to sum."))


class RetentionForm(ReportForm):
    """Who came back."""

    bucket = forms.ChoiceField(
        label=pgettext_lazy("period", "By"),
        choices=(BUCKETS[1], BUCKETS[0], BUCKETS[2]),
        required=False,
    )
    buckets = forms.IntegerField(
        label=_("Follow for"),
        widget=_number(8),
        min_value=1,
        max_value=24,
        required=False,
    )
    can_add = False

    def __init__(self, data: Any, *, adds_row: bool = False) -> None:
        """Read two events: the one that begins, and the one that counts as back."""
        super().__init__(data)
        self.count = 2
        self.add_rows("s", self.count, _("Event"))

    @property
    def step_rows(self) -> list[Row]:
        return list(self.rows_of("s", self.count))

    def legend_of(self, row: str, number: int) -> str:
        return gettext("Came back by") if number else gettext("Began with")

    def made(self) -> Question | None:
        begin, back = self.needed_pattern("s0"), self.needed_pattern("s1")
        if self.errors or begin is None or back is None:
            return None
        values = self.cleaned_data
        return Retention(
            begin=begin,
            back=back,
            period=self.span(),
            as_of=midnight(today()),
            bucket=Bucket(values["bucket"] or Bucket.WEEK),
            buckets=values["buckets"] or 8,
            unit=self.unit_kind(),
            segment=self.chosen_segment(),
        )


class PathsForm(ReportForm):
    """What was done next."""

    length = forms.IntegerField(
        label=_("Events in a path"),
        widget=_number(4),
        min_value=2,
        max_value=6,
        required=False,
    )
    rest = forms.IntegerField(
        label=_("Ends after a rest of minutes"),
        widget=_number(30),
        min_value=1,
        max_value=43_200,
        required=False,
    )
    can_add = False

    def __init__(self, data: Any, *, adds_row: bool = False) -> None:
        """Read the event that paths begin with."""
        super().__init__(data)
        self.count = 1
        self.add_rows("s", self.count, _("Event"))

    @property
    def step_rows(self) -> list[Row]:
        return list(self.rows_of("s", self.count))

    def legend_of(self, row: str, number: int) -> str:
        return gettext("Begins with")

    def made(self) -> Question | None:
        start = self.needed_pattern("s0")
        if self.errors or start is None:
            return None
        values = self.cleaned_data
        return Paths(
            start=start,
            period=self.span(),
            length=values["length"] or 4,
            rest=timedelta(minutes=values["rest"] or 30),
            unit=self.unit_kind(),
            segment=self.chosen_segment(),
        )


class SegmentForm(QuestionForm):
    """Rules over what was done. ``steps`` is how many there are."""

    joined = forms.ChoiceField(
        label=_("Keeps"),
        choices=[("all", _("all rules")), ("any", _("any rule"))],
        required=False,
    )
    NAMES: ClassVar[dict[str, str]] = {"rules": "s0", "least": "s0", "days": "s0"}
    HAS_SEGMENT = False

    @staticmethod
    def segment_form() -> type[QuestionForm]:
        return SegmentForm

    def __init__(self, data: Any, *, adds_row: bool = False) -> None:
        """Read the rows there are; ``adds_row`` shows one more."""
        super().__init__(data)
        # A segment has no days of its own: each rule looks back from today.
        del self.fields["first"], self.fields["last"]
        self.count = min(_rows(data, "steps", 2, MOST_SERIES) + adds_row, MOST_SERIES)
        self.add_rows("s", self.count, _("Event"))
        for number in range(self.count):
            self.fields[f"s{number}did"] = forms.ChoiceField(
                label=_("Rule"),
                choices=[("1", _("did")), ("0", _("did not"))],
                required=False,
            )
            self.fields[f"s{number}least"] = forms.IntegerField(
                label=_("At least so many times"), required=False
            )
            self.fields[f"s{number}days"] = forms.IntegerField(
                label=_("In the last days"), required=False
            )

    @property
    def step_rows(self) -> list[Row]:
        return list(self.rows_of("s", self.count, "did", "least", "days"))

    @property
    def can_add(self) -> bool:
        return self.count < MOST_SERIES

    def legend_of(self, row: str, number: int) -> str:
        return gettext("Rule %(number)d") % {"number": number + 1}

    def made(self) -> Question | None:
        rules = tuple(self._rules())
        if self.errors:
            return None
        return Segment(
            rules=rules,
            as_of=midnight(today() + timedelta(days=1)),
            matches_all=self.cleaned_data["joined"] != "any",
            unit=self.unit_kind(),
        )

    def _rules(self) -> Iterator[Rule]:
        for number in range(self.count):
            row = f"s{number}"
            pattern = self.pattern(row)
            if pattern is None:
                continue
            values = self.cleaned_data
            least = values.get(f"{row}least")
            try:
                yield Rule(
                    pattern,
                    least=1 if least is None else least,
                    days=values.get(f"{row}days"),
                    is_negated=values.get(f"{row}did") == "0",
                )
            except InvalidQuestion as error:
                self.add_error(f"{row}{error.field}", str(error.reason))


def _rows(data: Any, name: str, usual: int, most: int) -> int:
    """Return how many rows an address has, or as many as are usual."""
    field = forms.IntegerField(min_value=1, max_value=most, required=False)
    try:
        return field.clean(data.get(name)) or usual
    except forms.ValidationError:
        return usual
